/** The events of a batch as a stream, whose consumer takes its time. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Clock, Effect, Exit, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  describeBatch,
  type Event,
  onShorterScales,
  plainArbitrary,
  type Report,
  streamOf
} from "./support/fanOutBatch.ts"
import { Log } from "./support/fanOutCalls.ts"
import {
  areLosersInterrupted,
  type Finding,
  first,
  isAsPredicted,
  isComplete,
  isEnded,
  isInOrder,
  isOver,
  isWithinConcurrency,
  type Observed
} from "./support/fanOutJudge.ts"
import type { Batch } from "./support/fanOutModel.ts"
import { areDeathsLogged, Lines, outlive } from "./support/fanOutObserve.ts"
import { lengthOf, sleep, words } from "./support/time.ts"

interface Workload {
  readonly batch: Batch
  readonly tickNanos: number
  /** How long the consumer takes for each event, in turns. */
  readonly pausesNanos: ReadonlyArray<number>
}

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    batch: plainArbitrary(unit, fc.constant(Infinity)),
    tickNanos: fc.constantFrom(unit, 2 * unit, Math.ceil(1.7 * unit), Infinity),
    pausesNanos: fc.array(fc.oneof(fc.constant(0), fc.constant(0), lengthOf(unit)), { maxLength: 4 })
  })

const describe = ({ batch, pausesNanos, tickNanos }: Workload): string =>
  [
    `ticks each ${words(tickNanos)}`,
    `the consumer takes ${pausesNanos.map(words).join(", ") || "nothing"}`,
    describeBatch(batch)
  ].join("; ")

// ----------------------------------------------------------------------------
// Judged
// ----------------------------------------------------------------------------

/** An event as the consumer got it. */
interface Taken {
  readonly event: Event
  readonly atNanos: number
  /** When the consumer was free again. */
  readonly freeNanos: number
}

const elapsedNanos = (event: Event): number => {
  switch (event._tag) {
    case "Started":
      return Math.round(event.elapsedMillis * 1e6)
    case "Settled":
      return Math.round(event.outcome.elapsedMillis * 1e6)
    case "Tick":
      return Math.round(event.progress.elapsedMillis * 1e6)
    case "Ended":
      return Math.round(event.report.elapsedMillis * 1e6)
  }
}

const indicesOf = (taken: ReadonlyArray<Taken>, tag: "Started" | "Settled"): ReadonlyArray<number> =>
  taken.flatMap(({ event }) =>
    event._tag !== tag ? [] : event._tag === "Started" ? [event.index] : [event.outcome.index]
  )

/** Each target is settled once, and started once before that if it was; the end comes once, and last. */
const isAccount = (taken: ReadonlyArray<Taken>, report: Report, log: Log): Finding | undefined => {
  const settled = indicesOf(taken, "Settled")
  const started = indicesOf(taken, "Started")
  const called = new Set(log.entries.map(({ index }) => index))
  if (settled.length !== report.total || new Set(settled).size !== report.total)
    return { guarantee: "FO-3", problem: `${settled} settled, of ${report.total} targets` }
  // A call that is cut off as it begins may not have come to call.
  const isStarted = started.every((index, at) => index === at) && started.length >= called.size
  if (!isStarted)
    return { guarantee: "FO-4", problem: `${started} started, and ${Array.from(called)} were called` }
  if (taken.filter(({ event }) => event._tag === "Ended").length !== 1)
    return { guarantee: "FO-3", problem: "the end came more than once" }
  return undefined
}

/** In order, and each as soon as it has happened and the consumer is free. */
const isPrompt = (taken: ReadonlyArray<Taken>): Finding | undefined => {
  let last = 0
  let freeNanos = 0
  const started = new Set<number>()
  for (const { atNanos, event, freeNanos: next } of taken) {
    const elapsed = elapsedNanos(event)
    if (elapsed < last)
      return { guarantee: "FO-4", problem: `${event._tag} of ${elapsed} ns came after ${last} ns` }
    if (event._tag === "Started") started.add(event.index)
    if (event._tag === "Settled" && "attempts" in event.outcome && event.outcome._tag !== "Cancelled")
      if (!started.has(event.outcome.index))
        return { guarantee: "FO-4", problem: `target ${event.outcome.index} settled before it started` }
    if (atNanos !== Math.max(freeNanos, elapsed))
      return {
        guarantee: event._tag === "Tick" ? "FO-5" : "FO-4",
        problem: `${event._tag} of ${elapsed} ns came at ${atNanos} ns`
      }
    last = elapsed
    freeNanos = next
  }
  return undefined
}

const offPhase = (problem: string): Finding => ({ guarantee: "FO-5", problem })

/** Ticks are at multiples of the interval, or when the consumer comes back; and while it waits it misses none. */
const doTicksKeepPhase = (taken: ReadonlyArray<Taken>, tickNanos: number): Finding | undefined => {
  let slot = 0
  let freeNanos = 0
  const returns = new Set([0])
  for (const { atNanos, event, freeNanos: next } of taken) {
    // The first multiple after the consumer came back, when it had to wait for longer than that.
    const missedNanos = (Math.floor(freeNanos / tickNanos) + 1) * tickNanos
    if (missedNanos < atNanos) return offPhase(`no tick came at ${missedNanos} ns`)
    if (event._tag === "Tick") {
      const elapsed = elapsedNanos(event)
      const own = Math.floor(elapsed / tickNanos)
      if (own <= slot) return offPhase(`a second tick came for ${own} times the interval`)
      if (elapsed !== own * tickNanos && !returns.has(elapsed))
        return offPhase(`a tick came at ${elapsed} ns`)
      if (event.progress.pending === 0) return offPhase("a tick came when nothing was pending")
      slot = own
    }
    returns.add(next)
    freeNanos = next
  }
  return undefined
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const take = ({ batch, pausesNanos, tickNanos }: Workload, log: Log, taken: Array<Taken>) => {
  const startNanos = log.nowNanos()
  const manner = { via: "stream", isPolicyForEach: false, tickNanos } as const
  return Stream.runForEach(streamOf(batch, manner, log), (event) => {
    const atNanos = log.nowNanos() - startNanos
    const pauseNanos = pausesNanos[taken.length % pausesNanos.length] ?? 0
    taken.push({ event, atNanos, freeNanos: atNanos + pauseNanos })
    return pauseNanos === 0 ? Effect.void : sleep(pauseNanos)
  })
}

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const log = new Log(yield* Clock.Clock)
    const startNanos = log.nowNanos()
    const taken: Array<Taken> = []
    const lines = new Lines()
    const exit = yield* lines.of(Effect.exit(take(workload, log, taken)))
    if (Exit.isFailure(exit)) return yield* Check.violated("FO-6", Cause.pretty(exit.cause))
    yield* Check.judged(["FO-4", "FO-7"], isEnded(taken.map(({ event }) => event)))
    const last = taken.at(-1)
    if (last?.event._tag !== "Ended") return
    const { report } = last.event
    const told = taken.flatMap(({ atNanos, event }) =>
      event._tag === "Settled" ? [{ outcome: event.outcome, atNanos }] : []
    )
    const returnedNanos = log.nowNanos() - startNanos
    const observed: Observed = { batch: workload.batch, report, returnedNanos, told, log, startNanos }
    yield* Check.judged(
      ["FO-2", "FO-3", "FO-4", "FO-5", "FO-6", "FO-7"],
      first(
        () => isAccount(taken, report, log),
        () => isComplete(observed),
        () => isOver(observed),
        () => isWithinConcurrency(observed),
        () => isInOrder(observed),
        () => isAsPredicted(observed),
        () => isPrompt(taken),
        () => doTicksKeepPhase(taken, workload.tickNanos),
        () => areDeathsLogged(observed, 0, lines)
      )
    )
    yield* Check.sometimes(
      "a consumer that is late",
      returnedNanos > last.atNanos || last.atNanos / 1e6 > report.elapsedMillis
    )
    yield* Check.sometimes("ticks", taken.filter(({ event }) => event._tag === "Tick").length > 1)
    yield* TestClock.adjust(0)
    yield* Check.judged(["FO-8"], areLosersInterrupted(observed))
    yield* outlive(log)
  })

const streams = Suite.make({
  name: "FanOut streams",
  guarantees: ["FO-2", "FO-3", "FO-4", "FO-5", "FO-6", "FO-7", "FO-8"],
  arbitrary: onShorterScales(workloadOf),
  run,
  leaks: "FO-8",
  reaches: ["a consumer that is late", "ticks"],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [streams]
