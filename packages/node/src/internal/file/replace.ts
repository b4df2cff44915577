/** Puts new bytes in the place of old ones, all or nothing. */
import type { OutcomeUnknown, StateStore } from "@holdfast/core"
import { Clock, Effect, type Scope } from "effect"
import { type Disk, writeNew } from "./disk.ts"
import { toUnknown, toWriteError } from "./errors.ts"
import type { Pin } from "./pins.ts"

export const temporary = ".tmp"

export interface Target {
  readonly label: string
  readonly document: string
  readonly directory: string
  readonly path: string
}

/**
 * Writes a file, and gives it its name when its bytes are durable; then the name is made durable, too.
 *
 * **Details**
 *
 * Whoever calls has the lock of the document, so one temporary name is enough. Before the rename nothing has happened,
 * whatever fails. A rename that fails has not happened either, if the file can still be removed under its old name. All
 * else is unknown: above all, no sync is tried a second time, as the system may say then that all is well, and have
 * forgotten what it could not write.
 */
export const replace = Effect.fnUntraced(function* (
  disk: Disk,
  { directory, document, label, path }: Target,
  bytes: Uint8Array,
  pin: Pin
): Effect.fn.Return<void, StateStore.StoreFull | StateStore.StoreUnavailable | OutcomeUnknown, Scope.Scope> {
  const startNanos = yield* Clock.monotonicTimeNanos
  const draft = path + temporary
  const remove = disk.fs.remove(draft)
  // Opened while the old value is there: a process may have no descriptor left. Had another directory come in its place,
  // the draft would not be in it.
  const drafted = Effect.andThen(writeNew(disk, draft, bytes, pin), disk.fs.open(directory, { flag: "r" }))
  const names = yield* drafted.pipe(
    Effect.onError(() => Effect.ignore(remove)),
    Effect.mapError(toWriteError(label, document))
  )
  yield* Effect.catch(disk.fs.rename(draft, path), (cause) =>
    Effect.matchEffect(remove, {
      onSuccess: () => Effect.fail(toWriteError(label, document)(cause)),
      onFailure: () => toUnknown(label, startNanos, cause)
    })
  )
  yield* Effect.catch(names.sync, (cause) => toUnknown(label, startNanos, cause))
})
