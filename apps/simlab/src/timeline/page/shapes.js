// @ts-check

/** In the order in which they are drawn: what matters most comes last, on top. */
export const kinds = ["message", "fiber", "run", "log", "disk", "note", "host", "fault", "check"]

const colours = [
  "bg",
  "panel",
  "ink",
  "soft",
  "faint",
  "line",
  "band",
  "accent",
  "bar",
  "barEdge",
  "dead",
  "glow"
]

/** @typedef {Record<string, string>} Palette */

/**
 * The colours of the style sheet in the scheme that the reader prefers.
 *
 * @type {() => Palette}
 */
export const readPalette = () => {
  const style = getComputedStyle(document.documentElement)
  const names = [...colours, ...kinds, "fault0", "fault1", "fault2", "fault3", "fault4"]
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]))
}

/** @type {(faults: ReadonlyArray<import("../Model.ts").Fault>) => Map<string, string>} */
export const faultColours = (faults) => {
  const names = [...new Set(faults.map((fault) => fault.kind))]
  return new Map(names.map((name, index) => [name, `fault${index % 5}`]))
}

const small = "11px system-ui, -apple-system, 'Segoe UI', sans-serif"

/** @type {(g: CanvasRenderingContext2D, points: ReadonlyArray<readonly [number, number]>) => void} */
const polygon = (g, points) => {
  g.beginPath()
  for (const [x, y] of points) g.lineTo(x, y)
  g.closePath()
}

/**
 * The sign of a kind, the same in the legend and in the timeline.
 *
 * @type {(g: CanvasRenderingContext2D, kind: string, x: number, y: number, size: number) => void}
 */
const outline = (g, kind, x, y, size) => {
  const s = size
  if (kind === "fault") {
    polygon(g, [
      [x, y - s],
      [x + s, y + s * 0.8],
      [x - s, y + s * 0.8]
    ])
  } else if (kind === "note") {
    polygon(g, [
      [x, y - s],
      [x + s, y],
      [x, y + s],
      [x - s, y]
    ])
  } else if (kind === "disk") {
    polygon(g, [
      [x - s * 0.8, y - s * 0.8],
      [x + s * 0.8, y - s * 0.8],
      [x + s * 0.8, y + s * 0.8],
      [x - s * 0.8, y + s * 0.8]
    ])
  } else if (kind === "log") {
    g.beginPath()
    g.roundRect(x - s * 0.45, y - s, s * 0.9, s * 2, 2)
  } else if (kind === "fiber") {
    g.beginPath()
    g.roundRect(x - s * 1.3, y - s * 0.6, s * 2.6, s * 1.2, 2)
  } else {
    g.beginPath()
    g.arc(x, y, kind === "message" ? s * 0.55 : s, 0, Math.PI * 2)
  }
}

/** @type {(g: CanvasRenderingContext2D, x: number, y: number, size: number, colour: string, width?: number) => void} */
export const drawCross = (g, x, y, size, colour, width = 2) => {
  g.beginPath()
  g.moveTo(x - size, y - size)
  g.lineTo(x + size, y + size)
  g.moveTo(x + size, y - size)
  g.lineTo(x - size, y + size)
  g.strokeStyle = colour
  g.lineWidth = width
  g.stroke()
}

/** What happened to a host, inside its disc. */
const hostGlyphs = new Map([
  ["start", "▸"],
  ["restart", "↻"],
  ["pause", "‖"],
  ["resume", "▸"],
  ["exit", "■"]
])

/** @typedef {{ kind: string, phase: string, colour: string, x: number, y: number, size: number }} Mark */

/**
 * @type {(g: CanvasRenderingContext2D, palette: Palette, mark: Mark) => void}
 */
export const drawMark = (g, palette, { kind, phase, colour, x, y, size }) => {
  outline(g, kind, x, y, size)
  g.fillStyle = palette[colour] ?? palette[kind] ?? ""
  g.fill()
  if (kind !== "message") {
    g.strokeStyle = palette.bg ?? ""
    g.lineWidth = 1.25
    g.stroke()
  }
  if (kind === "check" || phase === "crash") drawCross(g, x, y, size * 0.42, palette.bg ?? "", 1.75)
  const glyph = kind === "host" ? hostGlyphs.get(phase) : undefined
  if (glyph === undefined || size < 5) return
  g.fillStyle = palette.bg ?? ""
  g.font = `bold ${Math.round(size * 1.5)}px system-ui, sans-serif`
  g.textAlign = "center"
  g.textBaseline = "middle"
  g.fillText(glyph, x, y + 0.5)
}

/** @type {(g: CanvasRenderingContext2D, text: string) => number} */
export const widthOf = (g, text) => {
  g.font = small
  return g.measureText(text.slice(0, 200)).width
}

/**
 * As much of a text as fits, drawn from its left end.
 *
 * @type {(g: CanvasRenderingContext2D, text: string, at: { x: number, y: number, room: number, colour: string, halo?: string }) => number}
 */
export const drawText = (g, text, { x, y, room, colour, halo }) => {
  if (room < 24) return 0
  g.font = small
  g.textAlign = "left"
  g.textBaseline = "middle"
  let shown = text.length > 200 ? text.slice(0, 200) : text
  const width = widthOf(g, shown)
  if (width > room) {
    const keep = Math.floor((shown.length * (room - 8)) / width)
    if (keep < 3) return 0
    shown = `${shown.slice(0, keep)}…`
  }
  if (halo !== undefined) {
    g.strokeStyle = halo
    g.lineWidth = 3
    g.lineJoin = "round"
    g.strokeText(shown, x, y)
  }
  g.fillStyle = colour
  g.fillText(shown, x, y)
  return Math.min(width, room)
}

/** @type {Map<string, CanvasPattern | null>} */
const patterns = new Map()

/**
 * Slanted lines: a surface that is out of use.
 *
 * @type {(g: CanvasRenderingContext2D, colour: string) => CanvasPattern | string}
 */
export const hatch = (g, colour) => {
  if (!patterns.has(colour)) {
    const tile = document.createElement("canvas")
    tile.width = tile.height = 8
    const t = tile.getContext("2d")
    if (t !== null) {
      t.strokeStyle = colour
      t.lineWidth = 1.5
      for (const shift of [-8, 0, 8]) {
        t.beginPath()
        t.moveTo(shift, 8)
        t.lineTo(shift + 8, 0)
        t.stroke()
      }
    }
    patterns.set(colour, g.createPattern(tile, "repeat"))
  }
  return patterns.get(colour) ?? colour
}
