/** How long batches take at the most: never longer than their worst case, and sometimes as long. */
import { Backoff, FanOut, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Duration, Effect, Stream } from "effect"
import * as fc from "fast-check"
import { concurrencyArbitrary, onShorterScales } from "./support/fanOutBatch.ts"
import { concurrencyOf } from "./support/fanOutModel.ts"
import { Lines } from "./support/fanOutObserve.ts"
import { lengthOf, now, sleep, toDuration, words } from "./support/time.ts"

interface Target {
  readonly end: "answers" | "fails" | "hangs"
  readonly nanos: number
  /** It cannot be interrupted. */
  readonly holds: boolean
}

interface Workload {
  readonly targets: ReadonlyArray<Target>
  readonly concurrency: number | undefined
  readonly deadlineNanos: number
  readonly attempts: number
  readonly timeoutNanos: number
  readonly delayNanos: number
  /** How much longer each delay may be than the one before; 1 for none. */
  readonly factor: number
  readonly jitter: "none" | "full" | "equal"
  readonly via: "run" | "stream" | "service" | "stream of a service"
  readonly isPolicyForEach: boolean
}

/** So long, in units, take calls that hang and cannot be interrupted: longer than any time-out. */
const longUnits = 20

const targetArbitrary = (unit: number): fc.Arbitrary<Target> =>
  fc.record({ end: fc.constantFrom("answers", "fails", "hangs"), nanos: lengthOf(unit), holds: fc.boolean() })

const dead = (unit: number): fc.Arbitrary<Target> =>
  fc.boolean().map((holds) => ({ end: "hangs", nanos: longUnits * unit, holds }))

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc
    .record({
      targets: fc.oneof(
        fc.array(dead(unit), { maxLength: 7 }),
        fc.array(fc.oneof(dead(unit), targetArbitrary(unit)), { maxLength: 7 })
      ),
      concurrency: concurrencyArbitrary,
      deadlineNanos: fc.oneof(fc.constant(Infinity), lengthOf(unit), lengthOf(5 * unit)),
      attempts: fc.integer({ min: 1, max: 4 }),
      timeoutNanos: lengthOf(unit),
      delayNanos: lengthOf(unit),
      factor: fc.constantFrom(1, 1, 2, 1.5),
      jitter: fc.constantFrom("none", "none", "full", "equal"),
      via: fc.constantFrom("run", "run", "stream", "service", "stream of a service"),
      isPolicyForEach: fc.boolean()
    })
    .map(({ targets, ...rest }) => ({
      ...rest,
      targets: targets.map((target) =>
        target.end === "hangs" ? { ...target, nanos: longUnits * unit } : target
      )
    }))

const describe = (workload: Workload): string =>
  [
    `${workload.via}, concurrency ${workload.concurrency}, deadline ${words(workload.deadlineNanos)}`,
    `${workload.attempts} attempts of ${words(workload.timeoutNanos)}`,
    `delays of ${words(workload.delayNanos)} times ${workload.factor}, jitter ${workload.jitter}`,
    ...workload.targets.map(
      ({ end, holds, nanos }) => `${end} after ${words(nanos)}${holds ? ", cannot be interrupted" : ""}`
    )
  ].join("; ")

const policyOf = ({ attempts, delayNanos, factor, jitter, timeoutNanos }: Workload) =>
  Retry.policy({
    attempts,
    attemptTimeout: toDuration(timeoutNanos),
    backoff:
      factor === 1
        ? Backoff.constant(toDuration(delayNanos), { jitter })
        : Backoff.exponential({
            base: toDuration(delayNanos),
            factor,
            cap: toDuration(3 * delayNanos),
            jitter
          })
  })

const call = ({ end, holds, nanos }: Target): Effect.Effect<void, string> => {
  const waited = end === "hangs" && !holds ? Effect.never : sleep(nanos)
  const all = Effect.andThen(waited, end === "fails" ? Effect.fail("refused") : Effect.void)
  return holds ? Effect.uninterruptible(all) : all
}

/** How a batch ended. */
const perform = (workload: Workload): Effect.Effect<FanOut.Ended | undefined> => {
  const { concurrency, deadlineNanos, isPolicyForEach, targets, via } = workload
  const policy = policyOf(workload)
  const retry = isPolicyForEach ? () => policy : policy
  const deadline = toDuration(deadlineNanos)
  const options = { label: "push", concurrency, deadline, retry, tickInterval: Infinity }
  const endOf = <R>(events: Stream.Stream<FanOut.Event<Target, void, unknown>, never, R>) =>
    Stream.runFold(
      events,
      (): FanOut.Ended | undefined => undefined,
      (_, event) => (event._tag === "Ended" ? event.report.ended : undefined)
    )
  if (via === "run") return Effect.map(FanOut.run(targets, call, options), ({ ended }) => ended)
  if (via === "stream") return endOf(FanOut.stream(targets, call, options))
  class Push extends FanOut.Service<Push, Target>()("sim/Push", { targets, call, ...options }) {}
  const ended = via === "service" ? Effect.map(Push.run(), ({ ended }) => ended) : endOf(Push.stream())
  return Effect.provide(ended, Push.layer())
}

/** A warning tells of both when the targets may take longer than the batch. */
const checkWarning = (
  { deadlineNanos, targets, ...workload }: Workload,
  each: Duration.Duration,
  lines: Lines
) => {
  const deadline = toDuration(deadlineNanos)
  const isKnown = !workload.isPolicyForEach || targets.length > 0
  const isLate = isKnown && Duration.isFinite(deadline) && Duration.isGreaterThan(each, deadline)
  const text = `one target may take ${Duration.format(each)}, longer than the deadline of ${Duration.format(deadline)}`
  return Check.always(
    "FO-9",
    lines.withText(text) === (isLate ? 1 : 0) && lines.withText("may take") === (isLate ? 1 : 0),
    () =>
      `${lines.withText("may take")} warnings, where ${words(deadlineNanos)} are given for ${Duration.format(each)}`
  )
}

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const { concurrency, deadlineNanos, jitter, targets } = workload
    const retry = policyOf(workload)
    const deadline = toDuration(deadlineNanos)
    const worst = FanOut.worstCase({ targets: targets.length, concurrency, deadline, retry })
    const worstNanos = Number(Duration.toNanosUnsafe(worst))
    const lines = new Lines()
    const ended = yield* lines.of(Check.endsWithin("FO-9", worst, perform(workload)))
    const tookNanos = yield* now
    const took = () => `${ended} after ${words(tookNanos)} instead of ${words(worstNanos)}`
    const each = Retry.worstCase(retry)
    const isDead = targets.length > 0 && targets.every(({ end }) => end === "hangs")
    const rounds = Math.ceil(
      targets.length / Math.min(concurrencyOf({ concurrency }), Math.max(1, targets.length))
    )
    const calls = rounds === 0 ? Duration.zero : Duration.times(each, rounds)
    yield* Check.always(
      "FO-9",
      Duration.Equivalence(worst, Duration.min(calls, deadline)),
      () => `the worst case of ${rounds} rounds of ${Duration.format(each)} is ${Duration.format(worst)}`
    )
    const isInTime = Duration.isLessThan(calls, deadline)
    // Where nothing ends by itself and no deadline cuts it short, the worst case is what happens.
    yield* Check.always("FO-9", !(isDead && isInTime && jitter === "none") || tookNanos === worstNanos, took)
    yield* checkWarning(workload, each, lines)
    const isWorst = tookNanos === worstNanos && targets.length > 0 && worstNanos > 0
    yield* Check.sometimes("the worst case", isWorst && ended === "Complete")
    yield* Check.sometimes("the worst case of several rounds", isWorst && rounds > 1 && ended === "Complete")
    yield* Check.sometimes("the worst case at the deadline", isWorst && ended === "Deadline")
    yield* Check.sometimes(
      "the worst case with jitter",
      isWorst && jitter !== "none" && workload.delayNanos > 0 && workload.attempts > 1
    )
    yield* Check.sometimes("a warning", lines.withText("may take") > 0)
    // What cannot be interrupted ends.
    const lastNanos = Math.max(...targets.map(({ holds, nanos }) => (holds ? nanos : 0)), 0)
    yield* sleep(lastNanos)
  })

const worstCase = Suite.make({
  name: "FanOut worst case",
  guarantees: ["FO-9"],
  arbitrary: onShorterScales(workloadOf),
  run,
  leaks: "FO-9",
  reaches: [
    "the worst case",
    "the worst case of several rounds",
    "the worst case at the deadline",
    "the worst case with jitter",
    "a warning"
  ],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [worstCase]
