/**
 * Runs an effect until an instant, and returns at that instant whatever the effect does.
 *
 * The work runs in a fiber of its own, because only so can the caller go on while the work cannot be
 * interrupted. States of a run:
 *
 *   Running ──work ends──▶ Done (its result)
 *   Running ──ring──▶ Done (what `expired` says; the work is abandoned)
 *   Running ──caller interrupted──▶ Ending ──work ends, or ring──▶ Done (the interruption)
 */
import { type Cause, Clock, Context, Duration, Effect, Exit, Fiber, Metric } from "effect"
import { abandon } from "./abandoned.ts"
import { Alarm } from "./alarm.ts"
import type { Caller } from "./timer.ts"

/** An absolute instant on the monotonic clock, and who set it. */
export interface Deadline {
  readonly label: string
  readonly atNanos: bigint
}

/** The ambient deadline. */
export const Current: Context.Reference<Deadline | undefined> = Context.Reference<Deadline | undefined>(
  "@holdfast/core/Deadline/Current",
  { defaultValue: () => undefined }
)

/** What is known when time is up. */
export interface Expiry {
  /** The label of the limit that fired. */
  readonly label: string
  readonly budgetMillis: number
  readonly elapsedMillis: number
  readonly inherited: boolean
}

export interface Options<E2> {
  readonly label: string
  /** Infinite when undefined. */
  readonly budgetNanos: bigint | undefined
  /** Whether an ambient deadline that is nearer ends the run too, with `inherited: true`. */
  readonly inherit: boolean
  readonly expired: (expiry: Expiry) => E2
  /** Whether what the work leaves behind, such as finalizers and fibers, is to live on without the limit. */
  readonly outlived?: boolean
  /** Where it enters while it runs, so that it can be ended before its time, and with what; `undefined`: not now. */
  readonly cuttable?: { readonly runs: Set<Cuttable>; readonly error: () => E2 | undefined } | undefined
}

/** What can be ended before its time: its caller goes on at once, as when time is up. */
export interface Cuttable {
  cut(): void
}

const exceededTotal = Metric.counter("holdfast_deadline_exceeded", {
  description: "Deadlines and attempt time-outs that fired",
  incremental: true
})

/** The budget of a duration; `undefined` when it is infinite. */
export const toNanos = (duration: Duration.Duration): bigint | undefined => {
  if (Duration.isFinite(duration)) return Duration.toNanosUnsafe(duration)
  return Duration.isNegative(duration) ? -1n : undefined
}

const toMillis = (nanos: bigint): number => Number(nanos) / 1e6

/** Which alarm an error tells of, so that the alarm's owner recognises its own expiry when it comes back. */
const alarmOf = new WeakMap<object, Alarm>()

/** Whether the cause tells that this alarm rang further in, also when somebody made a defect of it. */
export const isExpiryOf = (alarm: Alarm, cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((reason) => {
    if (reason._tag === "Interrupt") return false
    const thrown = reason._tag === "Fail" ? reason.error : reason.defect
    return typeof thrown === "object" && thrown !== null && alarmOf.get(thrown) === alarm
  })

/** Says that an error tells of whatever alarm another one tells of, in whose place it comes. */
export const likeExpiry = <E extends object>(error: E, other: object): E => {
  const alarm = alarmOf.get(other)
  if (alarm !== undefined) alarmOf.set(error, alarm)
  return error
}

/** Says that an error tells of this alarm, as if it had been the first to hear of it. */
export const markExpiry = (error: object, alarm: Alarm): void => {
  alarmOf.set(error, alarm)
}

/** The ambient deadline of a caller, in a form that others can wait for. */
export const ambientAlarm = (caller: Pick<Caller, "context">): Alarm | undefined => {
  const ambient = Context.get(caller.context, Current)
  if (ambient === undefined || (ambient instanceof Alarm && ambient.isOver)) return undefined
  return Alarm.from(ambient, Context.get(caller.context, Clock.Clock))
}

/** The running fiber, whose context provides what the effect that is being built requires. */
export const currentFiber = <R>(): Fiber.Fiber<unknown, unknown> & {
  readonly context: Context.Context<R>
} => {
  const fiber = Fiber.getCurrent()
  if (fiber === undefined) throw new Error("this code runs only inside a fiber")
  // house: a fiber's context is typed as empty, yet holds all that its effect requires: `R` is what says so.
  return fiber as Fiber.Fiber<unknown, unknown> & { readonly context: Context.Context<R> }
}

class Run<A, E, E2> implements Cuttable {
  private readonly caller: Fiber.Fiber<unknown, unknown>
  private readonly clock: Clock.Clock
  private readonly options: Options<E2>
  private readonly alarm: Alarm
  private readonly inherited: boolean
  private readonly startNanos: bigint
  private readonly budgetNanos: bigint
  private work: Fiber.Fiber<A, E> | undefined = undefined
  private resume: ((effect: Effect.Effect<A, E | E2>) => void) | undefined

  constructor(
    caller: Fiber.Fiber<unknown, unknown>,
    clock: Clock.Clock,
    options: Options<E2>,
    alarm: Alarm,
    inherited: boolean,
    startNanos: bigint,
    budgetNanos: bigint,
    resume: (effect: Effect.Effect<A, E | E2>) => void
  ) {
    this.caller = caller
    this.clock = clock
    this.options = options
    this.alarm = alarm
    this.inherited = inherited
    this.startNanos = startNanos
    this.budgetNanos = budgetNanos
    this.resume = resume
  }

  /** Starts the work; returns what ends it early, or undefined when it has ended already. */
  start<R>(self: Effect.Effect<A, E, R>, context: Context.Context<R>): Effect.Effect<void> | undefined {
    // Before the work, so that those who inherit the alarm come later and ring earlier.
    if (this.inherited) this.alarm.inherit(this)
    else this.alarm.own(this)
    // house: forks inline and detached, in the caller's world; a `forkDetach` effect costs several times as much
    const work = Effect.runForkWith(context)(self)
    this.work = work
    const exit = work.pollUnsafe()
    if (exit !== undefined) {
      this.finish(exit)
      return undefined
    }
    this.alarm.arm(this.caller)
    this.options.cuttable?.runs.add(this)
    work.addObserver((exit) => this.finish(exit))
    return Effect.suspend(() => this.end())
  }

  ring(): void {
    if (this.resume === undefined || this.work === undefined) return
    exceededTotal.updateUnsafe(1, this.caller.context)
    this.leave(this.expire())
  }

  cut(): void {
    const error = this.options.cuttable?.error()
    if (error === undefined) return
    this.alarm.leave(this)
    this.leave(error)
  }

  /** The caller goes on with this error, whatever the work does. */
  private leave(error: E2): void {
    // Taken first: the end of the work, which the interruption may cause at once, is no result any more.
    const resume = this.take()
    if (resume === undefined || this.work === undefined) return
    abandon(this.caller, this.work, this.options.label)
    resume(Effect.fail(error))
  }

  private take() {
    const { resume } = this
    this.resume = undefined
    this.options.cuttable?.runs.delete(this)
    return resume
  }

  expire(): E2 {
    const { alarm, inherited } = this
    const error = this.options.expired({
      label: alarm.label,
      budgetMillis: Math.max(0, toMillis(this.budgetNanos)),
      elapsedMillis: toMillis(this.clock.monotonicTimeNanosUnsafe() - this.startNanos),
      inherited
    })
    if (inherited && typeof error === "object" && error !== null) alarmOf.set(error, alarm)
    return error
  }

  private settle(exit: Exit.Exit<A, E>): Effect.Effect<A, E | E2> {
    return !this.inherited && Exit.isFailure(exit) && isExpiryOf(this.alarm, exit.cause)
      ? Effect.fail(this.expire())
      : exit
  }

  private finish(exit: Exit.Exit<A, E>): void {
    const resume = this.take()
    if (resume === undefined) return
    this.alarm.leave(this)
    if (this.options.outlived === true && !this.inherited) this.alarm.isOver = true
    resume(this.settle(exit))
  }

  /** The caller was interrupted: so is the work, and the caller waits for its end, but not past the deadline. */
  private end(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.resume === undefined || this.work === undefined) return resume(Effect.void)
      this.resume = () => resume(Effect.void)
      this.work.interruptUnsafe(this.caller.id)
    })
  }
}

/** See the head of this file. Without any limit it is the effect itself. */
export const limit = <A, E, R, E2>(
  self: Effect.Effect<A, E, R>,
  options: Options<E2>
): Effect.Effect<A, E | E2, R> =>
  Effect.callback<A, E | E2, R>((resume) => {
    const caller = currentFiber<R>()
    const clock = caller.getRef(Clock.Clock)
    const ambient = ambientAlarm(caller)
    const startNanos = clock.monotonicTimeNanosUnsafe()
    const ambientNanos = ambient?.leftNanosAt(clock, startNanos)
    const ownNanos = options.budgetNanos
    const ambientIsNearer = ambientNanos !== undefined && (ownNanos === undefined || ambientNanos < ownNanos)
    const inherited = ambientIsNearer && options.inherit
    const budgetNanos = inherited ? ambientNanos : ownNanos
    if (budgetNanos === undefined) return resume(self)

    const alarm =
      inherited && ambient !== undefined ? ambient : new Alarm(options.label, startNanos + budgetNanos, clock)
    const run = new Run<A, E, E2>(caller, clock, options, alarm, inherited, startNanos, budgetNanos, resume)
    if (budgetNanos <= 0n) return resume(Effect.fail(run.expire()))
    const nearest = ambientIsNearer ? ambient : alarm
    return run.start(self, Context.add(caller.context, Current, nearest))
  })
