/** Calls that nobody disturbs, that have a deadline around them, that are interrupted, and those that take longest. */
import { Deadline, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Cause, Duration, Effect, Exit, Fiber, Latch } from "effect"
import * as fc from "fast-check"
import { withChance } from "./backoffs.ts"
import {
  apart,
  attemptOf,
  type Call,
  callOf,
  callsOf,
  describeCall,
  isOf,
  noting,
  type Played,
  play,
  policyOf,
  resultOf,
  type Seen,
  workAt
} from "./calls.ts"
import { lengthOf, sleepUntil, toDuration, words } from "./time.ts"
import { lengthWhenInterrupted, outcomeWhenInterrupted } from "./work.ts"

const unseen = (): Seen => ({ begun: [], ended: undefined })

/** Runs an application until all that it has abandoned has ended, which is let go when its main part is over. */
const untilAllEnd = <E>(main: (released: Latch.Latch) => Effect.Effect<void, E>): Effect.Effect<void, E> =>
  Effect.gen(function* () {
    const released = yield* Latch.make()
    const application = Effect.ensuring(main(released), released.open)
    yield* Effect.provide(application, Deadline.layerAbandoned({ joinTimeout: Duration.infinity }))
  })

const show = (value: unknown): string => JSON.stringify(value)

/** When the attempts of a call began, as it was seen and as it was foreseen. */
const judgeBegun = (guarantee: string, seen: Seen, { tried }: Pick<Played, "tried">) => {
  const begun = tried.flatMap(({ hasBegun, startNanos }, index) =>
    hasBegun ? [{ atNanos: startNanos, attempt: index + 1 }] : []
  )
  const isSame =
    begun.length === seen.begun.length &&
    begun.every(({ atNanos, attempt }, index) => {
      const other = seen.begun[index]
      return other?.atNanos === atNanos && other.attempt === attempt
    })
  return Check.always(
    guarantee,
    isSame,
    () => `the attempts began at ${show(seen.begun)} instead of ${show(begun)}`
  )
}

// ----------------------------------------------------------------------------
// RT-1
// ----------------------------------------------------------------------------

interface Told {
  readonly call: Call
  /** It asks for all that is known of the call. */
  readonly isDetailed: boolean
}

export const toldOf = (unit: number): fc.Arbitrary<Told> =>
  fc.record({ call: callsOf(unit), isDetailed: fc.boolean() })

export const describeTold = ({ call, isDetailed }: Told): string =>
  `${isDetailed ? "in detail, " : ""}${describeCall(call)}`

const judgeEnd = (call: Call, { ended }: Seen, { endNanos, tried }: Played) => {
  const last = tried.at(-1)
  const isRight =
    ended !== undefined &&
    last !== undefined &&
    ended.atNanos === endNanos &&
    isOf(ended.exit, last, tried.length, call)
  return Check.always("RT-1", isRight, () => `it ended ${show(ended)} instead of as ${show(last)}`)
}

const judgeDetails = (call: Call, played: Played, detailed: Retry.Detailed<string, unknown>) => {
  const { attempts, elapsedMillis, exit, stop } = detailed
  const { endNanos, tried } = played
  const last = tried.at(-1)
  const areRight = tried.every((one, index) => {
    const told = attempts[index]
    return (
      told?.attempt === index + 1 &&
      told.startedAfterMillis === one.startNanos / 1e6 &&
      told.durationMillis === (one.endNanos - one.startNanos) / 1e6 &&
      isOf(told.cause === undefined ? Exit.void : Exit.failCause(told.cause), one, index + 1, call)
    )
  })
  const isRight =
    areRight &&
    attempts.length === tried.length &&
    stop === played.stop &&
    elapsedMillis === endNanos / 1e6 &&
    last !== undefined &&
    isOf(exit, last, tried.length, call)
  return Check.always("RT-1", isRight, () => `it told ${show(detailed)} instead of ${show(played)}`)
}

export const runTold = ({ call, isDetailed }: Told) =>
  untilAllEnd((released) =>
    Effect.gen(function* () {
      const played = play(call)
      const seen = unseen()
      if (isDetailed) {
        const detailed = attemptOf(call, seen, released).pipe(
          Retry.detailed(policyOf(call)),
          withChance(call.chance)
        )
        const exit = yield* Effect.exit(detailed)
        if (Exit.isSuccess(exit)) yield* judgeDetails(call, played, exit.value)
        // An interruption has no details.
        else yield* Check.always("RT-1", played.tried.at(-1)?.result === "interrupted", () => show(exit))
      } else {
        yield* Effect.exit(callOf(call, seen, released))
        yield* judgeEnd(call, seen, played)
      }
      yield* judgeBegun("RT-1", seen, played)
      yield* Check.sometimes(
        "a call that uses up its attempts",
        played.stop === "Attempts" && played.tried.length > 2
      )
      yield* Check.sometimes("a schedule that ends", played.stop === "Schedule")
      yield* Check.sometimes(
        "a success after a failure",
        played.stop === "Succeeded" && played.tried.length > 1
      )
    })
  )

// ----------------------------------------------------------------------------
// RT-3
// ----------------------------------------------------------------------------

interface Bounded {
  readonly call: Call
  readonly deadlineNanos: number
  /** The deadline around it cannot interrupt it, so that it goes on until it gives up by itself. */
  readonly isMasked: boolean
}

/** When attempts of a call begin, but for the first, if nobody disturbs it for some time. */
const startsOf = (call: Call, forNanos: number): ReadonlyArray<number> =>
  play(call, forNanos)
    .tried.slice(1)
    .map(({ startNanos }) => startNanos)
    .filter((nanos) => nanos >= 1)

/** A deadline just when an attempt would begin is what this is about; just when one ends, it is open which is first. */
const settle =
  (unit: number) =>
  ({ call, deadlineNanos, isMasked, meets }: Bounded & { readonly meets: number | undefined }): Bounded => {
    const start = meets === undefined ? undefined : startsOf(call, 50 * unit)[meets]
    const ends = play(call, 50 * unit).tried.map(({ endNanos }) => endNanos)
    return { call, deadlineNanos: apart(start ?? deadlineNanos, ends), isMasked }
  }

/** The start of one of the attempts, at which something else happens too. */
const meets = fc.option(fc.nat(2), { freq: 2, nil: undefined })

const endless = (unit: number) => (call: Call) => ({
  ...call,
  attempts: Infinity,
  backoff: { _tag: "Constant" as const, delayNanos: unit, jitter: "none" as const }
})

export const boundedOf = (unit: number): fc.Arbitrary<Bounded> =>
  fc
    .record({
      call: fc.oneof(
        { weight: 5, arbitrary: callsOf(unit) },
        { weight: 1, arbitrary: callsOf(unit).map(endless(unit)) }
      ),
      deadlineNanos: fc.oneof(
        lengthOf(unit).map((nanos) => nanos + 1),
        lengthOf(3 * unit).map((nanos) => nanos + 1)
      ),
      isMasked: fc.constantFrom(false, false, true),
      meets
    })
    .map(settle(unit))

export const describeBounded = ({ call, deadlineNanos, isMasked }: Bounded): string =>
  `within ${words(deadlineNanos)}${isMasked ? ", uninterruptible" : ""}, ${describeCall(call)}`

const isExceeded = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Deadline.DeadlineExceeded

export const runBounded = ({ call, deadlineNanos, isMasked }: Bounded) =>
  Effect.gen(function* () {
    const played = play(call, deadlineNanos)
    const { endNanos, refusedNanos, tried } = played
    const isCut = endNanos > deadlineNanos
    const seen = unseen()
    const around = unseen()
    yield* untilAllEnd((released) => {
      const inside = callOf(call, seen, released)
      const bounded = Deadline.within(
        isMasked ? Effect.uninterruptible(inside) : inside,
        toDuration(deadlineNanos)
      )
      const main = Effect.exit(noting(around)(bounded))
      // Nobody may be released before its time.
      return Effect.andThen(main, isMasked && isCut ? sleepUntil(endNanos + 1) : Effect.void)
    })
    const last = tried.at(-1)
    const isEnd = ({ ended }: Seen) =>
      ended !== undefined &&
      last !== undefined &&
      ended.atNanos === endNanos &&
      isOf(ended.exit, last, tried.length, call)
    const isCutOff = ({ ended }: Seen) =>
      ended !== undefined && ended.atNanos === deadlineNanos && isExceeded(ended.exit)
    const isRight = (isCut ? isCutOff(around) : isEnd(around)) && ((isCut && !isMasked) || isEnd(seen))
    yield* Check.always(
      "RT-3",
      isRight,
      () =>
        `the call ended ${show(seen.ended)}, for its caller ${show(around.ended)}, instead of as ${show(played)}`
    )
    yield* judgeBegun("RT-3", seen, played)
    const refused = refusedNanos ?? 0
    yield* Check.sometimes("a delay that is not begun", refused > 0 && endNanos + refused > deadlineNanos)
    yield* Check.sometimes(
      "a delay that would end just at the deadline",
      refused > 0 && endNanos + refused === deadlineNanos
    )
    yield* Check.sometimes("a call that outlives its deadline", isMasked && isCut)
  })

// ----------------------------------------------------------------------------
// RT-4
// ----------------------------------------------------------------------------

interface Interrupted {
  readonly call: Call
  readonly interruptNanos: number
}

export const interruptedOf = (unit: number): fc.Arbitrary<Interrupted> =>
  fc
    .record({
      call: callsOf(unit),
      interruptNanos: fc.oneof(lengthOf(unit), lengthOf(3 * unit)).map((nanos) => Math.max(1, nanos)),
      meets
    })
    .map(({ call, interruptNanos, meets }) => {
      const start = meets === undefined ? undefined : startsOf(call, 50 * unit)[meets]
      return { call, interruptNanos: start ?? interruptNanos }
    })

export const describeInterrupted = ({ call, interruptNanos }: Interrupted): string =>
  `interrupted at ${words(interruptNanos)}, ${describeCall(call)}`

interface Cut {
  readonly tried: Played["tried"]
  readonly atNanos: number
  readonly result: ReturnType<typeof resultOf>
  readonly isInDelay: boolean
}

/** How a call ends that is interrupted at an instant at which nothing else happens. */
const cut = (call: Call, { endNanos, tried }: Played, interruptNanos: number): Cut => {
  const begun = tried.filter(({ startNanos }) => startNanos <= interruptNanos)
  const last = begun.at(-1)
  if (last === undefined || interruptNanos >= endNanos) {
    return { tried, atNanos: endNanos, result: tried.at(-1)?.result ?? "interrupted", isInDelay: false }
  }
  const work = workAt(call, begun.length)
  if (work === undefined || interruptNanos >= last.endNanos) {
    return { tried: begun, atNanos: interruptNanos, result: "interrupted", isInDelay: true }
  }
  const after = interruptNanos - last.startNanos
  const { timeoutNanos = Infinity } = call
  const atNanos = last.startNanos + Math.min(lengthWhenInterrupted(work, after), timeoutNanos)
  // Without a time-out the attempt runs in the fiber of its caller, who sees all of how it ends.
  const result = timeoutNanos === Infinity ? outcomeWhenInterrupted(work, after) : "interrupted"
  return { tried: begun, atNanos, result, isInDelay: false }
}

const judgeCut = ({ call, interruptNanos }: Interrupted, seen: Seen) => {
  const { ended } = seen
  const played = play(call)
  const before = cut(call, played, interruptNanos - 0.5)
  const after = cut(call, played, interruptNanos + 0.5)
  const begun = ({ tried }: Cut): number => tried.filter(({ hasBegun }) => hasBegun).length
  const result = ended === undefined ? undefined : resultOf(ended.exit)
  const atNanos = ended?.atNanos ?? Infinity
  const isSame = (one: Cut): boolean =>
    Math.abs(atNanos - one.atNanos) <= 0.5 && result === one.result && seen.begun.length === begun(one)
  // At one instant attempts may end and begin, and the interruption may come anywhere between. And Effect may show the
  // interruption instead of a failure in a region that cannot be interrupted.
  const isBetween =
    result === "interrupted" &&
    interruptNanos <= atNanos &&
    before.atNanos - 0.5 <= atNanos &&
    atNanos <= after.atNanos + 0.5 &&
    begun(before) <= seen.begun.length &&
    seen.begun.length <= begun(after)
  const isRight = isSame(before) || isSame(after) || isBetween
  return Effect.gen(function* () {
    yield* Check.always("RT-4", isRight, () => `it was ${show(seen)} instead of ${show([before, after])}`)
    yield* Check.sometimes("an interruption during a delay", before.isInDelay && after.isInDelay)
    yield* Check.sometimes("an interruption when a delay ends", before.isInDelay && !after.isInDelay)
    yield* Check.sometimes(
      "an interruption during an attempt",
      before.atNanos === after.atNanos && begun(before) > 1
    )
  })
}

export const runInterrupted = (interrupted: Interrupted) =>
  Effect.gen(function* () {
    const seen = unseen()
    yield* untilAllEnd((released) =>
      Effect.gen(function* () {
        const caller = yield* Effect.forkChild(Effect.exit(callOf(interrupted.call, seen, released)))
        yield* sleepUntil(interrupted.interruptNanos)
        caller.interruptUnsafe()
        yield* Fiber.await(caller)
      })
    )
    yield* judgeCut(interrupted, seen)
  })
