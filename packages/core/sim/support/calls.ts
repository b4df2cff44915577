/** Retried calls, as data: what each attempt does, the policy, and a model that plays them through. */
import { Retry } from "@holdfast/core"
import { Cause, Effect, Exit, type Latch } from "effect"
import * as fc from "fast-check"
import { chance, delaysOf, describePlan, make, type Plan, planOf, withChance } from "./backoffs.ts"
import { lengthOf, longest, now, toDuration, words } from "./time.ts"
import {
  describeWork,
  lengthOfWork,
  type Outcome,
  outcomeOf,
  outcomeOfWork,
  perform,
  type Work,
  workOf
} from "./work.ts"

export interface Call {
  readonly attempts: number
  readonly timeoutNanos: number | undefined
  readonly backoff: Plan
  /** What is drawn for every delay. */
  readonly chance: number
  /** What the attempts do, in turn; the last is for all that come then. */
  readonly script: ReadonlyArray<Work>
  /** Which failures are worth another attempt. */
  readonly worth: "all" | "time-outs"
}

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** How an attempt ended, and its call if it was the last one. */
type Result = Outcome | "timed out"

export interface Tried {
  readonly startNanos: number
  readonly endNanos: number
  readonly result: Result
  /** A time-out of nothing starts no work. */
  readonly hasBegun: boolean
}

export interface Played {
  readonly tried: ReadonlyArray<Tried>
  readonly stop: Retry.Stop
  readonly endNanos: number
  /** The delay that was not begun, because it would have reached the deadline. */
  readonly refusedNanos: number | undefined
}

export const workAt = ({ script }: Call, attempt: number): Work | undefined =>
  script[attempt - 1] ?? script.at(-1)

const tryOnce = (call: Call, attempt: number, startNanos: number): Tried => {
  const work = workAt(call, attempt)
  const { timeoutNanos = Infinity } = call
  if (work === undefined || timeoutNanos <= 0) {
    return { startNanos, endNanos: startNanos, result: "timed out", hasBegun: false }
  }
  const length = lengthOfWork(work)
  return length <= timeoutNanos
    ? { startNanos, endNanos: startNanos + length, result: outcomeOfWork(work), hasBegun: true }
    : { startNanos, endNanos: startNanos + timeoutNanos, result: "timed out", hasBegun: true }
}

/** All that a call does when nobody interrupts it. `deadlineNanos` is that around it. */
export const play = (call: Call, deadlineNanos = Infinity): Played => {
  const delays = delaysOf(call.backoff, call.chance)
  const tried: Array<Tried> = []
  let startNanos = 0
  for (let attempt = 1; ; attempt++) {
    const one = tryOnce(call, attempt, startNanos)
    tried.push(one)
    const { endNanos, result } = one
    const ended = (stop: Retry.Stop): Played => ({ tried, stop, endNanos, refusedNanos: undefined })
    if (result === "succeeds") return ended("Succeeded")
    if (result === "dies" || result === "interrupted") return ended("Defect")
    if (attempt >= call.attempts) return ended("Attempts")
    if (call.worth === "time-outs" && result !== "timed out") return ended("While")
    const delayNanos = delays(attempt)
    if (delayNanos === undefined) return ended("Schedule")
    if (endNanos + delayNanos >= deadlineNanos) return { ...ended("Deadline"), refusedNanos: delayNanos }
    startNanos = endNanos + delayNanos
  }
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

/** What a run has seen of a call. */
export interface Seen {
  /** When the work of each attempt began, and what `CurrentAttempt` was. */
  readonly begun: Array<{ readonly atNanos: number; readonly attempt: number }>
  ended: { readonly atNanos: number; readonly exit: Exit.Exit<unknown, unknown> } | undefined
}

/** The error of an attempt tells which one it was. */
const failureOf = (attempt: number): string => `refused at attempt ${attempt}`

/** The effect that is retried. */
export const attemptOf = (call: Call, seen: Seen, released: Latch.Latch): Effect.Effect<string, string> =>
  Effect.gen(function* () {
    const atNanos = yield* now
    const attempt = yield* Retry.CurrentAttempt
    seen.begun.push({ atNanos, attempt })
    const work = workAt(call, seen.begun.length)
    if (work === undefined) return yield* Effect.die(new Error("a call without a script"))
    return yield* Effect.mapError(perform(work, released), () => failureOf(attempt))
  })

export const policyOf = (call: Call): Retry.Policy =>
  Retry.policy({
    attempts: call.attempts,
    attemptTimeout: call.timeoutNanos === undefined ? undefined : toDuration(call.timeoutNanos),
    backoff: make(call.backoff),
    while: call.worth === "all" ? undefined : Retry.isAttemptTimeout
  })

/** Notes how a call ends, and when. */
export const noting =
  (seen: Seen) =>
  <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.onExit(self, (exit) =>
      Effect.map(now, (atNanos) => {
        seen.ended = { atNanos, exit }
      })
    )

/** The call as a caller makes it. */
export const callOf = (call: Call, seen: Seen, released: Latch.Latch): Effect.Effect<unknown, unknown> =>
  attemptOf(call, seen, released).pipe(Retry.run(policyOf(call)), withChance(call.chance), noting(seen))

export const resultOf = (exit: Exit.Exit<unknown, unknown>): Result =>
  Exit.isFailure(exit) && Retry.isAttemptTimeout(Cause.squash(exit.cause)) ? "timed out" : outcomeOf(exit)

/** Whether an exit is how the attempt with this number ended. */
export const isOf = (
  exit: Exit.Exit<unknown, unknown>,
  { result }: Tried,
  attempt: number,
  call: Call
): boolean => {
  if (resultOf(exit) !== result) return false
  if (Exit.isSuccess(exit)) return true
  const error = Cause.squash(exit.cause)
  if (result === "fails") return error === failureOf(attempt)
  if (!Retry.isAttemptTimeout(error)) return true
  const timeoutMillis = Math.max(0, call.timeoutNanos ?? 0) / 1e6
  return (
    error.attempt === attempt &&
    error.timeoutMillis === timeoutMillis &&
    error.elapsedMillis === timeoutMillis
  )
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

/** Moves an instant on until it is none of the others: what happens at one instant happens in any order. */
export const apart = (nanos: number, others: ReadonlyArray<number>): number => {
  let moved = nanos
  while (others.includes(moved)) moved++
  return moved
}

/** Each attempt of it ends, and not at the very instant of its time-out. */
const settle =
  (unit: number) =>
  (call: Call): Call => {
    const { timeoutNanos = Infinity } = call
    const lengths = call.script.map(lengthOfWork)
    const isEndless = timeoutNanos === Infinity && lengths.includes(Infinity)
    const timed =
      !isEndless && timeoutNanos === Infinity
        ? call
        : { ...call, timeoutNanos: apart(isEndless ? 9 * unit : timeoutNanos, lengths) }
    // Instants are exact to the nanosecond for a hundred days only.
    return play(timed).endNanos > longest ? { ...timed, attempts: 2 } : timed
  }

export const callsOf = (unit: number): fc.Arbitrary<Call> =>
  fc
    .record({
      attempts: fc.integer({ min: 1, max: 5 }),
      timeoutNanos: fc.oneof(
        { weight: 4, arbitrary: lengthOf(unit).map((nanos) => nanos + 1) },
        { weight: 2, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom(0, -unit, Infinity) }
      ),
      backoff: planOf(unit),
      chance,
      script: fc.array(failing(unit), { minLength: 1, maxLength: 4 }),
      worth: fc.constantFrom("all", "all", "time-outs")
    })
    .map(settle(unit))

/** Mostly work that is tried again, and now and then some that succeeds. */
const failing = (unit: number): fc.Arbitrary<Work> =>
  fc
    .tuple(workOf(unit), fc.constantFrom("fails", "fails", "fails", "fails", "succeeds", undefined))
    .map(([work, end]) => (end === undefined ? work : { ...work, end, closingDies: false }))

export const describeCall = (call: Call): string =>
  [
    `${call.attempts} attempts`,
    ...(call.timeoutNanos === undefined ? [] : [`each within ${words(call.timeoutNanos)}`]),
    `${describePlan(call.backoff)}, drawn at ${call.chance}`,
    ...(call.worth === "all" ? [] : ["only time-outs are tried again"]),
    ...call.script.map((work, index) => `attempt ${index + 1} ${describeWork(work)}`)
  ].join("; ")
