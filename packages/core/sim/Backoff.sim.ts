/** Delays of every backoff, at every attempt, and as schedules that several callers share. */
import { Backoff } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Duration, Effect } from "effect"
import * as fc from "fast-check"
import {
  type Bounded,
  boundedOf,
  chance,
  describePlan,
  draw,
  longestAfter,
  makeBounded,
  rangeOf,
  withChance
} from "./support/backoffs.ts"
import { day, lengthOf, now, onScales, toDuration, words } from "./support/time.ts"

interface Drawn {
  readonly plan: Bounded
  /** An attempt far out, and the delay before it. */
  readonly attempt: number
  readonly previousNanos: number | undefined
  readonly chances: ReadonlyArray<number>
  /** What each caller of the schedule draws; `undefined` for the chance of the simulation. */
  readonly callers: ReadonlyArray<number | undefined>
  readonly steps: number
}

const attempt = fc.oneof(
  fc.integer({ min: 1, max: 12 }),
  fc.constantFrom(100, 1_000, 1_000_000, Number.MAX_SAFE_INTEGER, 1e308, Infinity)
)

/** Lengths that nobody would write, beside those that somebody might. */
const extreme = fc.constantFrom(0, 1, 3, 1e9, 400 * day, 1e20, 1e30)

const extremely = (plan: Bounded, nanos: number): Bounded => {
  switch (plan._tag) {
    case "Constant":
      return { ...plan, delayNanos: nanos }
    case "Linear":
      return { ...plan, stepNanos: nanos }
    case "Exponential":
      return { ...plan, baseNanos: nanos, factor: 1e9 }
  }
}

const drawnOf = (unit: number): fc.Arbitrary<Drawn> =>
  fc.record({
    plan: fc.oneof(
      { weight: 3, arbitrary: boundedOf(unit) },
      {
        weight: 1,
        arbitrary: fc.tuple(boundedOf(unit), extreme).map(([plan, nanos]) => extremely(plan, nanos))
      }
    ),
    attempt,
    previousNanos: fc.option(fc.oneof(lengthOf(unit), extreme), { nil: undefined }),
    chances: fc.array(fc.oneof(chance, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), {
      minLength: 1,
      maxLength: 4
    }),
    callers: fc.array(fc.option(chance, { nil: undefined }), { minLength: 1, maxLength: 3 }),
    steps: fc.integer({ min: 1, max: 5 })
  })

const describe = ({ attempt, callers, chances, plan, previousNanos, steps }: Drawn): string =>
  [
    describePlan(plan),
    `after attempt ${attempt}, drawn at ${chances.join(" and ")}`,
    ...(previousNanos === undefined ? [] : [`after a delay of ${words(previousNanos)}`]),
    `${steps} delays for callers that draw ${callers.map((chance) => chance ?? "anything").join(" and ")}`
  ].join("; ")

/** Numbers hold 53 bits. */
const isNear = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= 1e-12 * Math.max(a, b)

const toNanos = (duration: Duration.Duration): number => Number(Duration.toNanosUnsafe(duration))

const capOf = (plan: Bounded): Duration.Duration =>
  plan._tag === "Constant" ? Duration.infinity : toDuration(plan.capNanos)

/** A delay is what the formula says, and within what may be asked of any. */
const judgeDelay = (plan: Bounded, attempt: number, delay: Duration.Duration, expected: number) => {
  const isSound =
    Duration.isFinite(delay) &&
    !Duration.isNegative(delay) &&
    Duration.isLessThanOrEqualTo(delay, capOf(plan))
  return Check.always(
    "RT-5",
    isSound && isNear(toNanos(delay), expected),
    () => `the delay after attempt ${attempt} is ${Duration.format(delay)} instead of ${words(expected)}`
  )
}

/** One delay, wherever the attempt is. */
const judgeFar = ({ attempt, chances, plan, previousNanos }: Drawn, backoff: Backoff.Backoff) =>
  Effect.gen(function* () {
    const previous = previousNanos === undefined ? undefined : toDuration(previousNanos)
    const range = rangeOf(plan, attempt, previousNanos)
    for (const chance of chances) {
      const delay = yield* withChance(chance)(Backoff.delay(backoff, attempt, previous))
      yield* judgeDelay(plan, attempt, delay, draw(range, chance))
    }
    const isAtCap = plan._tag !== "Constant" && range.max === plan.capNanos && range.min < range.max
    yield* Check.sometimes("draws below a cap that is reached", isAtCap)
    yield* Check.sometimes("an endless number of attempts", attempt === Infinity)
  })

/** What bounds the delays, and all of them together. */
const judgeBounds = ({ plan, steps }: Drawn, backoff: Backoff.Backoff) =>
  Effect.gen(function* () {
    let total = 0
    for (let attempt = 1; attempt <= steps; attempt++) {
      const longest = longestAfter(plan, attempt)
      total += longest
      yield* judgeDelay(plan, attempt, Backoff.bounds(backoff, attempt).max, longest)
    }
    const sum = toNanos(Backoff.total(backoff, steps))
    yield* Check.always("RT-5", isNear(sum, total), `${steps} delays are ${sum} at most instead of ${total}`)
  })

/** One caller of a schedule: waits as it says, and draws the same number always, or any. */
const follow = (
  drawn: Drawn,
  schedule: ReturnType<typeof Backoff.toSchedule>,
  chance: number | undefined
) => {
  const { plan, steps } = drawn
  let attempt = 0
  let previousNanos: number | undefined
  let sinceNanos = 0
  const judged = Effect.gen(function* () {
    const nanos = yield* now
    if (attempt > 0) {
      const { max, min } = rangeOf(plan, attempt, previousNanos)
      const delayNanos = nanos - sinceNanos
      const isRight =
        chance === undefined
          ? delayNanos >= Math.floor(min) && delayNanos <= Math.ceil(max)
          : delayNanos === draw({ max, min }, chance)
      yield* Check.always(
        "RT-5",
        isRight,
        () => `the delay after attempt ${attempt} was ${delayNanos} instead of one from ${min} to ${max}`
      )
      previousNanos = delayNanos
    }
    sinceNanos = nanos
    attempt++
    return yield* Effect.fail("refused")
  })
  const retried = Effect.ignore(Effect.retry(judged, { schedule, times: steps }))
  return chance === undefined ? retried : withChance(chance)(retried)
}

/** Instants are exact to the nanosecond for a hundred days only. */
const isShort = ({ plan, steps }: Drawn): boolean => {
  let total = 0
  for (let attempt = 1; attempt <= steps; attempt++) total += longestAfter(plan, attempt)
  return total < 100 * day
}

const judge = (drawn: Drawn) =>
  Effect.gen(function* () {
    const backoff = makeBounded(drawn.plan)
    yield* judgeFar(drawn, backoff)
    yield* judgeBounds(drawn, backoff)
    if (!isShort(drawn)) return
    const schedule = Backoff.toSchedule(backoff)
    yield* Effect.forEach(drawn.callers, (chance) => follow(drawn, schedule, chance), {
      concurrency: "unbounded",
      discard: true
    })
    yield* Check.sometimes("a schedule that is shared", drawn.callers.length > 1 && drawn.steps > 1)
  })

/** Where there is no such number, nothing can be told about it either. */
const run = (drawn: Drawn) =>
  Effect.catchDefect(judge(drawn), (defect) => Check.violated("RT-5", `it throws ${String(defect)}`))

const backoff = Suite.make({
  name: "Backoff",
  guarantees: ["RT-5"],
  arbitrary: onScales(drawnOf),
  run,
  reaches: [
    "draws below a cap that is reached",
    "an endless number of attempts",
    "a schedule that is shared"
  ],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [backoff]
