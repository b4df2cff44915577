/**
 * The supervisor of a connection: one fiber, which does nothing but what its state says.
 *
 *   Connecting ──connected, and `onConnect` done──▶ Connected
 *   Connecting ──failed──▶ Waiting ──delay over──▶ Connecting
 *   Connected ──lost──▶ Lost ──released; it was stable──▶ Connecting
 *                       Lost ──released; it was not──▶ Waiting
 *   Connecting | Lost ──nothing more is to be tried──▶ GaveUp
 *   any ──closed──▶ Closed
 */
import { Cause, Clock, Duration, Effect, Exit, Metric, Scope, SubscriptionRef } from "effect"
import type * as Backoff from "../../Backoff.ts"
import { limit, toNanos } from "../limit.ts"
import { AttemptTimeout } from "../retry.ts"
import { type Delays, delaysOf } from "../steps.ts"
import { GaveUp } from "./errors.ts"
import { leaveBehind, log } from "./leaveBehind.ts"
import type { Life, Session } from "./session.ts"

/** What a connection is made of, with every default filled in. */
export interface Plan<C, RC, RO, RL, RP> {
  readonly label: string
  readonly connect: Effect.Effect<C, unknown, RC>
  readonly onConnect: (connection: C, generation: number) => Effect.Effect<unknown, unknown, RO>
  readonly onLost: (generation: number, cause: Cause.Cause<unknown>) => Effect.Effect<unknown, never, RL>
  readonly probe:
    | {
        readonly check: (connection: C) => Effect.Effect<unknown, unknown, RP>
        readonly interval: Duration.Duration
        readonly timeout: Duration.Duration
      }
    | undefined
  readonly backoff: Backoff.Input
  readonly stableAfter: Duration.Duration
  readonly attemptTimeout: Duration.Duration
  readonly onLoss: "reconnect" | "exit"
  readonly giveUp: {
    readonly attempts: number
    readonly after: Duration.Duration
    readonly when: (cause: Cause.Cause<unknown>) => boolean
  }
}

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

/** What the supervisor does now. */
type State<C> =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Waiting"; readonly delay: Duration.Duration }
  | { readonly _tag: "Connected"; readonly life: Life<C>; readonly scope: Scope.Closeable }
  | { readonly _tag: "Lost"; readonly life: Life<C>; readonly scope: Scope.Closeable }
  | { readonly _tag: "GaveUp"; readonly error: GaveUp }
  | { readonly _tag: "Closed" }

const connecting = { _tag: "Connecting" } as const
const closed = { _tag: "Closed" } as const

/** What the effects of a plan require, beside the scope of their generation. */
type Requires<RC, RO, RL, RP> = Exclude<RC | RO, Scope.Scope> | RL | RP

const attemptsTotal = Metric.counter("holdfast_reconnect_attempts", {
  description: "Attempts to connect",
  incremental: true
})
const connectedTotal = Metric.counter("holdfast_reconnect_connected", {
  description: "Generations that could be used",
  incremental: true
})
const lostTotal = Metric.counter("holdfast_reconnect_lost", {
  description: "Generations that were lost",
  incremental: true
})

const nowNanos: Effect.Effect<bigint> = Effect.flatMap(Clock.Clock, (clock) => clock.monotonicTimeNanos)

export class Supervisor<C, RC, RO, RL, RP> {
  private readonly plan: Plan<C, RC, RO, RL, RP>
  private readonly session: Session<C>
  private readonly status: SubscriptionRef.SubscriptionRef<Status>
  private generation = 0
  private delays: Delays | undefined = undefined
  /** Since when it is not stable. */
  private outageNanos = 0n

  constructor(
    plan: Plan<C, RC, RO, RL, RP>,
    session: Session<C>,
    status: SubscriptionRef.SubscriptionRef<Status>
  ) {
    this.plan = plan
    this.session = session
    this.status = status
  }

  /** See the head of this file. Ends when the connection is closed or given up, and all of it is released. */
  run(): Effect.Effect<void, never, Requires<RC, RO, RL, RP>> {
    return Effect.gen({ self: this }, function* () {
      let state: State<C> = connecting
      this.outageNanos = yield* nowNanos
      for (;;) {
        switch (state._tag) {
          case "Connecting":
            state = yield* this.connect()
            break
          case "Waiting":
            state = yield* this.wait(state.delay)
            break
          case "Connected":
            state = yield* this.watch(state.life, state.scope)
            break
          case "Lost":
            state = yield* this.leave(state.life, state.scope)
            break
          case "GaveUp":
            return yield* this.giveUp(state.error)
          case "Closed":
            return yield* this.say({ _tag: "Closed", gaveUp: undefined })
        }
      }
    })
  }

  // --- Connecting --------------------------------------------------------------------------------------------

  /** One attempt: a connection, and what has to be done once before anybody uses it. */
  private connect(): Effect.Effect<State<C>, never, Requires<RC, RO, RL, RP>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const attempt = session.failures + 1
      yield* this.say({ _tag: "Connecting", attempt, nextDelay: undefined, lastCause: session.lastCause })
      yield* Metric.update(attemptsTotal, 1)
      const scope = yield* Scope.make()
      const dialed = yield* Effect.exit(session.step(yield* this.dial(attempt, scope)))
      if (session.end !== undefined || Exit.isFailure(dialed)) {
        yield* this.release(scope)
        return Exit.isFailure(dialed) ? yield* this.failed(dialed.cause) : closed
      }
      const life = session.open(++this.generation, dialed.value)
      if (plan.probe !== undefined)
        yield* Effect.forkChild(Effect.ignore(session.on(life, this.probe(life, plan.probe))))
      const prepare = Scope.provide(
        Effect.suspend(() => plan.onConnect(life.connection, life.generation)),
        scope
      )
      const prepared = yield* Effect.exit(session.on(life, prepare))
      if (Exit.isFailure(prepared)) {
        session.lose(life.generation, prepared.cause)
        return { _tag: "Lost", life, scope }
      }
      return { _tag: "Connected", life, scope }
    })
  }

  /** Bounded by the time for an attempt, and by the time after which all is given up. */
  private dial(attempt: number, scope: Scope.Scope) {
    const { attemptTimeout, connect, giveUp, label } = this.plan
    return Effect.map(this.elapsed, (elapsed) => {
      const budget = Duration.min(attemptTimeout, Duration.subtract(giveUp.after, elapsed))
      return limit(Scope.provide(connect, scope), {
        label,
        budgetNanos: toNanos(budget),
        inherit: false,
        // A connection lives longer than the attempt that made it, and so do its fibers and its release.
        outlived: true,
        expired: ({ budgetMillis, elapsedMillis }) =>
          new AttemptTimeout({ label, attempt, timeoutMillis: budgetMillis, elapsedMillis })
      })
    })
  }

  /** How long it has not been stable. */
  private get elapsed(): Effect.Effect<Duration.Duration> {
    return Effect.map(nowNanos, (now) => Duration.nanos(now - this.outageNanos))
  }

  /** An attempt has failed, or what it gave was lost too soon: what now? */
  private failed(cause: Cause.Cause<unknown>): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      if (session.end !== undefined) return closed
      session.failures++
      session.lastCause = cause
      if (plan.giveUp.when(cause)) return yield* this.end("Unrecoverable", cause)
      if (session.failures >= plan.giveUp.attempts) return yield* this.end("Attempts", cause)
      this.delays ??= yield* delaysOf(plan.backoff)
      const delay = yield* this.delays(Cause.squash(cause))
      if (delay === undefined) return yield* this.end("Schedule", cause)
      const elapsed = yield* this.elapsed
      if (Duration.isGreaterThanOrEqualTo(Duration.sum(elapsed, delay), plan.giveUp.after)) {
        return yield* this.end("Elapsed", cause)
      }
      const text = `"${plan.label}" is not connected: attempt ${session.failures} failed; the next follows in ${Duration.format(delay)}`
      yield* log(Effect.logWarning(text, cause))
      return { _tag: "Waiting", delay } as const
    }).pipe(
      // What the program gave to decide with has a bug.
      Effect.catchDefect((defect) => this.end("Unrecoverable", Cause.die(defect)))
    )
  }

  private wait(delay: Duration.Duration): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { session } = this
      const { failures, lastCause } = session
      yield* this.say({ _tag: "Connecting", attempt: failures + 1, nextDelay: delay, lastCause })
      yield* Effect.ignore(session.step(Effect.sleep(delay)))
      return session.end === undefined ? connecting : closed
    })
  }

  // --- Connected ---------------------------------------------------------------------------------------------

  private watch(life: Life<C>, scope: Scope.Closeable): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const { generation } = life
      const attempts = session.failures + 1
      if (session.publish(life)) {
        yield* this.say({ _tag: "Connected", generation, sinceMillis: life.sinceMillis })
        yield* Metric.update(connectedTotal, 1)
        yield* log(
          Effect.logInfo(`"${plan.label}" is connected (generation ${generation}, attempt ${attempts})`)
        )
      }
      yield* session.untilLost(life)
      return { _tag: "Lost", life, scope }
    })
  }

  /** Until it finds the connection dead. */
  private probe(
    { connection, generation }: Life<C>,
    { check, interval, timeout }: NonNullable<Plan<C, RC, RO, RL, RP>["probe"]>
  ): Effect.Effect<void, never, RP> {
    const { label } = this.plan
    const once = limit(
      Effect.suspend(() => check(connection)),
      {
        label: `${label} probe`,
        budgetNanos: toNanos(timeout),
        inherit: false,
        expired: ({ budgetMillis, elapsedMillis }): unknown =>
          new AttemptTimeout({
            label: `${label} probe`,
            attempt: 1,
            timeoutMillis: budgetMillis,
            elapsedMillis
          })
      }
    )
    return Effect.sleep(interval).pipe(
      Effect.andThen(once),
      Effect.forever,
      Effect.catchCause((cause) => Effect.sync(() => void this.session.lose(generation, cause)))
    )
  }

  // --- Lost --------------------------------------------------------------------------------------------------

  /** What belongs to a generation goes before anything new comes. */
  private leave(life: Life<C>, scope: Scope.Closeable): Effect.Effect<State<C>, never, RL> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const { generation, lost: cause } = life
      if (cause === undefined) {
        yield* this.release(scope)
        return closed
      }
      yield* this.say({ _tag: "Lost", generation, cause })
      yield* Metric.update(lostTotal, 1)
      yield* log(Effect.logWarning(this.lossText(life), cause))
      yield* leaveBehind(
        session,
        "onLost",
        session.step(Effect.suspend(() => plan.onLost(generation, cause)))
      )
      yield* this.release(scope)
      if (session.end !== undefined) return closed
      if (!life.wasPublished) return yield* this.failed(cause)
      if (plan.onLoss === "exit") return yield* this.end("Exit", cause)
      const lasted = Duration.nanos(life.lostNanos - life.sinceNanos)
      if (Duration.isLessThan(lasted, plan.stableAfter)) return yield* this.failed(cause)
      session.failures = 0
      session.lastCause = cause
      this.delays = undefined
      this.outageNanos = life.lostNanos
      return connecting
    })
  }

  private lossText({ generation, wasPublished }: Life<C>): string {
    const { label, onLoss } = this.plan
    const next = onLoss === "exit" && wasPublished ? "it is not to reconnect" : "reconnecting"
    return `"${label}" is disconnected (generation ${generation}); ${next}`
  }

  private release(scope: Scope.Closeable): Effect.Effect<void> {
    return leaveBehind(this.session, "the release", Scope.close(scope, Exit.void))
  }

  // --- The end -----------------------------------------------------------------------------------------------

  private end(limit: GaveUp["limit"], cause: Cause.Cause<unknown>): Effect.Effect<State<C>> {
    return Effect.map(this.elapsed, (elapsed) => ({
      _tag: "GaveUp",
      error: new GaveUp({
        label: this.plan.label,
        limit,
        attempts: this.session.failures,
        elapsedMillis: Duration.toMillis(elapsed),
        cause: Cause.squash(cause)
      })
    }))
  }

  private giveUp(error: GaveUp): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.session.finish({ reason: "GaveUp", error })
      yield* this.say({ _tag: "Closed", gaveUp: error })
      yield* log(Effect.logError(error.message, Cause.fail(error)))
    })
  }

  private say(status: Status): Effect.Effect<void> {
    return SubscriptionRef.set(this.status, status)
  }
}
