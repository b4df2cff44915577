/**
 * A budget for retries that all callers of a dependency share, so that retries cannot multiply the load on it just when
 * it is down.
 *
 * Each call pays in, each retry is paid out, and what is paid in lets a fraction of the calls be retried: in a total
 * outage a thousand calls a second become twelve hundred, not three thousand. The algorithm is that of Finagle's
 * `RetryBudget` (https://finagle.github.io/blog/2016/02/08/retry-budgets): a sliding window over both.
 *
 * @guarantee RT-6 A retry budget bounds the retries of all its callers together, also in a total outage: at most `ratio` times the calls since it was made, plus `minPerSecond` times the sum of its age and one window.
 *
 * @since 0.1.0
 */
import { Clock, Context, Duration, Effect, Layer } from "effect"
import { InvalidOptions } from "./InvalidOptions.ts"
import * as check from "./internal/duration.ts"

const module = "RetryBudget"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * A budget for retries, shared by any number of fibers.
 *
 * **Details**
 *
 * A `Retry.Policy` takes one as its `budget` and does all of this by itself; the three effects are for retries of your
 * own making. None of them waits or fails.
 *
 * **Gotchas**
 *
 * A budget bounds what its callers send together, so share one for each dependency. One for each caller bounds nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryBudget {
  /** Pays in for one call. Once for each call, before its first attempt, and never for a retry. */
  readonly deposit: Effect.Effect<void>
  /** Takes one retry out: whether it may be made. Ask before the delay, so that nobody waits for a refusal. */
  readonly withdraw: Effect.Effect<boolean>
  /** The number of retries that can be taken out now: an integer of at least 0. */
  readonly available: Effect.Effect<number>
}

/**
 * The options of {@link make} and of a service's `layer`.
 *
 * **Details**
 *
 * | option | default | reason |
 * |---|---|---|
 * | `ratio` | 0.2 | retries for one call in five see any transient fault through, and 20 percent more load is what a healthy server has to spare; the default of Finagle and Linkerd |
 * | `minPerSecond` | 1 | below a few calls in a window a fifth of them is no whole retry, so a quiet caller needs a floor; above 5 calls per second the ratio allows more than this floor, so the ratio decides, as it should. Finagle has 10, where the floor outweighs the ratio up to 50 calls per second |
 * | `window` | 10 seconds | longer than a burst of errors, shorter than an outage: the calls of an hour ago do not pay for retries now; Finagle's default |
 *
 * `ratio` and `minPerSecond` are finite numbers of at least 0, `window` is finite and above zero.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly ratio?: number | undefined
  readonly minPerSecond?: number | undefined
  readonly window?: Duration.Input | undefined
}

// ----------------------------------------------------------------------------
// Constructors
// ----------------------------------------------------------------------------

/**
 * Makes a budget.
 *
 * **Details**
 *
 * `withdraw` says yes as long as the retries in the window stay within `ratio` times the calls in the window plus
 * `minPerSecond` times its length. Calls and retries both leave the window when they are older than it. The window moves
 * on in steps of a tenth, so that a budget is eleven pairs of numbers and each use of it takes the same short time,
 * whatever the load; what is counted stays for one window at least and 1.1 windows at most. Time is that of Effect's
 * monotonic clock.
 *
 * So the retries of any stretch of time are at most `ratio` times the calls in it and in the 1.1 windows before it, plus
 * `minPerSecond` times the sum of its length and one window. (Take the last retry of the stretch, the window that ends
 * with it, then the last retry before that window, and so on: the windows do not overlap, so no call is counted twice,
 * and they end more than a window apart, so there are few of them.)
 *
 * Throws `InvalidOptions` for options that are NaN, negative or infinite, and for a window of zero.
 *
 * **Gotchas**
 *
 * The floor of a whole window, `minPerSecond` times `window`, is there at once, and may be spent at once.
 *
 * **Example** (An outage of a hundred calls)
 *
 * ```ts
 * import { RetryBudget } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const outage = Effect.gen(function*() {
 *   const budget = yield* RetryBudget.make({ ratio: 0.2, minPerSecond: 0 })
 *   let retries = 0
 *   for (let call = 0; call < 100; call++) {
 *     yield* budget.deposit
 *     if (yield* budget.withdraw) retries++
 *   }
 *   return retries
 * })
 *
 * console.log(await Effect.runPromise(outage)) // => 20
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: Options): Effect.Effect<RetryBudget> => {
  const settings = checked(options)
  return Effect.sync(() => budgetOf(settings))
}

/**
 * The class of a service that holds a budget, as {@link Service} makes it.
 *
 * @category services
 * @since 0.1.0
 */
export interface ServiceClass<Self, Id extends string> extends Context.ServiceClass<Self, Id, RetryBudget> {
  /** A layer with a new budget. Throws `InvalidOptions` as {@link make} does. */
  readonly layer: (options?: Options) => Layer.Layer<Self>
}

/**
 * Declares a budget as a service, so that every caller of a dependency in an application gets the same one.
 *
 * **Gotchas**
 *
 * Each call of `layer` makes a layer with a budget of its own. Keep the result in a constant and provide that one.
 *
 * **Example** (One budget for everything that calls the ledger)
 *
 * ```ts
 * import { RetryBudget } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * class LedgerRetries extends RetryBudget.Service<LedgerRetries>()("app/LedgerRetries") {}
 *
 * const program = Effect.gen(function*() {
 *   const budget = yield* LedgerRetries
 *   return yield* budget.available
 * })
 *
 * const LedgerRetriesLive = LedgerRetries.layer({ minPerSecond: 2 })
 * console.log(await Effect.runPromise(Effect.provide(program, LedgerRetriesLive))) // => 20
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <const Id extends string>(id: Id): ServiceClass<Self, Id> => {
    const tag = Context.Service<Self, RetryBudget>()(id)
    return Object.assign(tag, { layer: (options?: Options) => Layer.effect(tag, make(options)) })
  }

// ----------------------------------------------------------------------------
// Options
// ----------------------------------------------------------------------------

interface Settings {
  readonly ratio: number
  /** What `minPerSecond` gives in one window. */
  readonly floor: number
  readonly windowNanos: bigint
}

const checked = (options: Options = {}): Settings => {
  const window = check.decode(module, "window", options.window ?? "10 seconds")
  if (!Duration.isPositive(window) || !Duration.isFinite(window)) {
    throw new InvalidOptions({
      module,
      option: "window",
      problem: `must be finite and above zero, but is ${window}`
    })
  }
  const minPerSecond = check.finite(module, "minPerSecond", options.minPerSecond ?? 1, { minimum: 0 })
  return {
    ratio: check.finite(module, "ratio", options.ratio ?? 0.2, { minimum: 0 }),
    floor: minPerSecond * Duration.toSeconds(window),
    windowNanos: Duration.toNanosUnsafe(window)
  }
}

// ----------------------------------------------------------------------------
// The window
// ----------------------------------------------------------------------------

/** Finagle's number. More would expire more evenly, and cost more memory. */
const slicesPerWindow = 10n

interface Slice {
  calls: number
  retries: number
}

/** Counts over a sliding window, kept in slices of time that expire one by one. */
interface Window {
  /** Expires what is too old, and returns the slice of now, to count in. */
  readonly advance: (nowNanos: bigint) => Slice
  /** What has been counted and has not expired. */
  readonly sum: () => Slice
}

const makeWindow = (lengthNanos: bigint): Window => {
  // Rounded up, and one slice more than make a window, because the newest has only begun: so whatever is counted stays
  // for a whole window, and no floor is spent twice within one.
  const sliceNanos = (lengthNanos + slicesPerWindow - 1n) / slicesPerWindow
  let newest: Slice = { calls: 0, retries: 0 }
  const slices = [
    ...Array.from({ length: Number(slicesPerWindow) }, (): Slice => ({ calls: 0, retries: 0 })),
    newest
  ]
  let number = 0n
  return {
    advance: (nowNanos) => {
      const target = nowNanos / sliceNanos
      // Bounded: after as many steps as there are slices everything has expired, however long nobody called.
      for (let step = 0; step < slices.length && number + BigInt(step) < target; step++) {
        newest = { calls: 0, retries: 0 }
        slices.shift()
        slices.push(newest)
      }
      if (number < target) number = target
      return newest
    },
    sum: () =>
      slices.reduce((sum, { calls, retries }) => ({
        calls: sum.calls + calls,
        retries: sum.retries + retries
      }))
  }
}

/** Sums such as `0.29 * 100` are a hair too small in floating point; a retry is not lost to that. */
const rounding = 1e-9

const budgetOf = ({ floor, ratio, windowNanos }: Settings): RetryBudget => {
  const window = makeWindow(windowNanos)
  const now = <A>(use: (slice: Slice) => A): Effect.Effect<A> =>
    Clock.clockWith((clock) => Effect.succeed(use(window.advance(clock.monotonicTimeNanosUnsafe()))))
  const available = (): number => {
    const { calls, retries } = window.sum()
    return Math.max(0, Math.floor(ratio * calls + floor - retries + rounding))
  }
  return {
    deposit: now((slice) => {
      slice.calls++
    }),
    withdraw: now((slice) => {
      if (available() === 0) return false
      slice.retries++
      return true
    }),
    available: now(available)
  }
}
