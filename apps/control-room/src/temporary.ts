/** A directory for the time of a run: what was measured is not lost when it cannot be removed. */
import { Effect, FileSystem } from "effect"
import { describeError } from "./cause.ts"
import { exactly, type Promised } from "./Promised.ts"

/** Runs with a new directory; the last row says whether it is gone. */
export const inTemporaryDirectory = <E, R>(
  name: string,
  use: (directory: string) => Effect.Effect<ReadonlyArray<Promised>, E, R>
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    let state = "gone"
    const remove = (directory: string) =>
      Effect.catch(fs.remove(directory, { recursive: true }), (error) =>
        Effect.sync(() => {
          state = `${directory} is left: ${describeError(error)}`
        })
      )
    const promises = yield* Effect.acquireUseRelease(
      fs.makeTempDirectory({ prefix: `${name}-` }),
      use,
      remove
    )
    return [
      ...promises,
      exactly({
        id: `${name}/directory`,
        text: "When all is over, the temporary directory is",
        bound: "gone",
        measured: state,
        unit: ""
      })
    ]
  })
