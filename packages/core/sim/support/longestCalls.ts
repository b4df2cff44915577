/** Calls that take as long as they can. */
import { Deadline, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Duration, Effect, Latch } from "effect"
import * as fc from "fast-check"
import {
  almostOne,
  type Bounded as Backoff,
  boundedOf,
  chance,
  describePlan,
  longestAfter,
  makeBounded,
  withChance
} from "./backoffs.ts"
import { lengthOf, now, toDuration, words } from "./time.ts"
import { describeWork, perform, type Work, workOf } from "./work.ts"

interface Long {
  readonly attempts: number
  readonly timeoutNanos: number
  readonly backoff: Backoff
  readonly chance: number
  readonly maxNanos: number | undefined
  /** What each attempt does, in turn; when there is no more, it hangs. */
  readonly script: ReadonlyArray<Work>
  /** What servers say, where it is longer than the delay. */
  readonly hintNanos: number | undefined
}

export const longOf = (unit: number): fc.Arbitrary<Long> =>
  fc.record({
    attempts: fc.integer({ min: 1, max: 5 }),
    timeoutNanos: fc.oneof(lengthOf(unit), fc.constant(-unit)),
    backoff: boundedOf(unit).map(short(unit)),
    chance: fc.oneof(fc.constant(almostOne), chance),
    maxNanos: fc.option(lengthOf(unit), { nil: undefined }),
    script: fc.oneof(fc.constant([]), fc.array(workOf(unit), { maxLength: 4 })),
    hintNanos: fc.oneof(fc.constant(Infinity), fc.constant(undefined), lengthOf(unit))
  })

/** Instants are exact for a hundred days only. */
const short =
  (unit: number) =>
  (backoff: Backoff): Backoff =>
    backoff._tag === "Constant" ? backoff : { ...backoff, capNanos: Math.min(backoff.capNanos, 8 * unit) }

export const describeLong = (call: Long): string =>
  [
    `${call.attempts} attempts, each within ${words(call.timeoutNanos)}`,
    `${describePlan(call.backoff)}, drawn at ${call.chance}`,
    ...(call.maxNanos === undefined ? [] : [`hints up to ${words(call.maxNanos)}`]),
    ...(call.hintNanos === undefined ? [] : [`hints of ${words(call.hintNanos)}`]),
    ...call.script.map((work, index) => `attempt ${index + 1} ${describeWork(work)}`),
    "the others hang"
  ].join("; ")

const policyOf = ({ attempts, backoff, maxNanos, timeoutNanos }: Long) =>
  Retry.policy({
    attempts,
    attemptTimeout: toDuration(timeoutNanos),
    backoff: makeBounded(backoff),
    maxRetryAfter: maxNanos === undefined ? undefined : toDuration(maxNanos)
  })

const hanging: Work = { parts: [], end: "hangs", closingNanos: 0, closingDies: false, isStubborn: false }

/** Everything takes as long as it may: every attempt, every draw, every hint that may lengthen a delay. */
const isLongest = ({ chance, hintNanos, maxNanos, script }: Long): boolean =>
  script.length === 0 && chance === almostOne && (maxNanos === undefined || hintNanos === Infinity)

/** A number just below 1 may draw a nanosecond less than the bound, where that is rounded up. */
const roundingNanos = ({ attempts, backoff }: Long): number => (backoff.jitter === "none" ? 0 : attempts - 1)

export const runLong = (call: Long) =>
  Effect.gen(function* () {
    const released = yield* Latch.make()
    const policy = policyOf(call)
    const worst = Number(Duration.toNanosUnsafe(Retry.worstCase(policy)))
    let attempt = 0
    const work = Effect.flatMap(Retry.CurrentAttempt, (number) =>
      perform(call.script[number - 1] ?? hanging, released)
    )
    const hint = (): Duration.Duration | undefined => {
      const { backoff, hintNanos, maxNanos } = call
      attempt++
      // A shorter one would spare some of the delay.
      const isLonger =
        hintNanos !== undefined && Math.min(hintNanos, maxNanos ?? 0) > longestAfter(backoff, attempt)
      return isLonger ? toDuration(hintNanos) : undefined
    }
    const ended = Effect.gen(function* () {
      yield* Effect.exit(withChance(call.chance)(Retry.run(work, { ...policy, retryAfter: hint })))
      const elapsed = yield* now
      yield* released.open
      return elapsed
    })
    const elapsed = yield* Effect.provide(ended, Deadline.layerAbandoned({ joinTimeout: Duration.infinity }))
    const found = `it took ${elapsed}, and its worst case is ${worst}`
    yield* Check.always("RT-2", elapsed <= worst, found)
    yield* Check.always("RT-2", !isLongest(call) || elapsed >= worst - roundingNanos(call), found)
    yield* Check.sometimes("the worst case", elapsed === worst && worst > 0)
    yield* Check.sometimes(
      "the worst case with jitter",
      elapsed === worst && call.backoff.jitter !== "none" && call.attempts > 1
    )
    yield* Check.sometimes(
      "the worst case with hints",
      elapsed === worst && (call.maxNanos ?? 0) > 0 && call.attempts > 1
    )
  })
