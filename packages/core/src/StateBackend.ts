/**
 * How a place that can keep rows becomes a store with locks.
 *
 * A backend brings what only it can: reading a row, changing rows of one *document* in a single durable step, an
 * exclusive lock that dies with its process, and hints that something has changed. `make` adds what all stores have in
 * common: decisions that share a commit, leases with fences, fair queues, deadlines, interruption, and streams of changes.
 *
 * @since 0.1.0
 */
import { Context, Effect, type Result, type Scope, type Stream } from "effect"
import { Engine } from "./internal/state/engine.ts"
import { Lock } from "./Lock.ts"
import type { OutcomeUnknown } from "./OutcomeUnknown.ts"
import {
  type ReadError,
  type StateCorrupted,
  StateStore,
  type Stored,
  type StoreFull,
  type StoreUnavailable
} from "./StateStore.ts"

/**
 * What is kept for a key.
 *
 * **Details**
 *
 * - `stored`: the value with what belongs to it; `undefined` for a key that has been locked, and never written.
 * - `version`: that of the last write; `0` when there was none. A value that was put aside leaves its own behind.
 * - `fence`: the highest fence that was ever issued, or seen, for the key.
 * - `lease`: the fence of the lease that is or was in force; `0` when it is known that none is. A lease that ends leaves
 *   its number here, so whoever finds one has to take the key's lock to know.
 * - `holder`: who took that lease, for people.
 *
 * @since 0.1.0
 * @category models
 */
export interface Row {
  readonly stored: Stored | undefined
  readonly version: number
  readonly fence: number
  readonly lease: number
  readonly holder: string | undefined
}

/**
 * Says what to write, from what is there: the rows that change, by their keys.
 *
 * **Details**
 *
 * It is synchronous and may be called again, when a commit meets a conflict: only what its last call gave counts. It
 * reads no keys but those of its document, and writes no corrupt ones.
 *
 * @since 0.1.0
 * @category models
 */
export type Decide = (
  read: (key: string) => Result.Result<Row | undefined, StateCorrupted>
) => ReadonlyMap<string, Row>

/**
 * What a commit can fail with. All but `OutcomeUnknown` mean that the old rows are intact.
 *
 * @since 0.1.0
 * @category models
 */
export type CommitError = ReadError | StoreFull | OutcomeUnknown

/**
 * What a store has to bring.
 *
 * **Details**
 *
 * - `label`: names the store in errors.
 * - `owner`: names this process to others that wait for its locks, such as `pid 4711`.
 * - `documentOf`: the rows of one document change together, one commit at a time.
 * - `read`: the row as it is now, whoever wrote it. The same object as before when nothing has changed.
 * - `commit`: takes the document for itself, decides, and makes what was decided durable and visible, all or nothing.
 *   `false` when somebody else has the document: nothing has happened, and it is tried again. With nothing to write it
 *   only reads. It is not interrupted.
 * - `tryLock`: an exclusive lock with this name, until the scope closes or the process is gone; `false` when somebody else
 *   has it, in this process too.
 * - `isLocked`: whether somebody has such a lock, in this process too. Those who look are not seen by others who look; for
 *   a moment they may be in the way of who takes the lock.
 * - `hints`: an element whenever something may have been changed by another process, a needless one rather than none.
 * - `keys`: those that have a value and begin with `prefix`, sorted as `Array.prototype.sort` does.
 * - `repair`: puts what cannot be read aside and this row in its place, with higher numbers where higher ones can be made
 *   out in what was there; says where it was put. `undefined` when the key
 *   can be read, and `false` as for `commit`.
 *
 * @since 0.1.0
 * @category models
 */
export interface StateBackend {
  readonly label: string
  readonly owner: string
  readonly documentOf: (key: string) => string
  readonly read: (key: string) => Effect.Effect<Row | undefined, ReadError>
  readonly commit: (document: string, decide: Decide) => Effect.Effect<boolean, CommitError>
  readonly tryLock: (name: string) => Effect.Effect<boolean, StoreUnavailable, Scope.Scope>
  readonly isLocked: (name: string) => Effect.Effect<boolean, StoreUnavailable>
  readonly hints: Stream.Stream<unknown, StoreUnavailable>
  readonly keys: (prefix: string) => Effect.Effect<ReadonlyArray<string>, ReadError>
  readonly repair: (key: string, row: Row) => Effect.Effect<string | undefined | false, CommitError>
}

/**
 * The store and the locks of a backend, for as long as the scope lasts.
 *
 * **Details**
 *
 * Decisions that come while a commit is under way share the next one, in the order of their arrival. Closing waits for the
 * commit that is under way, and fails who waits with `StoreUnavailable` (`Closed`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  backend: StateBackend
): Effect.Effect<Context.Context<StateStore | Lock>, never, Scope.Scope> =>
  Effect.map(Engine.make(backend), ({ acquire, isHeld, keys, label, read, repair, transact, watch }) =>
    Context.make(StateStore, { keys, label, read, repair, transact, watch }).pipe(
      Context.add(Lock, { acquire, isHeld })
    )
  )
