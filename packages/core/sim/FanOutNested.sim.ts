/** Batches inside of other deadlines, and inside of each other: each has time to report. */
import { Deadline, FanOut } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { deadlineArbitrary, onShorterScales } from "./support/fanOutBatch.ts"
import { endOf } from "./support/fanOutModel.ts"
import { lengthOf, now, sleep, toDuration, words } from "./support/time.ts"

/** A batch of one target, whose call is the batch of the next level; the last one's call hangs. */
interface Level {
  readonly deadlineNanos: number
  /** How long its call waits before it begins with the next level. */
  readonly waitNanos: number
  /** How long its callback takes. */
  readonly callbackNanos: number
}

interface Workload {
  readonly levels: ReadonlyArray<Level>
  readonly aroundNanos: number
  /** The deadline around it is only given, as by one who reads it from a request: nobody ends what is late for it. */
  readonly isGiven: boolean
}

const levelOf = (unit: number): fc.Arbitrary<Level> =>
  fc.record({
    // Of two deadlines that are over it does not matter which it was.
    deadlineNanos: fc
      .oneof(fc.constant(Infinity), deadlineArbitrary(unit))
      .map((nanos) => Math.max(-1, nanos)),
    waitNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    callbackNanos: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: lengthOf(unit) }
    )
  })

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    levels: fc.array(levelOf(unit), { minLength: 1, maxLength: 3 }),
    aroundNanos: fc.oneof(
      { weight: 5, arbitrary: lengthOf(unit) },
      { weight: 1, arbitrary: fc.constantFrom(-10 * unit, -10) }
    ),
    isGiven: fc.constantFrom(false, false, true)
  })

const describe = ({ aroundNanos, isGiven, levels }: Workload): string =>
  [
    `${isGiven ? "given" : "within"} ${words(aroundNanos)}`,
    ...levels.map(
      ({ callbackNanos, deadlineNanos, waitNanos }, level) =>
        `level ${level} with ${words(deadlineNanos)}, whose call waits ${words(waitNanos)} and callback ${words(callbackNanos)}`
    )
  ].join("; ")

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** What a level gave, and when, from the beginning of the run. */
interface Seen {
  readonly ended: FanOut.Ended
  readonly isAnswered: boolean
  readonly endNanos: number
  readonly returnedNanos: number
}

/**
 * What a level must give that begins at an instant inside of a deadline, the next one first. Where the next level
 * returns as this one ends, `seen` says which came first; an infinite return is none.
 */
const expect = (
  levels: ReadonlyArray<Level>,
  startNanos: number,
  ambientNanos: number,
  seen: ReadonlyArray<Seen | undefined>
): ReadonlyArray<Seen> => {
  const [level, ...inner] = levels
  if (level === undefined) return []
  const { endNanos: lengthNanos, isInherited } = endOf({
    deadlineNanos: level.deadlineNanos,
    ambientNanos: ambientNanos - startNanos
  })
  const endNanos = startNanos + Math.max(0, lengthNanos)
  const innerStart = startNanos + level.waitNanos
  const innerSeen = innerStart <= endNanos ? expect(inner, innerStart, endNanos, seen.slice(1)) : []
  const answerNanos = innerSeen[0]?.returnedNanos ?? Infinity
  const isAnswered =
    lengthNanos > 0 && (answerNanos < endNanos || (answerNanos === endNanos && seen[0]?.isAnswered === true))
  const settledNanos = isAnswered ? answerNanos : endNanos
  return [
    {
      ended: isAnswered ? "Complete" : isInherited ? "InheritedDeadline" : "Deadline",
      isAnswered,
      endNanos: settledNanos,
      returnedNanos: settledNanos + level.callbackNanos
    },
    ...innerSeen
  ]
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

/** The batch of a level, which notes in `seen` what it gave. */
const perform = (
  levels: ReadonlyArray<Level>,
  number: number,
  seen: Array<Seen | undefined>
): Effect.Effect<unknown> => {
  const level = levels[number]
  if (level === undefined) return Effect.never
  const { callbackNanos, deadlineNanos, waitNanos } = level
  const next = perform(levels, number + 1, seen)
  const call = waitNanos === 0 ? next : Effect.andThen(sleep(waitNanos), next)
  const batch = FanOut.run([number], () => call, {
    deadline: toDuration(deadlineNanos),
    onOutcome: () => (callbackNanos === 0 ? Effect.void : sleep(callbackNanos))
  })
  return Effect.gen(function* () {
    const startNanos = yield* now
    const { answered, elapsedMillis, ended } = yield* batch
    seen[number] = {
      ended,
      isAnswered: answered.length > 0,
      endNanos: startNanos + Math.round(elapsedMillis * 1e6),
      returnedNanos: yield* now
    }
  })
}

const isSame = (a: Seen | undefined, b: Seen): boolean =>
  a !== undefined &&
  a.ended === b.ended &&
  a.isAnswered === b.isAnswered &&
  a.endNanos === b.endNanos &&
  a.returnedNanos === b.returnedNanos

/** Each level has given what was expected, unless the one around it had ended by then; where both are at once, it may. */
const judge = (
  expected: ReadonlyArray<Seen>,
  seen: ReadonlyArray<Seen | undefined>,
  aroundNanos: number
): Effect.Effect<void> => {
  let cutNanos = aroundNanos
  for (const [number, one] of expected.entries()) {
    const found = seen[number]
    const { returnedNanos } = one
    const isGood =
      (returnedNanos <= cutNanos && isSame(found, one)) || (returnedNanos >= cutNanos && found === undefined)
    if (!isGood)
      return Check.violated(
        "FO-11",
        `level ${number} gave ${JSON.stringify(found)} instead of ${JSON.stringify(one)}`
      )
    cutNanos = Math.min(cutNanos, one.endNanos)
  }
  return Effect.void
}

const notice = (expected: ReadonlyArray<Seen>, seen: ReadonlyArray<Seen | undefined>, aroundNanos: number) =>
  Effect.gen(function* () {
    const [outer, inner] = seen
    const isPartial = (one: Seen | undefined) =>
      one?.ended === "InheritedDeadline" && one.returnedNanos === one.endNanos
    yield* Check.sometimes(
      "a partial report before the deadline around it",
      isPartial(outer) && aroundNanos > 0
    )
    yield* Check.sometimes(
      "a partial report to the batch around it",
      isPartial(inner) && outer?.isAnswered === true
    )
    yield* Check.sometimes(
      "a callback that takes longer than was kept back",
      (expected[0]?.returnedNanos ?? 0) > aroundNanos
    )
    yield* Check.sometimes("a deadline that is over", aroundNanos < 0)
  })

const run = ({ aroundNanos, isGiven, levels }: Workload) =>
  Effect.gen(function* () {
    const seen: Array<Seen | undefined> = []
    const isWithin = !isGiven && aroundNanos > 0
    const batch = perform(levels, 0, seen)
    const running = isWithin
      ? Deadline.within(batch, toDuration(aroundNanos))
      : Effect.provideService(batch, Deadline.Current, { label: "request", atNanos: BigInt(aroundNanos) })
    const latest = expect(levels, 0, aroundNanos, [])[0]?.returnedNanos ?? 0
    const boundNanos = isWithin ? Math.min(latest, aroundNanos) : latest
    const exit = yield* Check.endsWithin("FO-11", toDuration(boundNanos), Effect.exit(running))
    yield* TestClock.adjust(0)
    const expected = expect(levels, 0, aroundNanos, seen)
    const cutNanos = isWithin ? aroundNanos : Infinity
    yield* judge(expected, seen, cutNanos)
    const isDone = Exit.isSuccess(exit)
    const isOut = isDone === (seen[0] !== undefined) || seen[0]?.returnedNanos === cutNanos
    yield* Check.always("FO-11", isOut, () => (isDone ? "nothing came out" : Cause.pretty(exit.cause)))
    yield* notice(expected, seen, aroundNanos)
  })

const nested = Suite.make({
  name: "FanOut nested",
  guarantees: ["FO-11"],
  arbitrary: onShorterScales(workloadOf),
  run,
  leaks: "FO-11",
  reaches: [
    "a partial report before the deadline around it",
    "a partial report to the batch around it",
    "a callback that takes longer than was kept back",
    "a deadline that is over"
  ],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [nested]
