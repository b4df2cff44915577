// @ts-check

/**
 * How instants and events become positions. A position is in units of the scale: nanoseconds, or ranks of instants.
 *
 * @typedef {object} Scale
 * @property {"time" | "even"} name
 * @property {number} end Where the run ends; it begins at 0.
 * @property {number} smallest The smallest width that a view may have.
 * @property {Float64Array} at The position of each event; it never falls.
 * @property {(nanos: number) => number} ofNanos
 * @property {(position: number) => number} toNanos
 * @property {ReadonlyArray<number>} instants
 */

/** @typedef {{ from: number, to: number }} View */

/**
 * The first index whose value is not below the given one.
 *
 * @type {(values: ArrayLike<number>, value: number) => number}
 */
export const lowerBound = (values, value) => {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * All instants that something happens at, deadlines and ends of faults included.
 *
 * @type {(model: import("../Model.ts").Model) => Array<number>}
 */
const instantsOf = (model) => {
  const instants = new Set(model.events.map((event) => event.atNanos))
  const others = [
    0,
    model.endNanos,
    ...model.deadlines.map((it) => it.atNanos),
    ...model.faults.map((it) => it.untilNanos ?? 0)
  ]
  for (const nanos of others) if (nanos <= model.endNanos) instants.add(nanos)
  return [...instants].sort((a, b) => a - b)
}

/** @type {(model: import("../Model.ts").Model) => Scale} */
export const timeScale = (model) => ({
  name: "time",
  end: Math.max(1, model.endNanos),
  smallest: 20,
  at: Float64Array.from(model.events, (event) => event.atNanos),
  ofNanos: (nanos) => nanos,
  toNanos: (position) => position,
  instants: instantsOf(model)
})

/** @type {(model: import("../Model.ts").Model) => Scale} */
export const evenScale = (model) => {
  const instants = instantsOf(model)
  const at = new Float64Array(model.events.length)
  let rank = 0
  let most = 1
  for (let start = 0; start < at.length; ) {
    const nanos = model.events[start]?.atNanos ?? 0
    let stop = start
    while (model.events[stop]?.atNanos === nanos) stop++
    while ((instants[rank] ?? nanos) < nanos) rank++
    for (let index = start; index < stop; index++) at[index] = rank + (index - start + 0.5) / (stop - start)
    most = Math.max(most, stop - start)
    start = stop
  }
  return {
    name: "even",
    end: Math.max(1, instants.length),
    smallest: Math.min(2, 8 / most),
    at,
    ofNanos: (nanos) => evenOfNanos(instants, nanos),
    toNanos: (position) => evenToNanos(instants, position),
    instants
  }
}

/** @type {(instants: Array<number>, nanos: number) => number} */
const evenOfNanos = (instants, nanos) => {
  const rank = lowerBound(instants, nanos)
  const above = instants[rank]
  const below = instants[rank - 1]
  if (above === undefined) return instants.length + (nanos > (below ?? 0) ? 1 : 0)
  if (above === nanos || below === undefined) return rank + 0.5
  return rank - 0.5 + (nanos - below) / (above - below)
}

/** @type {(instants: Array<number>, position: number) => number} */
const evenToNanos = (instants, position) => {
  const rank = Math.max(0, Math.min(instants.length - 1, Math.floor(position - 0.5)))
  const below = instants[rank] ?? 0
  const above = instants[rank + 1] ?? below
  return below + (above - below) * Math.max(0, Math.min(1, position - 0.5 - rank))
}

/** @type {(scale: Scale) => number} */
const columnsTaken = ({ at, end }) => new Set(at.map((position) => Math.floor((position / end) * 1000))).size

/**
 * Whether the time scale would press the events into so few columns that the even one tells much more.
 *
 * @type {(time: Scale, even: Scale) => boolean}
 */
export const isCrowded = (time, even) => columnsTaken(even) > 2.5 * columnsTaken(time)

/**
 * The view that keeps what can be seen inside the run and no narrower than the scale allows.
 *
 * @type {(scale: Scale, from: number, to: number) => View}
 */
export const clamped = (scale, from, to) => {
  const margin = scale.end * 0.03
  const width = Math.min(Math.max(to - from, scale.smallest), scale.end + 2 * margin)
  const slack = width / 2
  const isWhole = width >= scale.end
  const low = isWhole ? -margin : -slack
  const high = (isWhole ? scale.end + margin : scale.end + slack) - width
  const start = Math.max(low, Math.min(high, (from + to - width) / 2))
  return { from: start, to: start + width }
}
