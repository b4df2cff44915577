/**
 * Exclusive access to whatever has a name, for fibers and, with the lock of a back end, for processes.
 *
 * `layerMemory` is the lock of one process. The stores that processes share bring a lock of their own, to which all that is
 * said here applies; the memory has no fences that outlive it.
 *
 * A lock gives *leases*. Each carries a *fence*, a number that only grows: whoever writes under a lease gives it along,
 * and a store that has seen a higher one refuses. So a holder that was paused, and does not know that somebody else has
 * the lock by now, cannot spoil what he does.
 *
 * @guarantee LK-1 At most one lease of a key is held at any time, and whoever ends, or gives up, leaves nothing behind.
 * @guarantee LK-2 The fences of a key strictly increase, over releases, time-outs, interruptions, crashes and restarts,
 *   for ever.
 * @guarantee LK-3 The lock of a holder that died is free within 100 ms, on one host.
 * @guarantee LK-4 A living holder never loses its lock, however long its event loop is blocked.
 * @guarantee LK-5 What an old fence writes is refused.
 * @guarantee LK-6 No waiter of a process is overtaken by a later one, and no process starves.
 *
 * @since 0.1.0
 */
import { Brand, Context, type Duration, Effect, Function, Layer, type Scope } from "effect"
import { decode } from "./internal/duration.ts"
import { limit, toNanos } from "./internal/limit.ts"
import * as errors from "./internal/lock/errors.ts"
import { type Turn, Turns } from "./internal/lock/turns.ts"
import { useLease } from "./internal/lock/useLease.ts"
import type { StateCorrupted, StoreFull, StoreUnavailable } from "./internal/state/errors.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * The lock was not free in time: nothing has been done, and trying again is safe.
 *
 * **Details**
 *
 * `limit` says which time: that of the call (`Wait`), or an ambient deadline (`InheritedDeadline`). `holder` is the label
 * of whoever had it, where that is known.
 *
 * @since 0.1.0
 * @category errors
 */
export const LockTimeout = errors.LockTimeout

/**
 * @since 0.1.0
 * @category errors
 */
export type LockTimeout = errors.LockTimeout

/**
 * What acquiring can fail with: besides the time that is up, what the store that keeps the fences fails with. The memory
 * fails with nothing.
 *
 * @since 0.1.0
 * @category errors
 */
export type AcquireError = LockTimeout | StoreUnavailable | StoreFull | StateCorrupted

/**
 * A lease is lost, or an old fence has tried to write: somebody else may have the lock.
 *
 * **Details**
 *
 * `current` is the fence that is known to be higher, where it is.
 *
 * @since 0.1.0
 * @category errors
 */
export const Fenced = errors.Fenced

/**
 * @since 0.1.0
 * @category errors
 */
export type Fenced = errors.Fenced

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * The number of a lease: higher than that of every lease of its key before it.
 *
 * @since 0.1.0
 * @category models
 */
export type Fence = number & Brand.Brand<"@holdfast/core/Lock/Fence">

/**
 * Makes a fence of a number that a store has kept.
 *
 * @since 0.1.0
 * @category models
 */
export const Fence = Brand.nominal<Fence>()

/**
 * A lock that is held.
 *
 * **Details**
 *
 * `lost` ends when it is not any more, although nobody has let go of it; as long as the lock is held, it waits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease {
  readonly key: string
  readonly fence: Fence
  readonly lost: Effect.Effect<Fenced>
}

/**
 * How a lock is waited for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Until the ambient deadline by default; `0` tries once. */
  readonly wait?: Duration.Input | undefined
  /** Names the holder to those who wait. */
  readonly label?: string | undefined
}

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/**
 * The locks of a program, by their keys.
 *
 * **Details**
 *
 * `acquire` gives a lease that lasts as long as the scope. Waiters come in the order of their arrival; one that is
 * interrupted, or runs out of time, leaves nothing. `isHeld` says whether anybody has a key, and takes nothing.
 *
 * @since 0.1.0
 * @category services
 */
export class Lock extends Context.Service<
  Lock,
  {
    readonly acquire: (key: string, options?: Options) => Effect.Effect<Lease, AcquireError, Scope.Scope>
    readonly isHeld: (key: string) => Effect.Effect<boolean, LockTimeout | StoreUnavailable>
  }
>()("@holdfast/core/Lock") {}

const memory = (): Lock["Service"] => {
  const turns = new Turns()
  // One number for all keys: what grows for all grows for each, and needs no memory for keys that are not used any more.
  let fences = 0
  const acquire = (key: string, options: Options = {}): Effect.Effect<Lease, LockTimeout, Scope.Scope> => {
    const budgetNanos = options.wait === undefined ? undefined : toNanos(decode("Lock", "wait", options.wait))
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const turn = turns.join(key, options.label)
        const leave = Effect.sync(() => turns.leave(key, turn))
        return restore(untilTurn(turns, key, turn, budgetNanos)).pipe(
          Effect.onError(() => leave),
          Effect.andThen(Effect.addFinalizer(() => leave)),
          Effect.map(() => ({ key, fence: Fence(++fences), lost: Effect.never }))
        )
      })
    )
  }
  const isHeld = (key: string) => Effect.sync(() => turns.current(key) !== undefined)
  return Lock.of({ acquire, isHeld })
}

/** Who does not want to wait, or has no time, may still be the first. */
const untilTurn = (
  turns: Turns,
  key: string,
  turn: Turn,
  budgetNanos: bigint | undefined
): Effect.Effect<void, LockTimeout> =>
  turns.current(key) === turn
    ? Effect.void
    : limit(turns.until(key, turn), {
        label: `lock of ${key}`,
        budgetNanos,
        inherit: true,
        expired: ({ elapsedMillis, inherited }) => {
          const holder = turns.current(key)?.holder
          return new LockTimeout({
            key,
            waitedMillis: elapsedMillis,
            limit: inherited ? "InheritedDeadline" : "Wait",
            ...(holder === undefined ? {} : { holder })
          })
        }
      })

/**
 * Locks among the fibers of one process, kept in memory.
 *
 * **Gotchas**
 *
 * Fences begin anew with the layer. Where what they protect outlives the process, so must the lock: use that of its store.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<Lock> = Layer.sync(Lock)(memory)

// -----------------------------------------------------------------------------
// Combinators
// -----------------------------------------------------------------------------

/**
 * Acquires the lock of a key for as long as the scope lasts. Throws `InvalidOptions` for a `wait` that is no duration.
 *
 * **Gotchas**
 *
 * Whoever holds a key and acquires it once more waits for himself, until his deadline.
 *
 * @since 0.1.0
 * @category combinators
 */
export const acquire = (
  key: string,
  options?: Options
): Effect.Effect<Lease, AcquireError, Lock | Scope.Scope> => {
  if (options?.wait !== undefined) decode("Lock", "wait", options.wait)
  return Effect.flatMap(Lock, (lock) => lock.acquire(key, options))
}

/**
 * Whether anybody has the lock of a key at this moment, in this process or another.
 *
 * **Details**
 *
 * It takes no lease, makes and writes nothing, and waits for nobody: `LockTimeout` is for an ambient deadline that has
 * passed. Others who look at the same time are not taken for a holder, even if one of them stands still.
 *
 * **Gotchas**
 *
 * The answer may be old before it is read. That somebody who never comes again has let go of it stays true, though: so
 * a lock that is held for life tells the living from the dead, see `Register`.
 *
 * **Example** (Somebody is at it)
 *
 * ```ts
 * import { Lock } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const inside = yield* Lock.withLock(Lock.isHeld("report"), "report")
 *   return [inside, yield* Lock.isHeld("report")]
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Lock.layerMemory))) // => [ true, false ]
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const isHeld = (key: string): Effect.Effect<boolean, LockTimeout | StoreUnavailable, Lock> =>
  Effect.flatMap(Lock, (lock) => lock.isHeld(key))

/**
 * Runs an effect under the lock of a key, with its lease.
 *
 * **Details**
 *
 * The lock is released when the effect has ended, however it ends. When the lease is lost meanwhile, the effect is
 * interrupted, and the result is `Fenced` once it has ended.
 *
 * An effect that is abandoned at its deadline, as it cannot be interrupted, keeps the lock until it has really ended.
 *
 * **Example** (A write with its fence)
 *
 * ```ts
 * import { Lock } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const write = (text: string) =>
 *   Lock.withLease("report", (lease) => Effect.succeed(`${text}, under fence ${lease.fence}`))
 *
 * const program = Effect.all([write("first"), write("second")])
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Lock.layerMemory)))
 * // => [ 'first, under fence 1', 'second, under fence 2' ]
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withLease = <A, E, R>(
  key: string,
  f: (lease: Lease) => Effect.Effect<A, E, R>,
  options?: Options
): Effect.Effect<A, E | AcquireError | Fenced, R | Lock> => {
  if (options?.wait !== undefined) decode("Lock", "wait", options.wait)
  return Effect.flatMap(Lock, (lock) => useLease(lock, key, f, options))
}

/**
 * Runs an effect under the lock of a key; see `withLease`.
 *
 * **Example** (Nobody comes between)
 *
 * ```ts
 * import { Lock } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * let balance = 100
 * const withdraw = Effect.gen(function*() {
 *   const before = balance
 *   yield* Effect.sleep("1 millis")
 *   balance = before - 10
 * }).pipe(Lock.withLock("account"))
 *
 * const program = Effect.all([withdraw, withdraw, withdraw], { concurrency: "unbounded" })
 *
 * await Effect.runPromise(Effect.provide(program, Lock.layerMemory))
 * console.log(balance) // => 70
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withLock: {
  (
    key: string,
    options?: Options
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | AcquireError | Fenced, R | Lock>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    key: string,
    options?: Options
  ): Effect.Effect<A, E | AcquireError | Fenced, R | Lock>
} = Function.dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    key: string,
    options?: Options
  ): Effect.Effect<A, E | AcquireError | Fenced, R | Lock> => withLease(key, () => self, options)
)
