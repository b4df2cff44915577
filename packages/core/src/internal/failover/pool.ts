/**
 * A pool of endpoints as synchronous state: nobody can come between what is learned about an endpoint and the decision
 * that follows from it.
 *
 * The monitor and the calls tell what they saw; after each of that the route is decided anew, in `review`.
 */
import { Array as Arr, type Cause, type Clock, type Context, type Duration, Effect, Metric } from "effect"
import { apart } from "../apart.ts"
import { Watchers } from "../watchers.ts"
import { Entry, type Rules } from "./entry.ts"
import { History } from "./history.ts"
import { Latencies, type Percentiles } from "./latencies.ts"
import { best, decide, down, type Reason, type RouteRules, rankOf } from "./route.ts"

export type Select = "active" | "fastest" | "leastLoaded" | "weighted"

export interface EjectionRules {
  readonly consecutive: number
  readonly maxEjected: number
  readonly panicBelow: number
  readonly baseNanos: bigint
}

export interface PoolOptions {
  readonly label: string
  readonly clock: Clock.Clock
  /** Where metrics are registered. */
  readonly context: Context.Context<never>
  readonly releaseTimeout: Duration.Duration
  readonly rules: Rules
  readonly route: RouteRules
  readonly select: Select
  readonly ejection: EjectionRules
  /** Whether calls say something about the health of an endpoint, too. */
  readonly heedsCalls: boolean
}

export interface Change {
  /** `undefined` at the beginning. */
  readonly from: string | undefined
  readonly to: string
  readonly reason: Reason
  /** The round trip of the last probe of each; of one that is under way for too long, how long so far. */
  readonly fromLatencyMillis: number | undefined
  readonly toLatencyMillis: number | undefined
  /** In milliseconds since the Unix epoch. */
  readonly atMillis: number
}

export interface EndpointStatus {
  readonly id: string
  /** What the last probe, or the last failed call, has shown; `Ejected` while it is out for its calls. */
  readonly health: "Unknown" | "Healthy" | "Slow" | "Failed" | "Ejected"
  /** Healthy, and long enough if it ever was not. */
  readonly isTrusted: boolean
  /** Attempts that have not ended, those included that nobody waits for any more. */
  readonly inFlight: number
  /** The latest 128 probes that succeeded. */
  readonly probeMillis: Percentiles | undefined
  /** The latest 128 calls that succeeded. */
  readonly callMillis: Percentiles | undefined
  /** The last failure of a probe, of a call by its fault, or of building its client, however long ago. */
  readonly lastCause: Cause.Cause<unknown> | undefined
}

const changesTotal = Metric.counter("holdfast_failover_changes", {
  description: "Changes of routes",
  incremental: true
})
const ejectionsTotal = Metric.counter("holdfast_failover_ejections", {
  description: "Endpoints that were taken out because calls failed too often",
  incremental: true
})

const millisOf = (nanos: bigint | undefined): number | undefined =>
  nanos === undefined ? undefined : Number(nanos) / 1e6

export class Pool<Client> {
  readonly options: PoolOptions
  readonly label: string
  readonly clock: Clock.Clock
  readonly releaseTimeout: Duration.Duration
  /** In the order of their priority: the first is the primary. */
  entries: ReadonlyArray<Entry<Client>> = []
  active: Entry<Client>
  sinceMillis: number
  changedNanos: bigint | undefined = undefined
  readonly changes = new History<Change>()
  /** The latest successful calls, wherever they were made. */
  readonly calls = new Latencies()
  /** Those that were removed, and where something is still in flight. */
  private readonly leaving = new Set<Entry<Client>>()
  private readonly drained = new Watchers()
  /** What a call may be given to, when each call chooses anew; computed when it is needed. */
  private usableEntries: ReadonlyArray<Entry<Client>> | undefined = undefined
  private weightSums: Float64Array | undefined = undefined

  constructor(
    options: PoolOptions,
    endpoints: Arr.NonEmptyReadonlyArray<{ readonly id: string; readonly weight: number }>
  ) {
    this.options = options
    this.label = options.label
    this.clock = options.clock
    this.releaseTimeout = options.releaseTimeout
    const entries = Arr.map(endpoints, ({ id, weight }) => new Entry<Client>(id, weight, options.rules))
    this.entries = entries
    this.active = entries[0]
    this.sinceMillis = this.clock.currentTimeMillisUnsafe()
    this.changes.add({
      from: undefined,
      to: this.active.id,
      reason: "Initial",
      fromLatencyMillis: undefined,
      toLatencyMillis: undefined,
      atMillis: this.sinceMillis
    })
  }

  find(id: string): Entry<Client> | undefined {
    return this.entries.find((entry) => entry.id === id)
  }

  add(id: string, weight: number): Entry<Client> {
    const entry = new Entry<Client>(id, weight, this.options.rules)
    this.entries = [...this.entries, entry]
    // How many there are counts for panic.
    this.usableEntries = undefined
    return entry
  }

  remove(entry: Entry<Client>): void {
    entry.isRemoved = true
    if (entry.inFlight > 0) this.leaving.add(entry)
    this.entries = this.entries.filter((other) => other !== entry)
    this.usableEntries = undefined
    this.review(this.clock.monotonicTimeNanosUnsafe())
  }

  // --- What is learned ---------------------------------------------------------------------------------------

  /** A client was built: until then nothing could be sent. */
  built(entry: Entry<Client>, client: Client): void {
    this.learn(entry, () => {
      entry.client = { value: client }
    })
  }

  /** A client is about to be released: nothing can be sent any more. */
  released(entry: Entry<Client>): void {
    entry.client = undefined
    entry.scope = undefined
    entry.building = undefined
    this.usableEntries = undefined
  }

  overdue(entry: Entry<Client>, startNanos: bigint): void {
    this.learn(entry, (now) => entry.overdue(startNanos, now))
  }

  answered(entry: Entry<Client>, startNanos: bigint): void {
    this.learn(entry, (now) => {
      entry.readmit(now)
      entry.answered(startNanos, now)
    })
  }

  /** A probe failed, or no client could be built: what is under way there and may be made elsewhere need not wait. */
  foundDead(entry: Entry<Client>, startNanos: bigint, cause: Cause.Cause<unknown>): void {
    this.learn(entry, (now) => entry.foundDead(startNanos, now, cause))
    if (entry.isFoundDead) move(entry)
  }

  succeeded(entry: Entry<Client>, tookMillis: number, nowMillis: number): void {
    this.calls.add(tookMillis)
    entry.succeeded(tookMillis, nowMillis)
  }

  /** A call failed by the fault of its endpoint. */
  faulted(entry: Entry<Client>, startNanos: bigint, cause: Cause.Cause<unknown>): void {
    const { ejection, heedsCalls } = this.options
    if (!heedsCalls) return
    this.learn(entry, (now) => {
      const isNews = entry.faulted(startNanos, now, cause)
      if (!isNews || !entry.isOutlier(ejection.consecutive) || !this.mayEject()) return
      entry.eject(now, ejection.baseNanos)
      ejectionsTotal.updateUnsafe(1, this.options.context)
    })
  }

  /** It gave an answer, whatever its caller makes of it. */
  blameless(entry: Entry<Client>): void {
    entry.blameless()
  }

  /** An attempt has really ended. */
  ended(entry: Entry<Client>): void {
    entry.inFlight--
    if (!entry.isRemoved || entry.inFlight > 0) return
    this.leaving.delete(entry)
    this.drained.tell()
  }

  /** Waits until nothing is in flight at an endpoint that was removed. */
  untilIdle(entry: Entry<Client>): Effect.Effect<void> {
    return this.drained.until(() => (entry.inFlight === 0 ? Effect.void : undefined))
  }

  private mayEject(): boolean {
    const out = this.entries.reduce(
      (sum, { ejectedNanos }) => (ejectedNanos === undefined ? sum : sum + 1),
      1
    )
    return out <= this.options.ejection.maxEjected * this.entries.length
  }

  /** Something becomes known about an endpoint; what follows from it is decided before anybody sees it. */
  private learn(entry: Entry<Client>, what: (nowNanos: bigint) => void): void {
    const before = rankOf(entry)
    const now = this.clock.monotonicTimeNanosUnsafe()
    what(now)
    const after = rankOf(entry)
    if (after !== before) this.usableEntries = undefined
    this.review(now)
    // What waits at dead ones has somewhere to go now.
    if (before < down || after >= down) return
    for (const other of [...this.entries, ...this.leaving]) if (other.isFoundDead) move(other)
  }

  private review(nowNanos: bigint): void {
    const { active, options } = this
    const move = decide(this, options.route, nowNanos)
    if (move === undefined) return
    changesTotal.updateUnsafe(1, options.context)
    this.active = move.to
    this.changedNanos = nowNanos
    this.sinceMillis = this.clock.currentTimeMillisUnsafe()
    this.changes.add({
      from: active.id,
      to: move.to.id,
      reason: move.reason,
      fromLatencyMillis: millisOf(active.roundTripNanos),
      toLatencyMillis: millisOf(move.to.roundTripNanos),
      atMillis: this.sinceMillis
    })
  }

  // --- What is chosen ----------------------------------------------------------------------------------------

  /** The endpoint of a call's first attempt. */
  pick(random: () => number, nowMillis: number): Entry<Client> {
    const { select } = this.options
    if (select === "leastLoaded") return leastLoaded(this.usable, random, nowMillis) ?? this.active
    if (select === "weighted") return this.weighted(random) ?? this.active
    return this.active.client === undefined ? (this.next(() => true) ?? this.active) : this.active
  }

  /** The best of those that are left. */
  next(isLeft: (entry: Entry<Client>) => boolean): Entry<Client> | undefined {
    // The route is what margin and dwell have made of it.
    if (isLeft(this.active) && this.active.client !== undefined && !this.active.isDown) return this.active
    return best(this.entries, isLeft)
  }

  /** What is healthy; when that is too little, everything, so that the few do not get it all. */
  private get usable(): ReadonlyArray<Entry<Client>> {
    if (this.usableEntries !== undefined) return this.usableEntries
    this.weightSums = undefined
    const { entries, options } = this
    const there = entries.filter((entry) => entry.client !== undefined)
    const well = there.filter((entry) => rankOf(entry) < slow)
    const isPanic = well.length < options.ejection.panicBelow * entries.length
    // Where none is well, a slow one is better than one that is out, and that than one that is dead.
    const choices = [
      well.filter((entry) => rankOf(entry) !== suspect),
      well,
      there.filter((entry) => rankOf(entry) === slow),
      there.filter((entry) => rankOf(entry) < down)
    ]
    this.usableEntries = (isPanic ? undefined : choices.find(({ length }) => length > 0)) ?? there
    return this.usableEntries
  }

  private weighted(random: () => number): Entry<Client> | undefined {
    const { usable } = this
    this.weightSums ??= sums(usable)
    const total = this.weightSums[usable.length - 1] ?? 0
    return usable[firstAbove(this.weightSums, random() * total)]
  }

  // --- What is seen ------------------------------------------------------------------------------------------

  status(): ReadonlyArray<EndpointStatus> {
    return this.entries.map((entry) => ({
      id: entry.id,
      health: entry.ejectedNanos === undefined ? entry.grade : "Ejected",
      isTrusted: entry.isTrusted,
      inFlight: entry.inFlight,
      probeMillis: entry.probes.summary(),
      callMillis: entry.calls.summary(),
      lastCause: entry.lastCause
    }))
  }
}

/** Attempts that may be made elsewhere, if there is anything left to try. */
const move = <Client>(entry: Entry<Client>): void => {
  for (const attempt of Array.from(entry.movable)) apart(() => attempt.cut())
}

/** Ranks of `rankOf`. */
const suspect = 1
const slow = 3

/**
 * The cheaper of two that chance has chosen: nearly as good as the cheapest of all, at a constant price, and without the
 * herd that runs for the cheapest (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 */
const leastLoaded = <Client>(
  entries: ReadonlyArray<Entry<Client>>,
  random: () => number,
  nowMillis: number
): Entry<Client> | undefined => {
  const count = entries.length
  const at = Math.floor(random() * count)
  const one = entries[at]
  const other = entries[(at + 1 + Math.floor(random() * (count - 1))) % count]
  if (one === undefined || other === undefined) return one
  return other.cost(nowMillis) < one.cost(nowMillis) ? other : one
}

const sums = <Client>(entries: ReadonlyArray<Entry<Client>>): Float64Array => {
  let sum = 0
  return Float64Array.from(entries, ({ weight }) => (sum += weight))
}

/** The index of the first value above a number, in ascending values. */
const firstAbove = (values: Float64Array, number: number): number => {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] ?? Infinity) > number) high = middle
    else low = middle + 1
  }
  return low
}
