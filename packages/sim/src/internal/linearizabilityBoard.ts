/** Which operations of one partition are placed, and which of the others can come next. */
import { MutableHashMap, Option } from "effect"
import type { Operation } from "../Linearizability.ts"

/** Where a configuration stands in trying what could come next. */
export interface Cursor {
  /** The candidate that is being tried, 0 before the first. */
  candidate: number
  /** An operation that starts after this cannot be next: another has ended by then. `Infinity` before the first. */
  bound: number
}

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

/**
 * For each open operation the one before it with an equal input, or 0. They can stand in for each other, except that
 * the earlier can also come before the start of the later: it goes first. So of a hundred increments without an answer
 * only their number matters.
 */
const twins = (open: ReadonlyArray<Operation<unknown, unknown>>, first: number, size: number): Int32Array => {
  const twin = new Int32Array(size)
  const inputs = new Ids<unknown>()
  const last = new Map<number, number>()
  for (const [index, operation] of open.entries()) {
    const input = inputs.of(operation.input)
    twin[first + index] = last.get(input) ?? 0
    last.set(input, first + index)
  }
  return twin
}

/**
 * The operations are numbers: from 1 to `completed` those with an answer, then the open ones, both by their start. The
 * completed ones that are not placed form a list with two links each, whose head is 0.
 */
export class Board<In, Out> {
  private readonly operations: ReadonlyArray<Operation<In, Out>>
  private readonly completed: number
  private readonly start: Float64Array
  private readonly end: Float64Array
  private readonly next: Int32Array
  private readonly previous: Int32Array
  private readonly twin: Int32Array
  /** A bit for each operation that is placed, 16 to a word: the open ones first. */
  private readonly words: Uint16Array
  private readonly openWords: number
  private unplaced: number

  constructor(history: ReadonlyArray<Operation<In, Out>>) {
    const byStart = history.toSorted((a, b) => a.start.seq - b.start.seq)
    const open = byStart.filter((operation) => operation.end === undefined)
    this.operations = [...byStart.filter((operation) => operation.end !== undefined), ...open]
    this.completed = history.length - open.length
    this.unplaced = this.completed
    const size = history.length + 1
    const list = this.completed + 1
    this.start = Float64Array.from({ length: size }, (_, id) => this.operation(id)?.start.seq ?? 0)
    this.end = Float64Array.from({ length: size }, (_, id) => this.operation(id)?.end?.seq ?? 0)
    this.next = Int32Array.from({ length: list }, (_, id) => (id + 1) % list)
    this.previous = Int32Array.from({ length: list }, (_, id) => (id + list - 1) % list)
    this.twin = twins(open, list, size)
    this.openWords = Math.ceil(open.length / 16)
    this.words = new Uint16Array(this.openWords + Math.ceil(this.completed / 16))
  }

  operation(id: number): Operation<In, Out> | undefined {
    return this.operations[id - 1]
  }

  isOpen(id: number): boolean {
    return id > this.completed
  }

  /** Whether every operation with an answer is placed. The open ones may be left out. */
  get isWhole(): boolean {
    return this.unplaced === 0
  }

  get placedCount(): number {
    return this.completed - this.unplaced
  }

  place(id: number): void {
    this.flip(id)
    if (this.isOpen(id)) return
    this.unplaced--
    this.next[this.previous[id] ?? 0] = this.next[id] ?? 0
    this.previous[this.next[id] ?? 0] = this.previous[id] ?? 0
  }

  /** Undoes the last `place` that was not undone. */
  unplace(id: number): void {
    this.flip(id)
    if (this.isOpen(id)) return
    this.unplaced++
    this.next[this.previous[id] ?? 0] = id
    this.previous[this.next[id] ?? 0] = id
  }

  /**
   * Moves on to the next operation that could come next, and says whether there is one. The open ones are the last
   * resort, because nothing forces them to happen.
   */
  advance(cursor: Cursor): boolean {
    if (!this.isOpen(cursor.candidate)) {
      const id = this.next[cursor.candidate] ?? 0
      if (id !== 0 && (this.start[id] ?? 0) <= cursor.bound) {
        cursor.candidate = id
        cursor.bound = Math.min(cursor.bound, this.end[id] ?? 0)
        return true
      }
    }
    for (let id = Math.max(cursor.candidate, this.completed) + 1; id < this.start.length; id++) {
      if ((this.start[id] ?? 0) > cursor.bound) break
      const twin = this.twin[id] ?? 0
      if (this.isPlaced(id) || (twin !== 0 && !this.isPlaced(twin))) continue
      cursor.candidate = id
      return true
    }
    return false
  }

  /** The completed operations that are not placed and start by `bound`; what ends first comes first. */
  candidates(bound: number): ReadonlyArray<Operation<In, Out>> {
    const ids: Array<number> = []
    for (let id = this.next[0] ?? 0; id !== 0; id = this.next[id] ?? 0) {
      if ((this.start[id] ?? 0) <= bound) ids.push(id)
    }
    return ids
      .sort((a, b) => (this.end[a] ?? 0) - (this.end[b] ?? 0))
      .flatMap((id) => this.operation(id) ?? [])
  }

  /**
   * Names the set of placed operations together with a state. Of the completed ones only the words from the first gap
   * to the last bit count: before are ones, behind are zeros. So the name is short however long the history is.
   */
  key(stateId: number): string {
    const { openWords, words } = this
    let from = openWords
    while (words[from] === 0xffff) from++
    let to = words.length
    while (to > from && words[to - 1] === 0) to--
    let key = String.fromCharCode(stateId & 0xffff, stateId >>> 16, from & 0xffff, from >>> 16)
    for (let word = 0; word < openWords; word++) key += String.fromCharCode(words[word] ?? 0)
    for (let word = from; word < to; word++) key += String.fromCharCode(words[word] ?? 0)
    return key
  }

  private bit(id: number): number {
    return this.isOpen(id) ? id - this.completed - 1 : this.openWords * 16 + id - 1
  }

  private isPlaced(id: number): boolean {
    const bit = this.bit(id)
    return (((this.words[bit >>> 4] ?? 0) >>> (bit & 15)) & 1) === 1
  }

  private flip(id: number): void {
    const bit = this.bit(id)
    this.words[bit >>> 4] = (this.words[bit >>> 4] ?? 0) ^ (1 << (bit & 15))
  }
}
