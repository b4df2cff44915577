// @ts-check
import { make, makeMessage } from "./dom.js"
import { faultsByKind } from "./lanes.js"
import { formatNanos } from "./time.js"

/** @typedef {import("./lanes.js").Scene} Scene */

/**
 * @typedef {object} Actions
 * @property {(event: number) => void} go Selects an event and brings it into sight.
 * @property {() => void} leave Lets go of the selected event.
 */

/** @type {(model: import("../Model.ts").Model, fiber: number | undefined) => string} */
const fiberName = (model, fiber) => {
  if (fiber === undefined) return ""
  const name = model.fibers.find((life) => life.fiber === fiber)?.name ?? ""
  return name === "" ? `#${fiber}` : `#${fiber} ${name}`
}

/** @type {(model: import("../Model.ts").Model, event: number) => string} */
const whereOf = (model, event) => {
  const it = model.events[event]
  if (it === undefined) return ""
  return it.fiber === undefined ? it.host : `${it.host} · ${fiberName(model, it.fiber)}`
}

/** @type {(text: string) => HTMLElement} */
const heading = (text) => make("h2", { text })

/** @type {(scene: Scene, event: number, actions: Actions) => HTMLElement} */
const eventButton = (scene, event, actions) => {
  const it = scene.model.events[event]
  const kind = it?.kind ?? "run"
  const colour =
    kind === "fault" ? (scene.faultColour.get(String(it?.data?.fault ?? it?.text)) ?? kind) : kind
  const dot = make("i", { className: "dot" })
  dot.style.background = `var(--${colour})`
  const button = make("button", {
    className: event === scene.selected ? "event chosen" : "event",
    click: () => actions.go(event),
    children: [
      make("time", { text: formatNanos(it?.atNanos ?? 0) }),
      make("span", { className: "where", text: whereOf(scene.model, event) }),
      make("span", { className: "what", children: [dot, make("span", { text: it?.text || `(${kind})` })] })
    ]
  })
  if (event === scene.selected) button.setAttribute("aria-current", "true")
  return make("li", { children: [button], className: kind === "check" ? "failed" : "" })
}

/** @type {(scene: Scene, events: ReadonlyArray<number>, actions: Actions) => HTMLElement} */
const eventList = (scene, events, actions) =>
  make("ol", { className: "events", children: events.map((event) => eventButton(scene, event, actions)) })

/** Starts and ends of fibers are left out: they tell little and are many. */
/** @type {(scene: Scene, from: number, by: 1 | -1, count: number) => Array<number>} */
const neighbours = ({ model, hidden }, from, by, count) => {
  /** @type {Array<number>} */
  const list = []
  for (let index = from + by; index >= 0 && index < model.events.length && list.length < count; index += by) {
    const kind = model.events[index]?.kind ?? "run"
    if (kind !== "fiber" && !hidden.has(kind)) list.push(index)
  }
  return by > 0 ? list : list.reverse()
}

/** @type {(scene: Scene, faults: ReturnType<typeof faultsByKind>, actions: Actions) => HTMLElement} */
const faultTable = (scene, faults, actions) => {
  const items = [...faults].map(([kind, events]) => {
    const swatch = make("i", { className: "dot" })
    swatch.style.background = `var(--${scene.faultColour.get(kind) ?? "fault"})`
    let turn = 0
    const children = [
      swatch,
      make("b", { text: kind }),
      make("span", { className: "count", text: `× ${events.length}` })
    ]
    const button = make("button", {
      className: "fault",
      children,
      click: () => actions.go(events[turn++ % events.length] ?? 0)
    })
    button.title = "Jump to it; again for the next"
    return make("li", { children: [button] })
  })
  return make("ul", { className: "faults", children: items })
}

/** @type {(pairs: ReadonlyArray<readonly [string, string]>) => HTMLElement} */
const fieldList = (pairs) =>
  make("dl", {
    className: "fields",
    children: pairs.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })])
  })

/** @type {(scene: Scene) => HTMLElement} */
const counts = ({ model }) => {
  const lost = model.flights.filter((flight) => flight.fate === "dropped").length
  const killed = model.fibers.filter((life) => life.ending === "killed").length
  const open = model.fibers.filter((life) => life.ending === "open").length
  /** @type {Array<readonly [string, string]>} */
  const pairs = [
    ["hosts", `${model.hosts.length}`],
    [
      "fibers",
      `${model.fibers.length}${killed > 0 ? `, ${killed} killed` : ""}${open > 0 ? `, ${open} never ended` : ""}`
    ],
    ["messages", `${model.flights.length}${lost > 0 ? `, ${lost} dropped` : ""}`],
    ["instants", `${new Set(model.events.map((event) => event.atNanos)).size}`]
  ]
  return fieldList(pairs)
}

/**
 * What to see first: what failed, which faults took effect, what happened before.
 *
 * @type {(scene: Scene, actions: Actions) => Array<HTMLElement>}
 */
const summary = (scene, actions) => {
  const { model } = scene
  const checks = model.events.flatMap((event, index) => (event.kind === "check" ? [index] : []))
  const last = model.failure >= 0 ? model.failure : model.events.length
  const faults = faultsByKind(model)
  return [
    ...(checks.length > 0
      ? [
          heading(checks.length === 1 ? "The check that failed" : `${checks.length} checks failed`),
          eventList(scene, checks.slice(0, 20), actions)
        ]
      : []),
    ...(model.scenario.length > 0 ? [heading("Scenario"), fieldList(model.scenario)] : []),
    heading("Faults that took effect"),
    faults.size > 0 ? faultTable(scene, faults, actions) : make("p", { className: "none", text: "None." }),
    heading(model.failure >= 0 ? "Before the failure" : "Last events"),
    eventList(scene, neighbours(scene, last, -1, 14), actions),
    heading("In this run"),
    counts(scene)
  ]
}

/** @type {(scene: Scene, actions: Actions) => Array<HTMLElement>} */
const partners = (scene, actions) => {
  const { model, selected } = scene
  const flight = scene.flightOf.get(selected)
  const at = model.events[selected]?.atNanos ?? 0
  if (flight === undefined) return []
  const other = flight.sent === selected ? flight.ended : flight.sent
  if (other < 0)
    return [
      make("p", {
        className: "none",
        text:
          flight.sent < 0 ? "It was sent before this trace." : "It was still on its way when the run ended."
      })
    ]
  const apart = formatNanos(Math.abs((model.events[other]?.atNanos ?? 0) - at))
  const text = flight.sent === selected ? `${flight.fate} ${apart} later` : `sent ${apart} before`
  return [make("button", { className: "link", text: `→ ${text}`, click: () => actions.go(other) })]
}

/** @type {(scene: Scene) => Array<readonly [string, string]>} */
const fieldsOf = ({ model, selected }) => {
  const it = model.events[selected]
  if (it === undefined) return []
  const life = model.fibers.find(({ fiber }) => fiber === it.fiber)
  const deadline = Number(it.data?.atNanos ?? Number.NaN)
  /** @type {Array<readonly [string, string]>} */
  const fields = [
    ["host", it.host],
    ["fiber", fiberName(model, it.fiber)],
    [
      "its life",
      life === undefined
        ? ""
        : `${formatNanos(model.events[life.first]?.atNanos ?? 0)} – ${life.last < 0 ? "never ended" : `${formatNanos(model.events[life.last]?.atNanos ?? 0)}, ${life.ending}`}`
    ],
    [
      "deadline",
      Number.isNaN(deadline) ? "" : `${formatNanos(deadline)} (in ${formatNanos(deadline - it.atNanos)})`
    ]
  ]
  for (const [name, value] of Object.entries(it.data ?? {})) {
    if (name === "atNanos") continue
    fields.push(
      name.endsWith("Nanos") ? [name.slice(0, -5), formatNanos(Number(value))] : [name, String(value)]
    )
  }
  return fields.filter(([, value]) => value !== "")
}

/** @type {(scene: Scene, actions: Actions) => Array<HTMLElement>} */
const details = (scene, actions) => {
  const { model, selected } = scene
  const it = model.events[selected]
  const before = model.events[selected - 1]?.atNanos ?? 0
  const apart = (it?.atNanos ?? 0) - before
  const badge = make("span", { className: "kind", text: it?.kind ?? "" })
  badge.style.background = `var(--${it?.kind})`
  return [
    make("div", {
      className: "top",
      children: [
        badge,
        make("b", { text: formatNanos(it?.atNanos ?? 0) }),
        make("span", {
          className: "count",
          text: apart > 0 ? `+${formatNanos(apart)}` : "same instant as before"
        }),
        make("button", { text: "× esc", className: "close", click: actions.leave })
      ]
    }),
    make("div", {
      className: it?.kind === "check" ? "text bad" : "text",
      children: makeMessage(it?.text || "(no text)")
    }),
    fieldList(fieldsOf(scene)),
    ...partners(scene, actions),
    heading("Around it"),
    eventList(
      scene,
      [...neighbours(scene, selected, -1, 8), selected, ...neighbours(scene, selected, 1, 8)],
      actions
    )
  ]
}

/** @type {(panel: HTMLElement, scene: Scene, actions: Actions) => void} */
export const showPanel = (panel, scene, actions) => {
  panel.replaceChildren(...(scene.selected < 0 ? summary(scene, actions) : details(scene, actions)))
  panel.scrollTop = 0
}

/** @type {Record<string, string>} */
const titles = { life: "fiber", down: "host is down", paused: "host is paused" }

/** @type {(tip: HTMLElement, scene: Scene, hit: import("./lanes.js").Hit) => void} */
export const fillTip = (tip, scene, hit) => {
  const { model } = scene
  const first = hit.events[0] ?? -1
  const event = model.events[first]
  const many = hit.title === "message" ? 0 : hit.events.length
  const life = hit.title === "life" ? model.fibers.find(({ first: start }) => start === first) : undefined
  const last = model.events[hit.events.at(-1) ?? -1]?.atNanos ?? 0
  const from = event?.atNanos ?? 0
  const span =
    hit.events.length > 1 && last > from ? ` – ${formatNanos(last)} (${formatNanos(last - from)})` : ""
  const title = `${titles[hit.title] ?? hit.title}${many > 1 ? ` × ${many}` : ""}`
  const texts =
    life === undefined
      ? hit.events.slice(0, 6).map((it) => model.events[it]?.text ?? "")
      : [fiberName(model, life.fiber)]
  const isOne = hit.title === "message" && new Set(texts).size === 1
  const ends =
    life === undefined
      ? ""
      : ` – ${life.last < 0 ? "never ended" : `${formatNanos(model.events[life.last]?.atNanos ?? 0)} (${life.ending})`}`
  tip.replaceChildren(
    make("b", { text: title }),
    make("time", { text: ` ${formatNanos(from)}${span}${ends}` }),
    make("div", { className: "where", text: whereOf(model, first) }),
    ...(isOne ? texts.slice(0, 1) : texts).map((text) => make("div", { className: "what", text })),
    ...(many > 6
      ? [make("div", { className: "where", text: `… and ${many - 6} more: zoom in, or press e` })]
      : [])
  )
}
