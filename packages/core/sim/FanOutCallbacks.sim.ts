/** Callbacks that are slow, die or cannot be interrupted: what they hold up, and what they do not. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Clock, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  describeBatch,
  jumps,
  type Manner,
  onShorterScales,
  plainArbitrary,
  runBatch
} from "./support/fanOutBatch.ts"
import {
  areOutcomesTold,
  areTicksTrue,
  callbacksOf,
  Diary,
  describeScript,
  doTicksKeepPhase,
  type Script,
  scriptArbitrary
} from "./support/fanOutCallbacks.ts"
import { Log } from "./support/fanOutCalls.ts"
import {
  areLosersInterrupted,
  type Finding,
  first,
  isAsPredicted,
  isComplete,
  isInOrder,
  isOver,
  isWithinConcurrency,
  type Observed
} from "./support/fanOutJudge.ts"
import type { Batch } from "./support/fanOutModel.ts"
import { areDeathsLogged, Lines, outlive } from "./support/fanOutObserve.ts"
import { sleep, words } from "./support/time.ts"

interface Workload {
  readonly batch: Batch
  readonly manner: Manner
  readonly script: Script
  readonly sinceNanos: number
}

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    // Inside of a deadline around it, a batch whose callbacks wait may not come to report.
    batch: plainArbitrary(unit, fc.constant(Infinity)),
    manner: fc.record({
      via: fc.constantFrom("run", "run", "service"),
      isPolicyForEach: fc.constant(false),
      tickNanos: fc.constantFrom(unit, 2 * unit, 3 * unit, Math.ceil(1.7 * unit))
    }),
    script: scriptArbitrary(unit),
    sinceNanos: fc.constantFrom(0, 0, 1, 1_234_567_891)
  })

const describe = ({ batch, manner, script }: Workload): string =>
  [describeBatch(batch), `ticks each ${words(manner.tickNanos)}`, ...describeScript(script)].join("; ")

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

/** Who waits is held up by callbacks, and by nothing else. */
const isHeldUpByCallbacks = (
  { report, returnedNanos }: Observed,
  { entries }: Diary
): Finding | undefined => {
  const endNanos = Math.max(Math.round(report.elapsedMillis * 1e6), entries.at(-1)?.endNanos ?? 0)
  if (returnedNanos === endNanos) return undefined
  return { guarantee: "FO-1", problem: `it returned at ${returnedNanos} ns instead of ${endNanos} ns` }
}

const judge = ({ manner }: Workload, observed: Observed, diary: Diary, lines: Lines): Finding | undefined => {
  const { report } = observed
  const order = diary.entries.flatMap(({ index }) => (index === undefined ? [] : [index]))
  return first(
    () => areOutcomesTold(diary, report),
    () => isComplete(observed),
    () => isOver(observed),
    () => isWithinConcurrency(observed),
    () => isInOrder(observed),
    () => isAsPredicted(observed),
    () => isHeldUpByCallbacks(observed, diary),
    () => doTicksKeepPhase(diary, manner.tickNanos, Math.round(report.elapsedMillis * 1e6)),
    () => areTicksTrue(diary, order, report),
    () => areDeathsLogged(observed, diary.deaths, lines)
  )
}

const notice = ({ manner }: Workload, { report, returnedNanos }: Observed, { deaths, entries }: Diary) =>
  Effect.gen(function* () {
    const ticks = entries.filter(({ index }) => index === undefined)
    const late = ticks.filter(({ beginNanos }) => beginNanos % manner.tickNanos !== 0)
    yield* Check.sometimes("callbacks hold up the return", returnedNanos / 1e6 > report.elapsedMillis)
    yield* Check.sometimes("a tick is late", late.length > 0)
    yield* Check.sometimes("several ticks on time", ticks.length - late.length > 2)
    yield* Check.sometimes("callbacks die", deaths > 0)
  })

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const { batch, manner, script, sinceNanos } = workload
    if (sinceNanos > 0) yield* sleep(sinceNanos)
    const log = new Log(yield* Clock.Clock)
    const startNanos = log.nowNanos()
    const diary = new Diary(log)
    const lines = new Lines()
    const running = Effect.withFiber((fiber) =>
      runBatch(batch, manner, log, callbacksOf(script, diary, fiber.id))
    )
    const exit = yield* lines.of(Effect.exit(running))
    diary.hasReturned = true
    if (Exit.isFailure(exit)) return yield* Check.violated("FO-6", Cause.pretty(exit.cause))
    const returnedNanos = diary.nowNanos()
    const report = exit.value
    const told = diary.entries.flatMap(({ beginNanos, index }) => {
      const outcome = index === undefined ? undefined : report.outcomes[index]
      return outcome === undefined ? [] : [{ outcome, atNanos: beginNanos }]
    })
    const observed: Observed = { batch, report, returnedNanos, told, log, startNanos }
    yield* Check.judged(
      ["FO-1", "FO-2", "FO-3", "FO-4", "FO-5", "FO-6", "FO-7"],
      judge(workload, observed, diary, lines)
    )
    yield* notice(workload, observed, diary)
    yield* TestClock.adjust(0)
    yield* Check.judged(["FO-8"], areLosersInterrupted(observed))
    yield* outlive(log)
    yield* Check.judged(["FO-4"], diary.finding)
  })

const callbacks = Suite.make({
  name: "FanOut callbacks",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-5", "FO-6", "FO-7", "FO-8"],
  arbitrary: onShorterScales(workloadOf),
  faults: jumps,
  run,
  leaks: "FO-8",
  reaches: ["callbacks hold up the return", "a tick is late", "several ticks on time", "callbacks die"],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [callbacks]
