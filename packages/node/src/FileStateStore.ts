/**
 * State in readable files, which the processes of one host share: JSON that people can look at.
 *
 * Every file is replaced as a whole: written under another name, synced, renamed, and its directory synced. It ends with a
 * checksum of all its bytes. Locks are those of the operating system, on files of their own, so they die with whoever has
 * them.
 *
 * **Files**
 *
 * In the directory there are
 *
 * - `keys/<key>.json`, one for each key, or `state.json` with all of them. In names, all but `a`–`z`, `0`–`9`, `-` and `_`
 *   is written as `%xx`, and what is long is cut and given a checksum;
 * - `locks/`, of files that are empty, and never removed: who does breaks the lock of whoever has one;
 * - `corrupt/`, what `repair` has put aside.
 *
 * What a writer that died has left (`.json.tmp`) is removed when the store is opened the next time.
 *
 * **Gotchas**
 *
 * - The file system has to be a local one: over a network, neither locks nor syncs can be relied on. On Windows
 *   directories cannot be synced, so the layer fails there.
 * - Where the directory can only be read, so can the state, if it is there: a write fails with `StoreUnavailable`
 *   (`ReadOnly` or `Denied`).
 * - Who edits a file breaks its checksum: that is `StateCorrupted`, until it is repaired. Of a `state.json` it is only the
 *   rows that were edited, as long as its head, which names them all, is whole: with the next write the file goes to
 *   `corrupt/`, and each damaged row is marked in the new one until it is repaired itself. Where the head is damaged, no
 *   key can be read. Then a repair of any key keeps every row that is whole and marks those that are still named; others
 *   look like never written, with higher numbers.
 * - After a write that was `OutcomeUnknown`, as the device failed in its last step, a value can be read that a loss of
 *   power takes back. The next write of the key makes an end of it.
 *
 * @since 0.1.0
 */
import { resolve } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { InvalidOptions, type Lock, StateBackend, type StateStore } from "@holdfast/core"
import { Effect, type FileSystem, Layer } from "effect"
import * as FileLock from "./FileLock.ts"
import * as files from "./internal/file/backend.ts"

/**
 * Where the state is, and how.
 *
 * **Details**
 *
 * - `directory`: made when it is missing.
 * - `layout`: `perKey` by default, so that writes of different keys do not wait for each other, and one damaged file is
 *   one damaged key. With `single`, all keys are in one file: decisions about any of them share commits, and each commit
 *   writes all of them. Whoever opens a directory first decides: another layout, and a `SqliteStateStore`, are refused
 *   from then on.
 * - `owner`: names this process to others that wait for its locks: its process id by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly directory: string
  readonly layout?: "perKey" | "single" | undefined
  readonly owner?: string | undefined
}

const invalid = (option: string, problem: string): InvalidOptions =>
  new InvalidOptions({ module: "FileStateStore", option, problem })

const settingsOf = ({
  directory,
  layout = "perKey",
  owner = `pid ${process.pid}`
}: Options): files.Settings => {
  if (typeof directory !== "string" || directory === "" || directory.includes("\0")) {
    throw invalid("directory", `must be the path of a directory, but is ${JSON.stringify(directory)}`)
  }
  if (layout !== "perKey" && layout !== "single") {
    throw invalid("layout", `must be "perKey" or "single", but is ${JSON.stringify(layout)}`)
  }
  return { directory, layout, owner }
}

const layerOf = (settings: Effect.Effect<files.Settings>) =>
  Layer.effectContext(settings.pipe(Effect.flatMap(files.make), Effect.flatMap(StateBackend.make)))

/**
 * A store and its locks on any `FileSystem`, such as the disk of a simulation. Throws `InvalidOptions` for an empty
 * `directory`, and an unknown `layout`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystem = (
  options: Options
): Layer.Layer<
  StateStore.StateStore | Lock.Lock,
  StateStore.StoreUnavailable,
  FileSystem.FileSystem | FileLock.FileLock
> => layerOf(Effect.succeed(settingsOf(options)))

/**
 * A store and its locks in the files of this machine. Throws `InvalidOptions` for an empty `directory`, and an
 * unknown `layout`.
 *
 * **Details**
 *
 * A relative `directory` is that of the moment when the store is opened, wherever the program goes later.
 *
 * It needs the package `fs-native-extensions` among the dependencies of the program, for the locks.
 *
 * **Example** (A counter in a file)
 *
 * ```ts
 * import { mkdtempSync, readFileSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { LockedState } from "@holdfast/core"
 * import { FileStateStore } from "@holdfast/node"
 * import { Effect, Schema } from "effect"
 *
 * const directory = mkdtempSync(join(tmpdir(), "holdfast-"))
 *
 * const program = Effect.gen(function*() {
 *   const orders = yield* LockedState.make("orders", { schema: Schema.Struct({ last: Schema.Number }), initial: { last: 0 } })
 *   yield* orders.update(({ last }) => ({ last: last + 1 }))
 *   return yield* orders.updateAndGet(({ last }) => ({ last: last + 1 }))
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, FileStateStore.layer({ directory })))) // => { last: 2 }
 * console.log(JSON.parse(readFileSync(join(directory, "keys", "orders.json"), "utf8")).value) // => { last: 2 }
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.StoreUnavailable> => {
  const settings = settingsOf(options)
  return layerOf(Effect.sync(() => ({ ...settings, directory: resolve(settings.directory) }))).pipe(
    Layer.provide([NodeFileSystem.layer, FileLock.layerNode])
  )
}
