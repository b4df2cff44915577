/** How far a campaign is: a line that is redrawn while somebody watches, and now and then a line in a log. */
import { clearLine, type Output, show } from "@holdfast/terminal/Output"
import { cut } from "@holdfast/terminal/text"
import { Clock, Effect, Schedule, Terminal } from "effect"
import { count, duration } from "./numbers.ts"
import type { Part } from "./protocol.ts"

/** Where nobody wants colours, a line that is redrawn is not wanted either. */
export const isLive = ({ color }: Output): boolean => color

/** Says what takes a moment, for as long as it does. */
export const withNote = <A, E, R>(self: Effect.Effect<A, E, R>, out: Output, note: string) =>
  isLive(out) ? Effect.andThen(show(`${note} …`), Effect.ensuring(self, show(clearLine))) : self

const frame = "100 millis"

/** So that a log shows that it goes on. */
const logMillis = 30_000

/** By then a person wonders. */
const longMillis = 5000

/** As wide as there is room. */
const bar = (fraction: number, room: number): string => {
  const width = Math.max(6, Math.min(30, room))
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width)
  return "█".repeat(full) + "░".repeat(width - full)
}

/** A campaign that is under way. */
export interface UnderWay {
  /** Such as `3/12 FanOut`. */
  readonly title: string
  readonly runs: number
  /** Real time after which it is ended. */
  readonly limitMillis: number
  /** Suites that have failed before. */
  readonly violations: number
  readonly part: () => Part
  /** The runs that the workers make at the moment. */
  readonly making: () => ReadonlyArray<number>
}

const words = (
  { limitMillis, part, runs, title, violations }: UnderWay,
  millis: number
): { readonly fraction: number; readonly text: string } => {
  const { report } = part()
  const found = violations + report.failures.length
  const text = [
    `${count(report.runs)}/${count(runs)}`,
    `${count((report.runs / Math.max(1, millis)) * 1000)} runs/s`,
    `${duration(report.virtualMillis)} simulated`,
    `${found} ${found === 1 ? "violation" : "violations"}`,
    title
  ].join("  ")
  return { fraction: Math.max(report.runs / runs, millis / limitMillis), text }
}

/** Runs that began a while ago, as a text; empty when there are none. */
const slowest = (making: UnderWay["making"]) => {
  const since = new Map<number, { readonly run: number; readonly millis: number }>()
  return (now: number): string => {
    let oldest = { run: -1, millis: now }
    for (const [worker, run] of making().entries()) {
      const known = since.get(worker)
      if (known?.run !== run) since.set(worker, { run, millis: now })
      else if (known.millis < oldest.millis) oldest = known
    }
    const millis = now - oldest.millis
    return millis < longMillis
      ? ""
      : `  run ${oldest.run} for ${duration(millis)}: long, or made smaller after it failed`
  }
}

/** Draws until it is interrupted; and then there is nothing left of it. */
const drawing = (underWay: UnderWay, start: number) => {
  const slow = slowest(underWay.making)
  const draw = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { fraction, text } = words(underWay, now - start)
    // The last column would wrap in some terminals.
    const columns = (yield* (yield* Terminal.Terminal).columns) - 1
    const line = `${bar(fraction, columns - text.length - 2)}  ${text}${slow(now)}`
    yield* show(clearLine + cut(line, columns))
  })
  return Effect.repeat(draw, Schedule.spaced(frame)).pipe(Effect.ensuring(show(clearLine)))
}

const logging = (underWay: UnderWay, start: number) => {
  const slow = slowest(underWay.making)
  const log = Effect.gen(function* () {
    yield* Effect.sleep(logMillis)
    const now = yield* Clock.currentTimeMillis
    yield* show(`  … ${words(underWay, now - start).text}${slow(now)}\n`)
  })
  return Effect.forever(log)
}

/** Shows how far something is, for as long as it takes. */
export const withProgress = <A, E, R>(self: Effect.Effect<A, E, R>, out: Output, underWay: UnderWay) =>
  Effect.flatMap(Clock.currentTimeMillis, (start) =>
    Effect.raceFirst(self, (isLive(out) ? drawing : logging)(underWay, start))
  )
