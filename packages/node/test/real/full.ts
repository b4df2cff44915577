/** Writes ever larger values until there is no room, and says what became of them: for a disk, or files, with a limit. */
import { readdirSync } from "node:fs"
import { StateStore } from "@holdfast/core"
import { FileStateStore } from "@holdfast/node"
import { Effect, Exit, Result } from "effect"
import { tell } from "../utils/lifeline.ts"

export interface Task {
  readonly directory: string
  readonly layout: "perKey" | "single"
}

export interface Found {
  readonly error: string
  readonly written: number
  readonly found: number
  readonly reopened: number
  readonly drafts: ReadonlyArray<string>
  readonly afterwards: string | undefined
}

const put = (value: string) =>
  Effect.flatMap(StateStore.StateStore, (store) =>
    store.transact("a", () => Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined }))
  )

const valueOf = Effect.flatMap(StateStore.StateStore, (store) =>
  Effect.map(store.read("a"), (stored) => stored?.value)
)

const lengthOf = Effect.map(valueOf, (value) => value?.length ?? 0)

const main = ({ directory, layout }: Task) => {
  const layer = FileStateStore.layer({ directory, layout })
  const fill = Effect.gen(function* () {
    let written = 0
    for (let length = 1 << 14; length < 1 << 26; length *= 2) {
      const exit = yield* Effect.exit(Effect.flip(put("x".repeat(length))))
      if (Exit.isSuccess(exit)) return { written, error: exit.value._tag, found: yield* lengthOf }
      written = length
    }
    return { written, error: "none", found: yield* lengthOf }
  })
  const again = Effect.gen(function* () {
    const reopened = yield* lengthOf
    yield* put("small")
    return { reopened, afterwards: yield* valueOf }
  })
  return Effect.gen(function* () {
    const filled = yield* Effect.provide(fill, layer)
    const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    const drafts = files.filter((file) => file.endsWith(".tmp"))
    const found: Found = { ...filled, drafts, ...(yield* Effect.provide(again, layer)) }
    tell(found)
  })
}

if (import.meta.main) await Effect.runPromise(main(JSON.parse(process.argv[2] ?? "{}")))
