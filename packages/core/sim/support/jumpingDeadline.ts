/** A deadline while the wall clock jumps. */
import { Deadline } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Duration, Effect } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, sleepUntil, toDuration, words } from "./time.ts"
import { describeJumps, type Jump, jumpsOf, onJumpingClock } from "./wall.ts"

interface Jumping {
  readonly budgetNanos: number
  /** A deadline around it. */
  readonly aroundNanos: number
  readonly lengthNanos: number
  /** When the work looks at what remains. */
  readonly looksNanos: number
  readonly jumps: ReadonlyArray<Jump>
}

export const jumpingOf = (unit: number): fc.Arbitrary<Jumping> =>
  fc.record({
    budgetNanos: lengthOf(unit).map((nanos) => nanos + unit),
    aroundNanos: lengthOf(unit).map((nanos) => nanos + unit),
    lengthNanos: lengthOf(unit),
    looksNanos: lengthOf(unit),
    jumps: jumpsOf(unit)
  })

export const describeJumping = ({
  aroundNanos,
  budgetNanos,
  jumps,
  lengthNanos,
  looksNanos
}: Jumping): string =>
  [
    `within ${words(aroundNanos)}, within ${words(budgetNanos)}, work of ${words(lengthNanos)}`,
    `a look at ${words(looksNanos)}`,
    ...describeJumps(jumps)
  ].join("; ")

export const runJumping = ({ aroundNanos, budgetNanos, jumps, lengthNanos, looksNanos }: Jumping) => {
  const limitNanos = Math.min(aroundNanos, budgetNanos)
  const look = Effect.gen(function* () {
    yield* sleepUntil(Math.min(looksNanos, lengthNanos))
    const remaining = Duration.toMillis(yield* Deadline.remaining)
    const expected = (limitNanos - (yield* now)) / 1e6
    yield* Check.always("DL-7", remaining === expected, `${remaining} ms remain instead of ${expected} ms`)
  })
  const call = Effect.andThen(look, sleepUntil(lengthNanos)).pipe(
    Deadline.within(toDuration(budgetNanos)),
    Deadline.within(toDuration(aroundNanos))
  )
  const judged = Effect.gen(function* () {
    const elapsed = yield* Effect.match(call, {
      onFailure: ({ elapsedMillis }) => elapsedMillis,
      onSuccess: () => undefined
    })
    const at = yield* now
    const isDone = lengthNanos <= limitNanos
    const found = `it ${elapsed === undefined ? "succeeded" : `was exceeded after ${elapsed} ms`} at ${at}`
    const isRight =
      at === Math.min(lengthNanos, limitNanos) &&
      // At the very instant the work may have to queue once more.
      (elapsed === undefined ? isDone : elapsed === limitNanos / 1e6 && lengthNanos >= limitNanos)
    yield* Check.always("DL-7", isRight, found)
    const isBefore = jumps.some(({ atNanos }) => atNanos < limitNanos)
    yield* Check.sometimes("a jump before the deadline", isBefore && !isDone)
    yield* Check.sometimes(
      "a jump over the deadline",
      isBefore && jumps.some(({ byNanos }) => byNanos > limitNanos)
    )
  })
  return onJumpingClock(jumps, judged)
}
