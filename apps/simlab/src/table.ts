/** Tables for a terminal, row by row: columns of a width that is known from the start, in which texts wrap. */

export interface Column {
  readonly title: string
  readonly width: number
  /** On the right side: numbers. */
  readonly right?: boolean
}

const gap = "  "

/** Broken at spaces into lines of at most `width`; a word that is longer is cut. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    const next = line === "" ? word : `${line} ${word}`
    if (next.length <= width) {
      line = next
      continue
    }
    if (line !== "") lines.push(line)
    line = word
    while (line.length > width) {
      lines.push(line.slice(0, width))
      line = line.slice(width)
    }
  }
  return [...lines, line]
}

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

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

export const count = (value: number): string => grouped.format(value)

/** Numbers that are only there to be compared, and may be very large. */
export const rough = (value: number): string => {
  if (value < 1e7) return count(value)
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} M` : `${count(value / 1e9)} G`
}

/** Time in the unit that shows it best. */
export const duration = (millis: number): string => {
  const days = millis / 86_400_000
  if (millis < 59_950) return `${(millis / 1000).toFixed(1)} s`
  if (millis < 3_597_000) return `${(millis / 60_000).toFixed(1)} min`
  if (days < 2) return `${(millis / 3_600_000).toFixed(1)} h`
  return days < 3650 ? `${count(days)} d` : `${count(days / 365.25)} y`
}
