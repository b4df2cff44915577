/** Faults in words. */
import type { Fault } from "../../FaultPlan.ts"

type At<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

const downFor = (millis: number | undefined): string =>
  millis === undefined ? "and stays down" : `and is down for ${millis} ms`

const action = ({ action }: At<"Point">): string => {
  switch (action._tag) {
    case "Delay":
      return `is held up for ${action.millis} ms`
    case "Die":
      return "dies"
    case "Crash":
      return `takes its host down: it crashes ${downFor(action.downMillis)}`
  }
}

const between = ({ from, oneWay, to }: At<"Partition" | "Hold" | "Slow" | "Lossy">): string =>
  `from ${from} to ${to}${oneWay ? "" : " and back"}`

const onNetwork = (fault: At<"Partition" | "Hold" | "Slow" | "Lossy" | "Reset" | "Isolate">): string => {
  switch (fault._tag) {
    case "Partition":
      return `nothing gets ${between(fault)} for ${fault.forMillis} ms`
    case "Hold":
      return `what goes ${between(fault)} is held for ${fault.forMillis} ms`
    case "Slow":
      return `what goes ${between(fault)} takes ${fault.latencyMillis} ms, for ${fault.forMillis} ms`
    case "Lossy":
      return `${fault.loss * 100} % of what goes ${between(fault)} is lost, for ${fault.forMillis} ms`
    case "Reset":
      return `all connections between ${fault.from} and ${fault.to} are reset`
    case "Isolate":
      return `${fault.host} is cut off from all others for ${fault.forMillis} ms`
  }
}

export const describe = (fault: Fault): string => {
  switch (fault._tag) {
    case "Crash":
      return `at ${fault.atMillis} ms ${fault.host} crashes ${downFor(fault.downMillis)}`
    case "Pause":
      return `at ${fault.atMillis} ms ${fault.host} stands still for ${fault.forMillis} ms`
    case "Skew":
      return `at ${fault.atMillis} ms the wall clock of ${fault.host} jumps by ${fault.offsetMillis} ms, and goes at ${fault.rate} of its rate`
    case "Point":
      return `whoever is number ${fault.occurrence} to reach "${fault.point}" ${action(fault)}`
    case "DiskFailure":
      return `from ${fault.atMillis} ms on, operation ${fault.operation} on the disk of ${fault.host} fails with ${fault.code}`
    default:
      return `at ${fault.atMillis} ms ${onNetwork(fault)}`
  }
}
