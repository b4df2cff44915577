/** What a campaign found, for people. */
import { Report } from "@holdfast/sim"
import { count, duration, table } from "./table.ts"

export interface Timed {
  readonly report: Report.Report
  readonly realMillis: number
  /** All runs that were asked for were made. */
  readonly complete: boolean
}

/** A campaign that was cut short, or made in parts, need not have seen everything. */
export const isGood = ({ complete, report }: Timed): boolean =>
  report.failures.length === 0 && (!complete || Report.unmet(report).length === 0)

const verdict = ({ complete, report }: Timed): string => {
  const [failure] = report.failures
  if (failure !== undefined) return `✗ ${failure.identity}`
  if (Report.unmet(report).length > 0) return complete ? "✗ not seen" : "○ cut short"
  return "✓"
}

const faults = ({ faults }: Report.Report): string =>
  Object.entries(faults)
    .map(([fault, times]) => `${fault} ${count(times)}`)
    .join(", ") || "–"

const seen = ({ reached }: Report.Report): string => {
  const all = Object.values(reached)
  return all.length === 0 ? "–" : `${all.filter(Boolean).length}/${all.length}`
}

export const summary = (all: ReadonlyArray<Timed>): string =>
  table(
    ["suite", "runs", "runs/s", "virtual", "steps", "seen", "", "faults that took effect"],
    all.map((timed) => [
      timed.report.suite,
      count(timed.report.runs),
      count((timed.report.runs / Math.max(1, timed.realMillis)) * 1000),
      duration(timed.report.virtualMillis),
      count(timed.report.steps),
      seen(timed.report),
      verdict(timed),
      faults(timed.report)
    ])
  )
