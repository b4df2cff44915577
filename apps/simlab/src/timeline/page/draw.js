// @ts-check
import { drawBands } from "./bands.js"
import { aliveOf, curveOf } from "./curve.js"
import { drawFlights } from "./flights.js"
import { drawHeader, headerHeight, spanOf, ticks, yOf } from "./lanes.js"
import { drawMarks } from "./marks.js"
import { drawCross, drawText } from "./shapes.js"
import { formatNanos } from "./time.js"

/** @typedef {import("./lanes.js").Frame} Frame */
/** @typedef {import("./lanes.js").Hit} Hit */
/** @typedef {import("./lanes.js").Scene} Scene */
/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("../Model.ts").FiberLife} FiberLife */

/** Lines for a grid and, where each instant has the same width, a band for every other instant. */
/** @type {(frame: Frame) => void} */
const drawBackdrop = (frame) => {
  const { g, scene, x, top } = frame
  const { palette, scale, view, width, height } = scene
  g.fillStyle = palette.bg ?? ""
  g.fillRect(0, 0, width, height)
  g.fillStyle = palette.line ?? ""
  if (scale.name === "time") {
    for (const tick of ticks(frame)) g.fillRect(Math.round(tick.x), top, 1, height)
  } else if (width / (view.to - view.from) > 14) {
    g.fillStyle = palette.band ?? ""
    for (let rank = Math.max(0, Math.floor(view.from)); rank < Math.min(view.to, scale.end); rank++) {
      if (rank % 2 === 1) g.fillRect(x(rank), top, x(rank + 1) - x(rank), height)
    }
  }
  g.fillStyle = palette.line ?? ""
  for (const end of [0, scale.end]) g.fillRect(Math.round(x(end)), top, 1, height)
}

/** @type {(frame: Frame, row: Row) => void} */
const drawLife = (frame, row) => {
  const { g, scene, hits } = frame
  const life = row.life
  if (life === undefined || scene.hidden.has("fiber")) return
  const [x1, end] = spanOf(frame, life)
  const x2 = Math.max(end, x1 + 2)
  if (x2 < 0 || x1 > scene.width) return
  const y = yOf(frame, row) + 4
  const height = row.height - 8
  const left = Math.max(x1, -10)
  const right = Math.min(x2, scene.width + 10)
  g.fillStyle = scene.palette.bar ?? ""
  g.beginPath()
  g.roundRect(left, y, right - left, height, life.ending === "open" ? [3, 0, 0, 3] : 3)
  g.fill()
  g.fillStyle = scene.palette.barEdge ?? ""
  g.fillRect(x1, y, 2, height)
  if (life.ending === "ended") g.fillRect(x2 - 2, y, 2, height)
  if (life.ending === "killed") {
    g.fillStyle = scene.palette.check ?? ""
    g.fillRect(x2 - 2, y, 2, height)
    drawCross(g, x2 - 1, y + height / 2, 4, scene.palette.check ?? "")
  }
  hits.push({ shape: "box", x1: left, y1: y, x2: right, y2: y + height, title: "life", events: [life.first] })
}

/** How many of the folded fibers are alive, as a curve. */
/** @type {(frame: Frame, row: Row) => void} */
const drawAlive = (frame, row) => {
  const { g, scene, x, xOf } = frame
  if (scene.hidden.has("fiber")) return
  const steps = aliveOf(row)
  const most = steps.reduce((max, { alive }) => Math.max(max, alive), 1)
  const base = yOf(frame, row) + row.height - 3
  const full = (row.height - 8) * 0.4
  const points = steps.map(({ event, alive }) => ({ x: xOf(event), alive }))
  g.fillStyle = scene.palette.bar ?? ""
  for (const { from, to, alive } of curveOf(points, -10, Math.min(scene.width + 10, x(scene.scale.end)))) {
    g.fillRect(from, base - (full * alive) / most, to - from, (full * alive) / most)
  }
}

/** From the instant in which a deadline was set, to the deadline. */
/** @type {(frame: Frame) => void} */
const drawDeadlines = (frame) => {
  const { g, scene, x, xOf, hits } = frame
  if (scene.hidden.has("note")) return
  g.strokeStyle = scene.palette.note ?? ""
  g.fillStyle = scene.palette.note ?? ""
  g.lineWidth = 1.25
  for (const { event, atNanos } of scene.model.deadlines) {
    const row = scene.rows.list[scene.rows.ofEvent[event] ?? 0]
    if (row === undefined) continue
    const y = yOf(frame, row) + row.height / 2
    if (y < 0 || y > scene.height) continue
    const isSeen = atNanos <= scene.model.endNanos
    const from = xOf(event)
    const to = isSeen ? x(scene.scale.ofNanos(atNanos)) : x(scene.scale.end)
    if (to < 0 || from > scene.width) continue
    const isFolded = row.life === undefined
    g.setLineDash([2, 3])
    g.beginPath()
    g.moveTo(Math.max(from, 0), y + row.height / 2 - 3.5)
    g.lineTo(Math.min(to, scene.width), y + row.height / 2 - 3.5)
    if (!isFolded) g.stroke()
    g.setLineDash([])
    if (!isSeen) continue
    const high = y - row.height / 2 + 2
    g.fillRect(to - 0.75, high, 1.5, isFolded ? 12 : row.height - 5)
    g.beginPath()
    g.moveTo(to, high)
    g.lineTo(to + 8, high + 3.5)
    g.lineTo(to, high + 7)
    g.fill()
    hits.push({
      shape: "box",
      x1: to - 4,
      y1: high,
      x2: to + 9,
      y2: high + row.height,
      title: "deadline",
      events: [event]
    })
  }
}

/** @type {(frame: Frame) => void} */
const drawGlows = ({ g, scene, xOf, top }) => {
  const { rows, palette, selected, matches, width, height, scroll } = scene
  /** @type {(event: number, size: number) => void} */
  const ring = (event, size) => {
    const row = rows.list[rows.ofEvent[event] ?? 0]
    const x = xOf(event)
    if (row === undefined || x < -10 || x > width + 10) return
    const y = top + row.top - scroll + row.height / 2
    if (y < top || y > height) return
    g.moveTo(x + size, y)
    g.arc(x, y, size, 0, Math.PI * 2)
  }
  g.strokeStyle = palette.glow ?? ""
  g.lineWidth = 2.5
  g.beginPath()
  let last = -9
  for (const event of matches) {
    const x = xOf(event)
    if (matches.length > 2000 && x - last < 1) continue
    last = x
    ring(event, 8)
  }
  g.stroke()
  if (selected < 0) return
  g.fillStyle = palette.accent ?? ""
  g.globalAlpha = 0.6
  g.fillRect(Math.round(xOf(selected)), top, 1, height)
  g.globalAlpha = 1
  g.strokeStyle = palette.accent ?? ""
  g.beginPath()
  ring(selected, 11)
  g.stroke()
}

/** @type {(frame: Frame) => void} */
const drawChecks = ({ g, scene, xOf, top }) => {
  const { palette, height } = scene
  if (scene.hidden.has("check")) return
  g.fillStyle = palette.check ?? ""
  let last = -9
  for (const index of scene.checks) {
    const x = xOf(index)
    if (x - last < 1) continue
    last = x
    g.fillRect(Math.round(x) - 1, top, 2, height)
  }
}

/** How long nothing happened, where the even scale hides it. */
/** @type {(frame: Frame) => void} */
const drawGaps = ({ g, scene, x, top }) => {
  const { scale, view, width, palette, height, rows } = scene
  if (scale.name !== "even" || width / (view.to - view.from) < 64) return
  const y = Math.min(height - 9, top + rows.height - scene.scroll + 2)
  for (let rank = Math.max(1, Math.floor(view.from)); rank < Math.min(view.to, scale.end); rank++) {
    const gap = (scale.instants[rank] ?? 0) - (scale.instants[rank - 1] ?? 0)
    g.fillStyle = palette.faint ?? ""
    drawText(g, `+${formatNanos(gap, 3)}`, {
      x: x(rank) + 3,
      y,
      room: 90,
      colour: palette.soft ?? "",
      halo: palette.bg ?? ""
    })
  }
}

/**
 * Draws the scene, and says what is where.
 *
 * @type {(g: CanvasRenderingContext2D, scene: Scene) => Array<Hit>}
 */
export const draw = (g, scene) => {
  const unit = scene.width / (scene.view.to - scene.view.from)
  /** @type {Frame["x"]} */
  const x = (position) => (position - scene.view.from) * unit
  /** @type {Frame["xOf"]} */
  const xOf = (event) => ((scene.scale.at[event] ?? 0) - scene.view.from) * unit
  /** @type {Frame} */
  const frame = { g, scene, x, xOf, top: headerHeight(scene), hits: [] }
  const { palette, rows, scroll, height, width } = scene
  drawBackdrop(frame)
  const seen = rows.list.filter(
    (row) => row.top + row.height > scroll && frame.top + row.top - scroll < height
  )
  for (const row of seen) {
    const y = yOf(frame, row)
    g.fillStyle = palette.line ?? ""
    if (row.kind === "host") g.fillRect(0, y, width, 1)
    if (row.kind === "host" ? !row.isOpen : !row.life && !row.isOpen) drawAlive(frame, row)
    if (row.life !== undefined) drawLife(frame, row)
  }
  drawBands(frame)
  drawChecks(frame)
  drawDeadlines(frame)
  drawFlights(frame)
  for (const row of seen) drawMarks(frame, row)
  drawGaps(frame)
  drawGlows(frame)
  drawHeader(frame)
  return frame.hits
}
