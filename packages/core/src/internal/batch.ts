/**
 * The engine of `FanOut`: calls to many targets under one deadline, as synchronous state.
 *
 *   Running ──all settled──▶ Ended "Complete"
 *   Running ──`until` holds──▶ Ended "Until"
 *   Running ──alarm rings──▶ Ended "Deadline" | "InheritedDeadline"
 *   Running ──caller interrupted──▶ Ended "Interrupted"
 *
 * A target waits, is in flight, then has one outcome. It settles in `settle` or in `end`, and nothing changes
 * after `end`. The calling fiber only waits for news and hands them on.
 */
import { Cause, Clock, Context, Effect, Exit, type Fiber } from "effect"
import type * as FanOut from "../FanOut.ts"
import { abandon } from "./abandoned.ts"
import { Alarm } from "./alarm.ts"
import { ambientAlarm, Current, isExpiryOf } from "./limit.ts"
import type { Attempt } from "./retry.ts"
import { type Caller, type Ringable, startTimer, type Timer } from "./timer.ts"

export interface Plan<T, A, E, R> {
  readonly label: string
  /** An integer of at least 1, or infinite. */
  readonly concurrency: number
  /** Infinite when undefined. */
  readonly deadlineNanos: bigint | undefined
  /** No ticks when undefined. */
  readonly tickNanos: number | undefined
  readonly until: FanOut.Until<T, A, E>
  /** Which events somebody wants; `Ended` always comes. */
  readonly wants: { readonly started: boolean; readonly settled: boolean }
  readonly call: (target: T, attempts: Array<Attempt<E>> | undefined) => Effect.Effect<A, E, R>
  /** Whether `call` notes its attempts itself; otherwise a call is one attempt. */
  readonly notesAttempts: boolean
}

interface InFlight<A, E> {
  readonly index: number
  /** Undefined while the call is being started. */
  fiber: Fiber.Fiber<A, E> | undefined
  readonly startedNanos: number
  /** Those that have ended; undefined when the call is one attempt. */
  readonly attempts: Array<Attempt<E>> | undefined
}

type Ended = FanOut.Ended | "Interrupted"

/** The longest and the usual part of an inherited deadline that a batch keeps back for its report. */
const maxReserveNanos = 10_000_000n
const reserveDivisor = 10n

const reserve = (remainingNanos: bigint): bigint => {
  const part = remainingNanos / reserveDivisor
  return part < maxReserveNanos ? part : maxReserveNanos
}

/** The alarm of a batch that starts now, and whether it stands for somebody else's deadline. */
const makeAlarm = (
  label: string,
  budgetNanos: bigint | undefined,
  ambient: Alarm | undefined,
  clock: Clock.Clock,
  nowNanos: bigint
): { readonly alarm: Alarm | undefined; readonly inherited: boolean } => {
  const own = budgetNanos === undefined ? undefined : new Alarm(label, nowNanos + budgetNanos, clock)
  if (ambient === undefined) return { alarm: own, inherited: false }
  const ambientNanos = ambient.leftNanos()
  const beforeAmbientNanos = ambientNanos - reserve(ambientNanos)
  return budgetNanos === undefined || beforeAmbientNanos < budgetNanos
    ? { alarm: new Alarm(ambient.label, nowNanos + beforeAmbientNanos, clock), inherited: true }
    : { alarm: own, inherited: false }
}

const toMillis = (nanos: number): number => nanos / 1e6

const onlyAttempt = <E>(durationMillis: number, exit: Exit.Exit<unknown, E>): Attempt<E> => ({
  attempt: 1,
  startedAfterMillis: 0,
  durationMillis,
  cause: Exit.isFailure(exit) ? exit.cause : undefined
})

/** A batch as its calling fiber sees it. */
export interface Running<T, A, E> {
  readonly label: string
  /** Ends when there is something to take. */
  readonly news: Effect.Effect<void>
  /** What happened since the last time, in order, but for ticks. */
  readonly takeEvents: () => ReadonlyArray<FanOut.Event<T, A, E>>
  /** The tick that is due, which shows the batch as it is now. Taken last, when callbacks have held it up. */
  readonly takeTick: () => FanOut.Progress<T, A, E> | undefined
  /** Calls, or an `until`, that died since the last time. */
  readonly takeDefects: () => ReadonlyArray<Cause.Cause<unknown>>
  /**
   * Ends the batch without a report, because its caller goes away: interrupts every call and waits for their ends, but
   * not past the deadline.
   */
  readonly stop: Effect.Effect<void>
}

// house: an effect that is an exit is the exit of that effect; `Exit.isExit` forgets its types.
const isExit = Exit.isExit as <A, E, R>(effect: Effect.Effect<A, E, R>) => effect is Exit.Exit<A, E>

export class Batch<T, A, E, R> implements Ringable, Running<T, A, E> {
  readonly label: string
  private readonly plan: Plan<T, A, E, R>
  private readonly targets: ReadonlyArray<T>
  private readonly caller: Caller
  private readonly fork: (effect: Effect.Effect<A, E, R>) => Fiber.Fiber<A, E>
  private readonly clock: Clock.Clock
  private readonly startNanos: number
  private readonly alarm: Alarm | undefined
  private readonly endNanos: number
  private readonly inherited: boolean

  private next = 0
  private filling = false
  private readonly inFlight = new Set<InFlight<A, E>>()
  private readonly byIndex: Array<FanOut.Outcome<T, A, E>>
  private readonly settled: Array<FanOut.Outcome<T, A, E>> = []
  private readonly answered: Array<FanOut.Answered<T, A, E>> = []
  private readonly failed: Array<FanOut.Failed<T, E>> = []
  /** Those that had no result at the end. */
  private readonly withoutResult: Array<FanOut.Outcome<T, A, E>> = []
  private ended: Ended | undefined = undefined

  private events: Array<FanOut.Event<T, A, E>> = []
  private defects: Array<Cause.Cause<unknown>> = []
  private ticker: Timer | undefined = undefined
  private ticks = 0
  private tickIsDue = false
  private wake: (() => void) | undefined = undefined

  constructor(plan: Plan<T, A, E, R>, targets: ReadonlyArray<T>, caller: Fiber.Fiber<unknown, unknown>) {
    this.label = plan.label
    this.plan = plan
    this.targets = targets
    this.byIndex = new Array(targets.length)
    // A copy: a stream may be taken by another fiber than the one that started it, and outlive that one.
    this.caller = { id: caller.id, context: caller.context, currentDispatcher: caller.currentDispatcher }
    this.clock = caller.getRef(Clock.Clock)
    const startNanos = this.clock.monotonicTimeNanosUnsafe()
    this.startNanos = Number(startNanos)
    const { alarm, inherited } = makeAlarm(
      plan.label,
      plan.deadlineNanos,
      ambientAlarm(caller),
      this.clock,
      startNanos
    )
    this.alarm = alarm
    this.endNanos = alarm === undefined ? Infinity : Number(alarm.atNanos)
    this.inherited = inherited
    // house: a fiber's context is typed as empty, yet holds all that its effect requires: `R` is what says so.
    const context = caller.context as Context.Context<R>
    // house: calls start from synchronous code; the context keeps them in the caller's world
    this.fork = Effect.runForkWith(alarm === undefined ? context : Context.add(context, Current, alarm))
  }

  // --- Transitions -----------------------------------------------------------------------------------------

  start(): void {
    if (this.untilHolds()) return this.end("Until")
    if (this.targets.length === 0) return this.end("Complete")
    if (this.startNanos >= this.endNanos) return this.end(this.endOfAlarm())
    this.alarm?.own(this)
    this.fill(this.now())
    if (this.ended !== undefined) return
    this.alarm?.arm(this.caller)
    this.startTicker()
  }

  /**
   * Starts what may start. A call that ends at once is settled in this loop, not by recursion; so is one that another
   * call ends while it is being started.
   */
  private fill(firstNanos: number): void {
    if (this.filling) return
    this.filling = true
    // Not after the end, not even when the event loop was blocked and the alarm could not ring.
    for (let now = firstNanos; this.mayStart() && now < this.endNanos; ) {
      this.startNext(now)
      if (this.mayStart()) now = this.now()
    }
    this.filling = false
  }

  private mayStart(): boolean {
    return (
      this.ended === undefined &&
      this.next < this.targets.length &&
      this.inFlight.size < this.plan.concurrency
    )
  }

  private startNext(startedNanos: number): void {
    const index = this.next++
    const target = this.target(index)
    const attempts: Array<Attempt<E>> | undefined = this.plan.notesAttempts ? [] : undefined
    if (this.plan.wants.started) {
      const elapsedMillis = toMillis(startedNanos - this.startNanos)
      this.events.push({ _tag: "Started", index, target, elapsedMillis })
    }
    // In flight before anything of the call runs: the call may end other calls, the batch, or the calling fiber.
    const call: InFlight<A, E> = { index, fiber: undefined, startedNanos, attempts }
    this.inFlight.add(call)
    const effect = this.callOf(target, attempts)
    if (isExit(effect)) return this.onExit(call, effect, this.now())
    const fiber = this.fork(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return this.onExit(call, exit, this.now())
    if (!this.inFlight.has(call)) return abandon(this.caller, fiber, this.label)
    call.fiber = fiber
    fiber.addObserver((exit) => {
      // Not for a call that `end` has cut off: the calling fiber must not go on before all of them are interrupted.
      if (!this.inFlight.has(call)) return
      const nowNanos = this.now()
      this.onExit(call, exit, nowNanos)
      // Reading the clock is dear; but an `until` that is code may have taken long.
      this.fill(typeof this.plan.until === "function" ? this.now() : nowNanos)
      this.notify()
    })
    if (this.ended === "Interrupted") fiber.interruptUnsafe(this.caller.id)
  }

  /** What has ended already needs no fiber; what throws has died. */
  private callOf(target: T, attempts: Array<Attempt<E>> | undefined): Effect.Effect<A, E, R> {
    try {
      return this.plan.call(target, attempts)
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  private onExit(call: InFlight<A, E>, exit: Exit.Exit<A, E>, nowNanos: number): void {
    // The alarm rang further in, in a wait of the call: it is about to ring here too, and settles the target then.
    if (this.alarm !== undefined && Exit.isFailure(exit) && isExpiryOf(this.alarm, exit.cause)) return
    if (!this.inFlight.delete(call)) return
    if (this.ended === undefined) this.settle(this.outcomeOf(call, exit, nowNanos))
    else if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) this.defects.push(exit.cause)
  }

  private settle(outcome: FanOut.Answered<T, A, E> | FanOut.Failed<T, E>): void {
    this.byIndex[outcome.index] = outcome
    this.settled.push(outcome)
    if (outcome._tag === "Answered") this.answered.push(outcome)
    else {
      this.failed.push(outcome)
      if (Cause.hasDies(outcome.cause)) this.defects.push(outcome.cause)
    }
    if (this.plan.wants.settled) this.events.push({ _tag: "Settled", outcome })
    if (this.settled.length === this.targets.length) this.end("Complete")
    else if (this.untilHolds()) this.end("Until")
  }

  private end(ended: FanOut.Ended): void {
    // An `until` may end other calls, and these the batch.
    if (this.ended !== undefined) return
    this.ended = ended
    this.ticker?.cancel()
    this.alarm?.leave(this)
    const elapsedMillis = this.elapsedMillis()
    const isLate = ended === "Deadline" || ended === "InheritedDeadline"
    const cut = Array.from(this.inFlight)
    this.inFlight.clear()
    for (const { attempts = [], index } of cut) {
      const of = { index, target: this.target(index), elapsedMillis, attempts }
      this.settleAtEnd(isLate ? { _tag: "TimedOut", ...of } : { _tag: "Cancelled", started: true, ...of })
    }
    for (let index = this.next; index < this.targets.length; index++) {
      const of = { index, target: this.target(index), elapsedMillis }
      this.settleAtEnd(
        isLate ? { _tag: "NotStarted", ...of } : { _tag: "Cancelled", started: false, ...of, attempts: [] }
      )
    }
    this.events.push({ _tag: "Ended", report: this.report(ended, elapsedMillis) })
    for (const { fiber } of cut) if (fiber !== undefined) abandon(this.caller, fiber, this.label)
  }

  private settleAtEnd(outcome: FanOut.Outcome<T, A, E>): void {
    this.byIndex[outcome.index] = outcome
    this.settled.push(outcome)
    this.withoutResult.push(outcome)
    if (this.plan.wants.settled) this.events.push({ _tag: "Settled", outcome })
  }

  /** Called by the alarm. */
  ring(): void {
    if (this.ended === undefined) this.end(this.endOfAlarm())
    else {
      const late = Array.from(this.inFlight)
      this.inFlight.clear()
      for (const { fiber } of late) if (fiber !== undefined) abandon(this.caller, fiber, this.label)
    }
    this.notify()
  }

  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    if (this.ended !== undefined) return Effect.void
    this.ended = "Interrupted"
    this.ticker?.cancel()
    for (const { fiber } of Array.from(this.inFlight)) fiber?.interruptUnsafe(this.caller.id)
    return Effect.andThen(
      this.news,
      Effect.sync(() => this.alarm?.leave(this))
    )
  })

  // --- For the calling fiber ---------------------------------------------------------------------------------

  /** Looks where it waits: the calling fiber may have yielded between two steps, and heard nothing meanwhile. */
  readonly news: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.hasNews()) return resume(Effect.void)
    this.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.wake = undefined
    })
  })

  takeEvents(): ReadonlyArray<FanOut.Event<T, A, E>> {
    const events = this.events
    this.events = []
    return events
  }

  takeTick(): FanOut.Progress<T, A, E> | undefined {
    if (!this.tickIsDue) return undefined
    this.tickIsDue = false
    if (this.ended !== undefined) return undefined
    this.startTicker()
    return this.progress()
  }

  takeDefects(): ReadonlyArray<Cause.Cause<unknown>> {
    const defects = this.defects
    this.defects = []
    return defects
  }

  /** After an interruption nobody reads events any more, and the news is that no call is left. */
  private hasNews(): boolean {
    return this.ended === "Interrupted"
      ? this.inFlight.size === 0
      : this.events.length > 0 || this.defects.length > 0 || this.tickIsDue
  }

  /**
   * Last in every reaction to the outside: the calling fiber goes on inside of this call. Not while calls are being
   * started; who started them notifies afterwards.
   */
  private notify(): void {
    const wake = this.wake
    if (wake === undefined || this.filling || !this.hasNews()) return
    this.wake = undefined
    wake()
  }

  /** Ticks are at multiples of the interval from the start, so that a slow callback skips some and shifts none. */
  private startTicker(): void {
    const { tickNanos } = this.plan
    if (tickNanos === undefined) return
    const passed = Math.floor((this.now() - this.startNanos) / tickNanos)
    this.ticks = Math.max(passed, this.ticks) + 1
    const atNanos = BigInt(Math.round(this.startNanos + this.ticks * tickNanos))
    this.ticker = startTimer(this.caller, this.clock, atNanos, {
      ring: () => {
        this.tickIsDue = true
        this.notify()
      }
    })
  }

  // --- Views ---------------------------------------------------------------------------------------------------

  private target(index: number): T {
    // house: the index comes from `targets` itself; `T` may include undefined, so this cannot be checked.
    return this.targets[index] as T
  }

  /** As a number: faster than a bigint, and off by a few nanoseconds after months. */
  private now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe())
  }

  private elapsedMillis(): number {
    return toMillis(this.now() - this.startNanos)
  }

  private endOfAlarm(): FanOut.Ended {
    return this.inherited ? "InheritedDeadline" : "Deadline"
  }

  private outcomeOf(
    { attempts: noted, index, startedNanos }: InFlight<A, E>,
    exit: Exit.Exit<A, E>,
    nowNanos: number
  ): FanOut.Answered<T, A, E> | FanOut.Failed<T, E> {
    const target = this.target(index)
    const elapsedMillis = toMillis(nowNanos - this.startNanos)
    const attempts = noted ?? [onlyAttempt(toMillis(nowNanos - startedNanos), exit)]
    return Exit.isSuccess(exit)
      ? { _tag: "Answered", index, target, elapsedMillis, value: exit.value, attempts }
      : { _tag: "Failed", index, target, elapsedMillis, cause: exit.cause, attempts }
  }

  private untilHolds(): boolean {
    const { until } = this.plan
    if (until === "all") return false
    if (until === "first") return this.answered.length > 0
    if (typeof until !== "function") return this.answered.length >= until.quorum
    try {
      return until(this.live)
    } catch (defect) {
      this.defects.push(Cause.die(defect))
      return false
    }
  }

  /** The progress as it is at each look; what is handed out for longer is a copy (`progress`). */
  private readonly live: FanOut.Progress<T, A, E> = ((batch: Batch<T, A, E, R>) => ({
    get total() {
      return batch.targets.length
    },
    get elapsedMillis() {
      return batch.elapsedMillis()
    },
    get pending() {
      return batch.targets.length - batch.settled.length
    },
    get outcomes() {
      return batch.settled
    },
    get answered() {
      return batch.answered
    },
    get failed() {
      return batch.failed
    }
  }))(this)

  private progress(): FanOut.Progress<T, A, E> {
    return {
      total: this.targets.length,
      elapsedMillis: this.elapsedMillis(),
      pending: this.targets.length - this.settled.length,
      outcomes: Array.from(this.settled),
      answered: Array.from(this.answered),
      failed: Array.from(this.failed)
    }
  }

  private isSatisfied(ended: FanOut.Ended): boolean {
    if (this.plan.until === "all") return this.answered.length === this.targets.length
    // When time was up, `until` had just said no, to the same results.
    return ended === "Until" || (ended === "Complete" && this.untilHolds())
  }

  private report(ended: FanOut.Ended, elapsedMillis: number): FanOut.Report<T, A, E> {
    const { answered, byIndex, failed, withoutResult } = this
    return {
      total: byIndex.length,
      elapsedMillis,
      pending: 0,
      satisfied: this.isSatisfied(ended),
      ended,
      outcomes: byIndex,
      answered,
      failed,
      timedOut: withoutResult.filter((outcome) => outcome._tag === "TimedOut"),
      notStarted: withoutResult.filter((outcome) => outcome._tag === "NotStarted"),
      cancelled: withoutResult.filter((outcome) => outcome._tag === "Cancelled")
    }
  }
}
