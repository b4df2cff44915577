// @ts-check

/**
 * A row of the timeline. `quiet` stands for all fibers of a host that only started and ended.
 *
 * @typedef {object} Row
 * @property {"host" | "fiber" | "quiet"} kind
 * @property {string} key
 * @property {string} host
 * @property {import("../Model.ts").FiberLife | undefined} life
 * @property {ReadonlyArray<import("../Model.ts").FiberLife>} lives The fibers that are folded into this row.
 * @property {boolean} isOpen
 * @property {number} top
 * @property {number} height
 * @property {Array<number>} events
 */

/**
 * @typedef {object} Rows
 * @property {ReadonlyArray<Row>} list
 * @property {ReadonlyMap<string, Row>} hosts
 * @property {Int32Array} ofEvent Which row each event stands on.
 * @property {number} height
 */

const heights = { host: 36, fiber: 21, quiet: 21 }

/** A host whose fibers are folded shows their events itself. */
const marginBottom = 14
const foldedHeights = { least: 58, most: 110 }

/** @type {(life: import("../Model.ts").FiberLife) => boolean} */
const isQuiet = (life) => life.acts === 0 && life.ending !== "open"

/** @type {(host: string) => string} */
export const hostKey = (host) => `host ${host}`

/** @type {(host: string) => string} */
const quietKey = (host) => `quiet ${host}`

/** @type {(model: import("../Model.ts").Model) => Map<string, Array<import("../Model.ts").FiberLife>>} */
const livesByHost = (model) => {
  /** @type {Map<string, Array<import("../Model.ts").FiberLife>>} */
  const map = new Map(model.hosts.map((host) => [host, []]))
  for (const life of model.fibers) map.get(life.host)?.push(life)
  return map
}

/**
 * The keys of the groups that are open at first: all of them when they fit a screen, else the host that failed. Folded
 * hosts are close to each other, so that the messages between them tell the story.
 *
 * @type {(model: import("../Model.ts").Model) => Set<string>}
 */
export const openAtFirst = (model) => {
  const busy = model.fibers.filter((life) => !isQuiet(life))
  const failed = model.events[model.failure]?.host
  const most = model.hosts.length === 1 ? 300 : 36
  const fits = (/** @type {number} */ count) => count <= most
  const open = model.hosts.filter(
    (host) => fits(busy.length) || (host === failed && fits(busy.filter((life) => life.host === host).length))
  )
  return new Set(open.map(hostKey))
}

/** @type {(kind: Row["kind"], host: string, rest: Partial<Row>) => Row} */
const rowOf = (kind, host, rest) => ({
  kind,
  key: kind === "host" ? hostKey(host) : quietKey(host),
  host,
  life: undefined,
  lives: [],
  isOpen: false,
  top: 0,
  height: heights[kind],
  events: [],
  ...rest
})

/** @type {(life: import("../Model.ts").FiberLife) => Row} */
const fiberRow = (life) => rowOf("fiber", life.host, { key: `fiber ${life.fiber}`, life })

/** @type {(model: import("../Model.ts").Model, open: ReadonlySet<string>) => Array<Row>} */
const listRows = (model, open) => {
  /** @type {Array<Row>} */
  const list = []
  for (const [host, lives] of livesByHost(model)) {
    const isOpen = open.has(hostKey(host))
    list.push(rowOf("host", host, { lives, isOpen }))
    if (!isOpen) continue
    const quiet = lives.filter(isQuiet)
    for (const life of lives) if (!isQuiet(life)) list.push(fiberRow(life))
    if (quiet.length === 0) continue
    const isQuietOpen = open.has(quietKey(host))
    list.push(rowOf("quiet", host, { lives: quiet, isOpen: isQuietOpen }))
    if (isQuietOpen) for (const life of quiet) list.push(fiberRow(life))
  }
  return list
}

/** Folded hosts share the height that the others leave. */
/** @type {(list: ReadonlyArray<Row>, room: number) => void} */
const stretch = (list, room) => {
  const folded = list.filter((row) => row.kind === "host" && !row.isOpen)
  const taken = list.reduce((sum, row) => sum + (row.kind === "host" && !row.isOpen ? 0 : row.height), 0)
  const share = Math.floor((room - taken) / Math.max(1, folded.length))
  for (const row of folded) row.height = Math.max(foldedHeights.least, Math.min(foldedHeights.most, share))
}

/** @type {(model: import("../Model.ts").Model, open: ReadonlySet<string>, room?: number) => Rows} */
export const layRows = (model, open, room = 0) => {
  const list = listRows(model, open)
  stretch(list, room - marginBottom)
  /** @type {Map<string, Row>} */
  const hosts = new Map()
  /** @type {Map<number, number>} */
  const ofFiber = new Map()
  /** @type {Map<string, number>} */
  const ofHost = new Map()
  let height = 0
  for (const [index, row] of list.entries()) {
    row.top = height
    height += row.height
    if (row.kind === "host") {
      hosts.set(row.host, row)
      ofHost.set(row.host, index)
    }
    if (row.kind === "quiet") for (const life of row.lives) ofFiber.set(life.fiber, index)
    if (row.life !== undefined) ofFiber.set(row.life.fiber, index)
  }
  const ofEvent = new Int32Array(model.events.length)
  for (const [index, event] of model.events.entries()) {
    const row = ofFiber.get(event.fiber ?? -1) ?? ofHost.get(event.host) ?? 0
    ofEvent[index] = row
    list[row]?.events.push(index)
  }
  return { list, hosts, ofEvent, height: height + marginBottom }
}
