/** The board as lines of text that fit a terminal. Pure, so that it is tested without one. */
import { counter, type Line, type Section, type Tone, tally } from "./Board.ts"
import { type Colour, cell, paint, type Style } from "./style.ts"

export interface Screen extends Style {
  readonly rows: number
}

const looks: Record<Tone, readonly [mark: string, colour: Colour]> = {
  waiting: ["·", "dim"],
  running: ["▸", "cyan"],
  good: ["✓", "green"],
  bad: ["✗", "red"],
  unknown: ["?", "yellow"]
}

/**
 * Every batch has its line; those that still run are opened in order, as far as the rows go, and what does not
 * fit is summed up. When even the batches do not fit, those that ended give way first.
 */
export const renderBoard = (sections: ReadonlyArray<Section>, screen: Screen): ReadonlyArray<string> => {
  // A terminal scrolls when its last row is written to, and then "up" no longer leads to the first line.
  const rowsMax = Math.max(screen.rows - 1, 1)
  const shown = sections.length <= rowsMax ? sections : sections.filter((section) => section.open)
  const lines: Array<string> = []
  let spare = rowsMax - Math.min(shown.length, rowsMax)
  for (const section of shown.slice(0, rowsMax)) {
    lines.push(renderHead(section, screen))
    const body = section.open ? renderLines(section.lines, spare, screen) : []
    lines.push(...body)
    spare -= body.length
  }
  return lines
}

const renderHead = (section: Section, screen: Screen): string => {
  const right = section.open ? counter(section.progress) : tally(section.lines)
  const width = screen.columns - right.length - 4
  const title = cell(section.title, width)
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
    paint(screen, "dim", cell(`    … and ${tally(rest)}`, screen.columns - 1).trimEnd())
  ]
}

const nameWidth = 22

const renderLine = (line: Line, screen: Screen): string => {
  const [mark, colour] = looks[line.tone]
  const note = cell(line.note, screen.columns - nameWidth - 8).trimEnd()
  return `    ${paint(screen, colour, mark)} ${cell(line.name, nameWidth)} ${paint(screen, colour, note)}`.trimEnd()
}
