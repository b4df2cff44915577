/** The tasks that could run now. */
import type { HostState } from "./host.ts"

export type Task = () => void

/** How far from the front of the queue a task may be picked. A bound keeps a step cheap among many tasks. */
const window = 64

/** What a task is, when it is no timer. */
export const noTimer = -1

interface Later {
  readonly task: Task
  readonly host: HostState
  readonly priority: number
  /** The number of tasks that must have run before; unknown until the task that queued it has ended. */
  after: number | undefined
}

/**
 * First in, first out, unless a pick says otherwise. Parallel arrays and a head index: no object for each task, and no
 * `shift`, which is linear.
 *
 * Effect's stock scheduler runs what is queued in the order of priorities, then looks again. Here tasks of the usual
 * priority 0 share one queue; a task of another priority waits until all that were queued before it have run, or, when
 * its number is lower, goes first.
 */
export class Ready {
  private tasks: Array<Task> = []
  private hosts: Array<HostState> = []
  /** For a timer the time that it was set for, otherwise `noTimer`. */
  private waits: Array<number> = []
  /** Only used by strategies with priorities. */
  private ranks: Array<number> = []
  private head = 0
  private taken = 0
  private readonly later: Array<Later> = []

  /** Of the last task that was taken. */
  host: HostState | undefined = undefined

  get size(): number {
    return this.tasks.length - this.head + this.later.length
  }

  /** How many tasks there are to pick from. */
  get choices(): number {
    const n = this.tasks.length - this.head
    return n < window ? n : window
  }

  push(host: HostState, task: Task, wait: number, rank: number): void {
    this.tasks.push(task)
    this.hosts.push(host)
    this.waits.push(wait)
    this.ranks.push(rank)
  }

  pushWith(host: HostState, task: Task, priority: number): void {
    const later: Later = { task, host, priority, after: undefined }
    const at = this.later.findIndex((other) => other.priority > priority)
    if (at === -1) this.later.push(later)
    else this.later.splice(at, 0, later)
  }

  rank(index: number): number {
    return this.ranks[this.head + index] ?? 0
  }

  /** A task whose turn has come by its priority, before any that could be picked. */
  takeDue(): Task | undefined {
    if (this.later.length === 0) return undefined
    const queued = this.taken + this.tasks.length - this.head
    for (const later of this.later) later.after ??= later.priority < 0 ? this.taken : queued
    const at = this.later.findIndex(({ after }) => after !== undefined && after <= this.taken)
    if (at === -1) return undefined
    const [due] = this.later.splice(at, 1)
    this.host = due?.host
    return due?.task
  }

  take(index: number): Task | undefined {
    const { hosts, ranks, tasks, waits } = this
    const at = this.head + index
    const task = tasks[at]
    const host = hosts[at]
    if (task === undefined || host === undefined) return undefined
    // Those that were passed over keep their order.
    if (index > 0) {
      tasks.copyWithin(this.head + 1, this.head, at)
      hosts.copyWithin(this.head + 1, this.head, at)
      waits.copyWithin(this.head + 1, this.head, at)
      ranks.copyWithin(this.head + 1, this.head, at)
    }
    this.head++
    this.taken++
    this.host = host
    if (this.head > 1024 && this.head * 2 > tasks.length) this.compact()
    else if (this.head === tasks.length) this.clear()
    return task
  }

  /**
   * The places of the tasks that the stock scheduler could run next: for each host the first task, and the first timer
   * of each duration, because timers of one duration fire in the order in which they were set.
   */
  stock(): ReadonlyArray<number> {
    const places: Array<number> = []
    const seen = new Map<HostState, Set<number>>()
    for (let index = 0; index < this.choices; index++) {
      const host = this.hosts[this.head + index]
      const wait = this.waits[this.head + index]
      if (host === undefined || wait === undefined) break
      const waits = seen.get(host) ?? new Set()
      if (waits.has(wait)) continue
      seen.set(host, waits.add(wait))
      places.push(index)
    }
    return places
  }

  private compact(): void {
    this.tasks = this.tasks.slice(this.head)
    this.hosts = this.hosts.slice(this.head)
    this.waits = this.waits.slice(this.head)
    this.ranks = this.ranks.slice(this.head)
    this.head = 0
  }

  private clear(): void {
    this.tasks.length = 0
    this.hosts.length = 0
    this.waits.length = 0
    this.ranks.length = 0
    this.head = 0
  }
}
