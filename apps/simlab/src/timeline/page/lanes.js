// @ts-check
import { drawText } from "./shapes.js"
import { formatNanos, ticksOf } from "./time.js"

/**
 * Everything that a picture shows.
 *
 * @typedef {object} Scene
 * @property {import("../Model.ts").Model} model
 * @property {import("./scale.js").Scale} scale
 * @property {import("./scale.js").View} view
 * @property {import("./rows.js").Rows} rows
 * @property {ReadonlyMap<number, import("../Model.ts").Flight>} flightOf
 * @property {ReadonlyMap<string, string>} faultColour
 * @property {ReadonlyArray<{ fault: import("../Model.ts").Fault, lane: number }>} lanes
 * @property {ReadonlyArray<number>} checks Failed checks, and the event at which the run failed.
 * @property {Set<string>} hidden
 * @property {ReadonlyArray<number>} matches
 * @property {number} selected
 * @property {import("./shapes.js").Palette} palette
 * @property {number} width
 * @property {number} height
 * @property {number} scroll
 * @property {number} pointer Where the pointer is, or −1.
 */

/**
 * Something that the pointer can be over. `events` are those that it stands for.
 *
 * @typedef {object} Hit
 * @property {"box" | "line"} shape
 * @property {number} x1
 * @property {number} y1
 * @property {number} x2
 * @property {number} y2
 * @property {string} title
 * @property {ReadonlyArray<number>} events
 */

/**
 * @typedef {object} Frame
 * @property {CanvasRenderingContext2D} g
 * @property {Scene} scene
 * @property {(position: number) => number} x
 * @property {(event: number) => number} xOf
 * @property {number} top Where the rows begin.
 * @property {Array<Hit>} hits
 */

/** @type {(frame: Frame, row: import("./rows.js").Row) => number} */
export const yOf = ({ scene, top }, row) => top + row.top - scene.scroll

/** @type {(frame: Frame, life: { first: number, last: number }) => readonly [number, number]} */
export const spanOf = ({ scene, x, xOf }, { first, last }) => [
  xOf(first),
  last < 0 ? x(scene.scale.end) : xOf(last)
]

const axisHeight = 28
const laneHeight = 17
const mostLanes = 4

/**
 * Puts faults that overlap into lanes of their own; those that find none share the last.
 *
 * @type {(model: import("../Model.ts").Model) => Scene["lanes"]}
 */
export const packFaults = (model) => {
  /** @type {Array<number>} */
  const busyUntil = []
  return model.faults.map((fault) => {
    const from = model.events[fault.event]?.atNanos ?? 0
    const free = busyUntil.findIndex((until) => until < from)
    const lane = free >= 0 ? free : Math.min(busyUntil.length, mostLanes - 1)
    busyUntil[lane] = Math.max(busyUntil[lane] ?? 0, fault.untilNanos ?? from)
    return { fault, lane }
  })
}

/**
 * The events of faults that took effect, by kind. Of some is only said how long they last.
 *
 * @type {(model: import("../Model.ts").Model) => ReadonlyMap<string, ReadonlyArray<number>>}
 */
export const faultsByKind = (model) => {
  /** @type {Map<string, Array<number>>} */
  const byKind = new Map()
  for (const { kind, event } of model.faults) {
    if (model.events[event]?.kind !== "fault") continue
    const events = byKind.get(kind)
    if (events === undefined) byKind.set(kind, [event])
    else events.push(event)
  }
  return byKind
}

/** @type {(scene: Pick<Scene, "lanes" | "hidden">) => number} */
export const headerHeight = ({ lanes, hidden }) => {
  if (hidden.has("fault") || lanes.length === 0) return axisHeight
  return axisHeight + 6 + laneHeight * lanes.reduce((count, { lane }) => Math.max(count, lane + 1), 0)
}

/** @type {(frame: Frame, fault: import("../Model.ts").Fault) => readonly [number, number]} */
export const faultEnds = ({ scene, x, xOf }, fault) => {
  const from = xOf(fault.event)
  if (fault.untilNanos === undefined) return [from, from]
  return [from, Math.max(from, x(Math.min(scene.scale.end, scene.scale.ofNanos(fault.untilNanos))))]
}

/** @type {(frame: Frame) => Array<{ x: number, label: string, base: string }>} */
export const ticks = ({ scene: { scale, view, width }, x }) => {
  const unit = width / (view.to - view.from)
  if (scale.name === "time") {
    const { base, ticks: list } = ticksOf(view.from, Math.min(view.to, scale.end), 96 / unit)
    return list.map(({ at, label }) => ({ x: x(at), label, base }))
  }
  const step = Math.max(1, Math.ceil(96 / unit))
  const first = Math.max(0, Math.floor(view.from / step) * step)
  /** @type {Array<{ x: number, label: string, base: string }>} */
  const list = []
  for (let rank = first; rank < Math.min(scale.instants.length, view.to); rank += step) {
    const label = formatNanos(scale.instants[rank] ?? 0, 6)
    const at = Math.max(x(rank), Math.min(0, x(rank + 1) - 96))
    list.push({ x: at, label, base: "" })
  }
  return list
}

/** @type {(frame: Frame) => void} */
const drawAxis = (frame) => {
  const { g, scene, top } = frame
  const { palette, width } = scene
  g.fillStyle = palette.panel ?? ""
  g.fillRect(0, 0, width, top)
  g.fillStyle = palette.line ?? ""
  g.fillRect(0, top - 1, width, 1)
  const list = ticks(frame)
  const base = list[0]?.base ?? ""
  for (const { x, label } of list) {
    g.fillStyle = palette.faint ?? ""
    g.fillRect(Math.round(x), axisHeight - 9, 1, 9)
    if (base !== "" && x < 110) continue
    drawText(g, label, { x: x + 5, y: axisHeight / 2, room: 92, colour: palette.soft ?? "" })
  }
  if (base !== "") drawText(g, base, { x: 5, y: axisHeight / 2, room: 104, colour: palette.ink ?? "" })
}

/** @type {(frame: Frame) => void} */
const drawFaults = (frame) => {
  const { g, scene, hits } = frame
  const { palette, width, lanes, faultColour } = scene
  /** @type {Array<number>} */
  const labelled = Array.from({ length: mostLanes }, () => width - 4)
  /** @type {Array<Hit>} */
  const merged = []
  // From right to left, so that each label knows how far it may go.
  for (const { fault, lane } of lanes.toReversed()) {
    const [x1, x2] = faultEnds(frame, fault)
    if (x2 < -2 || x1 > width) continue
    const last = merged[lane]
    if (last !== undefined && x2 - x1 < 3 && last.x1 - x1 < 2 && last.x2 - last.x1 < 6) {
      merged[lane] = {
        ...last,
        events: last.events.length < 50 ? [fault.event, ...last.events] : last.events
      }
      hits[hits.lastIndexOf(last)] = merged[lane]
      continue
    }
    const y = axisHeight + 3 + lane * laneHeight
    const colour = palette[faultColour.get(fault.kind) ?? "fault"] ?? ""
    const right = Math.max(Math.min(x2, (labelled[lane] ?? x2) - 1), x1 + 3)
    g.fillStyle = colour
    g.globalAlpha = x2 - x1 > 8 ? 0.3 : 1
    g.beginPath()
    g.roundRect(x1, y, right - x1, laneHeight - 3, 3)
    g.fill()
    g.globalAlpha = 1
    const text = `${fault.kind}  ${fault.hosts.join(" · ")}`
    const start = Math.max(x1, 0) + 7
    const room = (labelled[lane] ?? width) - start - 6
    if (room >= 24 || x2 - x1 <= 8) g.fillRect(x1, y, 3, laneHeight - 3)
    drawText(g, text, { x: start, y: y + laneHeight / 2 - 1, room, colour: palette.ink ?? "" })
    labelled[lane] = x1
    /** @type {Hit} */
    const hit = {
      shape: "box",
      x1: x1 - 2,
      y1: y,
      x2: right + 2,
      y2: y + laneHeight,
      title: "fault",
      events: [fault.event]
    }
    hits.push(hit)
    merged[lane] = hit
  }
}

/**
 * The time axis and the faults, which stay in sight while the rows scroll.
 *
 * @type {(frame: Frame) => void}
 */
export const drawHeader = (frame) => {
  const { g, scene, top } = frame
  const { palette, scale, pointer, view, width, model } = scene
  drawAxis(frame)
  if (!scene.hidden.has("fault")) drawFaults(frame)
  if (model.failure >= 0) {
    const at = frame.xOf(model.failure)
    g.fillStyle = palette.check ?? ""
    g.beginPath()
    g.moveTo(at - 6, axisHeight - 8)
    g.lineTo(at + 6, axisHeight - 8)
    g.lineTo(at, axisHeight)
    g.fill()
  }
  if (pointer < 0) return
  const label = formatNanos(scale.toNanos(view.from + (pointer / width) * (view.to - view.from)), 6)
  g.font = "11px system-ui, sans-serif"
  const size = g.measureText(label).width + 12
  const left = Math.max(0, Math.min(width - size, pointer - size / 2))
  g.fillStyle = palette.ink ?? ""
  g.beginPath()
  g.roundRect(left, 4, size, axisHeight - 10, 4)
  g.fill()
  drawText(g, label, { x: left + 6, y: axisHeight / 2 - 1, room: size, colour: palette.panel ?? "" })
  g.fillStyle = palette.faint ?? ""
  g.fillRect(Math.round(pointer), top, 1, scene.height - top)
}
