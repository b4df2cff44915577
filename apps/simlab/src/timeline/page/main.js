// @ts-check
import { element, make, makeMessage } from "./dom.js"
import { fillTip } from "./panel.js"
import { drawMark, kinds, readPalette } from "./shapes.js"
import { formatNanos } from "./time.js"
import {
  canvas,
  foldAll,
  hitAt,
  jumpToFailure,
  look,
  overview,
  pan,
  query,
  redraw,
  relay,
  run,
  sayFound,
  scene,
  scroll,
  search,
  select,
  setScale,
  showAll,
  step,
  stepMatch,
  zoom
} from "./view.js"

const tip = element("tip", HTMLElement)
const help = element("help", HTMLDialogElement)

const toggleScale = () => setScale(scene.scale.name === "time" ? "even" : "time")

/** @type {(id: string, act: () => void) => void} */
const onClick = (id, act) => element(id, HTMLElement).addEventListener("click", act)

const wireTools = () => {
  onClick("zoom-in", () => zoom(0.6))
  onClick("zoom-out", () => zoom(1 / 0.6))
  onClick("fit", showAll)
  onClick("scale-time", () => setScale("time"))
  onClick("scale-even", () => setScale("even"))
  onClick("next", () => stepMatch(1))
  onClick("previous", () => stepMatch(-1))
  onClick("fold", foldAll)
  onClick("jump", jumpToFailure)
  onClick("keys", () => help.showModal())
  query.addEventListener("input", search)
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") stepMatch(event.shiftKey ? -1 : 1)
  })
}

const escape = () => {
  if (document.activeElement === query) canvas.focus()
  else if (scene.selected >= 0) select(-1)
  else if (query.value !== "") {
    query.value = ""
    search()
  }
}

/** @type {Map<string, () => void>} */
const keys = new Map([
  ["+", () => zoom(0.6)],
  ["=", () => zoom(0.6)],
  ["-", () => zoom(1 / 0.6)],
  ["_", () => zoom(1 / 0.6)],
  ["0", showAll],
  ["ArrowLeft", () => pan(-0.12)],
  ["ArrowRight", () => pan(0.12)],
  ["shift ArrowLeft", () => pan(-0.9)],
  ["shift ArrowRight", () => pan(0.9)],
  ["ArrowUp", () => scroll.scrollBy(0, -63)],
  ["ArrowDown", () => scroll.scrollBy(0, 63)],
  [",", () => step(-1, false)],
  [".", () => step(1, false)],
  ["<", () => step(-1, true)],
  [">", () => step(1, true)],
  ["e", toggleScale],
  ["j", jumpToFailure],
  ["c", foldAll],
  ["n", () => stepMatch(1)],
  ["N", () => stepMatch(-1)],
  ["?", () => help.showModal()],
  ["/", () => query.select()]
])

const wireKeys = () => {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return
    if (event.key === "Escape") {
      // Browsers empty a search field by themselves, without a word.
      event.preventDefault()
      return escape()
    }
    if (event.target === query) return
    const isArrow = event.key.startsWith("Arrow")
    if (isArrow && element("panel", HTMLElement).contains(document.activeElement)) return
    const act = keys.get(event.shiftKey && isArrow ? `shift ${event.key}` : event.key)
    if (act === undefined) return
    event.preventDefault()
    act()
  })
}

/** @type {(x: number, y: number, hit: import("./lanes.js").Hit | undefined) => void} */
const showTip = (x, y, hit) => {
  tip.hidden = hit === undefined
  canvas.style.cursor = hit === undefined ? "grab" : "pointer"
  if (hit === undefined) return
  fillTip(tip, scene, hit)
  const { offsetWidth, offsetHeight } = tip
  const left = x + 14 + offsetWidth > innerWidth ? x - 14 - offsetWidth : x + 14
  const top = y + 16 + offsetHeight > innerHeight ? y - 12 - offsetHeight : y + 16
  tip.style.left = `${Math.max(4, left)}px`
  tip.style.top = `${Math.max(4, top)}px`
}

/** Clicking again on marks that stand for many events steps through them. */
/** @type {(hit: import("./lanes.js").Hit | undefined) => void} */
const pick = (hit) => {
  if (hit === undefined) return select(-1)
  const turn = hit.events.indexOf(scene.selected)
  select(hit.events[(turn + 1) % hit.events.length] ?? -1)
}

const wirePointer = () => {
  /** @type {{ x: number, y: number, moved: number } | undefined} */
  let drag
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: 0 }
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect()
    scene.pointer = event.clientX - box.left
    if (drag === undefined) {
      showTip(event.clientX, event.clientY, hitAt(scene.pointer, event.clientY - box.top))
      return redraw()
    }
    drag.moved += Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y)
    if (drag.moved < 4) return
    tip.hidden = true
    canvas.style.cursor = "grabbing"
    pan((drag.x - event.clientX) / scene.width)
    scroll.scrollTop += drag.y - event.clientY
    drag.x = event.clientX
    drag.y = event.clientY
  })
  canvas.addEventListener("pointerup", (event) => {
    const box = canvas.getBoundingClientRect()
    if (drag !== undefined && drag.moved < 4) pick(hitAt(event.clientX - box.left, event.clientY - box.top))
    drag = undefined
    canvas.style.cursor = "grab"
  })
  canvas.addEventListener("pointerleave", () => {
    scene.pointer = -1
    tip.hidden = true
    redraw()
  })
  canvas.addEventListener("dblclick", (event) =>
    zoom(0.3, (event.clientX - canvas.getBoundingClientRect().left) / scene.width)
  )
}

/** @type {(event: WheelEvent) => void} */
const wheel = (event) => {
  event.preventDefault()
  const unit = event.deltaMode === 1 ? 16 : 1
  tip.hidden = true
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    pan(((event.deltaX || event.deltaY) * unit) / scene.width)
    return
  }
  const by = Math.max(-240, Math.min(240, event.deltaY * unit))
  zoom(Math.exp(by * 0.002), (event.clientX - canvas.getBoundingClientRect().left) / scene.width)
}

const wireOverview = () => {
  /** @type {(event: PointerEvent) => void} */
  const centre = (event) => {
    const box = overview.getBoundingClientRect()
    const at = ((event.clientX - box.left - 4) / (box.width - 8)) * scene.scale.end
    const half = (scene.view.to - scene.view.from) / 2
    look(at - half, at + half)
  }
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId)
    centre(event)
  })
  overview.addEventListener("pointermove", (event) => {
    if (event.buttons > 0) centre(event)
  })
}

/** @type {Array<() => void>} */
const signs = []

/** @type {(kind: string, count: number) => HTMLElement} */
const legendButton = (kind, count) => {
  const sign = document.createElement("canvas")
  const ratio = Math.ceil(globalThis.devicePixelRatio || 1) * 2
  sign.width = sign.height = 14 * ratio
  signs.push(() => {
    const g = sign.getContext("2d")
    if (g === null) return
    g.setTransform(ratio, 0, 0, ratio, 0, 0)
    g.clearRect(0, 0, 14, 14)
    const colour = kind === "fiber" ? "barEdge" : kind === "fault" ? "fault0" : kind
    drawMark(g, scene.palette, { kind, phase: "", colour, x: 7, y: 7, size: kind === "message" ? 6 : 5 })
  })
  const button = make("button", {
    children: [sign, make("span", { text: kind }), make("span", { className: "count", text: `${count}` })],
    click: () => {
      if (!scene.hidden.delete(kind)) scene.hidden.add(kind)
      button.setAttribute("aria-pressed", String(!scene.hidden.has(kind)))
      search()
      relay()
    }
  })
  button.dataset.kind = kind
  button.title = `Show or hide: ${kind}`
  button.setAttribute("aria-pressed", "true")
  return button
}

const fillLegend = () => {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { kind } of scene.model.events) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const seen = kinds.filter((kind) => counts.has(kind)).toReversed()
  element("legend", HTMLElement).append(...seen.map((kind) => legendButton(kind, counts.get(kind) ?? 0)))
}

const fillHeader = () => {
  const isBad = run.failure !== undefined
  const verdict = element("verdict", HTMLElement)
  verdict.textContent = isBad ? "✗ failed" : "✓ passed"
  verdict.className = isBad ? "bad" : "good"
  for (const [id, text] of /** @type {const} */ ([
    ["suite", run.suite],
    ["title", run.title]
  ])) {
    element(id, HTMLElement).textContent = text
    element(id, HTMLElement).title = text
  }
  element("failure", HTMLElement).hidden = !isBad
  element("failure-text", HTMLElement).replaceChildren(...makeMessage(run.failure ?? ""))
  const token = make("button", { text: run.token, className: "token" })
  token.title = "Copy the token that replays this run"
  token.addEventListener("click", () => {
    getSelection()?.selectAllChildren(token)
    navigator.clipboard?.writeText(run.token).then(
      () => token.classList.add("copied"),
      () => undefined
    )
  })
  const facts = [
    make("dt", { text: "virtual time" }),
    make("dd", { text: formatNanos(run.virtualNanos) }),
    make("dt", { text: "events" }),
    make("dd", { text: `${run.events.length}` }),
    make("dt", { text: "hash" }),
    make("dd", { text: run.hash, className: "mono" }),
    make("dt", { text: "token" }),
    make("dd", { children: [token] })
  ]
  element("facts", HTMLElement).append(...facts)
  element("empty", HTMLElement).hidden = run.events.length > 0
  element("jump", HTMLElement).hidden = scene.model.failure < 0
}

const refresh = () => {
  scene.palette = readPalette()
  for (const sign of signs) sign()
  relay()
}

const start = () => {
  fillHeader()
  fillLegend()
  wireTools()
  wireKeys()
  wirePointer()
  wireOverview()
  canvas.addEventListener("wheel", wheel, { passive: false })
  scroll.addEventListener("scroll", redraw, { passive: true })
  new ResizeObserver(relay).observe(scroll)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh)
  setScale(scene.scale.name)
  sayFound()
  select(-1)
  refresh()
}

start()
