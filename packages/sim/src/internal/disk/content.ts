/**
 * The bytes of one file: those that a reader sees, those that the disk holds, and the changes in between.
 *
 * What is written goes to the page cache of the operating system, and from there to the disk when the file is
 * synced.
 */
import type { World } from "./model.ts"

/** One thing that happened to the bytes of a file. The bytes of a write are never touched again. */
export type Change =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "resize"; readonly length: number }

/** Bytes that can grow: what lies in `buffer` behind `length` is zero. */
interface Bytes {
  buffer: Uint8Array
  length: number
}

export interface Content {
  readonly seen: Bytes
  readonly durable: Bytes
  pending: Array<Change>
}

/** So many changes of a file wait at most; operating systems too write the oldest out by themselves. */
const maxPending = 4096

export const makeContent = (): Content => ({
  seen: { buffer: new Uint8Array(0), length: 0 },
  durable: { buffer: new Uint8Array(0), length: 0 },
  pending: []
})

const resize = (bytes: Bytes, length: number): void => {
  if (length > bytes.buffer.length) {
    const grown = new Uint8Array(Math.max(length, 2 * bytes.buffer.length))
    grown.set(bytes.buffer.subarray(0, bytes.length))
    bytes.buffer = grown
  } else if (length < bytes.length) {
    bytes.buffer.fill(0, length, bytes.length)
  }
  bytes.length = length
}

const apply = (bytes: Bytes, change: Change): void => {
  if (change.kind === "resize") return resize(bytes, change.length)
  const end = change.at + change.bytes.length
  if (end > bytes.length) resize(bytes, end)
  bytes.buffer.set(change.bytes, change.at)
}

export const change = (content: Content, change: Change): void => {
  apply(content.seen, change)
  content.pending.push(change)
  if (content.pending.length > maxPending) {
    const oldest = content.pending.shift()
    if (oldest !== undefined) apply(content.durable, oldest)
  }
}

export const sync = (content: Content): void => {
  for (const change of content.pending) apply(content.durable, change)
  content.pending = []
}

/**
 * What a failed sync may do: the system believes the pages to be written, so no later sync writes them
 * either.
 */
export const forget = (content: Content): void => {
  content.pending = []
}

export const seenBytes = ({ seen }: Content): Uint8Array => seen.buffer.subarray(0, seen.length)

export const durableBytes = ({ durable }: Content): Uint8Array => durable.buffer.subarray(0, durable.length)

/** What a loss of power did to the bytes of a file. */
export interface Loss {
  /** How many of the pending changes did not survive as a whole. */
  readonly lost: number
  readonly pending: number
  /** How many bytes survive of the first change that was lost. */
  readonly tornBytes: number
}

/** A torn write leaves its head, or its tail when its sectors went to the disk out of order. */
const tear = (change: Change | undefined, choose: World["choose"]): Change | undefined => {
  if (change?.kind !== "write") return undefined
  const { at, bytes } = change
  const size = choose(bytes.length)
  if (size === 0) return undefined
  const isTail = choose(2) === 1
  const skipped = isTail ? bytes.length - size : 0
  return { kind: "write", at: at + skipped, bytes: bytes.subarray(skipped, skipped + size) }
}

/**
 * Power is lost: a prefix of the pending changes survives, then a torn piece of the next, and perhaps one
 * later change that the system wrote out early, since nothing but a sync keeps changes in order.
 */
export const lose = (content: Content, choose: World["choose"]): Loss => {
  const { durable, pending, seen } = content
  const lost = pending.length === 0 ? 0 : choose(pending.length + 1)
  const kept = pending.length - lost
  for (const change of pending.slice(0, kept)) apply(durable, change)
  const torn = lost === 0 ? undefined : tear(pending[kept], choose)
  if (torn !== undefined) apply(durable, torn)
  const early = lost < 2 ? 0 : choose(lost)
  const later = early === 0 ? undefined : pending[kept + early]
  if (later !== undefined) apply(durable, later)
  const tornBytes = torn?.kind === "write" ? torn.bytes.length : 0
  content.pending = []
  seen.buffer = durable.buffer.slice()
  seen.length = durable.length
  return { lost: later === undefined ? lost : lost - 1, pending: kept + lost, tornBytes }
}
