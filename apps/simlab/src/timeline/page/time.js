// @ts-check

const second = 1e9
const minute = 60 * second
const hour = 60 * minute

/** @type {(value: number, digits: number) => string} */
const trimmed = (value, digits) => {
  const text = value.toFixed(digits)
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text
}

/**
 * A duration for people, exact to the nanosecond unless `digits` says how many decimals of its unit are enough.
 *
 * @type {(nanos: number, digits?: number) => string}
 */
export const formatNanos = (nanos, digits = 9) => {
  if (!Number.isFinite(nanos)) return nanos > 0 ? "for ever" : "–"
  if (nanos < 0) return `−${formatNanos(-nanos, digits)}`
  if (nanos === 0) return "0"
  if (nanos < 1e3) return `${trimmed(nanos, Math.min(digits, 2))} ns`
  if (nanos < 1e6) return `${trimmed(nanos / 1e3, Math.min(digits, 3))} µs`
  if (nanos < second) return `${trimmed(nanos / 1e6, Math.min(digits, 6))} ms`
  if (nanos < minute) return `${trimmed(nanos / second, digits)} s`
  const hours = Math.floor(nanos / hour)
  const minutes = Math.floor((nanos % hour) / minute)
  const seconds = trimmed((nanos % minute) / second, digits)
  return [
    hours > 0 ? `${hours} h` : "",
    minutes > 0 ? `${minutes} min` : "",
    seconds !== "0" ? `${seconds} s` : ""
  ]
    .filter((part) => part !== "")
    .join(" ")
}

/** Distances between ticks at which a person can count: decimal below a second, then as clocks do. */
const steps = [
  ...[1, 1e3, 1e6].flatMap((unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * unit)),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 4, 6, 12, 24, 48, 120, 240].map((n) => n * hour)
]

/** @type {(atLeast: number) => number} */
const tickStep = (atLeast) => {
  const step = steps.find((candidate) => candidate >= atLeast)
  return step ?? 10 ** Math.ceil(Math.log10(atLeast / (240 * hour))) * 240 * hour
}

/**
 * The ticks from one instant to another. When they differ only far behind the point, `base` is what they share.
 *
 * @type {(from: number, to: number, atLeast: number) => { base: string, ticks: Array<{ at: number, label: string }> }}
 */
export const ticksOf = (from, to, atLeast) => {
  const step = tickStep(atLeast)
  const start = Math.max(0, Math.ceil(from / step))
  const shared = Math.floor(Math.max(0, from) / (step * 1000)) * step * 1000
  const isDeep = shared > 0 && step < shared / 1000 && step < 1e6
  /** @type {Array<{ at: number, label: string }>} */
  const ticks = []
  for (let index = start; index * step <= to && ticks.length < 500; index++) {
    const at = index * step
    ticks.push({ at, label: isDeep ? `+${formatNanos(at - shared)}` : formatNanos(at) })
  }
  return { base: isDeep ? formatNanos(shared) : "", ticks }
}
