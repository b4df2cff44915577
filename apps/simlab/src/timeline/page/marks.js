// @ts-check
import { spanOf, yOf } from "./lanes.js"
import { drawMark, drawText, kinds, widthOf } from "./shapes.js"

/** @typedef {import("./lanes.js").Frame} Frame */
/** @typedef {import("./rows.js").Row} Row */

/** @typedef {{ kind: string, x: number, events: Array<number> }} Cluster */

/** @type {(frame: Frame, row: Row) => Array<Cluster>} */
const clustersOf = ({ scene, xOf }, row) => {
  const { model, hidden, width } = scene
  const events = row.events
  let start = 0
  let stop = events.length
  while (start < stop) {
    const middle = (start + stop) >> 1
    if (xOf(events[middle] ?? 0) < -8) start = middle + 1
    else stop = middle
  }
  /** @type {Map<string, Cluster>} */
  const last = new Map()
  /** @type {Array<Cluster>} */
  const clusters = []
  for (let index = start; index < events.length; index++) {
    const event = events[index] ?? 0
    const kind = model.events[event]?.kind ?? "run"
    const x = xOf(event)
    if (x > width + 8) break
    if (kind === "fiber" || hidden.has(kind)) continue
    const before = last.get(kind)
    if (before !== undefined && x - before.x < 4) {
      before.events.push(event)
      continue
    }
    /** @type {Cluster} */
    const cluster = { kind, x, events: [event] }
    last.set(kind, cluster)
    clusters.push(cluster)
  }
  return clusters
}

const sizes = new Map([
  ["host", 7.5],
  ["check", 7.5],
  ["fault", 6],
  ["note", 5],
  ["log", 5],
  ["run", 4]
])

/** The texts of marks, as far as the next mark leaves room. */
/** @type {(frame: Frame, row: Row, clusters: ReadonlyArray<Cluster>) => void} */
const drawLabels = (frame, row, clusters) => {
  const { g, scene } = frame
  const { model, palette, width } = scene
  const y = yOf(frame, row) + row.height / 2
  const [start, end] = row.life === undefined ? [1, 0] : spanOf(frame, row.life)
  for (const [index, { kind, x, events }] of clusters.entries()) {
    const next = clusters[index + 1]?.x ?? width
    const before = clusters[index - 1]?.x ?? 0
    if (kind === "message" || next <= x + 6) continue
    const others = events.length > 1 ? `  +${events.length - 1}` : ""
    const text = `${(model.events[events[0] ?? -1]?.text ?? "").replaceAll(/\s+/g, " ")}${others}`
    const colour = palette[kind === "check" ? "check" : "soft"] ?? ""
    const halo = palette[x >= start && x < end ? "bar" : "bg"] ?? ""
    const room = Math.min(420, next - x - 18)
    // What failed is worth reading also at the right edge.
    const isLeft = kind === "check" && room < 240 && x - before - 20 > room
    const left = isLeft ? Math.max(before + 10, x - 12 - widthOf(g, text)) : x + 10
    drawText(g, text, { x: left, y, room: isLeft ? x - 12 - left + 1 : room, colour, halo })
  }
}

/** @type {(frame: Frame, row: Row, cluster: Cluster, y: number) => void} */
const drawCluster = ({ g, scene, hits }, row, { kind, x, events }, y) => {
  const event = scene.model.events[events[0] ?? -1]
  const size = (sizes.get(kind) ?? 4.5) * (row.kind === "host" ? 1 : 0.85)
  const phase = String(event?.data?.phase ?? "")
  const fault = scene.faultColour.get(String(event?.data?.fault ?? event?.text))
  const colour = kind === "fault" ? (fault ?? kind) : phase === "crash" ? "check" : kind
  drawMark(g, scene.palette, { kind, phase, colour, x, y, size })
  hits.push({ shape: "box", x1: x - 6, y1: y - 8, x2: x + 6, y2: y + 8, title: kind, events })
}

/** What is frequent, from above to below where the row is crowded. */
const frequent = ["message", "log", "disk", "note", "run"]

/** Where marks would hide each other, each frequent kind becomes a line of ticks; what is rare stays a mark. */
/** @type {(frame: Frame, row: Row, clusters: ReadonlyArray<Cluster>) => void} */
const drawDense = (frame, row, clusters) => {
  const { g, scene, hits } = frame
  const middle = yOf(frame, row) + row.height / 2
  const apart = Math.min(8, (row.height - 6) / frequent.length)
  const present = frequent.filter((kind) => clusters.some((cluster) => cluster.kind === kind))
  for (const [index, kind] of present.entries()) {
    const y = middle + (index - (present.length - 1) / 2) * apart
    g.fillStyle = scene.palette[kind] ?? ""
    for (const { x, events } of clusters.filter((cluster) => cluster.kind === kind)) {
      g.fillRect(x - 1, y - apart / 2 + 0.75, 2.5, apart - 1.5)
      hits.push({
        shape: "box",
        x1: x - 2,
        y1: y - apart / 2,
        x2: x + 3,
        y2: y + apart / 2,
        title: kind,
        events
      })
    }
  }
  for (const kind of kinds) {
    if (frequent.includes(kind)) continue
    for (const cluster of clusters) if (cluster.kind === kind) drawCluster(frame, row, cluster, middle)
  }
}

/** @type {(frame: Frame, row: Row) => void} */
export const drawMarks = (frame, row) => {
  const { scene } = frame
  const clusters = clustersOf(frame, row)
  const y = yOf(frame, row) + row.height / 2
  if (clusters.length > scene.width / 12) return drawDense(frame, row, clusters)
  drawLabels(frame, row, clusters)
  for (const kind of kinds) {
    for (const cluster of clusters) if (cluster.kind === kind) drawCluster(frame, row, cluster, y)
  }
}
