/** Batches on a machine that stands still now and then, as during a long garbage collection: no timer fires in time. */
import * as Check from "@holdfast/sim/Check"
import * as Host from "@holdfast/sim/Host"
import * as Suite from "@holdfast/sim/Suite"
import { Clock, Effect, Fiber, Stream } from "effect"
import * as fc from "fast-check"
import {
  describeBatch,
  type Event,
  type Manner,
  mannerArbitrary,
  onShorterScales,
  plainArbitrary,
  type Report,
  retriedArbitrary,
  runBatch,
  streamOf
} from "./support/fanOutBatch.ts"
import { Log } from "./support/fanOutCalls.ts"
import {
  type Finding,
  first,
  isComplete,
  isOver,
  isWithinConcurrency,
  type Told
} from "./support/fanOutJudge.ts"
import { type Batch, endOf } from "./support/fanOutModel.ts"
import { Lines, outlive } from "./support/fanOutObserve.ts"
import { lengthOf, sleep, words } from "./support/time.ts"

interface Pause {
  /** After the one before. */
  readonly afterNanos: number
  readonly forNanos: number
}

interface Workload {
  readonly batch: Batch
  readonly manner: Manner
  readonly pauses: ReadonlyArray<Pause>
}

/** Not before the batch begins, which it does at once. */
const pauseArbitrary = (unit: number): fc.Arbitrary<Pause> =>
  fc.record({ afterNanos: lengthOf(unit).map((nanos) => Math.max(1, nanos)), forNanos: lengthOf(unit) })

/** A predicate that wakes calls, some of which end while it is asked. */
const waking = (batch: Batch): Batch =>
  batch.until.when === "quorum" || batch.until.when === "answered"
    ? { ...batch, until: { ...batch.until, when: "wakes" } }
    : batch

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    batch: fc.oneof(
      plainArbitrary(unit, fc.constant(Infinity)).map(waking),
      retriedArbitrary(unit, fc.constant(Infinity))
    ),
    manner: fc
      .tuple(mannerArbitrary(unit), fc.constantFrom("run", "stream"))
      .map(([manner, via]) => ({ ...manner, via })),
    pauses: fc.array(pauseArbitrary(unit), { maxLength: 3 })
  })

const describe = ({ batch, pauses }: Workload): string =>
  [
    ...pauses.map(
      ({ afterNanos, forNanos }) => `after ${words(afterNanos)} it stands still for ${words(forNanos)}`
    ),
    describeBatch(batch)
  ].join("; ")

// ----------------------------------------------------------------------------
// Judged
// ----------------------------------------------------------------------------

/** When something happens at the latest that is due at an instant. */
const latest = (pauses: ReadonlyArray<Pause>, dueNanos: number): number => {
  let at = dueNanos
  let last = 0
  for (const { afterNanos, forNanos } of pauses) {
    const begins = last + afterNanos
    last = begins + forNanos
    if (begins <= at && at < last) at = last
  }
  return at
}

interface Observed {
  readonly workload: Workload
  readonly log: Log
  readonly report: Report
  readonly told: ReadonlyArray<Told>
  /** How often the end was told; a run tells it with its return. */
  readonly ends: number
  readonly returnedNanos: number
}

const nanos = (millis: number): number => Math.round(millis * 1e6)

const isInTime = ({ report, returnedNanos, workload }: Observed): Finding | undefined => {
  const { endNanos } = endOf(workload.batch)
  const dueNanos = latest(workload.pauses, Math.max(0, endNanos))
  if (returnedNanos > dueNanos)
    return { guarantee: "FO-1", problem: `it returned at ${returnedNanos} ns, after ${dueNanos} ns` }
  const isLate = returnedNanos > latest(workload.pauses, nanos(report.elapsedMillis))
  return isLate
    ? {
        guarantee: "FO-1",
        problem: `it ended at ${report.elapsedMillis} ms, and returned at ${returnedNanos} ns`
      }
    : undefined
}

/** What was told came in order, and each target once. */
const isInOrder = ({ ends, report, told }: Observed): Finding | undefined => {
  if (ends > 1) return { guarantee: "FO-3", problem: `the end came ${ends} times` }
  const indices = told.map(({ outcome }) => outcome.index)
  if (indices.length !== report.total || new Set(indices).size !== report.total)
    return { guarantee: "FO-3", problem: `${indices} were told, of ${report.total} targets` }
  const isSorted = told.every(
    ({ outcome }, at) => outcome.elapsedMillis >= (told[at - 1]?.outcome.elapsedMillis ?? 0)
  )
  return isSorted ? undefined : { guarantee: "FO-4", problem: `${indices} were told, not in order` }
}

const areLosersInterrupted = ({ log, report, workload }: Observed): Finding | undefined => {
  const dueNanos = latest(workload.pauses, nanos(report.elapsedMillis))
  const left = log.entries.find(({ closedNanos = Infinity, one }) => !one.holds && closedNanos > dueNanos)
  return (
    left && {
      guarantee: "FO-8",
      problem: `target ${left.index} was interrupted at ${left.closedNanos} ns, not at ${dueNanos} ns`
    }
  )
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const perform = (workload: Workload) =>
  Effect.gen(function* () {
    const { batch, manner } = workload
    const log = new Log(yield* Clock.Clock)
    const told: Array<Told> = []
    const events: Array<Event> = []
    const hear = (outcome: Told["outcome"]) =>
      Effect.sync(() => {
        told.push({ outcome, atNanos: log.nowNanos() })
      })
    const consume = (event: Event) => {
      events.push(event)
      return event._tag === "Settled" ? hear(event.outcome) : Effect.void
    }
    const report =
      manner.via === "run"
        ? yield* runBatch(batch, manner, log, { onOutcome: hear })
        : yield* Effect.map(Stream.runForEach(streamOf(batch, manner, log), consume), () =>
            events.flatMap((event) => (event._tag === "Ended" ? [event.report] : [])).at(-1)
          )
    if (report === undefined) return undefined
    const ends = events.filter(({ _tag }) => _tag === "Ended").length
    return { workload, log, report, told, ends, returnedNanos: log.nowNanos() } satisfies Observed
  })

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const { batch, pauses } = workload
    const host = yield* Host.make("worker")
    const fiber = yield* Effect.forkChild(host.run(new Lines().of(perform(workload))))
    for (const { afterNanos, forNanos } of pauses) {
      yield* sleep(afterNanos)
      yield* host.pause
      yield* sleep(forNanos)
      yield* host.resume
    }
    const observed = yield* Fiber.join(fiber)
    if (observed === undefined) return yield* Check.violated("FO-3", "the end did not come")
    const { log, report } = observed
    yield* host.run(outlive(log))
    yield* Check.judged(
      ["FO-1", "FO-2", "FO-3", "FO-4", "FO-7", "FO-8"],
      first(
        () => isInTime(observed),
        () => isOver({ ...observed, batch, startNanos: 0 }),
        () => isComplete({ ...observed, batch, startNanos: 0 }),
        () => isWithinConcurrency({ ...observed, batch, startNanos: 0 }),
        () => isInOrder(observed),
        () => areLosersInterrupted(observed)
      )
    )
    const { endNanos } = endOf(batch)
    const isLate = nanos(report.elapsedMillis) > endNanos && endNanos > 0
    yield* Check.sometimes("no timer fires at the deadline", isLate)
    yield* Check.sometimes(
      "results that come after the deadline",
      isLate &&
        [...report.answered, ...report.failed].some(({ elapsedMillis }) => nanos(elapsedMillis) > endNanos)
    )
    yield* Check.sometimes("targets that were never contacted", isLate && report.notStarted.length > 0)
  })

const pauses = Suite.make({
  name: "FanOut pauses",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-7", "FO-8"],
  arbitrary: onShorterScales(workloadOf),
  run,
  // A call that begins is not preempted before its first operation: then it would begin after the pause.
  level: "realistic",
  reaches: [
    "no timer fires at the deadline",
    "results that come after the deadline",
    "targets that were never contacted"
  ],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [pauses]
