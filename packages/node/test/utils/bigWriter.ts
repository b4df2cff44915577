/** A process that writes a small value, and then one that is too big for its files, and says how that went. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { LockedState } from "@holdfast/core"
import { Effect, Exit, Schema } from "effect"
import writeFileAtomic from "write-file-atomic"
import { tagOf } from "../torture/history.ts"
import { Points } from "../torture/points.ts"
import { type StoreName, storeOf } from "../torture/stores.ts"
import { tell } from "./lifeline.ts"

export interface BigWriterTask {
  readonly writer: StoreName | "write-file-atomic"
  readonly directory: string
}

export interface BigWriterTold {
  /** `success`, or the tag of its error. */
  readonly result: string
  /** How long what can be read then is, and the value after one more that is small. */
  readonly length: number
  readonly after: number
}

const small = "small"
const smaller = "tiny"
const big = "x".repeat(1_000_000)

const withStore = (store: StoreName, directory: string) =>
  Effect.gen(function* () {
    const state = yield* LockedState.make("value", { schema: Schema.String, initial: "" })
    yield* state.update(() => small)
    const exit = yield* Effect.exit(state.update(() => big))
    const { length } = yield* state.get
    yield* state.update(() => smaller)
    const result = Exit.isSuccess(exit) ? "success" : tagOf(exit.cause)
    return { result, length, after: (yield* state.get).length }
  }).pipe(Effect.provide(storeOf(store).layer(directory, new Points())))

const withPeer = async (directory: string): Promise<BigWriterTold> => {
  const file = join(directory, "value")
  const length = () => readFileSync(file, "utf8").length
  await writeFileAtomic(file, small)
  const result = await writeFileAtomic(file, big).then(
    () => "success",
    (error: unknown) => String(error)
  )
  const told = { result, length: length() }
  await writeFileAtomic(file, smaller)
  return { ...told, after: length() }
}

// A limit sends a signal, besides the error: a full disk does not.
process.on("SIGXFSZ", () => {})

const { directory, writer }: BigWriterTask = JSON.parse(process.argv[2] ?? "{}")
tell(
  writer === "write-file-atomic"
    ? await withPeer(directory)
    : await Effect.runPromise(withStore(writer, directory))
)
