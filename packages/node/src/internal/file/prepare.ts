/** The directory of a store: made where it is missing, durable up to its root, and without what dead writers left. */
import { dirname } from "node:path"
import type { StateStore } from "@holdfast/core"
import { Effect, type PlatformError } from "effect"
import { claim, refuseOther } from "./claim.ts"
import { type Disk, type Io, syncDirectory } from "./disk.ts"
import { codeOf, toUnavailable } from "./errors.ts"
import { temporary } from "./replace.ts"
import { documentLockOf, locksOf, type Store } from "./store.ts"

const makeMissing = ({ fs }: Disk, path: string): Io<void> =>
  Effect.flatMap(fs.exists(path), (exists) =>
    exists ? Effect.void : fs.makeDirectory(path, { recursive: true })
  )

/** Directories that we did not make, as we may not even look into them, or that are part of no disk. */
const isForeign = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "PermissionDenied" ||
  ["EINVAL", "ENOTSUP", "EROFS"].some((code) => code === codeOf(error))

/** Whoever made the directories may have died before they were durable, so that is seen to each time. */
const syncUpwards = Effect.fnUntraced(function* (disk: Disk, root: string) {
  yield* syncDirectory(disk, root)
  let path = yield* disk.fs.realPath(root)
  while (path !== dirname(path)) {
    path = dirname(path)
    yield* Effect.catchIf(syncDirectory(disk, path), isForeign, () => Effect.void)
  }
})

/**
 * Removes the drafts of writers that died. Whose document is locked may be alive, and needs his.
 *
 * No matter whether it succeeds: the next writer of the document removes what is in his way. On a full disk, or one that
 * can only be read, it does not.
 */
const sweep = ({ disk, layout, root }: Store): Effect.Effect<void> => {
  const suffix = `.json${temporary}`
  const remove = (file: string) =>
    disk.lock.tryLock(documentLockOf(root, file.slice(0, -suffix.length))).pipe(
      Effect.flatMap((isMine) => (isMine ? disk.fs.remove(`${layout.directory}/${file}`) : Effect.void)),
      Effect.scoped,
      Effect.ignore
    )
  return disk.fs.readDirectory(layout.directory).pipe(
    Effect.map((files) => files.filter((file) => file.endsWith(suffix))),
    Effect.flatMap((drafts) => Effect.forEach(drafts, remove, { discard: true })),
    Effect.ignore
  )
}

/** What is there already is only looked at, so that state on a disk that can only be read can be read. */
export const prepare = Effect.fnUntraced(function* (
  store: Store
): Effect.fn.Return<void, StateStore.StoreUnavailable> {
  const { disk, label, root } = store
  const unavailable = toUnavailable(label, "open")
  yield* refuseOther(store)
  yield* Effect.mapError(makeMissing(disk, locksOf(root)), unavailable)
  yield* claim(store)
  yield* Effect.mapError(syncUpwards(disk, root), unavailable)
  yield* sweep(store)
})
