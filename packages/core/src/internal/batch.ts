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
import { Current, isExpiryOf } from "./limit.ts"
import type { Attempt } from "./retry.ts"
import { type Ringable, startTimer, type Timer } from "./timer.ts"

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
  readonly fiber: Fiber.Fiber<A, E>
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
  ambient: { readonly label: string; readonly atNanos: bigint } | undefined,
  nowNanos: bigint
): { readonly alarm: Alarm | undefined; readonly inherited: boolean } => {
  const own = budgetNanos === undefined ? undefined : new Alarm(label, nowNanos + budgetNanos)
  if (ambient === undefined) return { alarm: own, inherited: false }
  const beforeAmbientNanos = ambient.atNanos - reserve(ambient.atNanos - nowNanos)
  return own === undefined || beforeAmbientNanos < own.atNanos
    ? { alarm: new Alarm(ambient.label, beforeAmbientNanos), inherited: true }
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
  /** What happened since the last time, in order. */
  readonly takeEvents: () => ReadonlyArray<FanOut.Event<T, A, E>>
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
  private readonly caller: Fiber.Fiber<unknown, unknown>
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
    this.caller = caller
    this.clock = caller.getRef(Clock.Clock)
    const startNanos = this.clock.monotonicTimeNanosUnsafe()
    this.startNanos = Number(startNanos)
    const ambient = caller.getRef(Current)
    const { alarm, inherited } = makeAlarm(plan.label, plan.deadlineNanos, ambient, startNanos)
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
    this.fill(this.startNanos)
    if (this.ended !== undefined) return
    this.alarm?.arm(this.caller)
    this.startTicker()
  }

  /** Starts what may start. Calls that end at once are settled in this loop, not by recursion. */
  private fill(nowNanos: number): void {
    if (this.filling) return
    this.filling = true
    let now = nowNanos
    // Not after the end, not even when the event loop was blocked and the alarm could not ring.
    while (this.mayStart() && now < this.endNanos) {
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
    const effect = this.callOf(target, attempts)
    if (isExit(effect)) return this.settle(this.outcomeOf(index, startedNanos, attempts, effect, this.now()))
    const call: InFlight<A, E> = { index, fiber: this.fork(effect), startedNanos, attempts }
    this.inFlight.add(call)
    const exit = call.fiber.pollUnsafe()
    if (exit !== undefined) this.onExit(call, exit, this.now())
    else
      call.fiber.addObserver((exit) => {
        // Not for a call that `end` has cut off: the calling fiber must not go on before all of them are interrupted.
        if (!this.inFlight.has(call)) return
        const nowNanos = this.now()
        this.onExit(call, exit, nowNanos)
        this.fill(nowNanos)
        this.notify()
      })
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
    this.inFlight.delete(call)
    if (this.ended !== undefined) return
    this.settle(this.outcomeOf(call.index, call.startedNanos, call.attempts, exit, nowNanos))
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
    for (const { fiber } of cut) abandon(this.caller, fiber, this.label)
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
      for (const { fiber } of this.inFlight) abandon(this.caller, fiber, this.label)
      this.inFlight.clear()
    }
    this.notify()
  }

  readonly stop: Effect.Effect<void> = Effect.suspend(() => {
    if (this.ended !== undefined) return Effect.void
    this.ended = "Interrupted"
    this.ticker?.cancel()
    for (const { fiber } of Array.from(this.inFlight)) fiber.interruptUnsafe(this.caller.id)
    return Effect.whileLoop({
      while: () => this.inFlight.size > 0,
      body: () => this.nextNotification,
      step: () => {}
    }).pipe(Effect.andThen(Effect.sync(() => this.alarm?.leave(this))))
  })

  // --- For the calling fiber ---------------------------------------------------------------------------------

  readonly news: Effect.Effect<void> = Effect.suspend(() =>
    this.hasNews() ? Effect.void : this.nextNotification
  )

  takeEvents(): ReadonlyArray<FanOut.Event<T, A, E>> {
    const events = this.events
    this.events = []
    if (this.tickIsDue) {
      this.tickIsDue = false
      if (this.ended === undefined) {
        events.push({ _tag: "Tick", progress: this.progress() })
        this.startTicker()
      }
    }
    return events
  }

  takeDefects(): ReadonlyArray<Cause.Cause<unknown>> {
    const defects = this.defects
    this.defects = []
    return defects
  }

  private hasNews(): boolean {
    return this.events.length > 0 || this.defects.length > 0 || this.tickIsDue
  }

  private readonly nextNotification: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.wake = undefined
    })
  })

  /** Last in every reaction to the outside: the calling fiber goes on inside of this call. */
  private notify(): void {
    const wake = this.wake
    if (wake === undefined || !(this.hasNews() || this.ended === "Interrupted")) return
    this.wake = undefined
    wake()
  }

  /** Ticks are at multiples of the interval from the start, so that a slow callback skips some and shifts none. */
  private startTicker(): void {
    const { tickNanos } = this.plan
    if (tickNanos === undefined) return
    const passed = Math.floor((this.now() - this.startNanos) / tickNanos)
    this.ticks = Math.max(passed, this.ticks) + 1
    this.ticker = startTimer(this.caller, BigInt(Math.round(this.startNanos + this.ticks * tickNanos)), {
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
    index: number,
    startedNanos: number,
    noted: Array<Attempt<E>> | undefined,
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

  private report(ended: FanOut.Ended, elapsedMillis: number): FanOut.Report<T, A, E> {
    const { answered, byIndex, failed, plan, withoutResult } = this
    return {
      total: byIndex.length,
      elapsedMillis,
      pending: 0,
      satisfied: plan.until === "all" ? answered.length === byIndex.length : this.untilHolds(),
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
