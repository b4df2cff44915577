// @ts-check
import { element, make, readJson, sharp } from "./dom.js"
import { draw } from "./draw.js"
import { nearest } from "./hits.js"
import { headerHeight, packFaults } from "./lanes.js"
import { paintOverview } from "./overview.js"
import { showPanel } from "./panel.js"
import { hostKey, layRows, openAtFirst } from "./rows.js"
import { clamped, evenScale, isCrowded, lowerBound, timeScale } from "./scale.js"
import { faultColours, readPalette } from "./shapes.js"
import { formatNanos } from "./time.js"

/** @typedef {import("./lanes.js").Scene} Scene */
/** @typedef {import("./lanes.js").Hit} Hit */

/** @type {import("../Run.ts").Run} */
export const run = readJson("run")
/** @type {import("../Model.ts").Model} */
const model = { ...readJson("model"), events: run.events }

export const canvas = element("canvas", HTMLCanvasElement)
export const overview = element("overview", HTMLCanvasElement)
export const scroll = element("scroll", HTMLElement)
const gutter = element("gutter", HTMLElement)
const panel = element("panel", HTMLElement)
export const query = element("query", HTMLInputElement)

const scales = { time: timeScale(model), even: evenScale(model) }
const open = openAtFirst(model)

/** @type {Map<number, import("../Model.ts").Flight>} */
const flightOf = new Map()
for (const flight of model.flights) for (const end of [flight.ended, flight.sent]) flightOf.set(end, flight)
flightOf.delete(-1)

const firstScale = isCrowded(scales.time, scales.even) ? scales.even : scales.time

/** @type {Scene} */
export const scene = {
  model,
  scale: firstScale,
  view: clamped(firstScale, 0, Number.MAX_VALUE),
  rows: layRows(model, open),
  flightOf,
  faultColour: faultColours(model.faults),
  lanes: packFaults(model),
  checks: model.events.flatMap((event, index) =>
    event.kind === "check" || index === model.failure ? [index] : []
  ),
  hidden: new Set(),
  matches: [],
  selected: -1,
  palette: readPalette(),
  width: 0,
  height: 0,
  scroll: 0,
  pointer: -1
}

/** @type {Array<Hit>} */
let hits = []

/** @type {(x: number, y: number) => Hit | undefined} */
export const hitAt = (x, y) => nearest(hits, x, y)

let match = -1
let isPlanned = false

export const redraw = () => {
  if (isPlanned) return
  isPlanned = true
  requestAnimationFrame(() => {
    isPlanned = false
    paint()
  })
}

const paint = () => {
  const { g, width, height } = sharp(canvas)
  scene.width = Math.max(1, width)
  scene.height = height
  scene.scroll = scroll.scrollTop
  hits = draw(g, scene)
  paintOverview(scene, overview)
  layGutter()
  const chart = element("chart", HTMLElement)
  Object.assign(chart.dataset, {
    scale: scene.scale.name,
    from: scene.view.from,
    to: scene.view.to,
    selected: scene.selected,
    match
  })
}

/** @type {(from: number, to: number) => void} */
export const look = (from, to) => {
  scene.view = clamped(scene.scale, from, to)
  redraw()
}

export const showAll = () => look(-scene.scale.end * 0.03, scene.scale.end * 1.03)

/** @type {(factor: number, at?: number) => void} */
export const zoom = (factor, at = 0.5) => {
  const { from, to } = scene.view
  const width = Math.min(Math.max((to - from) * factor, scene.scale.smallest), scene.scale.end * 1.06)
  const fixed = from + (to - from) * at
  look(fixed - width * at, fixed + width * (1 - at))
}

/** @type {(part: number) => void} */
export const pan = (part) => {
  const { from, to } = scene.view
  look(from + (to - from) * part, to + (to - from) * part)
}

/** @type {(name: "time" | "even") => void} */
export const setScale = (name) => {
  for (const it of ["time", "even"])
    element(`scale-${it}`, HTMLElement).setAttribute("aria-pressed", String(it === name))
  const before = scene.scale
  if (before.name === name) return
  const isWhole = scene.view.to - scene.view.from >= before.end
  const [from, to] = [before.toNanos(scene.view.from), before.toNanos(scene.view.to)]
  scene.scale = scales[name]
  if (isWhole) showAll()
  else {
    const [low, high] = [scene.scale.ofNanos(from), scene.scale.ofNanos(to)]
    look(low, Math.max(high, low + scene.scale.smallest))
    if (scene.selected >= 0) show(scene.selected)
  }
}

export const relay = () => {
  scene.rows = layRows(model, open, scroll.clientHeight - headerHeight(scene))
  const height = scene.rows.height + headerHeight(scene)
  element("size", HTMLElement).style.height = `${Math.max(height, scroll.clientHeight)}px`
  element("pinned", HTMLElement).style.height = `${scroll.clientHeight}px`
  element("corner", HTMLElement).style.height = `${headerHeight(scene)}px`
  element("corner", HTMLElement).textContent = headerHeight(scene) > 30 ? "faults" : ""
  element("fold", HTMLElement).textContent = model.hosts.some((host) => open.has(hostKey(host)))
    ? "Fold hosts"
    : "Unfold hosts"
  redraw()
}

/** @type {(key: string) => void} */
const toggleGroup = (key) => {
  if (!open.delete(key)) open.add(key)
  relay()
}

export const foldAll = () => {
  const isAny = model.hosts.some((host) => open.has(hostKey(host)))
  if (isAny) open.clear()
  else for (const host of model.hosts) open.add(hostKey(host))
  relay()
}

/** @type {(row: import("./rows.js").Row) => HTMLElement} */
const labelOf = (row) => {
  const life = row.life
  const text =
    row.kind === "host"
      ? row.host
      : life === undefined
        ? `${row.lives.length} quiet fiber${row.lives.length === 1 ? "" : "s"}`
        : life.name || "fiber"
  const name = make("span", { text, className: "name" })
  const count = life !== undefined ? `#${life.fiber}` : row.kind === "host" ? `${row.lives.length}` : ""
  const children = [name, make("span", { text: count, className: "count" })]
  const click = life !== undefined ? () => select(life.first) : () => toggleGroup(row.key)
  const label = make("button", { className: `row ${row.kind}`, children, click })
  label.dataset.key = row.key
  label.title = row.kind === "host" ? `${text}: ${row.lives.length} fibers` : `${text} ${count}`
  if (life === undefined) label.setAttribute("aria-expanded", String(row.isOpen))
  if (scene.model.events[scene.selected]?.fiber === (life?.fiber ?? -1)) label.classList.add("chosen")
  label.style.top = `${headerHeight(scene) + row.top - scene.scroll}px`
  label.style.height = `${row.height}px`
  return label
}

const layGutter = () => {
  const focused =
    document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined
  const limit = scene.height - headerHeight(scene) + scene.scroll
  const seen = scene.rows.list.filter((row) => row.top + row.height > scene.scroll && row.top < limit)
  gutter.replaceChildren(...seen.map(labelOf))
  if (focused === undefined) return
  for (const label of gutter.children) {
    if (label instanceof HTMLElement && label.dataset.key === focused) label.focus({ preventScroll: true })
  }
}

/** Brings the event into sight. A folded host shows the events of its fibers, so nothing needs to be unfolded. */
/** @type {(event: number) => void} */
const show = (event) => {
  const { top = 0, height = 0 } = scene.rows.list[scene.rows.ofEvent[event] ?? 0] ?? {}
  const { from, to } = scene.view
  const at = scene.scale.at[event] ?? 0
  const margin = (to - from) * 0.08
  if (at < from + margin || at > to - margin) look(at - (to - from) * 0.6, at + (to - from) * 0.4)
  const visible = scroll.clientHeight - headerHeight(scene)
  if (top < scroll.scrollTop || top + height > scroll.scrollTop + visible)
    scroll.scrollTop = top - visible / 2
}

/** @type {(event: number) => void} */
export const select = (event) => {
  scene.selected = event
  if (event >= 0) show(event)
  showPanel(panel, scene, { go: select, leave: () => select(-1) })
  const it = model.events[event]
  element("said", HTMLElement).textContent =
    it === undefined ? "" : `${formatNanos(it.atNanos)}, ${it.host}, ${it.kind}: ${it.text}`
  redraw()
}

export const jumpToFailure = () => {
  if (model.failure < 0) return
  const at = scene.scale.at[model.failure] ?? 0
  const before = scene.scale.at[Math.max(0, model.failure - 40)] ?? 0
  const width = Math.max((at - before) / 0.7, scene.scale.smallest * 4, scene.scale.end / 1e6)
  look(at - width * 0.75, at + width * 0.25)
  select(model.failure)
}

/** @type {(by: 1 | -1, isSameFiber: boolean) => void} */
export const step = (by, isSameFiber) => {
  const fiber = model.events[scene.selected]?.fiber
  let index = scene.selected
  if (index < 0)
    index =
      by > 0 ? lowerBound(scene.scale.at, scene.view.from) - 1 : lowerBound(scene.scale.at, scene.view.to)
  for (index += by; index >= 0 && index < model.events.length; index += by) {
    const it = model.events[index]
    if (it === undefined || scene.hidden.has(it.kind)) continue
    if (isSameFiber && it.fiber !== fiber) continue
    select(index)
    return
  }
}

/** @type {Array<string>} */
let haystack = []

export const search = () => {
  const needle = query.value.trim().toLowerCase()
  if (haystack.length === 0) {
    const names = new Map(model.fibers.map((life) => [life.fiber, life.name]))
    haystack = model.events.map((event) =>
      [
        event.text,
        event.host,
        event.kind,
        names.get(event.fiber ?? -1) ?? "",
        ...Object.values(event.data ?? {})
      ]
        .join("\n")
        .toLowerCase()
    )
  }
  scene.matches =
    needle === ""
      ? []
      : model.events.flatMap((event, index) =>
          !scene.hidden.has(event.kind) && haystack[index]?.includes(needle) ? [index] : []
        )
  match = -1
  sayFound()
  redraw()
}

export const sayFound = () => {
  const count = scene.matches.length
  const found =
    query.value.trim() === "" ? "" : count === 0 ? "none" : match < 0 ? `${count}` : `${match + 1} / ${count}`
  element("found", HTMLElement).textContent = found
  for (const id of ["next", "previous"]) element(id, HTMLButtonElement).disabled = count === 0
}

/** @type {(by: 1 | -1) => void} */
export const stepMatch = (by) => {
  const count = scene.matches.length
  if (count === 0) return
  if (match < 0) {
    const from = scene.selected >= 0 ? scene.selected : lowerBound(scene.scale.at, scene.view.from)
    const next = lowerBound(scene.matches, from)
    match = by > 0 ? next % count : (next - 1 + count) % count
  } else match = (match + by + count) % count
  sayFound()
  select(scene.matches[match] ?? -1)
}
