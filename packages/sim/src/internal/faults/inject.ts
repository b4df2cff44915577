/** Carries out a plan of faults. */
import { Effect } from "effect"
import type { Fault, Plan } from "../../FaultPlan.ts"
import { hostDisk, hostDiskIfAny } from "../disk/hostDisk.ts"
import type { Driver, Timer } from "../driver.ts"
import type { HostState } from "../host.ts"
import { type Machine, machines } from "../machine.ts"
import type { Link } from "../network/link.ts"
import { netOf } from "../network/net.ts"
import { kindOf } from "./kind.ts"
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

const begin = (driver: Driver, fault: Fault & { readonly atMillis: number }, task: () => void): void =>
  later(driver, fault.atMillis, task)

const withMachine = (driver: Driver, name: string, task: (machine: Machine) => void): void => {
  const machine = machines(driver).get(name)
  if (machine !== undefined) task(machine)
}

const crash = (driver: Driver, machine: Machine, downMillis: number | undefined): void => {
  if (machine.state.status === "dead" || machine.state === driver.main) return
  driver.tookEffect("crash", `${machine.name} crashes`)
  machine.crash()
  if (downMillis === undefined) return
  const { state } = machine
  later(driver, downMillis, () => {
    if (machine.state === state) machine.restart()
  })
}

const pause = (driver: Driver, machine: Machine, forMillis: number): void => {
  if (machine.state.status !== "up") return
  driver.tookEffect("pause", `${machine.name} pauses for ${forMillis} ms`)
  const { state } = machine
  machine.pause()
  later(driver, forMillis, () => {
    if (machine.state === state) machine.resume()
  })
}

type At<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

/** What reaching a named point does, for the time that the plan says. */
const atPoint = (driver: Driver, fault: At<"Point">, host: HostState): Effect.Effect<void> => {
  const { action } = fault
  driver.tookEffect(kindOf(fault), `${action._tag} at "${fault.point}" on ${host.name}`)
  switch (action._tag) {
    case "Delay":
      return Effect.sleep(action.millis)
    case "Die":
      return Effect.die(new Error(`a fault was injected at "${fault.point}"`))
    case "Crash":
      withMachine(driver, host.name, (machine) => crash(driver, machine, action.downMillis))
      return host === driver.main ? Effect.void : Effect.never
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

/** Something that begins, lasts, and ends; whether it did anything the network counts itself. */
const during = (
  driver: Driver,
  fault: At<"Partition" | "Hold" | "Slow" | "Lossy">,
  start: (link: Link) => void,
  end: (link: Link) => void
): void =>
  begin(driver, fault, () => {
    announce(driver, fault)
    for (const link of links(driver, fault)) start(link)
    later(driver, fault.forMillis, () => {
      for (const link of links(driver, fault)) end(link)
    })
  })

const onNetwork = (
  driver: Driver,
  fault: At<"Partition" | "Hold" | "Slow" | "Lossy" | "Reset" | "Isolate">
): void => {
  switch (fault._tag) {
    case "Partition":
      return during(
        driver,
        fault,
        (link) => {
          link.partitioned = true
        },
        (link) => {
          link.partitioned = false
        }
      )
    case "Hold":
      return during(
        driver,
        fault,
        (link) => link.hold(),
        (link) => link.release()
      )
    case "Slow":
      return during(
        driver,
        fault,
        (link) => link.condition({ latency: fault.latencyMillis }),
        (link) => link.condition(undefined)
      )
    case "Lossy":
      return during(
        driver,
        fault,
        (link) => link.condition({ loss: fault.loss }),
        (link) => link.condition(undefined)
      )
    case "Reset":
      return begin(driver, fault, () => {
        for (const link of links(driver, { ...fault, oneWay: false })) link.resetConnections()
      })
    case "Isolate":
      return begin(driver, fault, () => {
        announce(driver, fault)
        netOf(driver).isolated.add(fault.host)
        later(driver, fault.forMillis, () => netOf(driver).isolated.delete(fault.host))
      })
  }
}

const schedule = (driver: Driver, fault: Fault): void => {
  switch (fault._tag) {
    case "Crash":
      return begin(driver, fault, () =>
        withMachine(driver, fault.host, (machine) => crash(driver, machine, fault.downMillis))
      )
    case "Pause":
      return begin(driver, fault, () =>
        withMachine(driver, fault.host, (machine) => pause(driver, machine, fault.forMillis))
      )
    case "Skew":
      return begin(driver, fault, () =>
        withMachine(driver, fault.host, (machine) => {
          const text = `the clock of ${fault.host} jumps by ${fault.offsetMillis} ms and goes at ${fault.rate}`
          driver.tookEffect("skew", text)
          machine.state.clock.skew(fault.offsetMillis, fault.rate)
        })
      )
    case "DiskFailure":
      return begin(driver, fault, () =>
        withMachine(driver, fault.host, (machine) => {
          const { volume } = hostDisk(machine)
          volume.failures.set(volume.operations + fault.operation, fault.code)
        })
      )
    case "Point":
      return
    default:
      return onNetwork(driver, fault)
  }
}

/** Arms every fault of a plan, before the program begins. */
export const arm = (driver: Driver, plan: Plan): void => {
  for (const fault of plan) {
    driver.planned.add(kindOf(fault))
    schedule(driver, fault)
  }
  driver.atPoint = pointsOf(driver, plan)
}

/** No fault begins any more, and what lasts ends: the world is as it should be. */
export const healAll = (driver: Driver): void => {
  healed.add(driver)
  for (const timer of pending.get(driver) ?? []) driver.cancelTimer(timer)
  const net = netOf(driver)
  net.isolated.clear()
  for (const link of net.allLinks()) {
    link.partitioned = false
    link.condition(undefined)
    link.release()
  }
  for (const machine of machines(driver).values()) {
    hostDiskIfAny(machine)?.volume.failures.clear()
    if (machine.state.status === "paused") machine.resume()
    if (machine.state.status === "dead") machine.restart()
  }
}
