/** Callbacks as data, what a run sees of them, and whether they came when and as they should. */
import { Effect, Fiber } from "effect"
import * as fc from "fast-check"
import type { Callbacks, Report } from "./fanOutBatch.ts"
import type { Log } from "./fanOutCalls.ts"
import type { Finding } from "./fanOutJudge.ts"
import { lengthOf, sleep, words } from "./time.ts"

export interface Callback {
  readonly nanos: number
  readonly end: "returns" | "dies" | "throws" | "gives up"
  /** It cannot be interrupted. */
  readonly holds: boolean
}

/** One callback of a run; times are from the start of the batch. */
export interface Entry {
  /** Undefined for a tick. */
  readonly index: number | undefined
  readonly callback: Callback
  readonly beginNanos: number
  /** Undefined while it runs. */
  endNanos: number | undefined
  /** What a tick was shown: who had settled, in order, and when. */
  readonly shown: ReadonlyArray<number>
  readonly pending: number
  readonly shownNanos: number
}

const isDeath = ({ end }: Callback): boolean => end === "dies" || end === "throws"

/** The callbacks of a run, in the order in which they began. */
export class Diary {
  readonly entries: Array<Entry> = []
  hasReturned = false
  finding: Finding | undefined = undefined
  /** Called as a callback begins. */
  onBegin: (entry: Entry) => void = () => {}
  private readonly log: Log
  private readonly startNanos: number

  constructor(log: Log) {
    this.log = log
    this.startNanos = log.nowNanos()
  }

  nowNanos(): number {
    return this.log.nowNanos() - this.startNanos
  }

  begin(entry: Omit<Entry, "beginNanos" | "endNanos">, isCaller: boolean): Entry {
    if (this.hasReturned) this.complain("a callback began after the return")
    if (!isCaller) this.complain("a callback ran on another fiber than the calling one")
    if (this.entries.at(-1)?.endNanos === undefined && this.entries.length > 0)
      this.complain("two callbacks ran at once")
    const begun: Entry = { ...entry, beginNanos: this.nowNanos(), endNanos: undefined }
    this.entries.push(begun)
    this.onBegin(begun)
    return begun
  }

  end(entry: Entry): void {
    entry.endNanos = this.nowNanos()
  }

  get deaths(): number {
    return this.entries.filter(({ callback }) => isDeath(callback)).length
  }

  private complain(problem: string): void {
    this.finding ??= { guarantee: "FO-4", problem }
  }
}

// ----------------------------------------------------------------------------
// As effects
// ----------------------------------------------------------------------------

/** Made once: what an error costs is its stack. */
const thrown = new Error("thrown by a callback")

/** What a callback was called with. */
type Facts = Pick<Entry, "index" | "shown" | "pending" | "shownNanos">

const finish = ({ end }: Callback): Effect.Effect<void> => {
  switch (end) {
    case "returns":
      return Effect.void
    case "gives up":
      return Effect.interrupt
    case "dies":
    case "throws":
      return Effect.die("a bug of a callback")
  }
}

const tell = (callback: Callback, facts: Facts, diary: Diary, caller: number): Effect.Effect<void> => {
  const { end, holds, nanos } = callback
  const begin = () => diary.begin({ ...facts, callback }, Fiber.getCurrent()?.id === caller)
  if (end === "throws" && nanos === 0) {
    diary.end(begin())
    throw thrown
  }
  // Not before its finalizer is there: it may be interrupted as it begins.
  let entry: Entry | undefined
  const begun = Effect.suspend(() => {
    entry = begin()
    return nanos === 0 ? finish(callback) : Effect.andThen(sleep(nanos), finish(callback))
  })
  return Effect.onExit(holds ? Effect.uninterruptible(begun) : begun, () =>
    Effect.sync(() => {
      if (entry !== undefined) diary.end(entry)
    })
  )
}

/** What callbacks do, in turns. */
export interface Script {
  readonly onOutcome: ReadonlyArray<Callback>
  readonly onTick: ReadonlyArray<Callback>
}

const nth = (callbacks: ReadonlyArray<Callback>, n: number): Callback =>
  callbacks[n % callbacks.length] ?? { nanos: 0, end: "returns", holds: false }

/** The callbacks of a batch that the fiber `caller` runs. */
export const callbacksOf = ({ onOutcome, onTick }: Script, diary: Diary, caller: number): Callbacks => {
  let outcomes = 0
  let ticks = 0
  return {
    onOutcome: ({ index }) =>
      tell(nth(onOutcome, outcomes++), { index, shown: [], pending: 0, shownNanos: 0 }, diary, caller),
    onTick: ({ elapsedMillis, outcomes: settled, pending }) => {
      const shown = settled.map(({ index }) => index)
      const shownNanos = Math.round(elapsedMillis * 1e6)
      return tell(nth(onTick, ticks++), { index: undefined, shown, pending, shownNanos }, diary, caller)
    }
  }
}

/** A consumer of events, which takes as long for each as `onOutcome`, and never dies. */
export const consumerOf = (
  { onOutcome }: Script,
  diary: Diary,
  caller: number
): (() => Effect.Effect<void>) => {
  let events = 0
  return () => {
    const callback = { ...nth(onOutcome, events++), end: "returns" } as const
    return tell(callback, { index: undefined, shown: [], pending: 0, shownNanos: 0 }, diary, caller)
  }
}

// ----------------------------------------------------------------------------
// Judged
// ----------------------------------------------------------------------------

/** One after the other, each as soon as it could begin, in the order in which targets settled; each target once. */
export const areOutcomesTold = ({ entries, finding }: Diary, report: Report): Finding | undefined => {
  if (finding !== undefined) return finding
  const told = entries.flatMap(({ index }) => (index === undefined ? [] : [index]))
  if (told.length !== report.total || new Set(told).size !== told.length)
    return { guarantee: "FO-3", problem: `${told.length} outcomes were told, of ${report.total} targets` }
  let freeNanos = 0
  for (const { beginNanos, endNanos, index } of entries) {
    const outcome = index === undefined ? undefined : report.outcomes[index]
    const soonest = Math.max(freeNanos, Math.round((outcome?.elapsedMillis ?? 0) * 1e6))
    if (outcome !== undefined && beginNanos !== soonest)
      return {
        guarantee: "FO-4",
        problem: `target ${index} was told at ${beginNanos} ns instead of ${soonest} ns`
      }
    freeNanos = endNanos ?? Infinity
  }
  return undefined
}

const tickFinding = (problem: string): Finding => ({ guarantee: "FO-5", problem })

/**
 * Ticks come at multiples of the interval. One that the calling fiber is not free for comes when it is, once for all
 * that were missed; and none when nothing is pending any more.
 */
export const doTicksKeepPhase = (
  { entries }: Diary,
  intervalNanos: number,
  endNanos: number
): Finding | undefined => {
  let last = 0
  let freeNanos = 0
  for (const entry of [...entries, undefined]) {
    const beginNanos = entry?.beginNanos ?? Infinity
    // Free from then on until this one begins.
    if (beginNanos > freeNanos) {
      const isMissed = Math.ceil(freeNanos / intervalNanos) - 1 > last && freeNanos < endNanos
      if (isMissed) return tickFinding(`tick ${last + 1} did not come before ${freeNanos} ns`)
      // The tick of this instant, or the next one.
      const next = Math.max(last + 1, Math.ceil(freeNanos / intervalNanos)) * intervalNanos
      if (next < Math.min(beginNanos, endNanos)) return tickFinding(`no tick came at ${next} ns`)
    }
    if (entry === undefined) return undefined
    if (entry.index === undefined) {
      const slot = Math.floor(beginNanos / intervalNanos)
      const isOnTime = beginNanos === slot * intervalNanos
      if (slot <= last)
        return tickFinding(`a second tick came for ${slot} times the interval, at ${beginNanos} ns`)
      if (!isOnTime && beginNanos !== freeNanos) return tickFinding(`a tick came at ${beginNanos} ns`)
      if (beginNanos > endNanos)
        return tickFinding(`a tick came at ${beginNanos} ns, when nothing was pending`)
      last = slot
    }
    freeNanos = entry.endNanos ?? Infinity
  }
  return undefined
}

/** A tick shows the batch as it is then, and what it was shown stays so. */
export const areTicksTrue = (
  { entries }: Diary,
  order: ReadonlyArray<number>,
  report: Report
): Finding | undefined => {
  for (const { beginNanos, index, pending, shown, shownNanos } of entries) {
    if (index !== undefined) continue
    const isPrefix = shown.every((one, at) => one === order[at]) && shown.length + pending === report.total
    if (!isPrefix || pending === 0) return tickFinding(`a tick showed ${shown}, ${pending} pending`)
    if (shownNanos !== beginNanos) return tickFinding(`a tick showed ${shownNanos} ns at ${beginNanos} ns`)
  }
  return undefined
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const callbackArbitrary = (unit: number): fc.Arbitrary<Callback> =>
  fc.record({
    nanos: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: lengthOf(unit) }),
    end: fc.constantFrom("returns", "returns", "returns", "dies", "throws", "gives up"),
    holds: fc.boolean()
  })

export const scriptArbitrary = (unit: number): fc.Arbitrary<Script> =>
  fc.record({
    onOutcome: fc.array(callbackArbitrary(unit), { maxLength: 3 }),
    onTick: fc.array(callbackArbitrary(unit), { maxLength: 3 })
  })

const describeCallback = ({ end, holds, nanos }: Callback): string =>
  `${end} after ${words(nanos)}${holds ? ", cannot be interrupted" : ""}`

export const describeScript = ({ onOutcome, onTick }: Script): ReadonlyArray<string> => [
  ...onOutcome.map((callback) => `onOutcome ${describeCallback(callback)}`),
  ...onTick.map((callback) => `onTick ${describeCallback(callback)}`)
]
