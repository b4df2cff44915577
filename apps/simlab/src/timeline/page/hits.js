// @ts-check

/** @typedef {import("./lanes.js").Hit} Hit */

/** @type {(hit: Hit, x: number, y: number) => boolean} */
const isOver = ({ shape, x1, y1, x2, y2 }, x, y) => {
  if (shape === "box") return x >= x1 && x <= x2 && y >= y1 && y <= y2
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2
  const along =
    length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length))
  return Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)) < 5
}

/** Marks lie over lines, lines over lives, lives over bands. */
/** @type {(hit: Hit) => number} */
const depth = ({ title }) =>
  title === "down" || title === "paused" ? 3 : title === "life" ? 2 : title === "message" ? 1 : 0

/**
 * What is under the pointer.
 *
 * @type {(hits: ReadonlyArray<Hit>, x: number, y: number) => Hit | undefined}
 */
export const nearest = (hits, x, y) => {
  /** @type {Hit | undefined} */
  let best
  for (const hit of hits) {
    if (isOver(hit, x, y) && (best === undefined || depth(hit) <= depth(best))) best = hit
  }
  return best
}
