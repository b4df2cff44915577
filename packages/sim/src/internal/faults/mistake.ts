/** Faults that make no sense: written by hand, or made by a generator that a suite has of its own. */
import type { Fault } from "../../FaultPlan.ts"
import { mistakeInSkew } from "../host.ts"
import { describe } from "./words.ts"

const tags: Readonly<Record<Fault["_tag"], true>> = {
  Crash: true,
  Pause: true,
  Skew: true,
  Point: true,
  Partition: true,
  Isolate: true,
  Hold: true,
  Reset: true,
  Slow: true,
  Lossy: true,
  DiskFailure: true
}

/** Fields that are instants or lengths of time. What lasts for `Infinity` lasts until all is healed. */
const times = ["atMillis", "downMillis", "forMillis", "latencyMillis"] as const

const isTime = (name: (typeof times)[number], value: unknown): boolean => {
  if (value === undefined) return true
  if (typeof value !== "number" || !(value >= 0)) return false
  return Number.isFinite(value * 1e6) || (name === "forMillis" && value === Infinity)
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1

const inItself = (fault: Fault): string | undefined => {
  switch (fault._tag) {
    case "Lossy":
      return fault.loss >= 0 && fault.loss <= 1
        ? undefined
        : `loss is a chance from 0 to 1, not ${fault.loss}`
    case "DiskFailure":
      return isCount(fault.operation) ? undefined : `operation counts from 1, it is not ${fault.operation}`
    case "Skew":
      return mistakeInSkew(fault.offsetMillis, fault.rate)
    case "Point": {
      const { action, occurrence } = fault
      if (!isObject(action)) return `a point's action is something that happens there, not ${String(action)}`
      if (!isCount(occurrence)) return `occurrence counts from 1, it is not ${occurrence}`
      const length = action._tag === "Delay" ? action.millis : action._tag === "Crash" ? action.downMillis : 0
      return isTime("downMillis", length)
        ? undefined
        : `a length of time is finite and not negative, not ${length}`
    }
    default:
      return undefined
  }
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null

/** What is wrong with a fault, in words. */
export const mistakeIn = (fault: Fault): string | undefined => {
  if (!isObject(fault)) return `there is no fault ${String(fault)}`
  if (!Object.hasOwn(tags, fault._tag)) return `there is no fault "${fault._tag}"`
  for (const name of times) {
    const value: unknown = Reflect.get(fault, name)
    if (!isTime(name, value)) return `${name} is a length of time, not ${String(value)}: ${describe(fault)}`
  }
  return inItself(fault)
}
