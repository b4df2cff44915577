/** Whole batches against a model that says, to the nanosecond, what their reports must be. */
import * as Check from "@holdfast/sim/Check"
import * as Strategy from "@holdfast/sim/Strategy"
import * as Suite from "@holdfast/sim/Suite"
import { Effect } from "effect"
import * as fc from "fast-check"
import { mannerArbitrary, onShorterScales, plainArbitrary, retriedArbitrary } from "./support/fanOutBatch.ts"
import type { Observed } from "./support/fanOutJudge.ts"
import { type Batch, endOf } from "./support/fanOutModel.ts"
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

export const suites: ReadonlyArray<Suite.Suite> = [plain, retried]
void Strategy
