// @ts-check

/** @typedef {import("./rows.js").Row} Row */

/** @type {WeakMap<Row, Array<{ event: number, alive: number }>>} */
const aliveCache = new WeakMap()

/**
 * How many of the fibers that are folded into a row are alive from which event on.
 *
 * @type {(row: Row) => Array<{ event: number, alive: number }>}
 */
export const aliveOf = (row) => {
  const known = aliveCache.get(row)
  if (known !== undefined) return known
  const changes = row.lives.flatMap(({ first, last }) => [
    { event: first, by: 1 },
    ...(last < 0 ? [] : [{ event: last, by: -1 }])
  ])
  changes.sort((a, b) => a.event - b.event)
  let alive = 0
  const steps = changes.map(({ event, by }) => {
    alive += by
    return { event, alive }
  })
  aliveCache.set(row, steps)
  return steps
}

/**
 * The curve as rectangles from left to right. Steps within one pixel become one that shows their peak.
 *
 * @type {(points: ReadonlyArray<{ x: number, alive: number }>, start: number, end: number) => Array<{ from: number, to: number, alive: number }>}
 */
export const curveOf = (points, start, end) => {
  /** @type {Array<{ from: number, to: number, alive: number }>} */
  const rectangles = []
  let from = start
  let peak = 0
  let now = 0
  /** @type {(to: number, alive: number) => void} */
  const add = (to, alive) => {
    const until = Math.min(to, end)
    if (until > from && alive > 0) rectangles.push({ from, to: until, alive })
    from = Math.max(from, until)
  }
  for (const { x, alive } of points) {
    if (x >= end) break
    if (x >= from + 1) {
      add(from + 1, peak)
      add(x, now)
      peak = alive
    } else peak = x <= start ? alive : Math.max(peak, alive)
    now = alive
  }
  add(from + 1, peak)
  add(end, now)
  return rectangles
}
