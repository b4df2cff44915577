/** Failures as files, and back. */
import type { Report } from "@holdfast/sim"
import { Effect, FileSystem, Path, Schema } from "effect"

export const directory = ".simlab"

const fileName = ({ hash, identity, suite }: Report.Failure): string =>
  `${suite}-${identity}-${hash}.json`.replace(/[^\w.-]+/g, "_")

/** Writes a failure into its own file, and gives the file's name. */
export const save = Effect.fnUntraced(function* (failure: Report.Failure) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  yield* fs.makeDirectory(directory, { recursive: true })
  const file = path.join(directory, fileName(failure))
  yield* fs.writeFileString(file, `${JSON.stringify(failure, undefined, 2)}\n`)
  return file
})

/** What is given to `replay` is neither a token nor a file with one. */
export class NoToken extends Schema.TaggedError<NoToken>("simlab/NoToken")("NoToken", {
  given: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.given}: ${this.problem}. Give a file under ${directory}/, or the token that a failure printed.`
  }
}

const Saved = Schema.fromJsonString(Schema.Struct({ token: Schema.String }))

/** The token in a file, or the token itself. */
export const tokenOf = Effect.fnUntraced(function* (given: string) {
  const fs = yield* FileSystem.FileSystem
  const isFile = yield* Effect.orElseSucceed(fs.exists(given), () => false)
  if (!isFile) return given
  const text = yield* fs
    .readFileString(given)
    .pipe(Effect.mapError((cause) => new NoToken({ given, problem: cause.message })))
  const { token } = yield* Schema.decodeEffect(Saved)(text).pipe(
    Effect.mapError(() => new NoToken({ given, problem: "it is not the file of a failure" }))
  )
  return token
})
