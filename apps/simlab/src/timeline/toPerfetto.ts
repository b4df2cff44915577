/**
 * The trace-event format, as Perfetto reads it: a host is a process, a fiber a thread, a message a flow.
 *
 * Source: "Trace Event Format", the Chromium project.
 */
import type * as Trace from "@holdfast/sim/Trace"
import { toJson } from "./json.ts"
import type { Fault, Model } from "./Model.ts"
import { modelOf } from "./Model.ts"
import type { Run } from "./Run.ts"

/** `ts` and `dur` are microseconds, with the nanoseconds behind the point. */
interface Entry {
  readonly ph: "M" | "X" | "i" | "s" | "f"
  readonly ts: number
  readonly name: string
  readonly cat?: string
  readonly dur?: number
  readonly s?: "g" | "p" | "t"
  readonly id?: number
  readonly bp?: "e"
  readonly args?: Readonly<Record<string, unknown>>
}

interface Thread {
  readonly pid: number
  readonly tid: number
}

const micros = (nanos: number): number => nanos / 1e3

/** A message is a slice of a nanosecond on either side, because a flow joins slices and nothing else. */
const tickMicros = 0.001

/** Where the threads of a host stand below each other. */
const sortIndexes = { host: 0, network: 1, faults: 2, fiber: 10_000 }

/** Collects entries, and gives each thread its number when it is first used. */
class Sheet {
  readonly entries: Array<Entry & Thread> = []
  readonly #threads = new Map<string, Thread>()
  readonly #pids: ReadonlyMap<string, number>

  constructor(hosts: ReadonlyArray<string>) {
    // 0 means the idle process to Perfetto.
    this.#pids = new Map(hosts.map((host, index) => [host, index + 1]))
    for (const [host, pid] of this.#pids) this.#describe({ pid, tid: pid }, "process", host, pid)
  }

  thread(host: string, name: string, sortIndex: number): Thread {
    const pid = this.#pids.get(host) ?? 0
    const key = `${pid} ${name}`
    const known = this.#threads.get(key)
    if (known !== undefined) return known
    const tid = sortIndex === sortIndexes.host ? pid : this.#pids.size + this.#threads.size + 1
    const thread = { pid, tid }
    this.#threads.set(key, thread)
    this.#describe(thread, "thread", name, sortIndex)
    return thread
  }

  add(thread: Thread, entry: Entry): void {
    this.entries.push({ ...entry, ...thread })
  }

  #describe(thread: Thread, what: "process" | "thread", name: string, sortIndex: number): void {
    this.add(thread, { ph: "M", ts: 0, name: `${what}_name`, args: { name } })
    this.add(thread, { ph: "M", ts: 0, name: `${what}_sort_index`, args: { sort_index: sortIndex } })
  }
}

const addLives = (sheet: Sheet, { fibers, events, states, endNanos }: Model): ReadonlyMap<number, Thread> => {
  const between = (first: number, last: number): { readonly ts: number; readonly dur: number } => {
    const start = events[first]?.atNanos ?? 0
    return { ts: micros(start), dur: micros((events[last]?.atNanos ?? endNanos) - start) }
  }
  for (const { host, state, first, last } of states) {
    const thread = sheet.thread(host, "host", sortIndexes.host)
    sheet.add(thread, { ph: "X", name: state, cat: "host", ...between(first, last) })
  }
  const threads = new Map<number, Thread>()
  for (const { fiber, host, name, first, last, ending } of fibers) {
    const label = name === "" ? `fiber ${fiber}` : name
    const thread = sheet.thread(host, `#${fiber} ${label}`, sortIndexes.fiber + fiber)
    threads.set(fiber, thread)
    const args = { fiber, ending }
    sheet.add(thread, { ph: "X", name: label, cat: "fiber", ...between(first, last), args })
  }
  return threads
}

/** Slices of one thread must nest, so faults that overlap get threads of their own. */
const addFaults = (sheet: Sheet, { faults, events, endNanos }: Model): void => {
  const busyUntil = new Map<string, Array<number>>()
  const laneOf = (host: string, from: number, until: number): number => {
    const lanes = busyUntil.get(host) ?? []
    busyUntil.set(host, lanes)
    const free = lanes.findIndex((end) => end < from)
    const lane = free < 0 ? lanes.length : free
    lanes[lane] = until
    return lane
  }
  const add = (fault: Fault, host: string): void => {
    const event = events[fault.event]
    const from = event?.atNanos ?? 0
    const until = Math.max(from, Math.min(endNanos, fault.untilNanos ?? from))
    const lane = laneOf(host, from, until)
    const name = lane === 0 ? "faults" : `faults ${lane + 1}`
    const thread = sheet.thread(host, name, sortIndexes.faults + lane)
    const args = { text: event?.text, ...event?.data }
    const base = { name: fault.kind, cat: "fault", ts: micros(from), args }
    if (fault.untilNanos === undefined) sheet.add(thread, { ph: "i", s: "p", ...base })
    else sheet.add(thread, { ph: "X", dur: micros(until - from), ...base })
  }
  for (const fault of faults) for (const host of fault.hosts) add(fault, host)
}

/** The flights that begin or end with each event. */
const flightsOf = ({ flights }: Model): ReadonlyMap<number, ReadonlyArray<number>> => {
  const byEvent = new Map<number, Array<number>>()
  for (const [id, { sent, ended }] of flights.entries()) {
    if (sent < 0 || ended < 0) continue
    for (const event of [sent, ended]) byEvent.set(event, [...(byEvent.get(event) ?? []), id])
  }
  return byEvent
}

const addMessages = (sheet: Sheet, model: Model): void => {
  const byEvent = flightsOf(model)
  for (const [index, event] of model.events.entries()) {
    if (event.kind !== "message") continue
    const thread = sheet.thread(event.host, "network", sortIndexes.network)
    const ts = micros(event.atNanos)
    const name = `${String(event.data?.phase ?? "message")}: ${event.text}`
    const args = { fiber: event.fiber, ...event.data }
    sheet.add(thread, { ph: "X", name, cat: "message", ts, dur: tickMicros, args })
    // A flow joins the slices that were written last before its two ends.
    for (const id of byEvent.get(index) ?? []) {
      const flow = { name: "message", cat: "message", ts, id: id + 1 }
      const isStart = model.flights[id]?.sent === index
      sheet.add(thread, isStart ? { ph: "s", ...flow } : { ph: "f", bp: "e", ...flow })
    }
  }
}

const addInstants = (sheet: Sheet, model: Model, threads: ReadonlyMap<number, Thread>): void => {
  const drawn = new Set<Trace.Kind>(["fiber", "message", "fault"])
  const threadOf = (event: Trace.Event | undefined): Thread =>
    threads.get(event?.fiber ?? -1) ?? sheet.thread(event?.host ?? "", "host", sortIndexes.host)
  for (const event of model.events) {
    if (drawn.has(event.kind)) continue
    const { kind, text, data } = event
    const name = text === "" ? kind : text
    const s = kind === "check" ? "g" : "t"
    const args = { text, ...data }
    sheet.add(threadOf(event), { ph: "i", s, name, cat: kind, ts: micros(event.atNanos), args })
  }
  // A deadline after the end of the run would stretch the picture, and never came.
  for (const { event, atNanos } of model.deadlines) {
    if (atNanos > model.endNanos) continue
    const name = `deadline: ${model.events[event]?.text}`
    sheet.add(threadOf(model.events[event]), { ph: "i", s: "t", name, cat: "note", ts: micros(atNanos) })
  }
}

/**
 * The run in the trace-event format (JSON), which ui.perfetto.dev and chrome://tracing open.
 *
 * **Gotchas**
 *
 * This format knows no order within an instant. The page of `toHtml` shows it.
 */
export const toPerfetto = (run: Run): string => {
  const model = modelOf(run)
  const sheet = new Sheet(model.hosts)
  const threads = addLives(sheet, model)
  addFaults(sheet, model)
  addMessages(sheet, model)
  addInstants(sheet, model, threads)
  const { title, suite, token, hash, failure = "" } = run
  return toJson({
    displayTimeUnit: "ns",
    otherData: { title, suite, token, hash, failure },
    traceEvents: sheet.entries
  })
}
