/** What a link does to messages, in numbers, and the draws that decide what it does to one of them. */
import { Duration } from "effect"
import type { Conditions, Latency } from "../../Network.ts"

const nanosPerMilli = 1e6

/** Conditions with every default filled in. */
export interface Shape {
  readonly minNanos: number
  readonly maxNanos: number
  /** By how much the mean exceeds the least; uniform when undefined. */
  readonly tailNanos: number | undefined
  readonly nanosPerByte: number
  readonly window: number
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly readAtMost: number
  readonly dripBytes: number
  readonly dripNanos: number
  readonly resetAfter: number
  readonly refuse: boolean
  readonly blackHole: boolean
}

export type Choose = (n: number) => number

/** As far as two machines in one building are from each other. */
export const defaultShape: Shape = {
  minNanos: nanosPerMilli,
  maxNanos: nanosPerMilli,
  tailNanos: undefined,
  nanosPerByte: 0,
  window: 65_536,
  loss: 0,
  duplication: 0,
  reordering: 0,
  readAtMost: Infinity,
  dripBytes: Infinity,
  dripNanos: 0,
  resetAfter: Infinity,
  refuse: false,
  blackHole: false
}

/** A host's way to itself. Not zero: two programs that talk for ever must let time move on. */
export const loopbackShape: Shape = { ...defaultShape, minNanos: 20_000, maxNanos: 20_000 }

const nanosOf = (duration: Duration.Input): number =>
  Math.round(Duration.toMillis(Duration.fromInputUnsafe(duration)) * nanosPerMilli)

const isSpread = (latency: Latency): latency is Exclude<Latency, Duration.Input> =>
  typeof latency === "object" && "min" in latency

const latencyOf = (latency: Latency): Pick<Shape, "minNanos" | "maxNanos" | "tailNanos"> => {
  if (!isSpread(latency)) {
    const nanos = nanosOf(latency)
    return { minNanos: nanos, maxNanos: nanos, tailNanos: undefined }
  }
  const minNanos = nanosOf(latency.min)
  const tailNanos = latency.mean === undefined ? undefined : nanosOf(latency.mean) - minNanos
  return { minNanos, maxNanos: nanosOf(latency.max), tailNanos }
}

/** What is left out is as in `base`. */
export const shapeOf = (conditions: Conditions, base: Shape): Shape => ({
  ...(conditions.latency === undefined ? base : latencyOf(conditions.latency)),
  nanosPerByte: conditions.bandwidth === undefined ? base.nanosPerByte : 1e9 / conditions.bandwidth,
  window: conditions.window ?? base.window,
  loss: conditions.loss ?? base.loss,
  duplication: conditions.duplication ?? base.duplication,
  reordering: conditions.reordering ?? base.reordering,
  readAtMost: conditions.readAtMost ?? base.readAtMost,
  dripBytes: conditions.drip?.bytes ?? base.dripBytes,
  dripNanos: conditions.drip === undefined ? base.dripNanos : nanosOf(conditions.drip.every),
  resetAfter: conditions.resetAfter ?? base.resetAfter,
  refuse: conditions.refuse ?? base.refuse,
  blackHole: conditions.blackHole ?? base.blackHole
})

const isChance = (value: number | undefined): boolean => value === undefined || (value >= 0 && value <= 1)

const isLength = (nanos: number): boolean => nanos >= 0 && Number.isFinite(nanos)

const isCount = (value: number | undefined): boolean =>
  value === undefined || (Number.isSafeInteger(value) && value >= 1)

/** What is wrong with conditions, in words. */
export const mistakeIn = (conditions: Conditions): string | undefined => {
  for (const key of ["loss", "duplication", "reordering"] as const) {
    if (!isChance(conditions[key])) return `${key} is a chance from 0 to 1, not ${conditions[key]}`
  }
  for (const key of ["window", "readAtMost"] as const) {
    if (!isCount(conditions[key])) return `${key} is a number of bytes, at least 1, not ${conditions[key]}`
  }
  const { drip } = conditions
  if (drip !== undefined && !isCount(drip.bytes)) return "drip.bytes is at least 1"
  if (drip !== undefined && !isLength(nanosOf(drip.every))) return "drip.every is finite and not negative"
  const { bandwidth = 1, resetAfter = 0 } = conditions
  if (!(bandwidth > 0 && Number.isFinite(1e9 / bandwidth)))
    return `bandwidth is in bytes per second, more than 0, not ${bandwidth}`
  if (!(resetAfter >= 0)) return `resetAfter is a number of bytes, not ${resetAfter}`
  const { maxNanos, minNanos, tailNanos = 1 } = shapeOf(conditions, defaultShape)
  if (!isLength(minNanos) || !isLength(maxNanos)) return "a latency is finite and not negative"
  const isOrdered =
    maxNanos >= minNanos && tailNanos > 0 && minNanos + tailNanos <= Math.max(maxNanos, minNanos + 1)
  return isOrdered ? undefined : "of a latency, min < mean <= max, or min <= max without a mean"
}

/** How finely a latency is drawn. */
const steps = 256

/** A latency; the smallest is the calm one. */
export const drawLatency = ({ maxNanos, minNanos, tailNanos }: Shape, choose: Choose): number => {
  if (minNanos === maxNanos) return minNanos
  const drawn = choose(steps)
  const beyond =
    tailNanos === undefined
      ? ((maxNanos - minNanos) * drawn) / (steps - 1)
      : -tailNanos * Math.log(1 - drawn / steps)
  return Math.min(maxNanos, minNanos + Math.round(beyond))
}

/** How finely a chance is drawn. */
const grains = 1000

/** Whether something happens that has this chance. Nothing is drawn for what is certain. */
export const happens = (chance: number, choose: Choose): boolean => {
  if (chance <= 0 || chance >= 1) return chance >= 1
  return choose(grains) >= grains - Math.max(1, Math.round(chance * grains))
}
