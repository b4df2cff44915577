/** What a run comes to: for people a table, for machines JSON. Pure. */
import { header, row } from "@holdfast/terminal/table"
import { paint, type Style } from "@holdfast/terminal/text"
import { isBroken, isKept, type Promised } from "./Promised.ts"

export interface SystemResult {
  readonly name: string
  readonly ok: boolean
  readonly promises: ReadonlyArray<Promised>
}

export const resultOf = (name: string, promises: ReadonlyArray<Promised>): SystemResult => ({
  name,
  ok: !promises.some(isBroken),
  promises
})

export const toJson = (systems: ReadonlyArray<SystemResult>): string =>
  `${JSON.stringify({ systems }, null, 2)}\n`

/** Below this a table is no table any more, and may run over the edge. */
const narrowest = 40

/** The title of a column is as wide. */
const narrowestSide = 8

/** The table of one system, as wide as the terminal allows and no wider than is good to read. */
export const renderTable = (result: SystemResult, style: Style): ReadonlyArray<string> => {
  const width = Math.min(Math.max(style.columns, narrowest), 120)
  const side = Math.max(Math.floor((width - 10) * 0.24), narrowestSide)
  const columns = [
    { title: result.name, width: width - 10 - 2 * side },
    { title: "bound", width: side },
    { title: "measured", width: side }
  ]
  const rows = result.promises.flatMap((promise) => {
    const { bound, ok, text } = promise
    const cells = [text, ok === null ? "" : withUnit(bound, promise), withUnit(measuredOf(promise), promise)]
    const lines = row(columns, cells)
    return lines.map((line, index) => {
      const printed = `  ${index > 0 ? " " : markOf(promise, style)} ${line}`
      return isBroken(promise) ? paint(style, "bold", printed) : printed
    })
  })
  const [titles = ""] = header(columns)
  const promised = result.promises.filter(({ ok }) => ok !== null)
  const summary = `${promised.filter(isKept).length} of ${promised.length} promises kept`
  return [
    paint(style, "bold", `    ${titles}`),
    paint(style, "dim", `  ${"─".repeat(width - 4)}`),
    ...rows,
    "",
    `  ${paint(style, result.ok ? "green" : "red", summary)}`
  ]
}

const markOf = ({ ok }: Promised, style: Style): string => {
  if (ok === null) return paint(style, "dim", "·")
  return ok ? paint(style, "green", "✓") : paint(style, "red", "✗")
}

const measuredOf = ({ measured, unit }: Promised): string =>
  typeof measured === "number" && unit === "s" ? measured.toFixed(2) : String(measured)

const withUnit = (value: string, { unit }: Promised): string => {
  if (unit === "") return value
  const isOne = /^(≤ |≥ )?1$/.test(value) && unit.length > 1
  return `${value} ${isOne ? unit.replace(/s$/, "") : unit}`
}
