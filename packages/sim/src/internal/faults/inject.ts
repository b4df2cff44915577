/** Carries out a plan of faults. */
import { Effect } from "effect"
import type { Fault, Plan } from "../../FaultPlan.ts"
import { hostDisk, hostDiskIfAny } from "../disk/hostDisk.ts"
import type { Driver, Timer } from "../driver.ts"
import type { HostState } from "../host.ts"
import { type Machine, machines } from "../machine.ts"
import type { Link, Trouble } from "../network/link.ts"
import { netOf } from "../network/net.ts"
import { kindOf } from "./kind.ts"
import { mistakeIn } from "./mistake.ts"
import { describe } from "./words.ts"

const nanos = (millis: number): number => Math.max(0, Math.round(millis * 1e6))

/** What is still to come of the faults of a run: their beginnings and their ends. */
const pending = new WeakMap<Driver, Set<Timer>>()

/** The runs in which no fault strikes any more. */
const healed = new WeakSet<Driver>()

/** Faults are no fibers of the program: they are tasks of the world, and end with the run. */
const later = (driver: Driver, afterMillis: number, task: () => void): void => {
  const timers = pending.get(driver) ?? new Set()
  pending.set(driver, timers)
  const timer = driver.startTimer(driver.world, nanos(afterMillis), () => {
    timers.delete(timer)
    task()
  })
  timers.add(timer)
}

const crash = (driver: Driver, machine: Machine, downMillis: number | undefined): void => {
  if (machine.state.status === "dead" || machine.state === driver.main) return
  driver.tookEffect("crash", `${machine.name} crashes`, { host: machine.name })
  machine.crash()
  if (downMillis === undefined) return
  const { state } = machine
  later(driver, downMillis, () => {
    if (machine.state === state) machine.restart()
  })
}

/** How many faults let a host stand still: it goes on when the last has ended. */
const pauses = new WeakMap<HostState, number>()

const pause = (driver: Driver, machine: Machine, forMillis: number): void => {
  const { state } = machine
  const others = pauses.get(state) ?? 0
  // A host that its own program has paused is not this fault's to resume.
  if (state.status === "dead" || (state.status === "paused" && others === 0)) return
  driver.tookEffect("pause", `${machine.name} pauses for ${forMillis} ms`, { host: machine.name })
  pauses.set(state, others + 1)
  if (others === 0) machine.pause()
  later(driver, forMillis, () => {
    const left = (pauses.get(state) ?? 1) - 1
    pauses.set(state, left)
    if (left === 0 && machine.state === state) machine.resume()
  })
}

type At<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

/** What reaching a named point does, for the time that the plan says. */
const atPoint = (driver: Driver, fault: At<"Point">, host: HostState): Effect.Effect<void> => {
  const { action } = fault
  driver.tookEffect(kindOf(fault), `${action._tag} at "${fault.point}" on ${host.name}`, { host: host.name })
  switch (action._tag) {
    case "Delay":
      return Effect.sleep(action.millis)
    case "Die":
      return Effect.die(new Error(`a fault was injected at "${fault.point}"`))
    case "Crash": {
      const machine = machines(driver).get(host.name)
      if (machine !== undefined) crash(driver, machine, action.downMillis)
      return host === driver.main ? Effect.void : Effect.never
    }
  }
}

const pointsOf = (driver: Driver, plan: Plan): ((name: string) => Effect.Effect<void>) | undefined => {
  const points = plan.filter((fault) => fault._tag === "Point")
  if (points.length === 0) return undefined
  const passed = new Map<string, number>()
  return (name) =>
    Effect.suspend(() => {
      const times = (passed.get(name) ?? 0) + 1
      passed.set(name, times)
      const fault = points.find(({ occurrence, point }) => point === name && occurrence === times)
      const host = driver.current
      return fault === undefined || host === undefined || healed.has(driver)
        ? Effect.void
        : atPoint(driver, fault, host)
    })
}

/** The links that a fault between two hosts is about. */
const links = (
  driver: Driver,
  { from, oneWay, to }: { from: string; to: string; oneWay: boolean }
): ReadonlyArray<Link> => {
  const net = netOf(driver)
  return oneWay ? [net.link(from, to)] : [net.link(from, to), net.link(to, from)]
}

/** For pictures of the run: where a fault is and how long it lasts, whether it does anything to anybody or not. */
const announce = (driver: Driver, fault: At<"Partition" | "Hold" | "Slow" | "Lossy" | "Isolate">): void => {
  const where = fault._tag === "Isolate" ? { host: fault.host } : { from: fault.from, to: fault.to }
  const data = { fault: kindOf(fault), ...where, untilNanos: driver.nowNanos + nanos(fault.forMillis) }
  const machine = machines(driver).get(fault._tag === "Isolate" ? fault.host : fault.from)
  driver.emit("note", describe(fault), data, undefined, machine?.state)
}

const troubleOf = (fault: At<"Partition" | "Hold" | "Slow" | "Lossy">): Trouble => {
  switch (fault._tag) {
    case "Partition":
      return { cuts: true }
    case "Hold":
      return { holds: true }
    case "Slow":
      return { conditions: { latency: fault.latencyMillis } }
    case "Lossy":
      return { conditions: { loss: fault.loss } }
  }
}

/** Whether it did anything, the network counts itself. */
const onNetwork = (
  driver: Driver,
  fault: At<"Partition" | "Hold" | "Slow" | "Lossy" | "Reset" | "Isolate">
): void => {
  switch (fault._tag) {
    case "Reset":
      for (const link of links(driver, { ...fault, oneWay: false })) link.resetConnections()
      return
    case "Isolate":
      announce(driver, fault)
      netOf(driver).isolate(fault.host, fault)
      return later(driver, fault.forMillis, () => netOf(driver).rejoin(fault.host, fault))
    default: {
      announce(driver, fault)
      const trouble = troubleOf(fault)
      const troubled = links(driver, fault)
      for (const link of troubled) link.begin(trouble)
      later(driver, fault.forMillis, () => {
        for (const link of troubled) link.end(trouble)
      })
    }
  }
}

type Timed = Exclude<Fault, { readonly _tag: "Point" }>

/** The hosts that it is about and that there are not: it can do nothing to them. */
const missing = (driver: Driver, fault: Timed): ReadonlyArray<string> => {
  const named = "host" in fault ? [fault.host] : [fault.from, fault.to]
  return named.filter((name) => machines(driver).get(name) === undefined)
}

/** What a fault does when its time has come. */
const strike = (driver: Driver, fault: Timed): void => {
  for (const name of missing(driver, fault)) {
    driver.warnings.add(`a fault names the host "${name}", which there is not at its time`)
  }
  const machine = "host" in fault ? machines(driver).get(fault.host) : undefined
  switch (fault._tag) {
    case "Crash":
      if (machine !== undefined) crash(driver, machine, fault.downMillis)
      return
    case "Pause":
      if (machine !== undefined) pause(driver, machine, fault.forMillis)
      return
    case "Skew":
      if (machine === undefined) return
      driver.tookEffect(
        "skew",
        `the clock of ${fault.host} jumps by ${fault.offsetMillis} ms and goes at ${fault.rate}`,
        { host: fault.host }
      )
      return machine.state.clock.skew(fault.offsetMillis, fault.rate)
    case "DiskFailure": {
      if (machine === undefined) return
      const { volume } = hostDisk(machine)
      volume.failures.set(volume.operations + fault.operation, fault.code)
      return
    }
    default:
      return onNetwork(driver, fault)
  }
}

/** Arms every fault of a plan, before the program begins. */
export const arm = (driver: Driver, plan: Plan): void => {
  for (const fault of plan) {
    const mistake = mistakeIn(fault)
    if (mistake !== undefined) throw new Error(`a fault plan: ${mistake}`)
    driver.planned.add(kindOf(fault))
    if (fault._tag !== "Point") later(driver, fault.atMillis, () => strike(driver, fault))
  }
  driver.atPoint = pointsOf(driver, plan)
}

/** No fault begins any more, and what lasts ends: the world is as it should be. */
export const healAll = (driver: Driver): void => {
  healed.add(driver)
  for (const timer of pending.get(driver) ?? []) driver.cancelTimer(timer)
  netOf(driver).heal()
  for (const machine of machines(driver).values()) {
    hostDiskIfAny(machine)?.volume.failures.clear()
    pauses.delete(machine.state)
    if (machine.state.status === "paused") machine.resume()
    if (machine.state.status === "dead") machine.restart()
  }
}
