/** Rows in files, behind locks: on any `FileSystem`. */
import type { StateBackend, StateStore } from "@holdfast/core"
import { Effect, FileSystem, Latch, type Scope, Semaphore, Stream } from "effect"
import { FileLock } from "../../FileLock.ts"
import { commit } from "./commit.ts"
import type { Disk } from "./disk.ts"
import { toUnavailable } from "./errors.ts"
import { keys } from "./keys.ts"
import { perKey } from "./perKey.ts"
import { Pins } from "./pins.ts"
import { prepare } from "./prepare.ts"
import { repair } from "./repair.ts"
import { single } from "./single.ts"
import { namedLock, readDocument, rowIn, type Store } from "./store.ts"

export interface Settings {
  readonly directory: string
  readonly layout: "perKey" | "single"
  readonly owner: string
}

/** So many files are read at once at most, and so many documents written. */
const mostAtOnce = 8

/** The way of every `get`: while nothing has changed, it is a look at the file and nothing else. */
const read = (
  store: Store,
  key: string
): Effect.Effect<StateBackend.Row | undefined, StateStore.ReadError> => {
  const { disk, label, layout, pins } = store
  const name = layout.documentOf(key)
  return Effect.matchEffect(disk.lock.identity(layout.pathOf(name)), {
    onSuccess: (identity) => {
      const known = pins.get(name)
      return known !== undefined && known.identity === identity
        ? Effect.fromResult(rowIn(store, name, known.document, key))
        : Effect.flatMap(readDocument(store, name, key), (document) =>
            Effect.fromResult(rowIn(store, name, document, key))
          )
    },
    onFailure: (cause) => Effect.fail(toUnavailable(label, "read")(cause))
  })
}

/** The first one when the watch has begun: what came before it has been missed. */
const hints = ({ disk, label, layout }: Store): Stream.Stream<unknown, StateStore.StoreUnavailable> =>
  Stream.unwrap(
    Effect.map(Latch.make(), (ready) =>
      Stream.merge(
        Stream.fromEffect(ready.await),
        disk.fs.watch(layout.directory, { onReady: () => ready.openUnsafe() }).pipe(
          Stream.filter(({ path }) => path.endsWith(".json")),
          Stream.mapError(toUnavailable(label, "watch"))
        )
      )
    )
  )

const toBackend = (store: Store, owner: string): StateBackend.StateBackend => {
  const { disk, label, layout, root } = store
  return {
    label,
    owner,
    documentOf: layout.documentOf,
    read: (key) => read(store, key),
    commit: (document, decide) => commit(store, document, decide),
    tryLock: (name) =>
      Effect.mapError(disk.lock.tryLock(namedLock(root, name)), toUnavailable(label, "take a lock")),
    isLocked: (name) =>
      Effect.mapError(disk.lock.isLocked(namedLock(root, name)), toUnavailable(label, "look at a lock")),
    hints: hints(store),
    keys: (prefix) => keys(store, prefix),
    repair: (key, row) => repair(store, key, row)
  }
}

export const make = Effect.fnUntraced(function* ({
  directory: root,
  layout,
  owner
}: Settings): Effect.fn.Return<
  StateBackend.StateBackend,
  StateStore.StoreUnavailable,
  FileSystem.FileSystem | FileLock | Scope.Scope
> {
  const disk: Disk = { fs: yield* FileSystem.FileSystem, lock: yield* FileLock }
  const pins = yield* Effect.acquireRelease(
    Effect.sync(() => new Pins()),
    (all) => all.close()
  )
  const store: Store = {
    label: root,
    root,
    layout: layout === "perKey" ? perKey(root) : single(root),
    disk,
    pins,
    loads: yield* Semaphore.make(mostAtOnce),
    writes: yield* Semaphore.make(mostAtOnce)
  }
  yield* prepare(store)
  return toBackend(store, owner)
})
