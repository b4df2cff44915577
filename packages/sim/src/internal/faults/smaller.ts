/** Gentler faults: earlier, shorter, and with round numbers. */
import type { Fault } from "../../FaultPlan.ts"

/** What each number of a fault shrinks towards. A fault that lasts no time would be none. */
const gentlest: Readonly<Record<string, number>> = {
  atMillis: 0,
  downMillis: 1,
  forMillis: 1,
  latencyMillis: 1,
  offsetMillis: 0,
  rate: 1,
  occurrence: 1,
  operation: 1
}

const between = (value: number, towards: number): ReadonlyArray<number> =>
  [towards, Math.round((value + towards) / 2)].filter(
    (one, index, all) => one !== value && all.indexOf(one) === index
  )

const smallerField = (fault: Fault, key: string): ReadonlyArray<Fault> => {
  const value: unknown = Reflect.get(fault, key)
  const towards = gentlest[key]
  if (typeof value !== "number" || towards === undefined) return []
  return between(value, towards).map((smaller) => ({ ...fault, [key]: smaller }))
}

/** Each differs from the fault in one number; those that matter most come first. */
export const shrinkFault = (fault: Fault): ReadonlyArray<Fault> =>
  Object.keys(gentlest)
    .filter((key) => key in fault)
    .flatMap((key) => smallerField(fault, key))
