/** Flipped bits in the files of a store that nobody has open: what is read afterwards is what was written, or an error. */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { StateStore } from "@holdfast/core"
import { Effect, Exit, Random, type Scope } from "effect"
import { Child } from "../utils/children.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { type FillerTask, type FillerTold, fill, filledKeys, valueOf } from "./filler.ts"
import { failure, tagOf, type Violation } from "./history.ts"
import { Points } from "./points.ts"
import { type StoreName, storeOf } from "./stores.ts"

const fillerModule = new URL("filler.ts", import.meta.url)

/** What may be said about what is damaged. */
const honest: ReadonlySet<string> = new Set(["StateCorrupted", "StoreUnavailable"])

const withStore = <A, E>(
  store: StoreName,
  directory: string,
  use: Effect.Effect<A, E, StateStore.StateStore>
) => Effect.provide(use, storeOf(store).layer(directory, new Points()))

interface Original {
  readonly name: string
  readonly directory: string
  readonly writes: number
}

const closed = (store: StoreName, writes: number) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    yield* withStore(store, directory, fill(writes))
    return { name: "closed", directory, writes } satisfies Original
  })

const killed = (store: StoreName, writes: number) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const task: FillerTask = { store, directory, writes }
    const child = yield* Child.start<FillerTold, never>({ module: fillerModule, task })
    yield* child.until((told) => told.at(0))
    yield* child.kill
    return { name: `killed after ${writes}`, directory, writes } satisfies Original
  })

/** What only a log tells is in those whose process was killed; the fewer writes, the more of it is how the store was made. */
const originals = (store: StoreName): Effect.Effect<ReadonlyArray<Original>, unknown, Scope.Scope> =>
  Effect.all([closed(store, 3), killed(store, 1), killed(store, 3)])

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

const look = (where: string, writes: number) =>
  Effect.gen(function* () {
    const store = yield* StateStore.StateStore
    const found: Array<Violation> = []
    for (const key of filledKeys) {
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
    const from = yield* originals(store)
    const found: Array<Violation> = []
    for (let number = 0; number < count; number++) {
      const once = Effect.gen(function* () {
        const original = yield* Random.choice(from)
        const directory = yield* temporaryDirectory
        cpSync(original.directory, directory, { recursive: true })
        const where = `${original.name}: ${yield* flip(directory)}`
        const exit = yield* Effect.exit(withStore(store, directory, look(where, original.writes)))
        if (Exit.isSuccess(exit)) found.push(...exit.value)
        else if (!honest.has(tagOf(exit.cause)))
          found.push(failure(where, tagOf(exit.cause), String(exit.cause)))
      })
      yield* Effect.scoped(once)
    }
    return found
  }).pipe(Effect.scoped)
