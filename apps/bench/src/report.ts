/** What was found, for people and for programs. */
import { row, widest } from "@holdfast/terminal/table"
import type { Figure, Measure, MemoryCase, Trial } from "./Bench.ts"
import type { Group, Round, Row, Spread } from "./harness.ts"

export interface GroupResult extends Pick<Group, "name" | "title" | "peer" | "by"> {
  readonly rows: ReadonlyArray<Row>
  /** The time per call in each round, in the order of the rows. */
  readonly rounds: ReadonlyArray<Round>
}

export interface MemoryResult extends Omit<MemoryCase, "run"> {
  /** One figure for each process. */
  readonly mebibytes: Spread
  /** Whether every process stayed below the limit, where there is one. */
  readonly ok?: boolean
}

export interface TrialResult extends Pick<Trial, "name" | "title"> {
  readonly figures: ReadonlyArray<Figure & { readonly value: Spread; readonly ok?: boolean }>
}

export interface BenchResult {
  readonly name: string
  readonly groups: ReadonlyArray<GroupResult>
  readonly trials: ReadonlyArray<TrialResult>
  readonly memory: ReadonlyArray<MemoryResult>
}

const verdict = (ok: boolean | undefined): string => (ok === undefined ? "" : ok ? "ok" : "MISS")
/** Of a number with two digits before the point, nobody reads two behind it. */
const ratioText = (ratio: number): string => ratio.toFixed(Math.abs(ratio) < 10 ? 2 : 0)

const atMost = (target: number | undefined): string => (target === undefined ? "" : `≤ ${target}`)
const atLeast = (target: number | undefined): string => (target === undefined ? "" : `≥ ${target}`)

type By = Group["by"]

const bound = (by: By, target: number | undefined): string => (by === "speed" ? atLeast : atMost)(target)

const timeHead = ["", "ns/call", "added", "ratio", "quartiles", "target", "", "note"]

const timeCells = (
  by: By,
  { addedNanos, nanosPerCall, note = "", ratio, subject }: Row
): ReadonlyArray<string> => [
  subject,
  nanosPerCall.median.toFixed(0),
  addedNanos.median.toFixed(0),
  ...(ratio === undefined
    ? ["", "", "", ""]
    : [
        ratioText(ratio.median),
        `${ratioText(ratio.lowerQuartile)}–${ratioText(ratio.upperQuartile)}`,
        bound(by, ratio.target),
        verdict(ratio.ok)
      ]),
  note
]

const memoryHead = ["", "MiB", "lowest", "target", ""]

/** Rounded first, because what is next to nothing would keep its sign. */
const mebibytes = (value: number): string =>
  Math.abs(value) < 10 ? (Math.round(value * 10) / 10).toFixed(1) : value.toFixed(0)

const memoryCells = (result: MemoryResult): ReadonlyArray<string> => [
  result.title,
  mebibytes(result.mebibytes.max),
  mebibytes(result.mebibytes.min),
  atMost(result.limitMiB),
  verdict(result.ok)
]

const measured: Record<Measure, string> = {
  peak: "peak of resident memory",
  growth: "growth of the heap"
}

/** Or nothing, where there is none. */
const isNumber = (cell: string): boolean => /^(-?[\d.]+)?$/.test(cell)

/** Columns as wide as their widest cell, those of numbers to the right. */
const align = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const columns = head.map((title, at) => {
    const cells = rows.map((cells) => cells[at] ?? "")
    return { title, width: widest([title, ...cells]), right: cells.every(isNumber) }
  })
  return [head, ...rows].flatMap((cells) => row(columns, cells).map((line) => `  ${line}\n`)).join("")
}

const compared: Record<By, string> = {
  total: "a call, to",
  added: "what a call adds, to",
  speed: "calls in the time of one of"
}

export const renderGroup = ({ by, peer, rows, title }: GroupResult): string => {
  const table = align(
    timeHead,
    rows.map((row) => timeCells(by, row))
  )
  return `${title}\nratio: ${compared[by]} ${peer}\n${table}`
}

/** A table for each kind of case, in the order in which they come. */
export const renderMemory = (results: ReadonlyArray<MemoryResult>, size: number): string => {
  const title = ({ measure, unit }: MemoryResult): string =>
    `${measured[measure]}, ${size.toLocaleString("en")} ${unit}`
  return Array.from(
    Map.groupBy(results, title),
    ([head, rows]) => `${head}\n${align(memoryHead, rows.map(memoryCells))}`
  ).join("\n")
}

const figureHead = ["", "median", "unit", "lowest", "highest", "target", "", "note"]

const figureBound = ({ atLeast: least, atMost: most }: Figure): string => atLeast(least) || atMost(most)

export const renderTrial = ({ figures, title }: TrialResult): string => {
  const rows = figures.map((figure) => {
    const { name, note = "", ok, unit, value } = figure
    return [
      name,
      ratioText(value.median),
      unit,
      ratioText(value.min),
      ratioText(value.max),
      figureBound(figure),
      verdict(ok),
      note
    ]
  })
  return `${title}\n${align(figureHead, rows)}`
}

/** One line for each target that was missed. */
export const misses = (results: ReadonlyArray<BenchResult>): ReadonlyArray<string> =>
  results.flatMap(({ groups, memory, name, trials }) => [
    ...groups.flatMap((group) =>
      group.rows.flatMap(({ ratio, subject }) =>
        ratio?.ok === false
          ? [
              `${name}/${group.name}: ${subject}: ${ratioText(ratio.median)}, target ${bound(group.by, ratio.target)}`
            ]
          : []
      )
    ),
    ...trials.flatMap((trial) =>
      trial.figures.flatMap((figure) =>
        figure.ok === false
          ? [
              `${name}/${trial.name}: ${figure.name}: ${ratioText(figure.value.median)} ${figure.unit}, target ${figureBound(figure)}`
            ]
          : []
      )
    ),
    ...memory.flatMap((result) =>
      result.ok === false
        ? [`${name}/${result.name}: ${mebibytes(result.mebibytes.max)} MiB, target ≤ ${result.limitMiB}`]
        : []
    )
  ])
