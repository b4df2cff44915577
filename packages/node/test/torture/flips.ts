/** Flipped bits in the files of a store that nobody has open: what is read afterwards is what was written, or an error. */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { StateStore } from "@holdfast/core"
import { Effect, Exit, Random, Result } from "effect"
import { temporaryDirectory } from "../utils/directory.ts"
import { failure, tagOf, type Violation } from "./history.ts"
import { Points } from "./points.ts"
import { type StoreName, storeOf } from "./stores.ts"

const keys = ["a", "b", "c", "d"] as const
const writes = 3

const valueOf = (key: string, write: number): string => JSON.stringify(`${key}${write};`.repeat(100))

/** What may be said about what is damaged. */
const honest: ReadonlySet<string> = new Set(["StateCorrupted", "StoreUnavailable"])

const withStore = <A, E>(
  store: StoreName,
  directory: string,
  use: Effect.Effect<A, E, StateStore.StateStore>
) => Effect.provide(use, storeOf(store).layer(directory, new Points()))

const fill = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  for (let write = 1; write <= writes; write++) {
    for (const key of keys) {
      yield* store.transact(key, () =>
        Result.succeed({ _tag: "Write", value: valueOf(key, write), schemaVersion: 1, result: undefined })
      )
    }
  }
})

const filesOf = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((file) => join(directory, file))
    .filter((file) => statSync(file).isFile() && statSync(file).size > 0)

/** Gives the file and the place of the bit, for people. */
const flip = (directory: string) =>
  Effect.gen(function* () {
    const file = yield* Random.choice(filesOf(directory))
    const bytes = readFileSync(file)
    const index = yield* Random.nextIntBetween(0, bytes.length, { halfOpen: true })
    const bit = yield* Random.nextIntBetween(0, 8, { halfOpen: true })
    bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index)
    writeFileSync(file, bytes)
    return `${file.slice(directory.length + 1)}, byte ${index}, bit ${bit}`
  })

const look = (where: string) =>
  Effect.gen(function* () {
    const store = yield* StateStore.StateStore
    const found: Array<Violation> = []
    for (const key of keys) {
      const exit = yield* Effect.exit(store.read(key))
      if (Exit.isSuccess(exit)) {
        if (exit.value?.value !== valueOf(key, writes)) {
          found.push({ kind: "torn", text: `${where}: "${key}" is ${exit.value?.value ?? "not there"}` })
        }
      } else if (!honest.has(tagOf(exit.cause))) {
        found.push(failure(where, tagOf(exit.cause), String(exit.cause)))
      }
    }
    return found
  })

export const flips = (store: StoreName, count: number) =>
  Effect.gen(function* () {
    const original = yield* temporaryDirectory
    yield* withStore(store, original, fill)
    const found: Array<Violation> = []
    for (let number = 0; number < count; number++) {
      const once = Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        cpSync(original, directory, { recursive: true })
        const where = yield* flip(directory)
        const exit = yield* Effect.exit(withStore(store, directory, look(where)))
        if (Exit.isSuccess(exit)) found.push(...exit.value)
        else if (!honest.has(tagOf(exit.cause)))
          found.push(failure(where, tagOf(exit.cause), String(exit.cause)))
      })
      yield* Effect.scoped(once)
    }
    return found
  }).pipe(Effect.scoped)
