/** A line that shows how far a campaign is, while somebody looks. */
import type { Report } from "@holdfast/sim"
import { Clock, Effect, Terminal } from "effect"
import { count, duration } from "./table.ts"

const barWidth = 24

const bar = (fraction: number): string => {
  const full = Math.round(Math.min(1, fraction) * barWidth)
  return "█".repeat(full) + "░".repeat(barWidth - full)
}

export interface Progress {
  readonly show: (report: Report.Report) => Effect.Effect<void>
  readonly clear: Effect.Effect<void>
}

const line = (report: Report.Report, runs: number, millis: number): string =>
  [
    bar(report.runs / runs),
    report.suite,
    `${count(report.runs)}/${count(runs)}`,
    `${count((report.runs / Math.max(1, millis)) * 1000)} runs/s`,
    `${duration(report.virtualMillis)} simulated`,
    report.failures.length === 0 ? "" : "a failure, being made smaller"
  ]
    .filter((part) => part !== "")
    .join("  ")

/** Nothing is drawn where nobody looks: in a pipe, in CI. */
export const progressOf = Effect.fnUntraced(function* (runs: number, isWatched: boolean) {
  const terminal = yield* Terminal.Terminal
  const columns = yield* terminal.columns
  const start = yield* Clock.currentTimeMillis
  const write = (text: string) => (isWatched ? Effect.orDie(terminal.display(text)) : Effect.void)
  const progress: Progress = {
    show: (report) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        write(`\r\u001b[2K${line(report, runs, now - start).slice(0, Math.max(20, columns - 1))}`)
      ),
    clear: write("\r\u001b[2K")
  }
  return progress
})
