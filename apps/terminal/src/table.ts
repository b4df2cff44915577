/** Tables for a terminal, row by row: columns of a width that is known from the start, in which texts wrap. */
import { wrap } from "./text.ts"

export interface Column {
  readonly title: string
  readonly width: number
  /** On the right side: numbers. */
  readonly right?: boolean
}

const gap = "  "

const join = (columns: ReadonlyArray<Column>, cells: ReadonlyArray<string>): string =>
  columns
    .map(({ right, width }, index) => {
      const text = cells[index] ?? ""
      return right === true ? text.padStart(width) : text.padEnd(width)
    })
    .join(gap)
    .trimEnd()

/** The lines of one row. */
export const row = (columns: ReadonlyArray<Column>, cells: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wrapped = columns.map(({ right, width }, index) => {
    const text = cells[index] ?? ""
    return right === true ? [text] : wrap(text, width)
  })
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) =>
    join(
      columns,
      wrapped.map((lines) => lines[line] ?? "")
    )
  )
}

/** The titles, and a rule below them. */
export const header = (columns: ReadonlyArray<Column>): ReadonlyArray<string> => [
  join(
    columns,
    columns.map(({ title }) => title)
  ),
  columns.map(({ width }) => "─".repeat(width)).join(gap)
]

export const widest = (texts: ReadonlyArray<string>): number =>
  Math.max(0, ...texts.map((text) => text.length))

/** What is left for one column beside the others. */
export const rest = (total: number, others: ReadonlyArray<Column>): number =>
  others.reduce((left, { width }) => left - width - gap.length, total)
