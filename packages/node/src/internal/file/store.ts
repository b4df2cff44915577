/** What the operations of a store of files have in common. */
import { type StateBackend, StateStore } from "@holdfast/core"
import { Effect, PlatformError, Result, type Semaphore } from "effect"
import { type Disk, type Io, readFile, syncDirectory } from "./disk.ts"
import { type Document, empty, keep } from "./document.ts"
import { toUnavailable } from "./errors.ts"
import type { Layout } from "./layout.ts"
import { encodeName } from "./names.ts"
import { makePin, type Pin, type Pins } from "./pins.ts"
import { type Corrupt, corrupt, type Unreadable } from "./seal.ts"

export interface Store {
  readonly label: string
  readonly root: string
  readonly layout: Layout
  readonly disk: Disk
  readonly pins: Pins
  /** So many files are read at once at most. */
  readonly loads: Semaphore.Semaphore
  /** So many documents are written at once at most: each needs a few files, of which a process may have few. */
  readonly writes: Semaphore.Semaphore
}

export const locksOf = (root: string): string => `${root}/locks`

/** Where something is that was put aside. */
export const asideOf = (root: string, file: string): string => `${corruptOf(root)}/${file}`

export const corruptOf = (root: string): string => `${root}/corrupt`

/** Whoever has this lock may write the document with this encoded name. No lock that somebody names is the same. */
export const documentLockOf = (root: string, encoded: string): string => `${locksOf(root)}/${encoded}.doc`

export const documentLock = (root: string, document: string): string =>
  documentLockOf(root, encodeName(document))

export const namedLock = (root: string, name: string): string => `${locksOf(root)}/${encodeName(name)}.lock`

/** A document as it is now. */
export interface Current {
  readonly content: Result.Result<Document, Corrupt>
  readonly bytes: Uint8Array
  /** Of the file that it was read from; `undefined` when it cannot be kept. */
  readonly identity: string | undefined
  /** The name of that file is known to survive a loss of power. */
  readonly isDurable: boolean
}

const durable = (document: Document): Current => ({
  content: Result.succeed(document),
  bytes: new Uint8Array(),
  identity: undefined,
  isDurable: true
})

const nothing = durable(empty)

/** No file is no state; but no directory means rather that a disk is not mounted. */
const checkDirectory = ({ disk, layout }: Store): Io<void> =>
  Effect.flatMap(disk.lock.identity(layout.directory), (identity) =>
    identity === undefined
      ? Effect.fail(
          PlatformError.systemError({
            _tag: "NotFound",
            module: "FileSystem",
            method: "stat",
            pathOrDescriptor: layout.directory
          })
        )
      : Effect.void
  )

const newer = (store: Store, document: string, format: number): StateStore.StoreUnavailable =>
  new StateStore.StoreUnavailable({
    store: store.label,
    operation: "read",
    reason: "Unsupported",
    cause: new Error(`${store.layout.pathOf(document)} has the format ${format}, of a newer version`)
  })

/** What is no error of a key, but of the whole store, fails. */
const orNewer = (
  store: Store,
  document: string,
  content: Result.Result<Document, Unreadable>
): Effect.Effect<Result.Result<Document, Corrupt>, StateStore.StoreUnavailable> => {
  if (Result.isSuccess(content)) return Effect.succeed(Result.succeed(content.success))
  const problem = content.failure
  return problem._tag === "Newer"
    ? Effect.fail(newer(store, document, problem.format))
    : Effect.succeed(Result.fail(problem))
}

/** Reads the file only when it is another than the one that is known; `pin` holds it open then. */
export const load = Effect.fnUntraced(function* (
  store: Store,
  document: string,
  pin: Pin
): Effect.fn.Return<Current, StateStore.StoreUnavailable> {
  const { disk, label, layout, pins } = store
  const unavailable = toUnavailable(label, "read")
  const path = layout.pathOf(document)
  const identity = yield* Effect.mapError(disk.lock.identity(path), unavailable)
  const known = pins.get(document)
  if (known !== undefined && known.identity === identity) return durable(known.document)
  const found =
    identity === undefined ? undefined : yield* Effect.mapError(readFile(disk, path, pin), unavailable)
  if (found === undefined)
    return yield* Effect.mapBoth(checkDirectory(store), { onSuccess: () => nothing, onFailure: unavailable })
  const content = Result.map(layout.decode(document, found.bytes), (read) => keep(known?.document, read))
  return { ...found, content: yield* orNewer(store, document, content), isDurable: false }
})

/**
 * Makes sure that what was read stays: another process may have given the file its name, and not have made that durable
 * yet. Nobody is told what a loss of power could take back.
 */
export const settle = Effect.fnUntraced(function* (
  { disk, label, layout, pins }: Store,
  name: string,
  { identity, isDurable }: Current,
  document: Document,
  pin: Pin
): Effect.fn.Return<Document, StateStore.StoreUnavailable> {
  if (isDurable) return document
  yield* Effect.mapError(syncDirectory(disk, layout.directory), toUnavailable(label, "read"))
  return identity === undefined ? document : yield* pins.keep(name, { identity, document, pin })
})

export const toCorrupted = (
  { label, layout }: Store,
  document: string,
  key: string,
  { cause, reason }: Corrupt
): StateStore.StateCorrupted =>
  new StateStore.StateCorrupted({
    store: label,
    key,
    reason,
    location: layout.pathOf(document),
    ...(cause === undefined ? {} : { cause })
  })

/** The row of a key; of one that is damaged there is none until it is repaired itself. */
export const rowIn = (
  store: Store,
  name: string,
  { absent, lost, rows }: Document,
  key: string
): Result.Result<StateBackend.Row | undefined, StateStore.StateCorrupted> => {
  const row = rows.get(key)
  if (row !== undefined) return Result.succeed(row)
  const damage = lost.get(key)
  if (damage === undefined) return Result.succeed(absent)
  const cause =
    damage.aside === undefined
      ? undefined
      : new Error(`its bytes are in ${asideOf(store.root, damage.aside)}`)
  return Result.fail(toCorrupted(store, name, key, corrupt("Checksum", cause)))
}

/** The document, as it is read for a key of it. */
export const readDocument = (
  store: Store,
  name: string,
  key: string
): Effect.Effect<Document, StateStore.ReadError> => {
  const read = Effect.gen(function* () {
    const pin = yield* makePin
    const current = yield* load(store, name, pin)
    if (Result.isFailure(current.content)) {
      return yield* Effect.fail(toCorrupted(store, name, key, current.content.failure))
    }
    return yield* settle(store, name, current, current.content.success, pin)
  })
  return store.loads.withPermit(Effect.scoped(read))
}
