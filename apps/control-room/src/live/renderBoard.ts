/** The board as lines of text that fit a terminal. Pure, so that it is tested without one. */
import { type Colour, cell, cut, paint, type Style } from "@holdfast/terminal/text"
import { counter, type Line, type Section, type Tone, tally } from "./Board.ts"

export interface Screen extends Style {
  readonly rows: number
}

const looks: Record<Tone, readonly [mark: string, colour: Colour]> = {
  waiting: ["·", "dim"],
  "in flight": ["▸", "cyan"],
  good: ["✓", "green"],
  bad: ["✗", "red"],
  unknown: ["?", "yellow"]
}

/**
 * A line for each batch, and under those that still run a line for each server. Where that does not fit, the batches
 * that have ended share one line; then the servers are summed up, from the last batch to the first.
 */
export const renderBoard = (sections: ReadonlyArray<Section>, screen: Screen): ReadonlyArray<string> => {
  // A terminal scrolls when its last row is written to, and then "up" no longer leads to the first line.
  const rowsMax = Math.max(screen.rows - 1, 1)
  const open = sections.filter((section) => section.open)
  const wanted = sections.length + open.reduce((sum, section) => sum + section.lines.length, 0)
  const folded = wanted > rowsMax && open.length > 0 ? sections.length - open.length : 0
  const lines =
    folded > 0 ? [paint(screen, "dim", cut(`■ ${folded} batches have ended`, screen.columns - 1))] : []
  const heads = (folded > 0 ? open : sections).slice(0, rowsMax - lines.length)
  let spare = rowsMax - lines.length - heads.length
  for (const section of heads) {
    lines.push(renderHead(section, screen))
    const body = section.open ? renderLines(section.lines, spare, screen) : []
    lines.push(...body)
    spare -= body.length
  }
  return lines
}

const renderHead = (section: Section, screen: Screen): string => {
  const summary = section.open ? counter(section) : tally(section.lines)
  const right = cut(summary, screen.columns - 4)
  const title = cell(section.title, screen.columns - right.length - 4)
  return section.open
    ? `${paint(screen, "cyan", "▸")} ${paint(screen, "bold", title)} ${right}`
    : paint(screen, "dim", `■ ${title} ${right}`)
}

const renderLines = (lines: ReadonlyArray<Line>, rows: number, screen: Screen): ReadonlyArray<string> => {
  if (rows <= 0) return []
  if (lines.length <= rows) return lines.map((line) => renderLine(line, screen))
  const visible = lines.slice(0, rows - 1)
  const rest = lines.slice(rows - 1)
  return [
    ...visible.map((line) => renderLine(line, screen)),
    paint(screen, "dim", cut(`    … and ${tally(rest)}`, screen.columns - 1))
  ]
}

/** Long enough for the names there are; the rest of the line belongs to what became of them. */
const nameWidthMax = 22

const renderLine = (line: Line, screen: Screen): string => {
  const [mark, colour] = looks[line.tone]
  const nameWidth = Math.min(nameWidthMax, screen.columns - 8)
  const note = cut(line.note, screen.columns - nameWidth - 8).trimEnd()
  return `    ${paint(screen, colour, mark)} ${cell(line.name, nameWidth)} ${paint(screen, colour, note)}`.trimEnd()
}
