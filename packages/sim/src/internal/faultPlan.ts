/** Carries out a plan of faults. */
import { Effect } from "effect"
import type { Fault, Plan } from "../FaultPlan.ts"
import type { Driver } from "./driver.ts"
import type { HostState } from "./host.ts"
import { type Machine, machines } from "./machine.ts"

const nanos = (millis: number): number => Math.max(0, Math.round(millis * 1e6))

/** The kind under which a fault is counted. */
export const kindOf = (fault: Fault): string => {
  switch (fault._tag) {
    case "Crash":
      return "crash"
    case "Pause":
      return "pause"
    case "Skew":
      return "skew"
    case "Point":
      return `point ${fault.point}`
  }
}

/** Faults are no fibers of the program: they are tasks of the world, and end with the run. */
const later = (driver: Driver, afterMillis: number, task: () => void): void => {
  driver.startTimer(driver.world, nanos(afterMillis), task)
}

const withMachine = (driver: Driver, name: string, task: (machine: Machine) => void): void => {
  const machine = machines(driver).get(name)
  if (machine !== undefined) task(machine)
}

const crash = (driver: Driver, machine: Machine, downMillis: number | undefined): void => {
  if (machine.state.status === "dead") return
  driver.tookEffect("crash", `${machine.name} crashes`)
  machine.crash()
  if (downMillis !== undefined) later(driver, downMillis, () => machine.restart())
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

/** What reaching a named point does, for the time that the plan says. */
const atPoint = (
  driver: Driver,
  fault: Extract<Fault, { readonly _tag: "Point" }>,
  host: HostState
): Effect.Effect<void> => {
  const { action } = fault
  driver.tookEffect(kindOf(fault), `${action._tag} at "${fault.point}" on ${host.name}`)
  switch (action._tag) {
    case "Delay":
      return Effect.sleep(action.millis)
    case "Die":
      return Effect.die(new Error(`a fault was injected at "${fault.point}"`))
    case "Crash": {
      const machine = machines(driver).get(host.name)
      if (machine === undefined || host === driver.main) return Effect.void
      crash(driver, machine, action.downMillis)
      return Effect.never
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
      return fault === undefined || host === undefined ? Effect.void : atPoint(driver, fault, host)
    })
}

const schedule = (driver: Driver, fault: Fault): void => {
  switch (fault._tag) {
    case "Crash":
      return later(driver, fault.atMillis, () =>
        withMachine(driver, fault.host, (machine) => crash(driver, machine, fault.downMillis))
      )
    case "Pause":
      return later(driver, fault.atMillis, () =>
        withMachine(driver, fault.host, (machine) => pause(driver, machine, fault.forMillis))
      )
    case "Skew":
      return later(driver, fault.atMillis, () =>
        withMachine(driver, fault.host, (machine) => {
          driver.tookEffect(
            "skew",
            `the clock of ${fault.host} jumps by ${fault.offsetMillis} ms, rate ${fault.rate}`
          )
          machine.state.clock.skew(fault.offsetMillis, fault.rate)
        })
      )
    case "Point":
      return
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

// ----------------------------------------------------------------------------
// In words, and smaller
// ----------------------------------------------------------------------------

const downFor = (millis: number | undefined): string =>
  millis === undefined ? "and stays down" : `and is down for ${millis} ms`

const actionInWords = (action: Extract<Fault, { readonly _tag: "Point" }>["action"]): string => {
  switch (action._tag) {
    case "Delay":
      return `is held up for ${action.millis} ms`
    case "Die":
      return "dies"
    case "Crash":
      return `takes its host down: it crashes ${downFor(action.downMillis)}`
  }
}

export const describe = (fault: Fault): string => {
  switch (fault._tag) {
    case "Crash":
      return `at ${fault.atMillis} ms ${fault.host} crashes ${downFor(fault.downMillis)}`
    case "Pause":
      return `at ${fault.atMillis} ms ${fault.host} stands still for ${fault.forMillis} ms`
    case "Skew":
      return `at ${fault.atMillis} ms the wall clock of ${fault.host} jumps by ${fault.offsetMillis} ms and goes at ${fault.rate} of its rate`
    case "Point":
      return `the fiber that is number ${fault.occurrence} to reach "${fault.point}" ${actionInWords(fault.action)}`
  }
}

const halves = (value: number, towards: number): ReadonlyArray<number> => {
  const middle = Math.round((value + towards) / 2)
  return [towards, middle].filter((one, index, all) => one !== value && all.indexOf(one) === index)
}

const variants = <F extends Fault, K extends keyof F>(fault: F, key: K, values: ReadonlyArray<F[K]>): ReadonlyArray<F> =>
  values.map((value) => ({ ...fault, [key]: value }))

/** Gentler faults: earlier and shorter, and round numbers. */
export const shrinkFault = (fault: Fault): ReadonlyArray<Fault> => {
  switch (fault._tag) {
    case "Crash":
      return [
        ...(fault.downMillis === undefined ? [] : variants(fault, "downMillis", halves(fault.downMillis, 1))),
        ...variants(fault, "atMillis", halves(fault.atMillis, 0))
      ]
    case "Pause":
      return [
        ...variants(fault, "forMillis", halves(fault.forMillis, 1)),
        ...variants(fault, "atMillis", halves(fault.atMillis, 0))
      ]
    case "Skew":
      return [
        ...variants(fault, "offsetMillis", halves(fault.offsetMillis, 0)),
        ...(fault.rate === 1 ? [] : variants(fault, "rate", [1])),
        ...variants(fault, "atMillis", halves(fault.atMillis, 0))
      ]
    case "Point":
      return variants(fault, "occurrence", halves(fault.occurrence, 1))
  }
}
