/** Whole batches against a model that says, to the nanosecond, what their reports must be. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect } from "effect"
import * as fc from "fast-check"
import {
  jumps,
  mannerArbitrary,
  type Outcome,
  onShorterScales,
  plainArbitrary,
  retriedArbitrary
} from "./support/fanOutBatch.ts"
import { howsOf, type Observed } from "./support/fanOutJudge.ts"
import { type Batch, courseOf, endOf } from "./support/fanOutModel.ts"
import {
  callbackArbitrary,
  describe,
  observe,
  sinceArbitrary,
  type Workload
} from "./support/fanOutObserve.ts"
import { onScales } from "./support/time.ts"

const workloadOf =
  (batch: (unit: number) => fc.Arbitrary<Batch>) =>
  (unit: number): fc.Arbitrary<Workload> =>
    fc.record({
      batch: batch(unit),
      manner: mannerArbitrary(unit),
      callback: callbackArbitrary,
      sinceNanos: sinceArbitrary
    })

const notice = ({ batch, report }: Observed) =>
  Effect.gen(function* () {
    const { endNanos } = endOf(batch)
    const atEnd = report.outcomes.filter(
      ({ _tag, elapsedMillis }) =>
        (_tag === "Answered" || _tag === "Failed") && elapsedMillis === endNanos / 1e6
    )
    yield* Check.sometimes("a result at the instant of the deadline", atEnd.length > 0)
    yield* Check.sometimes(`it ends by ${report.ended}`, true)
    yield* Check.sometimes("targets that were never contacted", report.notStarted.length > 0)
    yield* Check.sometimes(
      "losers",
      report.cancelled.some(({ started }) => started)
    )
    if (new Set(batch.calls).size < batch.calls.length) yield* Check.reachable("the same target twice")
  })

const run = (workload: Workload) =>
  Effect.flatMap(observe(workload), (observed) => (observed === undefined ? Effect.void : notice(observed)))

const ends = ["Complete", "Until", "Deadline", "InheritedDeadline"].map((ended) => `it ends by ${ended}`)

const seldom = [
  "targets that were never contacted",
  "losers",
  "a result at the instant of the deadline",
  ...ends
]

const plain = Suite.make({
  name: "FanOut",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-6", "FO-7", "FO-8", "FO-11"],
  arbitrary: onScales(workloadOf(plainArbitrary)),
  faults: jumps,
  run,
  leaks: "FO-8",
  reaches: [...seldom, "the same target twice"],
  describe
})

const retried = Suite.make({
  name: "FanOut with retries",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-6", "FO-7", "FO-8", "FO-11"],
  arbitrary: onShorterScales(workloadOf(retriedArbitrary)),
  run,
  leaks: "FO-8",
  reaches: seldom,
  describe
})

/** Whether a target that was cut off would have settled by itself at that very instant. */
const wasReady = ({ batch, log, report, startNanos }: Observed, { index }: Outcome): boolean => {
  const { endNanos } = endOf(batch)
  const call = batch.calls[index]
  const entry = log.entries.find((one) => one.index === index)
  const outcome = report.outcomes[index]
  if (call === undefined || entry === undefined || outcome === undefined) return false
  const course = courseOf(batch, call, entry.startNanos - startNanos, endNanos, howsOf(outcome))
  // What answers something else does so because of the deadline, and one time-out may come before another.
  const isByItself =
    course.attempts.at(-1)?.how !== "timed out" && call.tries.every(({ wait }) => wait !== "falls back")
  return course.endNanos === endNanos && isByItself
}

/** Nobody is preempted there, so that what is ready at the instant of the deadline is known, and counts. */
const runOnStock = (workload: Workload) =>
  Effect.gen(function* () {
    const observed = yield* observe(workload)
    if (observed === undefined) return
    const lost = observed.report.timedOut.find((outcome) => wasReady(observed, outcome))
    yield* Check.always("FO-1", lost === undefined, () => `target ${lost?.index} was ready at the deadline`)
    yield* notice(observed)
  })

/** Calls end each other inline there, in the middle of the start of another. */
const stock = Suite.make({
  name: "FanOut on the stock scheduler",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-6", "FO-7", "FO-8", "FO-11"],
  arbitrary: fc.oneof(onScales(workloadOf(plainArbitrary)), onShorterScales(workloadOf(retriedArbitrary))),
  run: runOnStock,
  leaks: "FO-8",
  level: "realistic",
  reaches: seldom,
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [plain, retried, stock]
