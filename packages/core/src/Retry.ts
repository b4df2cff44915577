/**
 * Retries whose worst case is known before they run.
 *
 * A policy says how many attempts a call has, how long each may take, and how long to wait between them.
 * What configuration can hold is data (`Settings`); what only code can hold is added with `policy`.
 *
 * @guarantee RT-1 `attempts` is the total; there is no delay after the last one; its error is the one that
 *   comes out, and `detailed` gives all of them with their times.
 * @guarantee RT-2 `worstCase` is an upper bound that is reached.
 * @guarantee RT-3 A call never sleeps beyond the ambient deadline: it gives up at once when its next attempt
 *   cannot start in time.
 * @guarantee RT-4 An interruption during a delay ends it at once, and no further attempt is made.
 * @guarantee RT-7 A Retry-After hint, in seconds or as a date, is honoured up to `maxRetryAfter`.
 *
 * **Telemetry**
 *
 * Counter `holdfast_deadline_exceeded` counts attempts that ran out of time.
 *
 * @since 0.1.0
 */
import {
  Cause,
  Clock,
  type Context,
  DateTime,
  Duration,
  Effect,
  Exit,
  Function,
  Option,
  Schedule,
  Schema
} from "effect"
import * as Backoff from "./Backoff.ts"
import { DurationSetting, decode, nonNegative, positiveInteger } from "./internal/duration.ts"
import * as internal from "./internal/retry.ts"
import type { RetryBudget } from "./RetryBudget.ts"

/**
 * One attempt of a call ran out of time.
 *
 * @since 0.1.0
 * @category errors
 */
export const AttemptTimeout = internal.AttemptTimeout

/**
 * @since 0.1.0
 * @category errors
 */
export type AttemptTimeout = internal.AttemptTimeout

/**
 * Whether an error is an `AttemptTimeout`: the usual `while` of calls that must not repeat other failures.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAttemptTimeout = (error: unknown): error is AttemptTimeout => error instanceof AttemptTimeout

/**
 * How a call is retried.
 *
 * **Details**
 *
 * A plain readonly value: spread it to change it (`{ ...push, while: Retry.isAttemptTimeout }`). `T` is the
 * type of `attemptTimeout`, so that `AttemptTimeout` is in the error type of a call only when it can happen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy<
  in E = unknown,
  out T extends Duration.Duration | undefined = Duration.Duration | undefined
> extends internal.Policy<E> {
  /** How many attempts in all; `Infinity` for no bound. */
  readonly attempts: number
  /** How long one attempt may take. */
  readonly attemptTimeout: T
  /** The delay after each failed attempt. */
  readonly backoff: Backoff.Input
  /** The longest hint that is honoured; the bound of the backoff for that attempt when undefined. */
  readonly maxRetryAfter: Duration.Duration | undefined
  /** Which errors are worth another attempt; all when undefined. */
  readonly while: ((error: E) => boolean) | undefined
  /** How long the error itself says to wait. */
  readonly retryAfter: ((error: E) => Duration.Input | DateTime.Utc | undefined) | undefined
  /** What bounds the retries of many callers together. */
  readonly budget: RetryBudget | undefined
}

/**
 * What an `attemptTimeout` of type `T` adds to the errors of a call.
 *
 * @since 0.1.0
 * @category models
 */
export type Timeout<T> = [T] extends [undefined] ? never : AttemptTimeout

/**
 * The options of `policy` that hold for every error type.
 *
 * @since 0.1.0
 * @category models
 */
export interface Input<T> {
  readonly attempts: number
  readonly attemptTimeout?: T | undefined
  readonly backoff?: Backoff.Input | undefined
  readonly maxRetryAfter?: Duration.Input | undefined
  readonly budget?: RetryBudget | undefined
}

/**
 * The options of `policy` that look at the error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Classify<in E> {
  readonly while?: ((error: E) => boolean) | undefined
  readonly retryAfter?: ((error: E) => Duration.Input | DateTime.Utc | undefined) | undefined
}

/** The same type. The place where a policy is written has no say in it, as it would have in `E` itself. */
type Own<E> = [E] extends [infer Same] ? Same : never

/** Fast enough that a hiccup goes unnoticed, doubling so that an outage is left alone. */
const defaultBackoff = Backoff.exponential({ base: "100 millis" })

/**
 * Makes a policy.
 *
 * **Details**
 *
 * - `attempts`: a total, so 1 never retries. No default: it is the decision that a policy is for.
 * - `attemptTimeout`: none by default. Without one, the worst case of the call is unknown.
 * - `backoff`: exponential from 100 milliseconds, doubling up to 30 seconds, with full jitter, by default.
 *   Any `Schedule` without errors and requirements is taken too; when it ends, so does the call.
 * - `while`: by default every error is worth another attempt. Defects and interruptions never are.
 * - `retryAfter`: when the error carries a hint, the delay is exactly that, up to `maxRetryAfter`. A date in the
 *   past means now. A hint without a meaning, such as `NaN`, is none: it comes from somebody else.
 * - `budget`: a retry that finds it empty is not made, and the call fails at once.
 *
 * Throws `InvalidOptions` for values without a meaning, such as half an attempt.
 *
 * **Example** (Three attempts of 8 seconds)
 *
 * ```ts
 * import { Backoff, Retry } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const push = Retry.policy({ attempts: 3, attemptTimeout: "8 seconds", backoff: Backoff.constant("1 second") })
 *
 * console.log(Duration.format(Retry.worstCase(push))) // => 26s
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function policy<T extends Duration.Input | undefined = undefined, E = unknown>(
  options: Input<T> & Classify<E>
): Policy<Own<E>, T extends undefined ? undefined : Duration.Duration>
export function policy(options: Input<Duration.Input | undefined> & Classify<never>): Policy<never> {
  const { attemptTimeout, maxRetryAfter } = options
  return {
    attempts: positiveInteger("Retry", "attempts", options.attempts, { allowInfinity: true }),
    attemptTimeout:
      attemptTimeout === undefined ? undefined : decode("Retry", "attemptTimeout", attemptTimeout),
    backoff: options.backoff ?? defaultBackoff,
    maxRetryAfter:
      maxRetryAfter === undefined ? undefined : nonNegative("Retry", "maxRetryAfter", maxRetryAfter),
    while: options.while,
    retryAfter: options.retryAfter,
    budget: options.budget
  }
}

/**
 * The part of a policy that configuration can hold.
 *
 * **Example** (From environment variables)
 *
 * ```ts
 * import { Retry } from "@holdfast/core"
 * import { Config, ConfigProvider, Effect } from "effect"
 *
 * const env = ConfigProvider.fromEnv({ env: { push_attempts: "3", push_attemptTimeout: "8 seconds" } })
 *
 * const program = Effect.gen(function*() {
 *   const settings = yield* Config.schema(Retry.Settings, "push")
 *   return Retry.fromSettings(settings).attempts
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, ConfigProvider.layer(env)))) // => 3
 * ```
 *
 * @since 0.1.0
 * @category settings
 */
export const Settings = Schema.Struct({
  attempts: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  attemptTimeout: Schema.optionalKey(DurationSetting),
  backoff: Schema.optionalKey(Backoff.Backoff),
  maxRetryAfter: Schema.optionalKey(DurationSetting)
})

/**
 * @since 0.1.0
 * @category settings
 */
export interface Settings extends Schema.Schema.Type<typeof Settings> {}

/**
 * A policy of decoded settings. Add what only code can hold by spreading it.
 *
 * @since 0.1.0
 * @category settings
 */
export const fromSettings = (settings: Settings): Policy => policy<Duration.Duration | undefined>(settings)

/**
 * One attempt and no time-out: an effect as it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const once: Policy<unknown, undefined> = policy({ attempts: 1, backoff: Backoff.none })

/**
 * Runs a call under a policy.
 *
 * **Details**
 *
 * Fails with the error of the last attempt. The ambient deadline is respected: a delay that would reach it is
 * not begun. `label`, "call" by default, names the call in `AttemptTimeout`.
 *
 * **Gotchas**
 *
 * An attempt that cannot be interrupted goes on as abandoned work after its time-out, beside the next
 * attempt: see `Deadline.abandoned`.
 *
 * **Example** (A time-out is worth another attempt, a refusal is not)
 *
 * ```ts
 * import { Backoff, Retry } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const patient = Retry.policy({ attempts: 3, attemptTimeout: "1 second", backoff: Backoff.constant("10 millis") })
 *
 * const refused = Effect.fail("refused").pipe(
 *   Effect.tapError(() => Effect.map(Retry.CurrentAttempt, (attempt) => console.log(attempt))), // => 1
 *   Retry.run({ ...patient, while: Retry.isAttemptTimeout }),
 *   Effect.flip
 * )
 *
 * console.log(await Effect.runPromise(refused)) // => refused
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const run: {
  <E, T extends Duration.Duration | undefined>(
    policy: Policy<NoInfer<E> | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ): <A, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Timeout<T>, R>
  <A, E, R, T extends Duration.Duration | undefined>(
    self: Effect.Effect<A, E, R>,
    policy: Policy<NoInfer<E> | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ): Effect.Effect<A, E | Timeout<T>, R>
} = Function.dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R, T extends Duration.Duration | undefined>(
    self: Effect.Effect<A, E, R>,
    policy: Policy<E | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ): Effect.Effect<A, E | Timeout<T>, R> =>
    internal.call<A, E, R, Timeout<T>>(self, policy, { label: options?.label ?? "call" })
)

/**
 * One attempt of a call: when it started, counted from the start of the call, how long it took, and why it
 * failed (`undefined` when it succeeded).
 *
 * @since 0.1.0
 * @category models
 */
export interface Attempt<out E> extends internal.Attempt<E> {}

/**
 * Why a call made no further attempt.
 *
 * **Details**
 *
 * `Attempts`: all were made. `While`: the error is not worth another one. `Schedule`: the backoff is a
 * schedule that has ended. `Deadline`: the next attempt could not start before the ambient deadline.
 * `Budget`: the retry budget is used up. `Defect`: the attempt died.
 *
 * @since 0.1.0
 * @category models
 */
export type Stop = internal.Stop

/**
 * All that is known of a call that has ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Detailed<out A, out E> {
  readonly exit: Exit.Exit<A, E>
  readonly attempts: ReadonlyArray<Attempt<E>>
  readonly elapsedMillis: number
  readonly stop: Stop
}

/**
 * Runs a call under a policy and gives every attempt with its times, and why it stopped.
 *
 * **Details**
 *
 * Never fails: success, failure and defects are in `exit`. An interruption stays an interruption.
 *
 * **Example** (Two attempts)
 *
 * ```ts
 * import { Backoff, Retry } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const twice = Retry.policy({ attempts: 2, backoff: Backoff.none })
 *
 * const program = Effect.fail("down").pipe(Retry.detailed(twice))
 * const { attempts, stop } = await Effect.runPromise(program)
 *
 * console.log(attempts.length, stop) // => 2 Attempts
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const detailed: {
  <E, T extends Duration.Duration | undefined>(
    policy: Policy<NoInfer<E> | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ): <A, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Detailed<A, E | Timeout<T>>, never, R>
  <A, E, R, T extends Duration.Duration | undefined>(
    self: Effect.Effect<A, E, R>,
    policy: Policy<NoInfer<E> | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ): Effect.Effect<Detailed<A, E | Timeout<T>>, never, R>
} = Function.dual(
  (args) => Effect.isEffect(args[0]),
  Effect.fnUntraced(function* <A, E, R, T extends Duration.Duration | undefined>(
    self: Effect.Effect<A, E, R>,
    policy: Policy<E | Timeout<T>, T>,
    options?: { readonly label?: string | undefined }
  ) {
    const attempts: Array<Attempt<E | Timeout<T>>> = []
    const startNanos = yield* Clock.monotonicTimeNanos
    let stop: Stop = "Succeeded"
    const exit = yield* Effect.exit(
      internal.call<A, E, R, Timeout<T>>(self, policy, {
        label: options?.label ?? "call",
        onAttempt: (attempt) => attempts.push(attempt),
        onStop: (why) => {
          stop = why
        }
      })
    )
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      return yield* Effect.failCause(exit.cause)
    const elapsedMillis = Number((yield* Clock.monotonicTimeNanos) - startNanos) / 1e6
    return { exit, attempts, elapsedMillis, stop }
  })
)

/**
 * The longest that a call under this policy can take, from its first attempt to its last.
 *
 * **Details**
 *
 * The sum of all attempt time-outs and of the longest delays between them. It is reached when every attempt
 * times out and every delay is drawn at its bound. Infinite when no bound is known: `unbounded` says why.
 *
 * It looks at data alone: where `maxRetryAfter` is set, hints of that length are counted, whether the policy reads
 * hints already or the reading is still to be spread into it.
 *
 * **Gotchas**
 *
 * It counts the waits of the policy, not what the event loop adds.
 *
 * **Example** (The historical default of a wallet)
 *
 * ```ts
 * import { Backoff, Retry } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const historical = Retry.policy({
 *   attempts: 11,
 *   attemptTimeout: "10 seconds",
 *   backoff: Backoff.constant("3 seconds")
 * })
 *
 * console.log(Duration.format(Retry.worstCase(historical))) // => 2m 20s
 * ```
 *
 * @since 0.1.0
 * @category worst case
 */
export const worstCase = (policy: Policy<never>): Duration.Duration => {
  const { attempts, attemptTimeout, backoff } = policy
  if (unbounded(policy).length > 0 || attemptTimeout === undefined) return Duration.infinity
  const trying = Duration.times(Duration.max(attemptTimeout, Duration.zero), attempts)
  // A schedule is bounded when there is one attempt, and so no delay.
  return Schedule.isSchedule(backoff) ? trying : Duration.sum(trying, waiting(policy, backoff))
}

/** The longest delays between the attempts, hints included. */
const waiting = (policy: Policy<never>, backoff: Backoff.Backoff): Duration.Duration => {
  const { attempts, maxRetryAfter } = policy
  const delays = attempts - 1
  if (maxRetryAfter === undefined) return Backoff.total(backoff, delays)
  const hinted = delaysBelow(backoff, maxRetryAfter, delays)
  return Duration.sum(
    Duration.times(maxRetryAfter, hinted),
    Duration.subtract(Backoff.total(backoff, delays), Backoff.total(backoff, hinted))
  )
}

/** How many of the first `delays` are shorter than a duration at their bound; bounds never shrink, so it halves. */
const delaysBelow = (backoff: Backoff.Backoff, duration: Duration.Duration, delays: number): number => {
  let below = 0
  let rest = delays
  while (rest > 0) {
    const half = Math.ceil(rest / 2)
    if (Duration.isLessThan(Backoff.bounds(backoff, below + half).max, duration)) {
      below += half
      rest -= half
    } else {
      rest = half - 1
    }
  }
  return below
}

/**
 * What a policy leaves open: see `unbounded`.
 *
 * @since 0.1.0
 * @category worst case
 */
export type Unbounded = "attempts" | "attemptTimeout" | "schedule" | "maxRetryAfter"

/**
 * Why the worst case of a policy is not known; empty when it is.
 *
 * **Details**
 *
 * `attempts` and `attemptTimeout`: there is no bound on them. `schedule`: the backoff is a schedule, which can be
 * anything. `maxRetryAfter`: hints are honoured, and there is no bound on them.
 *
 * **Example** (A schedule can be anything)
 *
 * ```ts
 * import { Retry } from "@holdfast/core"
 * import { Schedule } from "effect"
 *
 * const policy = Retry.policy({ attempts: 3, backoff: Schedule.spaced("1 second") })
 *
 * console.log(Retry.unbounded(policy)) // => [ 'attemptTimeout', 'schedule' ]
 * ```
 *
 * @since 0.1.0
 * @category worst case
 */
export const unbounded = (policy: Policy<never>): ReadonlyArray<Unbounded> => {
  const { attemptTimeout, backoff, maxRetryAfter } = policy
  // A policy that was spread was checked by nobody.
  const attempts = positiveInteger("Retry", "attempts", policy.attempts, { allowInfinity: true })
  const reasons: Array<Unbounded> = []
  if (!Number.isFinite(attempts)) reasons.push("attempts")
  if (attemptTimeout === undefined || isEndless(attemptTimeout)) reasons.push("attemptTimeout")
  if (attempts > 1 && Schedule.isSchedule(backoff)) reasons.push("schedule")
  if (attempts > 1 && isEndless(maxRetryAfter)) reasons.push("maxRetryAfter")
  return reasons
}

const isEndless = (duration: Duration.Duration | undefined): boolean => duration?.value._tag === "Infinity"

/**
 * Which attempt of its call an effect belongs to; the first, and everything outside of a call, is 1.
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentAttempt: Context.Reference<number> = internal.CurrentAttempt

const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
const longDay = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
const time = "\\d{2}:\\d{2}:\\d{2}"
const httpDate = new RegExp(
  `^(?:${day}, \\d{2} ${month} \\d{4} ${time} GMT` +
    `|${longDay}, \\d{2}-${month}-\\d{2} ${time} GMT` +
    `|${day} ${month} [ \\d]\\d ${time} \\d{4})$`
)

/**
 * Reads a Retry-After header: a number of seconds, or a date; `undefined` when it is neither.
 *
 * **Details**
 *
 * The grammar is that of RFC 9110, sections 10.2.3 and 5.6.7: whole seconds, and the three forms of an HTTP date.
 *
 * **Example** (Seconds, not milliseconds)
 *
 * ```ts
 * import { Retry } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const hint = Retry.parseRetryAfter("2")
 *
 * console.log(Duration.isDuration(hint) && Duration.toSeconds(hint)) // => 2
 * console.log(Retry.parseRetryAfter("soon")) // => undefined
 * ```
 *
 * @since 0.1.0
 * @category hints
 */
export const parseRetryAfter = (header: string): Duration.Duration | DateTime.Utc | undefined => {
  const value = header.trim()
  if (/^\d{1,15}$/.test(value)) return Duration.seconds(Number(value))
  if (!httpDate.test(value)) return undefined
  // The asctime form names no zone; it is UTC like the others.
  return Option.getOrUndefined(DateTime.make(value.endsWith("GMT") ? value : `${value} GMT`))
}
