/**
 * What the events of a run add up to: lives of fibers, flights of messages, faults that last. Both pictures are drawn
 * from this. Events are named by their index, because many of them share one instant and only the index tells their
 * order; −1 stands for an event that is not in the trace.
 */
import type * as Trace from "@holdfast/sim/Trace"
import type { Run } from "./Run.ts"

/** From the first to the last event of a fiber. A killed fiber ended with the crash of its host. */
export interface FiberLife {
  readonly fiber: number
  readonly host: string
  readonly name: string
  readonly first: number
  readonly last: number
  readonly ending: "ended" | "killed" | "open"
  /** How many events it has besides its start and its end. */
  readonly acts: number
}

/** A stretch of time in which a host was not simply up. */
export interface HostState {
  readonly host: string
  readonly state: "down" | "paused"
  readonly first: number
  readonly last: number
}

/** One way of a message. A message that the network duplicated has several with the same `sent`. */
export interface Flight {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly sent: number
  readonly ended: number
  readonly fate: "delivered" | "dropped" | "open"
}

/** A fault, as an event tells of it; `untilNanos` is `undefined` for one that happens in an instant. */
export interface Fault {
  readonly event: number
  readonly kind: string
  readonly hosts: ReadonlyArray<string>
  readonly untilNanos: number | undefined
}

export interface Deadline {
  readonly event: number
  readonly atNanos: number
}

export interface Model {
  readonly scenario: Run["scenario"]
  readonly events: ReadonlyArray<Trace.Event>
  readonly hosts: ReadonlyArray<string>
  readonly fibers: ReadonlyArray<FiberLife>
  readonly states: ReadonlyArray<HostState>
  readonly flights: ReadonlyArray<Flight>
  readonly faults: ReadonlyArray<Fault>
  readonly deadlines: ReadonlyArray<Deadline>
  /** The event to look at first in a failed run, or −1. */
  readonly failure: number
  readonly endNanos: number
}

type Open<A> = { -readonly [K in keyof A]: A[K] }

const phaseOf = (event: Trace.Event): string => String(event.data?.phase ?? "")

const hostsOf = (events: ReadonlyArray<Trace.Event>): ReadonlyArray<string> => {
  const names = new Set<string>()
  if (events.some((event) => event.host === "main")) names.add("main")
  for (const event of events) {
    names.add(event.host)
    if (event.kind !== "message") continue
    for (const end of [event.data?.from, event.data?.to]) {
      if (end !== undefined) names.add(String(end))
    }
  }
  return [...names]
}

const fibersOf = (events: ReadonlyArray<Trace.Event>): ReadonlyArray<FiberLife> => {
  const lives = new Map<number, Open<FiberLife>>()
  const running = new Map<string, Set<Open<FiberLife>>>()
  const lifeOf = (fiber: number, host: string, first: number): Open<FiberLife> => {
    const known = lives.get(fiber)
    if (known !== undefined) return known
    const life: Open<FiberLife> = { fiber, host, name: "", first, last: -1, ending: "open", acts: 0 }
    lives.set(fiber, life)
    running.set(host, (running.get(host) ?? new Set()).add(life))
    return life
  }
  const end = (life: Open<FiberLife>, last: number, ending: "ended" | "killed"): void => {
    if (life.ending !== "open") return
    life.last = last
    life.ending = ending
    running.get(life.host)?.delete(life)
  }
  for (const [index, event] of events.entries()) {
    if (event.fiber !== undefined) {
      const life = lifeOf(event.fiber, event.host, index)
      if (event.kind !== "fiber") life.acts++
      else if (life.name === "" || phaseOf(event) === "name") life.name = event.text
      if (event.kind === "fiber" && phaseOf(event) === "end") end(life, index, "ended")
    }
    if (event.kind === "host" && phaseOf(event) === "crash") {
      for (const life of running.get(event.host) ?? []) end(life, index, "killed")
    }
  }
  return [...lives.values()]
}

const statesOf = (events: ReadonlyArray<Trace.Event>): ReadonlyArray<HostState> => {
  const states: Array<HostState> = []
  const now = new Map<string, Open<HostState>>()
  for (const [index, event] of events.entries()) {
    if (event.kind !== "host") continue
    const phase = phaseOf(event)
    const before = now.get(event.host)
    if (before !== undefined) before.last = index
    now.delete(event.host)
    // A host whose program has ended is still up.
    if (phase !== "crash" && phase !== "pause") continue
    const state: Open<HostState> = {
      host: event.host,
      state: phase === "pause" ? "paused" : "down",
      first: index,
      last: -1
    }
    now.set(event.host, state)
    states.push(state)
  }
  return states
}

const flightsOf = (events: ReadonlyArray<Trace.Event>): ReadonlyArray<Flight> => {
  const flights: Array<Flight> = []
  const sends = new Map<string, number>()
  const landed = new Set<number>()
  for (const [index, event] of events.entries()) {
    if (event.kind !== "message") continue
    const phase = phaseOf(event)
    const id = String(event.data?.id ?? "")
    if (phase === "send") sends.set(id, index)
    if (phase !== "deliver" && phase !== "drop") continue
    const sent = sends.get(id) ?? -1
    landed.add(sent)
    const fate = phase === "deliver" ? "delivered" : "dropped"
    flights.push({ id, ...endsOf(event), sent, ended: index, fate })
  }
  for (const [index, event] of events.entries()) {
    if (event.kind !== "message" || phaseOf(event) !== "send" || landed.has(index)) continue
    flights.push({
      id: String(event.data?.id ?? ""),
      ...endsOf(event),
      sent: index,
      ended: -1,
      fate: "open"
    })
  }
  return flights.sort((a, b) => firstOf(a) - firstOf(b))
}

const endsOf = (event: Trace.Event): { readonly from: string; readonly to: string } => ({
  from: String(event.data?.from ?? event.host),
  to: String(event.data?.to ?? event.host)
})

/** The first event of a flight that is in the trace. */
const firstOf = (flight: Flight): number => (flight.sent < 0 ? flight.ended : flight.sent)

/** It took effect; or it is said how long it lasts, whether it does anything or not. */
const isFault = ({ data, kind }: Trace.Event): boolean =>
  kind === "fault" || (kind === "note" && data?.fault !== undefined && data.untilNanos !== undefined)

/** A fault names its hosts in whatever fields it has; one that names none is drawn where it was noticed. */
const faultsOf = (events: ReadonlyArray<Trace.Event>, hosts: ReadonlyArray<string>): ReadonlyArray<Fault> => {
  const faults: Array<Fault> = []
  const healed = events.flatMap((event) => (phaseOf(event) === "heal" ? [event.atNanos] : []))
  for (const [index, event] of events.entries()) {
    if (!isFault(event)) continue
    const { fault, untilNanos, ...fields } = event.data ?? {}
    const named = hosts.filter((host) => Object.values(fields).includes(host))
    const end = healed.find((at) => at >= event.atNanos) ?? Infinity
    faults.push({
      event: index,
      kind: String(fault ?? event.text),
      hosts: named.length > 0 ? named : [event.host],
      untilNanos: untilNanos === undefined ? undefined : Math.min(Number(untilNanos), end)
    })
  }
  return faults
}

const failureOf = (run: Run, events: ReadonlyArray<Trace.Event>): number => {
  const check = events.findIndex((event) => event.kind === "check")
  return check >= 0 || run.failure === undefined ? check : events.length - 1
}

/** Reads the trace of a run. It is linear in the number of events. */
export const modelOf = (run: Run): Model => {
  const events = run.events.toSorted((a, b) => a.atNanos - b.atNanos)
  const hosts = hostsOf(events)
  return {
    scenario: run.scenario,
    events,
    hosts,
    fibers: fibersOf(events),
    states: statesOf(events),
    flights: flightsOf(events),
    faults: faultsOf(events, hosts),
    deadlines: events.flatMap((event, index) =>
      event.kind === "note" && event.data?.atNanos !== undefined
        ? [{ event: index, atNanos: Number(event.data.atNanos) }]
        : []
    ),
    failure: failureOf(run, events),
    endNanos: Math.max(run.virtualNanos, events.at(-1)?.atNanos ?? 0)
  }
}
