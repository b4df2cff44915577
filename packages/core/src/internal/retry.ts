/**
 * The control flow of a retried call, for `Retry` and for the targets of a `FanOut`.
 *
 *   Attempt ──succeeds──▶ Stop "Succeeded"
 *   Attempt ──fails──▶ Decide ──▶ Stop "Defect" | "Attempts" | "While" | "Schedule" | "Deadline" | "Budget"
 *                      Decide ──▶ Delay ──▶ Attempt
 */
import { type Cause, Clock, Context, DateTime, Duration, Effect, Exit, Schedule, Schema } from "effect"
import type * as Backoff from "../Backoff.ts"
import { bounds } from "../Backoff.ts"
import type { RetryBudget } from "../RetryBudget.ts"
import { decode } from "./duration.ts"
import { ambientAlarm, limit, toNanos } from "./limit.ts"
import { type Delays, delaysOf } from "./steps.ts"

/** Which attempt of its call an effect is; the first is 1. */
export const CurrentAttempt: Context.Reference<number> = Context.Reference<number>(
  "@holdfast/core/Retry/CurrentAttempt",
  { defaultValue: () => 1 }
)

export interface Policy<in E> {
  readonly attempts: number
  readonly attemptTimeout: Duration.Duration | undefined
  readonly backoff: Backoff.Input
  readonly maxRetryAfter: Duration.Duration | undefined
  readonly while: ((error: E) => boolean) | undefined
  readonly retryAfter: ((error: E) => Duration.Input | DateTime.Utc | undefined) | undefined
  readonly budget: RetryBudget | undefined
}

export interface Attempt<out E> {
  readonly attempt: number
  readonly startedAfterMillis: number
  readonly durationMillis: number
  readonly cause: Cause.Cause<E> | undefined
}

export type Stop = "Succeeded" | "Attempts" | "While" | "Schedule" | "Deadline" | "Budget" | "Defect"

export class AttemptTimeout extends Schema.TaggedError<AttemptTimeout>("@holdfast/core/Retry/AttemptTimeout")(
  "AttemptTimeout",
  {
    label: Schema.String,
    attempt: Schema.Number,
    timeoutMillis: Schema.Number,
    elapsedMillis: Schema.Number
  }
) {
  override get message(): string {
    return `attempt ${this.attempt} of "${this.label}" ran out of its ${Math.round(this.timeoutMillis * 1000) / 1000} ms`
  }
}

export interface Call<E> {
  readonly label: string
  readonly onAttempt?: ((attempt: Attempt<E>) => void) | undefined
  /** Hears why no further attempt is made. */
  readonly onStop?: ((stop: Stop) => void) | undefined
}

const millisBetween = (fromNanos: bigint, toNanos: bigint): number => Number(toNanos - fromNanos) / 1e6

/**
 * Runs the call to its end.
 *
 * `E2` is the error of an attempt that ran out of time: `AttemptTimeout`, or `never` without a time-out.
 *
 * Most calls succeed at the first attempt, and pay for nothing that only a failure needs.
 */
export const call = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  policy: Policy<E | E2>,
  options: Call<E | E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.withFiber<A, E | E2, R>((fiber) => {
    const ambientAttempt = fiber.getRef(CurrentAttempt)
    const noting =
      options.onAttempt === undefined ? identity : notes(fiber.getRef(Clock.Clock), options.onAttempt)
    const tryOnce = (attempt: number): Effect.Effect<A, E | E2, R> => {
      const timed = withTimeout<A, E, R, E2>(self, policy.attemptTimeout, attempt, options.label)
      const numbered =
        attempt === ambientAttempt ? timed : Effect.provideService(timed, CurrentAttempt, attempt)
      return noting(numbered, attempt)
    }
    const first = Effect.catchCause(tryOnce(1), (cause) => again(cause, tryOnce, policy, options))
    return policy.budget === undefined ? first : Effect.andThen(policy.budget.deposit, first)
  })

const identity = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => self

/** Tells of every attempt with its times. */
const notes = <E>(clock: Clock.Clock, onAttempt: (attempt: Attempt<E>) => void) => {
  const startNanos = clock.monotonicTimeNanosUnsafe()
  return <A, R>(self: Effect.Effect<A, E, R>, attempt: number): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const startedNanos = clock.monotonicTimeNanosUnsafe()
      const note = (cause: Cause.Cause<E> | undefined): void =>
        onAttempt({
          attempt,
          startedAfterMillis: millisBetween(startNanos, startedNanos),
          durationMillis: millisBetween(startedNanos, clock.monotonicTimeNanosUnsafe()),
          cause
        })
      return Effect.matchCauseEffect(self, {
        onFailure: (cause) => {
          note(cause)
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          note(undefined)
          return Effect.succeed(value)
        }
      })
    })
}

/** What follows the first failed attempt. */
const again = Effect.fnUntraced(function* <A, E, R>(
  firstCause: Cause.Cause<E>,
  tryOnce: (attempt: number) => Effect.Effect<A, E, R>,
  policy: Policy<E>,
  options: Call<E>
): Effect.fn.Return<A, E, R> {
  const clock = yield* Clock.Clock
  const delays = makeDelays(policy)
  let cause = firstCause
  const stop = (why: Stop): Effect.Effect<never, E> => {
    options.onStop?.(why)
    return Effect.failCause(cause)
  }
  for (let attempt = 1; ; attempt++) {
    const error = onlyError(cause)
    if (error === undefined) return yield* stop("Defect")
    if (!(attempt < policy.attempts)) return yield* stop("Attempts")
    if (policy.while !== undefined && !policy.while(error.value)) return yield* stop("While")
    const delay = yield* delays(attempt, error.value)
    if (delay === undefined) return yield* stop("Schedule")
    if (!(yield* canStartAfter(delay))) return yield* stop("Deadline")
    if (policy.budget !== undefined && !(yield* policy.budget.withdraw)) return yield* stop("Budget")
    yield* clock.sleep(delay)
    // Once more: a blocked event loop may have slept longer.
    if (!(yield* canStartAfter(Duration.zero))) return yield* stop("Deadline")
    const exit = yield* Effect.exit(tryOnce(attempt + 1))
    if (Exit.isSuccess(exit)) return exit.value
    cause = exit.cause
  }
})

const withTimeout = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  timeout: Duration.Duration | undefined,
  attempt: number,
  label: string
): Effect.Effect<A, E | E2, R> =>
  timeout === undefined
    ? self
    : limit(self, {
        label,
        budgetNanos: toNanos(timeout),
        inherit: false,
        expired: ({ budgetMillis, elapsedMillis }) =>
          // house: there is a time-out here, so this is an `E2`
          new AttemptTimeout({ label, attempt, timeoutMillis: budgetMillis, elapsedMillis }) as E2
      })

/** The error of a cause that tells of nothing but errors; boxed, because an error may be `undefined`. */
const onlyError = <E>(cause: Cause.Cause<E>): { readonly value: E } | undefined => {
  let first: { readonly value: E } | undefined
  for (const reason of cause.reasons) {
    if (reason._tag !== "Fail") return undefined
    first ??= { value: reason.error }
  }
  return first
}

const canStartAfter = (delay: Duration.Duration): Effect.Effect<boolean> =>
  Effect.withFiber((fiber) => {
    const ambient = ambientAlarm(fiber)
    return Effect.succeed(
      ambient === undefined ||
        (Duration.isFinite(delay) && Duration.toNanosUnsafe(delay) < ambient.leftNanos())
    )
  })

/** The delay after a failed attempt; `undefined` when the backoff is a schedule that has ended. */
const makeDelays = <E>(
  policy: Policy<E>
): ((attempt: number, error: E) => Effect.Effect<Duration.Duration | undefined>) => {
  const { backoff } = policy
  let nextDelay: Delays | undefined
  return Effect.fnUntraced(function* (attempt, error) {
    nextDelay ??= yield* delaysOf(backoff)
    const next = yield* nextDelay(error)
    if (next === undefined) return undefined
    const now = yield* Clock.currentTimeMillis
    const hint = retryAfter(policy, error, now)
    if (hint === undefined) return next
    const most = policy.maxRetryAfter ?? (Schedule.isSchedule(backoff) ? next : bounds(backoff, attempt).max)
    return Duration.min(hint, most)
  })
}

const retryAfter = <E>(policy: Policy<E>, error: E, nowMillis: number): Duration.Duration | undefined => {
  const hint = policy.retryAfter?.(error)
  if (hint === undefined) return undefined
  const duration = DateTime.isDateTime(hint)
    ? Duration.millis(DateTime.toEpochMillis(hint) - nowMillis)
    : readHint(hint)
  return duration === undefined ? undefined : Duration.max(duration, Duration.zero)
}

/** A hint comes from a server: one without a meaning is no hint, and no bug of the caller. */
const readHint = (hint: Duration.Input): Duration.Duration | undefined => {
  try {
    return decode("Retry", "retryAfter", hint)
  } catch {
    return undefined
  }
}
