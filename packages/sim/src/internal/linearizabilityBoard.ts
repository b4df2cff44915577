/** Which operations of one partition are placed, and which of the others can come next. */
import { MutableHashMap, Option } from "effect"
import type { Operation } from "../Linearizability.ts"

/** Numbers for values, the same for equal ones, from 0. */
export class Ids<A> {
  private readonly known = MutableHashMap.empty<A, number>()

  of(value: A): number {
    const known = MutableHashMap.get(this.known, value)
    if (Option.isSome(known)) return known.value
    const id = MutableHashMap.size(this.known)
    MutableHashMap.set(this.known, value, id)
    return id
  }
}

const allOnes = 0xffff

/** A set of small numbers, in words of 16 bits, which are also characters. */
class Bits {
  private readonly words: Uint16Array

  constructor(size: number) {
    this.words = new Uint16Array(Math.ceil(size / 16))
  }

  /** Adds a number, or takes it out. */
  flip(bit: number): void {
    this.words[bit >>> 4] = (this.words[bit >>> 4] ?? 0) ^ (1 << (bit & 15))
  }

  /**
   * A name for the set. Only the words from the first gap to the last bit count: before are ones, behind are zeros. So
   * it is short for a set that is filled from below, however large that is.
   */
  key(): string {
    const { words } = this
    let from = 0
    while (words[from] === allOnes) from++
    let to = words.length
    while (to > from && words[to - 1] === 0) to--
    let key = String.fromCharCode(from & allOnes, from >>> 16)
    for (let index = from; index < to; index++) key += String.fromCharCode(words[index] ?? 0)
    return key
  }
}

/** An operation on the board. */
export interface Item<In, Out> {
  readonly operation: Operation<In, Out>
  readonly start: number
  /** `Infinity` for an open one. */
  readonly end: number
  readonly isOpen: boolean
  /** Its number among the completed operations, or among the open ones. */
  readonly bit: number
  isPlaced: boolean
  /** For a completed one that is not placed its neighbours of that kind, by their start. */
  previous: Item<In, Out> | undefined
  next: Item<In, Out> | undefined
  /**
   * For an open one the one before it with an equal input, which goes first. It can stand in for the later one, and can
   * come earlier. So of a hundred increments without an answer only their number matters.
   */
  twin: Item<In, Out> | undefined
}

const itemOf = <In, Out>(operation: Operation<In, Out>, bit: number): Item<In, Out> => ({
  operation,
  start: operation.start.seq,
  end: operation.end?.seq ?? Infinity,
  isOpen: operation.end === undefined,
  bit,
  isPlaced: false,
  previous: undefined,
  next: undefined,
  twin: undefined
})

const byStart = <In, Out>(a: Operation<In, Out>, b: Operation<In, Out>): number => a.start.seq - b.start.seq

const completedItems = <In, Out>(
  history: ReadonlyArray<Operation<In, Out>>
): ReadonlyArray<Item<In, Out>> => {
  const items = history
    .filter(({ end }) => end !== undefined)
    .sort(byStart)
    .map(itemOf)
  for (const [index, item] of items.entries()) {
    item.previous = items[index - 1]
    item.next = items[index + 1]
  }
  return items
}

const openItems = <In, Out>(history: ReadonlyArray<Operation<In, Out>>): ReadonlyArray<Item<In, Out>> => {
  const items = history
    .filter(({ end }) => end === undefined)
    .sort(byStart)
    .map(itemOf)
  const last = MutableHashMap.empty<In, Item<In, Out>>()
  for (const item of items) {
    item.twin = Option.getOrUndefined(MutableHashMap.get(last, item.operation.input))
    MutableHashMap.set(last, item.operation.input, item)
  }
  return items
}

/** The completed operations that are not placed form a list with two links each, from `first`. */
export class Board<In, Out> {
  /** The completed operations that are placed. */
  readonly completed: Bits
  /** The open operations that are placed, a bit for each. */
  open = 0n
  /** How many completed operations are not placed yet. The open ones may be left out. */
  missing: number
  private first: Item<In, Out> | undefined
  private readonly openItems: ReadonlyArray<Item<In, Out>>

  constructor(history: ReadonlyArray<Operation<In, Out>>) {
    const completed = completedItems(history)
    this.first = completed[0]
    this.missing = completed.length
    this.completed = new Bits(completed.length)
    this.openItems = openItems(history)
  }

  place(item: Item<In, Out>): void {
    this.flip(item)
    if (item.isOpen) return
    this.missing--
    if (item.next !== undefined) item.next.previous = item.previous
    if (item.previous === undefined) this.first = item.next
    else item.previous.next = item.next
  }

  /** Undoes the last `place` that was not undone. */
  unplace(item: Item<In, Out>): void {
    this.flip(item)
    if (item.isOpen) return
    this.missing++
    if (item.next !== undefined) item.next.previous = item
    if (item.previous === undefined) this.first = item
    else item.previous.next = item
  }

  /**
   * What can come next: the operations that started before any other ended. What ends first is tried first, because it
   * has to happen first, and the open ones are the last resort, because nothing forces them to happen.
   */
  candidates(): ReadonlyArray<Item<In, Out>> {
    const found: Array<Item<In, Out>> = []
    let bound = Infinity
    for (let item = this.first; item !== undefined && item.start <= bound; item = item.next) {
      found.push(item)
      bound = Math.min(bound, item.end)
    }
    found.sort((a, b) => a.end - b.end)
    for (const item of this.openItems) {
      if (item.start > bound) break
      if (!item.isPlaced && item.twin?.isPlaced !== false) found.push(item)
    }
    return found
  }

  private flip(item: Item<In, Out>): void {
    item.isPlaced = !item.isPlaced
    if (item.isOpen) this.open ^= 1n << BigInt(item.bit)
    else this.completed.flip(item.bit)
  }
}
