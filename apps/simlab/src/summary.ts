/** What campaigns found, for people. */
import * as Report from "@holdfast/sim/Report"
import type { Output } from "@holdfast/terminal/Output"
import { type Column, header, rest, row, widest } from "@holdfast/terminal/table"
import { paint, wrap } from "@holdfast/terminal/text"
import { formatHash } from "./hash.ts"
import { count, duration, rough } from "./numbers.ts"
import type { Part } from "./protocol.ts"
import { visibleLine } from "./texts.ts"

export interface Timed extends Part {
  readonly realMillis: number
  /** How many runs were to be made. */
  readonly expected: number
  /** They are one part of several. */
  readonly isShard: boolean
  /** It did not come to its end: a worker died, or the user had enough. */
  readonly isStopped: boolean
}

/** There was no time for any of its runs; a shard may have none to make. */
const isNotRun = ({ expected, isStopped, report }: Timed): boolean =>
  !isStopped && report.runs === 0 && expected > 0

const isComplete = ({ expected, report }: Timed): boolean => report.runs >= expected

/** A campaign that was cut short, or made in parts, need not have seen everything. */
export const problems = (timed: Timed): ReadonlyArray<string> =>
  isComplete(timed) && !timed.isShard ? Report.unmet(timed.report) : []

const hasFailed = (timed: Timed): boolean => timed.report.failures.length > 0 || problems(timed).length > 0

export const isGood = (timed: Timed): boolean => !hasFailed(timed) && !timed.isStopped && !isNotRun(timed)

/** Of a whole campaign; what one that failed did besides depends on who was fast. */
export const hashOf = (timed: Timed): string | undefined =>
  isComplete(timed) && timed.report.failures.length === 0 ? formatHash(timed.hash) : undefined

const seen = ({ reached }: Report.Report): string => {
  const all = Object.values(reached)
  return all.length === 0 ? "–" : `${all.filter(Boolean).length}/${all.length}`
}

/** A space at which no line breaks. */
const together = "\u00a0"

const faultsOf = ({ faults }: Report.Report): string =>
  Object.entries(faults)
    .sort(([, a], [, b]) => b - a)
    .map(([fault, times]) => `${fault}${together}${count(times)}`)
    .join(", ")

const mark = (timed: Timed, out: Output): string => {
  if (hasFailed(timed)) return paint(out, "red", "✗")
  return isComplete(timed) ? paint(out, "green", "✓") : paint(out, "yellow", "○")
}

const plural = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? "" : "s"}`

const warningsOf = ({ warned }: Report.Report): ReadonlyArray<string> =>
  warned === undefined
    ? []
    : [
        `warned in ${plural(warned.runs, "run")}, first in run ${warned.run}:`,
        ...warned.warnings.slice(0, 3).map((warning) => `${together}${together}${warning.split("\n")[0]}`)
      ]

const indent = "    "

/** What stands below a row. */
const notes = (timed: Timed): ReadonlyArray<string> => {
  const { expected, report } = timed
  const faults = faultsOf(report)
  return [
    ...(faults === "" ? [] : [`faults: ${faults}`]),
    ...warningsOf(report),
    ...problems(timed),
    ...(isComplete(timed) || report.failures.length > 0
      ? []
      : [`cut short: ${count(report.runs)} of ${count(expected)} runs`])
  ]
}

/** A table whose rows are written one after the other: first those that name its columns. */
export const tableFor = (names: ReadonlyArray<string>, runs: number, out: Output) => {
  const numbers: ReadonlyArray<Column> = [
    { title: "runs", width: widest(["runs", count(runs)]), right: true },
    { title: "time", width: 7, right: true },
    { title: "virtual", width: 8, right: true },
    { title: "events", width: 9, right: true },
    { title: "seen", width: 5, right: true },
    { title: "violations", width: 10 }
  ]
  const room = rest(out.columns - 2, numbers)
  const width = Math.max(12, Math.min(room, widest([...names.map(visibleLine), "suite"])))
  const columns = [{ title: "suite", width }, ...numbers]
  return {
    header: header(columns)
      .map((line) => `  ${line}\n`)
      .join(""),
    row: (timed: Timed): string => {
      const { report } = timed
      const lines = row(columns, [
        visibleLine(report.suite),
        count(report.runs),
        duration(timed.realMillis),
        duration(report.virtualMillis),
        rough(report.steps),
        seen(report),
        visibleLine(report.failures[0]?.identity ?? "–")
      ])
      const below = notes(timed).flatMap((note) =>
        wrap(visibleLine(note), Math.max(20, out.columns - indent.length))
      )
      return [
        ...lines.map((line, index) => `${index === 0 ? mark(timed, out) : " "} ${line}\n`),
        ...below.map((line) => `${indent}${paint(out, "dim", line.replaceAll(together, " "))}\n`)
      ].join("")
    }
  }
}

const sum = (all: ReadonlyArray<Timed>, of: (timed: Timed) => number): number =>
  all.reduce((total, timed) => total + of(timed), 0)

/** How many of the suites that were asked for passed, and what became of the others. */
const verdict = (all: ReadonlyArray<Timed>, asked: number, out: Output): string => {
  const failed = all.filter(hasFailed).length
  const passed = all.filter(isGood).length
  const stopped = all.filter((timed) => timed.isStopped && !hasFailed(timed)).length
  const notRun = asked - failed - passed - stopped
  if (passed === asked) return paint(out, "green", `${plural(asked, "suite")} passed`)
  const counts = [
    { n: failed, text: paint(out, "red", `${failed} failed`) },
    { n: passed, text: `${passed} passed` },
    { n: stopped, text: `${stopped} stopped` },
    { n: notRun, text: `${notRun} not run` }
  ]
  const parts = counts.filter(({ n }) => n > 0).map(({ text }) => text)
  return `of ${plural(asked, "suite")} ${parts.join(", ")}`
}

/** One sentence on everything. */
export const conclusion = (all: ReadonlyArray<Timed>, asked: number, out: Output): string => {
  const isWhole = all.length === asked && all.every((timed) => hashOf(timed) !== undefined)
  const parts = [
    plural(
      sum(all, ({ report }) => report.runs),
      "run"
    ),
    `${duration(sum(all, ({ report }) => report.virtualMillis))} of virtual time in ${duration(sum(all, ({ realMillis }) => realMillis))}`,
    ...(isWhole ? [`hash ${formatHash(sum(all, ({ hash }) => hash) >>> 0)}`] : [])
  ]
  return `${verdict(all, asked, out)}: ${parts.join(", ")}\n`
}
