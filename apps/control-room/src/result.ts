/** What a run comes to: for people a table, for machines JSON. Pure. */
import { cell, paint, type Style, wrap } from "./live/style.ts"
import type { Promised } from "./Promised.ts"

export interface SystemResult {
  readonly name: string
  readonly ok: boolean
  readonly promises: ReadonlyArray<Promised>
}

export const resultOf = (name: string, promises: ReadonlyArray<Promised>): SystemResult => ({
  name,
  ok: promises.every((promise) => promise.ok),
  promises
})

export const toJson = (systems: ReadonlyArray<SystemResult>): string =>
  `${JSON.stringify({ systems }, null, 2)}\n`

/** The table of one system, as wide as the terminal allows and no wider than is good to read. */
export const renderTable = (result: SystemResult, style: Style): ReadonlyArray<string> => {
  const width = Math.min(Math.max(style.columns, 60), 120)
  const side = Math.floor((width - 10) * 0.24)
  const text = width - 10 - 2 * side
  const line = (mark: string, cells: readonly [string, string, string]) =>
    `  ${mark} ${cell(cells[0], text)}  ${cell(cells[1], side)}  ${cell(cells[2], side)}`.trimEnd()

  const rows = result.promises.flatMap((promise) => {
    const cells = [
      wrap(promise.text, text),
      wrap(withUnit(promise.bound, promise), side),
      wrap(withUnit(measuredOf(promise), promise), side)
    ] as const
    const height = Math.max(...cells.map((cell) => cell.length))
    return Array.from({ length: height }, (_, row) => {
      const mark = row > 0 ? " " : promise.ok ? paint(style, "green", "✓") : paint(style, "red", "✗")
      const printed = line(mark, [cells[0][row] ?? "", cells[1][row] ?? "", cells[2][row] ?? ""])
      return promise.ok ? printed : paint(style, "bold", printed)
    })
  })
  const kept = result.promises.filter((promise) => promise.ok).length
  const summary = `${kept} of ${result.promises.length} promises kept`
  return [
    paint(style, "bold", line(" ", [result.name, "bound", "measured"])),
    paint(style, "dim", `  ${"─".repeat(width - 4)}`),
    ...rows,
    "",
    `  ${paint(style, result.ok ? "green" : "red", summary)}`
  ]
}

const measuredOf = ({ measured, unit }: Promised): string =>
  typeof measured === "number" && unit === "s" ? measured.toFixed(2) : String(measured)

const withUnit = (value: string, { unit }: Promised): string => (unit === "" ? value : `${value} ${unit}`)
