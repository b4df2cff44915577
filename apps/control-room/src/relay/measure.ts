/** What is computed from what was seen. Pure. */
import type { Reconnect } from "@holdfast/core"
import type { Seen } from "./node/Wire.ts"

/** From each to the next. */
export const steps = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.slice(1).map((value, index) => value - (values[index] ?? NaN))

/** How often a value is not greater than the one before it. */
export const stepsBack = (values: ReadonlyArray<number>): number =>
  steps(values).filter((step) => step <= 0).length

/** When something was seen; of a call, if one is named. */
export const timesOf = (
  seen: ReadonlyArray<Seen>,
  what: Seen["what"],
  call?: string
): ReadonlyArray<number> =>
  seen
    .filter((one) => one.what === what && (call === undefined || one.call === call))
    .map(({ atMillis }) => atMillis)

/** A status of the supervisor, and when it was seen. */
export interface StatusAt {
  readonly status: Reconnect.Status
  readonly atMillis: number
}

/** When each attempt to connect began. The first may be seen twice: as what was the case, and as what came. */
export const attemptsOf = (statuses: ReadonlyArray<StatusAt>): ReadonlyArray<number> => {
  const begun = (index: number): number | undefined => {
    const status = statuses[index]?.status
    return status?._tag === "Connecting" && status.nextDelay === undefined ? status.attempt : undefined
  }
  return statuses.flatMap(({ atMillis }, index) => {
    const attempt = begun(index)
    return attempt === undefined || attempt === begun(index - 1) ? [] : [atMillis]
  })
}

export const inSeconds = (fromMillis: number, toMillis: number): number => (toMillis - fromMillis) / 1000
