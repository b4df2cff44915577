/**
 * State and locks in a SQLite database, which the processes of one host share: the store to take where nothing speaks
 * against it.
 *
 * A commit is one transaction, synced before it is acknowledged. Each row has a checksum of all that it holds, and each
 * key that of the key after it, so that neither a changed value nor a hidden one is taken for the truth. Locks are those
 * of SQLite, on databases of their own, so they die with whoever has them.
 *
 * **Files**
 *
 * In the directory there are
 *
 * - `state.db`, and while somebody uses it, its log `state.db-wal` with the index `state.db-shm`;
 * - `changes`, a note of the last commit: others watch it, and it tells when a log has lost something;
 * - `presence`, which is empty: whoever uses the store shares a lock on it;
 * - `locks/`, of files that are empty, and never removed: who does breaks the lock of whoever has one;
 * - `corrupt/`, what `repair` has put aside, and in `log` the log of a process that died, if it has lost something.
 *
 * **Damage**
 *
 * - What cannot be trusted in one row is `StateCorrupted` for its key, and the others go on. `repair` writes the row anew,
 *   and puts what was there into `corrupt/` as JSON, while others use the store.
 * - In a file whose pages do not fit together nothing is written any more, and what can be read still is. A file that is
 *   no database, or older than the last commit that was noted, is `StateCorrupted` for all keys; so is one that is gone, or
 *   empty, where something was written. The first `repair` then puts the file aside as a whole, and makes a new one of
 *   each row whose checksum is right. A key that is known by its name only stays `StateCorrupted`; one of which nothing is
 *   left is as if it had never been, with a version and a fence beyond any that it had. As others would go on writing into
 *   the old file, this waits until nobody uses it.
 *
 * **Gotchas**
 *
 * - To begin anew, remove the directory as a whole, while nobody uses it: without its file a store is a damaged one.
 * - A commit blocks the event loop for one sync of the log; opening reads the whole file, at a second for a gigabyte.
 * - Nothing in the process may open `state.db` or a lock with anything but this module: closing *any* descriptor of a file
 *   drops all locks that the process has on it. For a copy, take SQLite's own backup, or the whole directory while nobody
 *   uses it.
 * - The file system has to be a local one: over a network, neither locks nor syncs can be relied on.
 * - A directory that is made is for its owner alone. To share one between users, make it before, for their group, and give
 *   them a umask of `002`: files follow that.
 * - It takes the SQLite of Node 24.15 or later: with an older one the layer fails with `StoreUnavailable` (`Unsupported`),
 *   as it does for a database of another program, or of a later version of this one.
 *
 * @since 0.1.0
 */
import { InvalidOptions, type Lock, StateBackend, type StateStore } from "@holdfast/core"
import { Effect, Layer } from "effect"
import { makeBackend } from "./internal/sqlite/make.ts"

/**
 * Where the state is.
 *
 * **Details**
 *
 * `directory` is made when it is missing. One that has a `FileStateStore` is refused.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly directory: string
}

/**
 * A store and its locks in a directory of this machine. Throws `InvalidOptions` for an empty `directory`.
 *
 * **Details**
 *
 * When the layer ends, so do its locks, and the last process to leave moves what is in the log to the database.
 *
 * **Gotchas**
 *
 * A lease ends with the layer even if its own scope goes on, and its `lost` does not tell: let the scopes of leases end
 * first. A decision that uses the store it is about, as with `Effect.runSync`, dies of it.
 *
 * **Example** (A counter that outlives its layer)
 *
 * ```ts
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { LockedState } from "@holdfast/core"
 * import { SqliteStateStore } from "@holdfast/node"
 * import { Effect, Schema } from "effect"
 *
 * const directory = mkdtempSync(join(tmpdir(), "holdfast-"))
 *
 * const increment = Effect.gen(function*() {
 *   const orders = yield* LockedState.make("orders", { schema: Schema.Number, initial: 0 })
 *   return yield* orders.updateAndGet((count) => count + 1)
 * })
 *
 * const once = Effect.suspend(() => Effect.provide(increment, SqliteStateStore.layer({ directory })))
 *
 * console.log(await Effect.runPromise(once)) // => 1
 * console.log(await Effect.runPromise(once)) // => 2
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.StoreUnavailable> => {
  const { directory } = options
  if (typeof directory !== "string" || directory === "" || directory.includes("\0")) {
    throw new InvalidOptions({
      module: "SqliteStateStore",
      option: "directory",
      problem: `must be the path of a directory, but is ${JSON.stringify(directory)}`
    })
  }
  return Layer.effectContext(Effect.flatMap(makeBackend(directory), StateBackend.make))
}
