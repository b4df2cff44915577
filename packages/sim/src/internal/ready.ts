/** The tasks that could run now. */
import type { HostState } from "./host.ts"

export type Task = () => void

/** How far from the front of the queue a task may be picked. A bound keeps a step cheap among many tasks. */
export const maxChoices = 64

/** What a task is, when it is no timer: something that a fiber has queued, */
export const noTimer = -1

/** or something that comes from outside of the host, such as a message. */
export const arrival = -2

/** A task with its host. A timer is one too, so that its turn needs no other object. */
export interface Entry {
  readonly host: HostState
  readonly task: Task
  /** For a timer the time that it was set for, otherwise `noTimer`. */
  readonly waitNanos: number
  /** Only used by strategies with priorities. */
  rank: number
}

interface Later {
  readonly entry: Entry
  readonly priority: number
  /** The number of tasks that must have run before; unknown until the task that queued it has ended. */
  after: number | undefined
}

/**
 * First in, first out, unless a pick says otherwise. The queue moves along an array that is written over, because both
 * `shift` and a new `length` cost more than a step.
 *
 * Effect's stock scheduler runs what is queued in the order of priorities, then looks again. Here tasks of the usual
 * priority 0 share one queue; a task of another priority waits until all that were queued before it have run, or, when
 * its number is lower, goes first.
 */
export class Ready {
  private entries: Array<Entry | undefined> = []
  private head = 0
  private tail = 0
  private taken = 0
  private readonly later: Array<Later> = []

  get size(): number {
    return this.tail - this.head + this.later.length
  }

  /** How many tasks there are to pick from. */
  get choices(): number {
    const n = this.tail - this.head
    return n < maxChoices ? n : maxChoices
  }

  push(entry: Entry): void {
    this.entries[this.tail++] = entry
  }

  pushWith(entry: Entry, priority: number): void {
    const later: Later = { entry, priority, after: undefined }
    const at = this.later.findIndex((other) => other.priority > priority)
    if (at === -1) this.later.push(later)
    else this.later.splice(at, 0, later)
  }

  rank(index: number): number {
    return this.entries[this.head + index]?.rank ?? 0
  }

  /** A task whose turn has come by its priority, before any that could be picked. */
  takeDue(): Entry | undefined {
    if (this.later.length === 0) return undefined
    const queued = this.taken + this.tail - this.head
    for (const later of this.later) later.after ??= later.priority < 0 ? this.taken : queued
    const at = this.later.findIndex(({ after }) => after !== undefined && after <= this.taken)
    return at === -1 ? undefined : this.later.splice(at, 1)[0]?.entry
  }

  take(index: number): Entry | undefined {
    const { entries, head } = this
    const entry = entries[head + index]
    if (entry === undefined) return undefined
    // Those that were passed over keep their order. A loop, because `copyWithin` is slow for arrays of objects.
    for (let at = head + index; at > head; at--) entries[at] = entries[at - 1]
    entries[head] = undefined
    this.head++
    this.taken++
    if (this.head === this.tail) this.restart()
    else if (this.head > 1024 && this.head * 2 > this.tail) this.compact()
    return entry
  }

  /**
   * The places of the tasks that the stock scheduler could run next: for each host what arrives from outside, in order,
   * and the timers that are due, of each duration the first, because timers of one duration fire in the order in which
   * they were set. What fibers have queued comes after what was there before it: the event loop looks at its timers
   * before it runs what they have made ready.
   */
  stock(): ReadonlyArray<number> {
    const places: Array<number> = []
    const seen = new Map<HostState, Set<number>>()
    for (let index = 0; index < this.choices; index++) {
      const entry = this.entries[this.head + index]
      if (entry === undefined) break
      const waits = seen.get(entry.host)
      // What is due was queued when the instant began, so before any other task.
      if (waits === undefined) seen.set(entry.host, new Set([entry.waitNanos]))
      else if (entry.waitNanos === noTimer || waits.has(entry.waitNanos)) continue
      else waits.add(entry.waitNanos)
      places.push(index)
    }
    return places
  }

  private compact(): void {
    this.entries = this.entries.slice(this.head, this.tail)
    this.tail -= this.head
    this.head = 0
  }

  private restart(): void {
    this.head = 0
    this.tail = 0
  }
}
