/**
 * State that several fibers, and with the right store several processes, share: values by keys, changed by decisions.
 *
 * A *decision* is a pure function from what is stored to what shall be. Because it is pure, the decisions of many callers
 * share one durable commit, and one that met a conflict is made again. `LockedState` puts types on top; a store of your
 * own is best made with `StateBackend`.
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect, Layer, type Result, type Stream } from "effect"
import { Engine } from "./internal/state/engine.ts"
import * as errors from "./internal/state/errors.ts"
import { memory } from "./internal/state/memory.ts"
import { type Fence, type Fenced, Lock, type LockTimeout } from "./Lock.ts"
import type { OutcomeUnknown } from "./OutcomeUnknown.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * The store cannot be used: nothing was done.
 *
 * **Details**
 *
 * `reason` says why: `Missing` (a file or directory that must be there), `Denied` (rights), `ReadOnly`, `Io` (the device
 * fails), `Connection`, `Unsupported` (the machine lacks something: `cause` says what to install), or `Closed` (the layer
 * of the store has ended).
 *
 * @since 0.1.0
 * @category errors
 */
export const StoreUnavailable = errors.StoreUnavailable

/**
 * @since 0.1.0
 * @category errors
 */
export type StoreUnavailable = errors.StoreUnavailable

/**
 * There is no room for the new value: the old one is intact.
 *
 * @since 0.1.0
 * @category errors
 */
export const StoreFull = errors.StoreFull

/**
 * @since 0.1.0
 * @category errors
 */
export type StoreFull = errors.StoreFull

/**
 * What is stored is not what was written: the bytes are left as they are, and nothing is written over them.
 *
 * **Details**
 *
 * `reason` is `Checksum` (something has changed it), `Encoding` (it cannot be read at all) or `Schema` (it can be, and is
 * no value of the type). `location` is the file, or the place in it.
 *
 * @since 0.1.0
 * @category errors
 */
export const StateCorrupted = errors.StateCorrupted

/**
 * @since 0.1.0
 * @category errors
 */
export type StateCorrupted = errors.StateCorrupted

/**
 * What reading can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = StoreUnavailable | StateCorrupted

/**
 * What a transaction can fail with, besides what its decision fails with. All but `OutcomeUnknown` mean that the old
 * value is intact.
 *
 * @since 0.1.0
 * @category errors
 */
export type TransactError = ReadError | StoreFull | LockTimeout | Fenced | OutcomeUnknown

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * A value as it is stored.
 *
 * **Details**
 *
 * `version` grows by one with each write of the key, `fence` is the highest that the key had seen by then, and
 * `writtenAtMillis` is the wall clock of the writer. Stores keep a checksum of all of it, and check it when they read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly value: string
  readonly version: number
  readonly fence: Fence
  readonly schemaVersion: number
  readonly writtenAtMillis: number
}

/**
 * What a decision says: leave things as they are, or write.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision<A> =
  | { readonly _tag: "Keep"; readonly result: A }
  | { readonly _tag: "Write"; readonly value: string; readonly schemaVersion: number; readonly result: A }

/**
 * How a transaction is made.
 *
 * **Details**
 *
 * - `fence`: that of a lease of the key. Without one, the transaction waits for whoever has a lease; with one it fails with
 *   `Fenced` when there has been a higher one.
 * - `wait`: how long it may wait until its decision is made; until the ambient deadline by default, `0` tries once.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransactOptions {
  readonly fence?: Fence | undefined
  readonly wait?: Duration.Input | undefined
}

/**
 * What `repair` did: nothing, as the value could be read, or it put the bytes aside, there.
 *
 * @since 0.1.0
 * @category models
 */
export type Repaired = { readonly _tag: "Healthy" } | { readonly _tag: "Repaired"; readonly aside: string }

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/**
 * The state of a program, by keys.
 *
 * **Details**
 *
 * - `label`: names the store in errors.
 * - `read`: what is stored now, by whichever process; `undefined` for nothing.
 * - `transact`: makes a decision about one key, and what it says durable. When it has ended with a success, the write
 *   survives whatever comes. `decide` is pure: it may be called again, and its calls may share a commit with others. When
 *   it throws, the caller dies of it, and nobody else.
 * - `watch`: what is stored, and then whatever it becomes, also by other processes. Who is slow misses what was between,
 *   never the last.
 * - `keys`: those with a value that begin with `prefix`, in their order.
 * - `repair`: for a value that is `StateCorrupted`: puts its bytes aside, and the given value in its place, or none.
 *
 * Whoever is interrupted before his decision is made leaves nothing; after that, the interruption waits for the commit.
 * A deadline does not wait: what it cuts off in the middle of a commit is `OutcomeUnknown`.
 *
 * @since 0.1.0
 * @category services
 */
export class StateStore extends Context.Service<
  StateStore,
  {
    readonly label: string
    readonly read: (key: string) => Effect.Effect<Stored | undefined, ReadError>
    readonly transact: <A, E>(
      key: string,
      decide: (current: Stored | undefined) => Result.Result<Decision<A>, E>,
      options?: TransactOptions
    ) => Effect.Effect<A, E | TransactError>
    readonly watch: (key: string) => Stream.Stream<Stored | undefined, ReadError>
    readonly keys: (prefix: string) => Stream.Stream<string, ReadError>
    readonly repair: (
      key: string,
      value?: { readonly value: string; readonly schemaVersion: number }
    ) => Effect.Effect<Repaired, Exclude<TransactError, Fenced>>
  }
>()("@holdfast/core/StateStore") {}

/**
 * State in memory, and its locks, for tests and for what need not outlive the process.
 *
 * **Gotchas**
 *
 * A key that was locked once is remembered, as its fences must not begin anew.
 *
 * **Example** (A counter)
 *
 * ```ts
 * import { StateStore } from "@holdfast/core"
 * import { Effect, Result } from "effect"
 *
 * const increment = Effect.gen(function* () {
 *   const store = yield* StateStore.StateStore
 *   return yield* store.transact("counter", (current) => {
 *     const next = Number(current?.value ?? "0") + 1
 *     return Result.succeed({ _tag: "Write", value: String(next), schemaVersion: 1, result: next })
 *   })
 * })
 *
 * const program = Effect.all([increment, increment, increment], { concurrency: "unbounded" })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, StateStore.layerMemory))) // => [ 1, 2, 3 ]
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<StateStore | Lock> = Layer.effectContext(
  Effect.map(
    Effect.suspend(() => Engine.make(memory())),
    ({ acquire, isHeld, keys, label, read, repair, transact, watch }) =>
      Context.make(StateStore, { keys, label, read, repair, transact, watch }).pipe(
        Context.add(Lock, { acquire, isHeld })
      )
  )
)
