// @ts-check
import { sharp } from "./dom.js"

/** @typedef {import("./lanes.js").Scene} Scene */

/** @type {{ key: string, matches: ReadonlyArray<number>, picture: HTMLCanvasElement } | undefined} */
let density

/** How much happens where, over the whole run: drawn once for each size, scale and scheme. */
/** @type {(scene: Scene, size: { width: number, height: number, ratio: number }) => HTMLCanvasElement} */
const densityOf = (scene, { width, height, ratio }) => {
  const key = [width, ratio, scene.scale.name, [...scene.hidden], scene.palette.bg].join()
  if (density?.key === key && density.matches === scene.matches) return density.picture
  const picture = document.createElement("canvas")
  picture.width = width * ratio
  picture.height = height * ratio
  density = { key, matches: scene.matches, picture }
  const { model } = scene
  const g = picture.getContext("2d")
  if (g === null) return picture
  g.scale(ratio, ratio)
  const columns = new Uint32Array(width + 1)
  const x = (/** @type {number} */ position) => Math.round((position / scene.scale.end) * (width - 8)) + 4
  for (const [index, event] of model.events.entries()) {
    const column = x(scene.scale.at[index] ?? 0)
    if (!scene.hidden.has(event.kind)) columns[column] = (columns[column] ?? 0) + 1
  }
  const most = Math.log2(1 + columns.reduce((a, b) => Math.max(a, b), 1))
  g.fillStyle = scene.palette.barEdge ?? ""
  for (const [column, count] of columns.entries()) {
    const tall = count === 0 ? 0 : 3 + ((height - 14) * Math.log2(1 + count)) / most
    g.fillRect(column, height - 2 - tall, 1.5, tall)
  }
  for (const fault of scene.hidden.has("fault") ? [] : model.faults) {
    const from = x(scene.scale.at[fault.event] ?? 0)
    const to =
      fault.untilNanos === undefined
        ? from
        : x(Math.min(scene.scale.end, scene.scale.ofNanos(fault.untilNanos)))
    g.fillStyle = scene.palette[scene.faultColour.get(fault.kind) ?? "fault"] ?? ""
    g.fillRect(from, 2, Math.max(2, to - from), 4)
  }
  g.fillStyle = scene.palette.glow ?? ""
  for (const event of scene.matches) g.fillRect(x(scene.scale.at[event] ?? 0) - 1, 7, 2, height - 8)
  g.fillStyle = scene.palette.check ?? ""
  for (const index of scene.checks) {
    g.fillRect(x(scene.scale.at[index] ?? 0) - 1, 0, 2, height)
  }
  return picture
}

/** @type {(scene: Scene, overview: HTMLCanvasElement) => void} */
export const paintOverview = (scene, overview) => {
  const { g, width, height } = sharp(overview)
  g.clearRect(0, 0, width, height)
  g.drawImage(
    densityOf(scene, { width, height, ratio: globalThis.devicePixelRatio || 1 }),
    0,
    0,
    width,
    height
  )
  const x = (/** @type {number} */ position) => (position / scene.scale.end) * (width - 8) + 4
  const left = Math.max(1, x(scene.view.from))
  const right = Math.min(width - 1, Math.max(left + 4, x(scene.view.to)))
  g.fillStyle = scene.palette.panel ?? ""
  g.globalAlpha = 0.72
  g.fillRect(0, 0, left, height)
  g.fillRect(right, 0, width, height)
  g.globalAlpha = 1
  g.strokeStyle = scene.palette.accent ?? ""
  g.lineWidth = 1.5
  g.beginPath()
  g.roundRect(left, 1, right - left, height - 2, 3)
  g.stroke()
}
