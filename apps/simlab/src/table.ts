/** Tables for a terminal: columns as wide as their contents, numbers to the right. */
import { stripVTControlCharacters } from "node:util"

const width = (text: string): number => stripVTControlCharacters(text).length

const isNumber = (text: string): boolean => /^[\d.,–-]/.test(stripVTControlCharacters(text))

export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = header.map((title, column) =>
    Math.max(width(title), ...rows.map((row) => width(row[column] ?? "")))
  )
  const toRight = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => isNumber(row[column] ?? "–"))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => {
        const padding = " ".repeat((widths[column] ?? 0) - width(cell))
        return toRight[column] === true ? padding + cell : cell + padding
      })
      .join("  ")
      .trimEnd()
  const rule = widths.map((count) => "─".repeat(count)).join("  ")
  return [line(header), rule, ...rows.map(line)].join("\n")
}

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

export const count = (value: number): string => grouped.format(value)

/** Virtual time in the unit that shows it best. */
export const duration = (millis: number): string => {
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`
  if (millis < 3_600_000) return `${(millis / 60_000).toFixed(1)} min`
  if (millis < 48 * 3_600_000) return `${(millis / 3_600_000).toFixed(1)} h`
  return `${count(millis / 86_400_000)} d`
}
