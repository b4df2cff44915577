/**
 * Who uses which generation of a connection, as synchronous state: nobody can come between a look and what follows it.
 *
 * The supervisor opens generations and ends them; users find the current one, wait for it, and report it lost.
 */
import { Cause, type Clock, type Duration, Effect, Exit, PubSub } from "effect"
import type { SubscriptionRef } from "effect/SubscriptionRef"
import { Cutter, type Settle } from "../cutter.ts"
import { limit } from "../limit.ts"
import { Watchers } from "../watchers.ts"
import { ConnectionLost, type GaveUp, NotConnected } from "./errors.ts"

/** One life of the connection. */
export interface Life<out C> {
  readonly generation: number
  readonly connection: C
  /** Since when it can be used. */
  sinceMillis: number
  sinceNanos: bigint
  /** All that is done with the connection, but for subscriptions. */
  readonly cutter: Cutter<ConnectionLost>
  /** Subscriptions that begin, or wait for an element. */
  readonly reading: Cutter<ConnectionLost>
  /** What comes out of it. */
  readonly settle: Settle<ConnectionLost>
  /** What ends the subscriptions on it: once, whoever comes first, and all wait for it. */
  readonly held: Set<Effect.Effect<void>>
  /** Why it is no more, and since when. */
  lost: Cause.Cause<unknown> | undefined
  lostNanos: bigint
  /** Others than the supervisor could use it. */
  wasPublished: boolean
}

/** Why there will be no further generation. */
export type End = { readonly reason: "Closed" } | { readonly reason: "GaveUp"; readonly error: GaveUp }

export type Status =
  | {
      readonly _tag: "Connecting"
      readonly attempt: number
      readonly nextDelay: Duration.Duration | undefined
      readonly lastCause: Cause.Cause<unknown> | undefined
    }
  | { readonly _tag: "Connected"; readonly generation: number; readonly sinceMillis: number }
  | { readonly _tag: "Lost"; readonly generation: number; readonly cause: Cause.Cause<unknown> }
  | { readonly _tag: "Closed"; readonly gaveUp: GaveUp | undefined }

/** Since when somebody waits, and for how long at most. */
interface Wait {
  readonly sinceNanos: bigint
  readonly nanos: bigint | undefined
}

export class Session<C> {
  readonly label: string
  readonly clock: Clock.Clock
  readonly releaseTimeout: Duration.Duration
  readonly status: SubscriptionRef<Status>
  /** The generation that exists, published or not. */
  private life: Life<C> | undefined = undefined
  end: End | undefined = undefined
  /** What the supervisor does, which the end cuts short. */
  readonly steps: Cutter<"ended">
  /** Attempts that failed since the connection was last stable, and the last failure. */
  failures = 0
  lastCause: Cause.Cause<unknown> | undefined = undefined
  private readonly isLost: (error: unknown) => boolean
  private readonly watchers = new Watchers()
  /** Which errors tell of the end of which generation here: those of other connections may look alike. */
  private readonly losses = new WeakMap<object, Life<C>>()

  constructor(options: {
    readonly label: string
    readonly clock: Clock.Clock
    readonly releaseTimeout: Duration.Duration
    readonly status: SubscriptionRef<Status>
    readonly isLost: (error: unknown) => boolean
  }) {
    this.label = options.label
    this.clock = options.clock
    this.releaseTimeout = options.releaseTimeout
    this.status = options.status
    this.isLost = options.isLost
    this.steps = new Cutter(options.label)
  }

  /** The generation that can be used. */
  get current(): Life<C> | undefined {
    const { end, life } = this
    return life?.wasPublished === true && life.lost === undefined && end === undefined ? life : undefined
  }

  // --- For the supervisor ------------------------------------------------------------------------------------

  open(generation: number, connection: C): Life<C> {
    const life: Life<C> = {
      generation,
      connection,
      cutter: new Cutter(this.label),
      reading: new Cutter(this.label),
      settle: (exit) => this.settle(life, exit),
      held: new Set(),
      sinceMillis: 0,
      sinceNanos: 0n,
      lost: undefined,
      lostNanos: 0n,
      wasPublished: false
    }
    this.life = life
    return life
  }

  /** From now on it is used; `false` when it was lost before. */
  publish(life: Life<C>): boolean {
    if (life.lost !== undefined || this.end !== undefined) return false
    life.sinceMillis = this.clock.currentTimeMillisUnsafe()
    life.sinceNanos = this.clock.monotonicTimeNanosUnsafe()
    life.wasPublished = true
    this.say({ _tag: "Connected", generation: life.generation, sinceMillis: life.sinceMillis })
    this.watchers.tell()
    return true
  }

  /** An attempt is under way, or follows after a delay. */
  connecting(nextDelay: Duration.Duration | undefined): void {
    const { failures, lastCause } = this
    if (this.end === undefined) this.say({ _tag: "Connecting", attempt: failures + 1, nextDelay, lastCause })
  }

  /** Waits until a generation is lost, or all has ended. */
  untilLost(life: Life<C>): Effect.Effect<void> {
    return Effect.ignore(this.step(this.until(() => (life.lost === undefined ? undefined : Effect.void))))
  }

  /** What the supervisor does until all has ended. */
  step<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | "ended", R> {
    return Effect.callback<A, E | "ended", R>((resume) =>
      this.end === undefined ? this.steps.start<A, E, R>(self, resume) : resume(Effect.fail("ended"))
    )
  }

  /** What is done with a generation, published or not, until it is lost. */
  on<A, E, R>(
    life: Life<C>,
    self: Effect.Effect<A, E, R>,
    cutter: Cutter<ConnectionLost> = life.cutter
  ): Effect.Effect<A, E | ConnectionLost, R> {
    return Effect.callback<A, E | ConnectionLost, R>((resume) =>
      life.lost === undefined && this.end === undefined
        ? cutter.start<A, E, R>(self, resume, life.settle)
        : resume(Effect.fail(this.lostBy(life, this.end === undefined ? "Lost" : "Closed", undefined)))
    )
  }

  /** No further generation, and none any more: no new use, then those who wait, then the uses. */
  finish(end: End): void {
    if (this.end !== undefined) return
    const { life } = this
    this.end = end
    this.say({ _tag: "Closed", gaveUp: end.reason === "GaveUp" ? end.error : undefined })
    this.watchers.tell()
    if (life !== undefined && life.lost === undefined) this.cut(life, "Closed", undefined)
    this.steps.cut("ended")
  }

  // --- For users ---------------------------------------------------------------------------------------------

  /** Marks a generation as lost; `false` when it is already, or is not the present one. */
  lose(generation: number, cause: Cause.Cause<unknown>): boolean {
    const { life } = this
    if (this.end !== undefined || life?.generation !== generation || life.lost !== undefined) return false
    life.lost = cause
    life.lostNanos = this.clock.monotonicTimeNanosUnsafe()
    // What could never be used is a failed attempt.
    if (life.wasPublished) this.say({ _tag: "Lost", generation, cause })
    this.cut(life, "Lost", Cause.squash(cause))
    this.watchers.tell()
    return true
  }

  /** Runs an effect on the current generation, for which it waits; see `Reconnect.use`. */
  use<A, E, R>(
    f: (connection: C, generation: number) => Effect.Effect<A, E, R>,
    waitNanos: bigint | undefined
  ): Effect.Effect<A, E | ConnectionLost | NotConnected, R> {
    return Effect.suspend(() => this.useWithin(f, this.waitFrom(waitNanos)))
  }

  private useWithin<A, E, R>(
    f: (connection: C, generation: number) => Effect.Effect<A, E, R>,
    wait: Wait
  ): Effect.Effect<A, E | ConnectionLost | NotConnected, R> {
    return Effect.callback<A, E | ConnectionLost | NotConnected, R>((resume) => {
      const life = this.current
      if (life === undefined) {
        return resume(Effect.flatMap(this.connectedWithin(wait), () => this.useWithin(f, wait)))
      }
      const work = Effect.suspend(() => f(life.connection, life.generation))
      return life.cutter.start<A, E, R>(work, resume, life.settle)
    })
  }

  /** An error that means "lost" is reported, for the generation that it comes from. */
  private settle<A, E>(life: Life<C>, exit: Exit.Exit<A, E>): Exit.Exit<A, E | ConnectionLost> {
    if (Exit.isSuccess(exit)) return exit
    try {
      const isLoss = exit.cause.reasons.some((reason) => reason._tag === "Fail" && this.isLost(reason.error))
      if (!isLoss) return exit
    } catch (defect) {
      return Exit.die(defect)
    }
    this.lose(life.generation, exit.cause)
    return Exit.fail(this.lostBy(life, "Lost", Cause.squash(exit.cause)))
  }

  /** Waits for a generation that can be used, within the ambient deadline and a time of one's own. */
  connected(waitNanos: bigint | undefined): Effect.Effect<Life<C>, NotConnected> {
    return Effect.suspend(() => this.connectedWithin(this.waitFrom(waitNanos)))
  }

  private waitFrom(nanos: bigint | undefined): Wait {
    return { sinceNanos: this.clock.monotonicTimeNanosUnsafe(), nanos }
  }

  private connectedWithin({ nanos, sinceNanos }: Wait): Effect.Effect<Life<C>, NotConnected> {
    const waited = (): bigint => this.clock.monotonicTimeNanosUnsafe() - sinceNanos
    const look = (): Effect.Effect<Life<C>, NotConnected> | undefined => {
      const { current, end } = this
      if (current !== undefined) return Effect.succeed(current)
      return end === undefined ? undefined : Effect.fail(this.notConnected(end.reason, waited()))
    }
    return Effect.suspend(() => {
      // Who does not want to wait, or has no time, may still find one.
      const now = look()
      if (now !== undefined) return now
      return limit(this.until(look), {
        label: this.label,
        budgetNanos: nanos === undefined ? undefined : nanos - waited(),
        inherit: true,
        expired: () => this.notConnected("Connecting", waited())
      })
    })
  }

  /** Whether an error tells that this generation was lost, or closed, while it was used here. */
  isLossOf(life: Life<C>, error: unknown): boolean {
    return error instanceof ConnectionLost && this.losses.get(error) === life
  }

  /** Waits until a look gives something. */
  until<A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return this.watchers.until(look)
  }

  // --- Inside ------------------------------------------------------------------------------------------------

  /** Without the lock of `SubscriptionRef.set`, which somebody else may hold: whoever is told sees it already. */
  private say(status: Status): void {
    this.status.value = status
    PubSub.publishUnsafe(this.status.pubsub, status)
  }

  private cut(life: Life<C>, reason: ConnectionLost["reason"], cause: unknown): void {
    const error = this.lostBy(life, reason, cause)
    life.reading.cut(error)
    life.cutter.cut(error)
  }

  private lostBy(life: Life<C>, reason: ConnectionLost["reason"], cause: unknown): ConnectionLost {
    const of = { label: this.label, generation: life.generation, reason }
    const error = new ConnectionLost(cause === undefined ? of : { ...of, cause })
    this.losses.set(error, life)
    return error
  }

  private notConnected(reason: NotConnected["reason"], waitedNanos: bigint): NotConnected {
    const { end, failures, label, lastCause } = this
    const cause = end?.reason === "GaveUp" ? end.error : lastCause && Cause.squash(lastCause)
    const of = { label, reason, attempts: failures, waitedMillis: Number(waitedNanos) / 1e6 }
    return new NotConnected(cause === undefined ? of : { ...of, cause })
  }
}
