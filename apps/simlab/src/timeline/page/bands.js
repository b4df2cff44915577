// @ts-check
import { faultEnds, spanOf, yOf } from "./lanes.js"
import { drawText, hatch } from "./shapes.js"

/** @typedef {import("./lanes.js").Frame} Frame */

/** Where a host is down or paused, and where a fault lasts: over its row and those of its fibers. */
/** @type {(frame: Frame) => void} */
export const drawBands = (frame) => {
  const { g, scene, hits } = frame
  const { palette, rows, model, width } = scene
  const groups = groupHeights(rows)
  for (const fault of scene.hidden.has("fault") ? [] : model.faults) {
    if (fault.untilNanos === undefined) continue
    const [x1, x2] = faultEnds(frame, fault)
    if (x2 < 0 || x1 > width || x2 - x1 < 1) continue
    g.fillStyle = palette[scene.faultColour.get(fault.kind) ?? "fault"] ?? ""
    for (const host of fault.hosts) {
      const row = rows.hosts.get(host)
      if (row === undefined) continue
      g.globalAlpha = model.faults.length > 60 ? 0.05 : 0.11
      g.fillRect(x1, yOf(frame, row), x2 - x1, groups.get(host) ?? row.height)
      g.globalAlpha = 0.9
      g.fillRect(x1, yOf(frame, row) + row.height - 3, x2 - x1, 3)
    }
  }
  g.globalAlpha = 1
  for (const state of scene.hidden.has("host") ? [] : model.states) {
    const [x1, x2] = spanOf(frame, state)
    const row = rows.hosts.get(state.host)
    if (row === undefined || x2 < 0 || x1 > width) continue
    const y = yOf(frame, row)
    const height = groups.get(state.host) ?? row.height
    const right = Math.max(x2, x1 + 1)
    g.fillStyle = hatch(g, palette[state.state === "down" ? "dead" : "faint"] ?? "")
    g.fillRect(x1, y + 1, right - x1, height - 1)
    hits.push({
      shape: "box",
      x1,
      y1: y,
      x2: right,
      y2: y + height,
      title: state.state,
      events: [state.first]
    })
    const start = Math.max(x1, 0) + 14
    const colour = palette[state.state === "down" ? "check" : "soft"] ?? ""
    drawText(g, state.state, {
      x: start,
      y: y + 9,
      room: Math.min(right, width) - start,
      colour,
      halo: palette.bg ?? ""
    })
  }
}

/** @type {(rows: import("./rows.js").Rows) => Map<string, number>} */
const groupHeights = (rows) => {
  /** @type {Map<string, number>} */
  const heights = new Map()
  for (const row of rows.list) heights.set(row.host, (heights.get(row.host) ?? 0) + row.height)
  return heights
}
