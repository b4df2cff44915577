/** What a run comes to: for people a table, for machines JSON. Pure. */
import { header, row } from "@holdfast/terminal/table"
import { paint, type Style } from "@holdfast/terminal/text"
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
  const columns = [
    { title: result.name, width: width - 10 - 2 * side },
    { title: "bound", width: side },
    { title: "measured", width: side }
  ]
  const rows = result.promises.flatMap((promise) => {
    const { bound, ok, text } = promise
    const lines = row(columns, [text, withUnit(bound, promise), withUnit(measuredOf(promise), promise)])
    return lines.map((line, index) => {
      const mark = index > 0 ? " " : ok ? paint(style, "green", "✓") : paint(style, "red", "✗")
      const printed = `  ${mark} ${line}`
      return ok ? printed : paint(style, "bold", printed)
    })
  })
  const [titles = ""] = header(columns)
  const kept = result.promises.filter((promise) => promise.ok).length
  const summary = `${kept} of ${result.promises.length} promises kept`
  return [
    paint(style, "bold", `    ${titles}`),
    paint(style, "dim", `  ${"─".repeat(width - 4)}`),
    ...rows,
    "",
    `  ${paint(style, result.ok ? "green" : "red", summary)}`
  ]
}

const measuredOf = ({ measured, unit }: Promised): string =>
  typeof measured === "number" && unit === "s" ? measured.toFixed(2) : String(measured)

const withUnit = (value: string, { unit }: Promised): string => {
  if (unit === "") return value
  const isOne = /^(≤ |≥ )?1$/.test(value) && unit.length > 1
  return `${value} ${isOne ? unit.replace(/s$/, "") : unit}`
}
