/** Callers that are interrupted, at any instant and by anybody. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Clock, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  describeBatch,
  type Manner,
  mannerArbitrary,
  onShorterScales,
  plainArbitrary,
  type Report,
  retriedArbitrary,
  runBatch,
  streamOf
} from "./support/fanOutBatch.ts"
import {
  callbacksOf,
  consumerOf,
  Diary,
  describeScript,
  type Script,
  scriptArbitrary
} from "./support/fanOutCallbacks.ts"
import { type Entry, Log } from "./support/fanOutCalls.ts"
import type { Finding } from "./support/fanOutJudge.ts"
import { type Batch, endNanosOf, endOf } from "./support/fanOutModel.ts"
import { Lines, outlive } from "./support/fanOutObserve.ts"
import { lengthOf, sleep, words } from "./support/time.ts"

/**
 * Who interrupts the caller: a clock, a call as it begins, or a callback as it begins, which is the consumer when there is
 * a stream. Or nobody does, and the consumer of the stream has had enough.
 */
type Interrupt =
  | { readonly by: "clock"; readonly nanos: number }
  | { readonly by: "call"; readonly index: number }
  | { readonly by: "callback"; readonly number: number }
  | { readonly by: "consumer"; readonly events: number }

interface Workload {
  readonly batch: Batch
  readonly manner: Manner
  readonly script: Script
  readonly interrupt: Interrupt
  /** The caller cannot be interrupted. */
  readonly isMasked: boolean
}

const interruptArbitrary = (unit: number): fc.Arbitrary<Interrupt> =>
  fc.oneof(
    {
      weight: 3,
      // Not at the beginning, where it is open whether there is a caller yet.
      arbitrary: lengthOf(unit).map((nanos) => ({ by: "clock" as const, nanos: Math.max(1, nanos) }))
    },
    { weight: 1, arbitrary: fc.record({ by: fc.constant("call" as const), index: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ by: fc.constant("callback" as const), number: fc.nat(4) }) },
    {
      weight: 1,
      arbitrary: fc.record({ by: fc.constant("consumer" as const), events: fc.integer({ min: 1, max: 8 }) })
    }
  )

/** No attempt ends as it times out, so that it is clear when a batch ends that is left alone. */
const untied = (batch: Batch): Batch => {
  const { calls, policy } = batch
  if (policy === undefined) return batch
  const ends = new Set(calls.flatMap(({ tries }) => tries.map(({ nanos }) => nanos)))
  let { timeoutNanos } = policy
  while (timeoutNanos !== Infinity && ends.has(timeoutNanos)) timeoutNanos++
  return { ...batch, policy: { ...policy, timeoutNanos } }
}

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc
    .record({
      batch: fc.oneof(
        // A deadline around the batch may come before a callback that waits has ended: that is another suite.
        { weight: 3, arbitrary: plainArbitrary(unit, fc.constant(Infinity)) },
        { weight: 1, arbitrary: retriedArbitrary(unit, fc.constant(Infinity)).map(untied) }
      ),
      manner: mannerArbitrary(unit),
      script: scriptArbitrary(unit),
      interrupt: interruptArbitrary(unit),
      isMasked: fc.constantFrom(false, false, false, true)
    })
    .map((workload) =>
      workload.interrupt.by === "consumer"
        ? { ...workload, manner: { ...workload.manner, via: "stream" as const } }
        : workload
    )

const describeInterrupt = (interrupt: Interrupt): string => {
  switch (interrupt.by) {
    case "clock":
      return `interrupted at ${words(interrupt.nanos)}`
    case "call":
      return `interrupted by target ${interrupt.index} as it is called`
    case "callback":
      return `interrupted by callback ${interrupt.number}`
    case "consumer":
      return `ended after ${interrupt.events} events`
  }
}

const describe = ({ batch, interrupt, isMasked, manner, script }: Workload): string =>
  [
    manner.via,
    describeInterrupt(interrupt),
    ...(isMasked ? ["the caller cannot be interrupted"] : []),
    describeBatch(batch),
    ...describeScript(script)
  ].join("; ")

// ----------------------------------------------------------------------------
// Judged
// ----------------------------------------------------------------------------

interface Observed {
  readonly workload: Workload
  readonly log: Log
  readonly diary: Diary
  readonly startNanos: number
  readonly interruptNanos: number
  readonly exit: Exit.Exit<Report | undefined>
  readonly returnedNanos: number
}

const broken = (problem: string): Finding => ({ guarantee: "FO-10", problem })

/** When the caller heard of it: a callback that cannot be interrupted ends first. At the edges of one it is either. */
const heard = ({ diary, interruptNanos, workload }: Observed): ReadonlyArray<number> => {
  const { by } = workload.interrupt
  const instants = [interruptNanos]
  // A consumer that has had enough takes its time for the last event.
  for (const { beginNanos, callback, endNanos = 0 } of diary.entries)
    if ((callback.holds || by === "consumer") && beginNanos <= interruptNanos && endNanos > interruptNanos) {
      if (beginNanos < interruptNanos) instants.length = 0
      instants.push(endNanos)
    }
  return instants
}

/** When a call that was interrupted has ended as far as the batch knows: one that is late for its time-out is left behind. */
const isOverAt = ({ policy }: Batch, { endNanos = Infinity, startNanos }: Entry): number =>
  Math.min(endNanos, startNanos + (policy?.timeoutNanos ?? Infinity))

const judgeAt = (observed: Observed, heardNanos: number): Finding | undefined => {
  const { log, returnedNanos, startNanos, workload } = observed
  for (const { closedNanos = Infinity, index, one, startNanos: start } of log.entries) {
    if (start - startNanos > heardNanos)
      return broken(`target ${index} was called at ${start - startNanos} ns`)
    if (!one.holds && closedNanos - startNanos > heardNanos)
      return broken(
        `target ${index} was interrupted at ${closedNanos - startNanos} ns instead of ${heardNanos} ns`
      )
  }
  const endedNanos = endNanosOf(workload.batch)
  if (endedNanos < heardNanos || (endedNanos === heardNanos && returnedNanos === heardNanos))
    return returnedNanos === heardNanos
      ? undefined
      : broken(`it returned at ${returnedNanos} ns instead of ${heardNanos} ns`)
  const lastNanos = Math.max(...log.entries.map((entry) => isOverAt(workload.batch, entry) - startNanos), 0)
  const endNanos = Math.max(heardNanos, Math.min(endOf(workload.batch).endNanos, lastNanos))
  return returnedNanos === endNanos
    ? undefined
    : broken(`it ended at ${returnedNanos} ns instead of ${endNanos} ns`)
}

/** A report may come out of a batch that has ended before, and one whose caller cannot be interrupted. */
const judgeSuccess = (observed: Observed, report: Report | undefined): Finding | undefined => {
  const { interruptNanos, returnedNanos, workload } = observed
  if (workload.interrupt.by === "consumer" && interruptNanos !== Infinity) return judgeHeard(observed)
  const endedNanos = report === undefined ? returnedNanos : Math.round(report.elapsedMillis * 1e6)
  const isEarlier = workload.isMasked || endedNanos <= interruptNanos
  return isEarlier ? undefined : broken(`a report came out that ended at ${endedNanos} ns`)
}

const judge = (observed: Observed): Finding | undefined => {
  const { exit, workload } = observed
  if (Exit.isSuccess(exit)) return judgeSuccess(observed, exit.value)
  if (!Cause.hasInterruptsOnly(exit.cause)) return { guarantee: "FO-6", problem: Cause.pretty(exit.cause) }
  return workload.isMasked ? broken("a caller was interrupted that cannot be") : judgeHeard(observed)
}

const judgeHeard = (observed: Observed): Finding | undefined => {
  let found: Finding | undefined
  for (const heardNanos of heard(observed)) {
    const other = judgeAt(observed, heardNanos)
    if (other === undefined) return undefined
    found ??= other
  }
  return found
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const perform = (workload: Workload, log: Log, diary: Diary): Effect.Effect<Report | undefined> =>
  Effect.withFiber((fiber) => {
    const { batch, interrupt, manner, script } = workload
    if (manner.via !== "stream") return runBatch(batch, manner, log, callbacksOf(script, diary, fiber.id))
    const all = streamOf(batch, manner, log)
    const events = interrupt.by === "consumer" ? Stream.take(all, interrupt.events) : all
    return Effect.as(Stream.runForEach(events, consumerOf(script, diary, fiber.id)), undefined)
  })

/** Long after everything. */
const never = "50 days"

/** Runs the batch in a fiber of its own, which is interrupted. */
const interrupted = (workload: Workload) =>
  Effect.gen(function* () {
    const { interrupt, isMasked } = workload
    const log = new Log(yield* Clock.Clock)
    const diary = new Diary(log)
    const startNanos = log.nowNanos()
    let interruptNanos = Infinity
    let caller: Fiber.Fiber<unknown, unknown> | undefined
    const strike = () => {
      if (interruptNanos !== Infinity) return
      interruptNanos = diary.nowNanos()
      caller?.interruptUnsafe()
    }
    if (interrupt.by === "call")
      log.onBegin = ({ index }) => {
        if (index === interrupt.index) strike()
      }
    if (interrupt.by === "callback")
      diary.onBegin = () => {
        if (diary.entries.length > interrupt.number) strike()
      }
    if (interrupt.by === "consumer")
      diary.onBegin = ({ beginNanos }) => {
        if (diary.entries.length === interrupt.events) interruptNanos = beginNanos
      }
    let exit: Exit.Exit<Report | undefined> = Exit.succeed(undefined)
    const running = Effect.withFiber<Report | undefined>((fiber) => {
      caller = fiber
      // What the batch gives; a fiber that could not be interrupted until then is, afterwards.
      return Effect.onExit(new Lines().of(perform(workload, log, diary)), (given) =>
        Effect.sync(() => {
          exit = given
        })
      )
    })
    const fiber = yield* Effect.forkChild(isMasked ? Effect.uninterruptible(running) : running)
    if (interrupt.by === "clock") yield* Effect.andThen(sleep(interrupt.nanos), Effect.sync(strike))
    yield* Check.endsWithin("FO-10", never, Fiber.await(fiber))
    const returnedNanos = diary.nowNanos()
    diary.hasReturned = true
    return { workload, log, diary, startNanos, interruptNanos, exit, returnedNanos } satisfies Observed
  })

const notice = (observed: Observed) =>
  Effect.gen(function* () {
    const { exit, interruptNanos, log, returnedNanos, workload } = observed
    const isInterrupted = Exit.isFailure(exit)
    const { endNanos } = endOf(workload.batch)
    const goesOn = log.entries.some((entry) => entry.endNanos === undefined)
    yield* Check.sometimes(
      "the caller waits for the end of a call",
      isInterrupted && returnedNanos > interruptNanos
    )
    yield* Check.sometimes("but not past the deadline", isInterrupted && returnedNanos === endNanos && goesOn)
    yield* Check.sometimes(
      "a caller that cannot be interrupted",
      workload.isMasked && interruptNanos < returnedNanos
    )
    const isEnded = workload.interrupt.by === "consumer" && interruptNanos !== Infinity
    const isCutOff = log.entries.some(({ isDone, one }) => !isDone && one.nanos > 0)
    yield* Check.sometimes(
      `interrupted by a ${workload.interrupt.by}`,
      (isInterrupted || isEnded) && isCutOff
    )
  })

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const observed = yield* interrupted(workload)
    const { diary, log } = observed
    // Whatever else happens at this instant.
    yield* TestClock.adjust(0)
    const calls = log.entries.length
    yield* notice(observed)
    yield* outlive(log)
    yield* Check.judged(["FO-4", "FO-6", "FO-10"], judge(observed) ?? diary.finding)
    yield* Check.always("FO-10", log.entries.length === calls, "a call was made after the return")
  })

const reaches = [
  "the caller waits for the end of a call",
  "but not past the deadline",
  "a caller that cannot be interrupted",
  "interrupted by a clock",
  "interrupted by a call",
  "interrupted by a callback",
  "interrupted by a consumer"
]

const interrupts = Suite.make({
  name: "FanOut interrupts",
  guarantees: ["FO-4", "FO-6", "FO-10"],
  arbitrary: onShorterScales(workloadOf),
  run,
  leaks: "FO-10",
  reaches,
  describe
})

/** There the caller hears of its interruption inline, in the middle of the start of a call. */
const stock = Suite.make({
  name: "FanOut interrupts on the stock scheduler",
  guarantees: ["FO-4", "FO-6", "FO-10"],
  arbitrary: onShorterScales(workloadOf),
  run,
  leaks: "FO-10",
  level: "realistic",
  reaches,
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [interrupts, stock]
