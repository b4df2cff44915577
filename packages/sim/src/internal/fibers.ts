/**
 * The fibers of a run: their numbers, and when the one that runs is stopped for another.
 *
 * A slice is what runs without a look at the queue in between: the fiber whose task it is, and those that it starts or
 * resumes inline. See `HostScheduler.shouldYield`, which asks here before every operation.
 */
import { Fiber } from "effect"
import type { Driver } from "./driver.ts"
import { CurrentHost, type HostState } from "./host.ts"
import { calmGap, maxGap, never, Ranked, type Steering } from "./steering.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What is left of a fiber's slice is weighed like this many steps, so that a busy loop meets its limit soon. */
const longSliceSteps = 200

/** So deep a waiter is resumed inline at the level "realistic"; the stock runtime overflows at about 1,000. */
const maxInline = 256

export class Fibers {
  /** Operations until the running fiber is preempted. */
  gapLeft: number
  /** Fibers of the program itself that started and have not ended. */
  live = 0

  private readonly driver: Driver
  private readonly steering: Steering
  private readonly ranked: Ranked | undefined
  private gapValue = 0
  private owner: AnyFiber | undefined = undefined
  /** The fibers that are resumed within each other, the innermost last. */
  private readonly nested: Array<AnyFiber> = []
  private yielding: AnyFiber | undefined = undefined
  private firstId = -1
  private count = 0
  /** By the number that Effect gave a fiber, which counts the fibers outside of the run too. */
  private readonly ordinals: Array<number> = []
  private readonly known: Array<AnyFiber | undefined> = []
  /** Where they have been seen, in a run that is watched. */
  private readonly places = new Map<number, string>()

  constructor(driver: Driver, steering: Steering) {
    this.driver = driver
    this.steering = steering
    this.ranked = steering instanceof Ranked ? steering : undefined
    this.gapLeft = this.nextGap()
  }

  // --------------------------------------------------------------------------
  // Who they are
  // --------------------------------------------------------------------------

  /** Counts from 1, in the order in which the run met its fibers. */
  ordinal(fiber: Pick<AnyFiber, "id">): number {
    if (this.firstId === -1) this.firstId = fiber.id
    const known = this.ordinals[fiber.id - this.firstId]
    if (known !== undefined) return known
    this.ordinals[fiber.id - this.firstId] = ++this.count
    return this.count
  }

  /** The number of the fiber that runs now, which may have been started inline by the one whose slice it is. */
  get currentOrdinal(): number | undefined {
    const fiber = Fiber.getCurrent()
    return fiber === undefined || hostOf(fiber)?.driver !== this.driver ? undefined : this.ordinal(fiber)
  }

  /** How messages call a fiber: by its span or the function that it is in, else by its number. */
  name(fiber: AnyFiber): string {
    const ordinal = this.ordinal(fiber)
    const name = placeOf(fiber) ?? this.places.get(ordinal)
    return name === undefined ? `fiber ${ordinal}` : `fiber ${ordinal} (${name})`
  }

  /** Those that have started and not ended, in the order of their ordinals. */
  living(): ReadonlyArray<AnyFiber> {
    return this.known.flatMap((fiber) =>
      fiber !== undefined && fiber.pollUnsafe() === undefined ? [fiber] : []
    )
  }

  // --------------------------------------------------------------------------
  // Slices
  // --------------------------------------------------------------------------

  beginSlice(): void {
    this.owner = undefined
    // Even an array that is empty takes its time to be emptied.
    if (this.nested.length > 0) this.nested.length = 0
  }

  /** A fiber's first operation since it last waited. */
  enter(fiber: AnyFiber): boolean {
    const ordinal = this.ordinal(fiber)
    const isNew = this.known[ordinal] === undefined
    if (isNew) this.meet(fiber, ordinal)
    else if (this.driver.isWatched) this.learn(fiber, ordinal)
    if (this.owner === undefined) {
      this.owner = fiber
      this.driver.hash.mix(ordinal)
      return false
    }
    // Started, not resumed, inline: its creator may rely on that.
    if (isNew || this.owner === fiber) return false
    if (this.driver.realistic && this.nest(fiber)) return false
    // Through the queue, so that the order of wake-ups is open too, and a long chain of them does not nest.
    this.yielding = fiber
    return true
  }

  /** Whether a fiber may be resumed inline, as on the stock runtime, which overflows when too many are nested. */
  private nest(fiber: AnyFiber): boolean {
    const { nested } = this
    // A fiber that runs no more has given the stack back.
    for (let top = nested.at(-1); top !== undefined && !isRunning(top); top = nested.at(-1)) nested.pop()
    if (nested.length >= maxInline) return false
    nested.push(fiber)
    return true
  }

  /** Only while it runs: a dead host's fiber never ends, and is known to have been its host's. */
  private meet(fiber: AnyFiber, ordinal: number): void {
    const { driver } = this
    this.known[ordinal] = fiber
    driver.hash.mix(ordinal)
    if (!driver.isWatched) return
    const name = this.name(fiber)
    const host = driver.current
    driver.emit("fiber", name, { phase: "start" }, ordinal, host)
    fiber.addObserver((exit) =>
      driver.emit("fiber", this.name(fiber), { phase: "end", exit: exit._tag }, ordinal, host)
    )
  }

  /** Where a fiber is shows when it goes on, mostly not yet when it starts. The first place names it. */
  private learn(fiber: AnyFiber, ordinal: number): void {
    const place = placeOf(fiber)
    if (place === undefined || this.places.has(ordinal)) return
    this.places.set(ordinal, place)
    this.driver.emit("fiber", this.name(fiber), { phase: "name" }, ordinal)
  }

  /** Something resumed a fiber from the stack of another host, or of none: it goes on through its own host's queue. */
  bounce(host: HostState, fiber: AnyFiber): boolean {
    const { current, main, warnings } = this.driver
    if (
      current !== undefined &&
      current !== host &&
      current !== main &&
      host !== main &&
      host.status !== "dead"
    ) {
      warnings.add(
        `memory is shared between hosts: something on "${current.name}" resumed ` +
          `${this.name(fiber)} of "${host.name}"`
      )
    }
    this.yielding = fiber
    return true
  }

  /** As long as the stock scheduler lets any slice be. */
  endSlice(fiber: AnyFiber): boolean {
    this.driver.weigh(longSliceSteps)
    this.yielding = fiber
    return true
  }

  // --------------------------------------------------------------------------
  // Preemption
  // --------------------------------------------------------------------------

  preempt(fiber: AnyFiber): boolean {
    const gap = this.gapValue
    this.driver.recorder.gap.push(gap)
    this.gapLeft = this.nextGap()
    if (gap === 0) return false
    const ordinal = this.ordinal(fiber)
    this.driver.hash.mix(ordinal)
    this.ranked?.demote(ordinal)
    this.yielding = fiber
    return true
  }

  private nextGap(): number {
    const gap = this.driver.realistic ? never : this.steering.nextGap()
    this.gapValue = gap
    if (gap === never) return Number.POSITIVE_INFINITY
    return gap === 0 ? calmGap : gap
  }

  /** The rank of the fiber that is yielding, which comes here next; what is forked gets a rank of its own. */
  rankOfYielding(): number {
    const { owner, ranked, yielding } = this
    if (ranked === undefined) return 0
    this.yielding = undefined
    const rank = ranked.rankOf(yielding === undefined ? undefined : this.ordinal(yielding))
    if (owner !== undefined && yielding === undefined && rank > ranked.rankOf(this.ordinal(owner))) {
      this.preemptSoon()
    }
    return rank
  }

  rankOfTimer(): number {
    return this.ranked === undefined ? 0 : this.ranked.rankOf(undefined)
  }

  /** A task that goes before the running fiber has become ready. */
  private preemptSoon(): void {
    if (this.gapLeft <= 1 || this.driver.realistic) return
    const passed = (this.gapValue === 0 ? calmGap : this.gapValue) - this.gapLeft
    this.gapValue = Math.min(passed + 1, maxGap)
    this.gapLeft = 1
  }
}

/** The function or the span that it is in. */
const placeOf = ({ cache: { span, stackFrame } }: AnyFiber): string | undefined =>
  stackFrame?.name ?? (span?._tag === "Span" ? span.name : undefined)

const isRunning = (fiber: AnyFiber): boolean => Reflect.get(fiber, "_running") === true

/** Whose fiber it is. */
export const hostOf = (fiber: AnyFiber): HostState | undefined => fiber.getRef(CurrentHost)
