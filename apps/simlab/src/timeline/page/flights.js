// @ts-check
import { yOf } from "./lanes.js"
import { drawCross, drawText } from "./shapes.js"

/** @typedef {import("./lanes.js").Frame} Frame */

/** @typedef {{ flight: import("../Model.ts").Flight, x1: number, y1: number, x2: number, y2: number }} Line */

/** @type {(frame: Frame, flight: import("../Model.ts").Flight) => Line | undefined} */
const lineOf = (frame, flight) => {
  const { scene, x, xOf } = frame
  const { rows } = scene
  const from = rows.hosts.get(flight.from)
  const to = rows.hosts.get(flight.to)
  if (from === undefined || to === undefined) return undefined
  const start = flight.sent < 0 ? undefined : rows.list[rows.ofEvent[flight.sent] ?? 0]
  const end = flight.ended < 0 ? undefined : rows.list[rows.ofEvent[flight.ended] ?? 0]
  const out = start?.host === flight.from ? start : from
  const into = flight.fate === "delivered" && end?.host === flight.to ? end : to
  const x1 = flight.sent < 0 ? xOf(flight.ended) : xOf(flight.sent)
  const x2 = flight.ended < 0 ? x(scene.scale.end) : xOf(flight.ended)
  if (Math.max(x1, x2) < -20 || Math.min(x1, x2) > scene.width + 20) return undefined
  const y1 = yOf(frame, out) + out.height / 2
  const y2 = yOf(frame, into) + into.height / 2
  if (Math.max(y1, y2) < 0 || Math.min(y1, y2) > scene.height) return undefined
  // A message that is lost ends just before its target, or, on the way to itself, where it began.
  const short = flight.fate === "delivered" ? 0 : Math.sign(y2 - y1) * Math.min(17, Math.abs(y2 - y1) / 2)
  return { flight, x1, y1, x2, y2: y2 - short }
}

/** Lines that would cover each other within `grain` pixels are drawn once. */
/** @type {(lines: ReadonlyArray<Line>, grain: number) => Array<Line>} */
const merged = (lines, grain) => {
  /** @type {Set<number>} */
  const seen = new Set()
  const round = (/** @type {number} */ value) => Math.max(0, Math.min(4095, Math.round(value / grain) + 1000))
  return lines.filter(({ x1, y1, x2, y2 }) => {
    const key = ((round(x1) * 4096 + round(x2)) * 4096 + round(y1)) * 4096 + round(y2)
    return !seen.has(key) && seen.add(key)
  })
}

const mostLines = 800

/** @type {(frame: Frame) => Array<Line>} */
const linesOf = (frame) => {
  const all = frame.scene.model.flights.flatMap((flight) => lineOf(frame, flight) ?? [])
  const isIn = (/** @type {number} */ y) => y > frame.top && y < frame.scene.height
  // Of very many, those that only pass by tell nothing.
  let lines = merged(all.length < mostLines ? all : all.filter(({ y1, y2 }) => isIn(y1) || isIn(y2)), 2)
  for (const grain of [4, 8, 16, 32, 64]) if (lines.length > mostLines) lines = merged(lines, grain)
  return lines
}

/** @type {(g: CanvasRenderingContext2D, line: Line) => void} */
const traceLine = (g, { x1, y1, x2, y2 }) => {
  g.moveTo(x1, y1)
  if (Math.abs(y2 - y1) < 2) g.quadraticCurveTo((x1 + x2) / 2, y1 - 22, x2, y2)
  else g.lineTo(x2, y2)
}

/** @type {(g: CanvasRenderingContext2D, line: Line) => void} */
const traceHead = (g, { x1, y1, x2, y2 }) => {
  const angle = Math.abs(y2 - y1) < 2 ? 0.8 : Math.atan2(y2 - y1, x2 - x1)
  g.moveTo(x2, y2)
  for (const turn of [-0.42, 0.42]) g.lineTo(x2 - 8 * Math.cos(angle + turn), y2 - 8 * Math.sin(angle + turn))
  g.closePath()
}

/** @type {(frame: Frame, lines: ReadonlyArray<Line>, style: { colour: string, width: number, alpha: number }) => void} */
const strokeLines = ({ g }, lines, { colour, width, alpha }) => {
  g.globalAlpha = alpha
  g.strokeStyle = colour
  g.fillStyle = colour
  g.lineWidth = width
  for (const fate of ["delivered", "dropped", "open"]) {
    const some = lines.filter((line) => line.flight.fate === fate)
    g.setLineDash(fate === "delivered" ? [] : [5, 4])
    g.beginPath()
    for (const line of some) traceLine(g, line)
    g.stroke()
    g.setLineDash([])
    if (fate !== "delivered" || lines.length > 600) continue
    g.beginPath()
    for (const line of some) traceHead(g, line)
    g.fill()
  }
  g.globalAlpha = 1
}

/** @type {(frame: Frame, lines: ReadonlyArray<Line>) => void} */
const labelLines = ({ g, scene }, lines) => {
  /** @type {Array<readonly [number, number]>} */
  const taken = []
  for (const { flight, x1, y1, x2, y2 } of lines) {
    if (Math.abs(y2 - y1) < 30) continue
    const [x, y] = [x1 + (x2 - x1) * 0.4 + 6, y1 + (y2 - y1) * 0.4]
    if (taken.some(([a, b]) => Math.abs(a - x) < 110 && Math.abs(b - y) < 13)) continue
    taken.push([x, y])
    const text = scene.model.events[flight.sent < 0 ? flight.ended : flight.sent]?.text ?? ""
    drawText(g, text, {
      x,
      y,
      room: 130,
      colour: scene.palette.message ?? "",
      halo: scene.palette.bg ?? ""
    })
  }
}

/** @type {(frame: Frame) => void} */
export const drawFlights = (frame) => {
  const { g, scene, hits } = frame
  if (scene.hidden.has("message")) return
  const lines = linesOf(frame)
  const colour = scene.palette.message ?? ""
  const alpha = lines.length < 150 ? 0.85 : lines.length < 500 ? 0.4 : 0.2
  strokeLines(frame, lines, { colour, width: 1.25, alpha })
  const isCalm = lines.length < 400
  for (const { flight, x2, y2 } of lines) {
    if (flight.fate !== "dropped") continue
    drawCross(g, x2, y2, isCalm ? 4.5 : 2.5, scene.palette.check ?? "", isCalm ? 2 : 1.25)
  }
  const chosen = scene.flightOf.get(scene.selected)
  const same = lines.filter(
    ({ flight }) => chosen !== undefined && flight.sent === chosen.sent && flight.ended === chosen.ended
  )
  strokeLines(frame, same, { colour: scene.palette.accent ?? "", width: 2.75, alpha: 1 })
  if (lines.length < 24) labelLines(frame, lines)
  for (const { flight, x1, y1, x2, y2 } of lines.length < 2400 ? lines : []) {
    const events = [flight.sent, flight.ended].filter((event) => event >= 0)
    hits.push({ shape: "line", x1, y1, x2, y2, title: "message", events })
  }
}
