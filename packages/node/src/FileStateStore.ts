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
 * - Who edits a file breaks its checksum: that is `StateCorrupted`, until it is repaired.
 * - After a write that was `OutcomeUnknown`, as the device failed in its last step, a value can be read that a loss of
 *   power takes back. The next write of the key makes an end of it.
 *
 * @since 0.1.0
 */
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
 *   writes all of them. What is there in one layout, or in a
 *   `SqliteStateStore`, is refused in another.
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
> => {
  const settings = settingsOf(options)
  return Layer.effectContext(Effect.flatMap(files.make(settings), StateBackend.make))
}

/**
 * A store and its locks in the files of this machine. Throws `InvalidOptions` for an empty `directory`, and an
 * unknown `layout`.
 *
 * **Details**
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
): Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.StoreUnavailable> =>
  layerFileSystem(options).pipe(Layer.provide([NodeFileSystem.layer, FileLock.layerNode]))
