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
import { Cause, Clock, Duration, Effect, Exit, Fiber, Metric, Scope } from "effect"
import type * as Backoff from "../../Backoff.ts"
import { leaveBehind, log } from "../leaveBehind.ts"
import { limit, toNanos } from "../limit.ts"
import { AttemptTimeout } from "../retry.ts"
import { type Delays, delaysOf } from "../steps.ts"
import { GaveUp } from "./errors.ts"
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

/** What a generation, or an attempt, has acquired. */
interface Scopes {
  readonly connection: Scope.Closeable
  /** What `onConnect` has. It goes first, so that nothing which hangs in it keeps the connection open. */
  readonly prepared: Scope.Closeable
}

/** What the supervisor does now. */
type State<C> =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Waiting"; readonly delay: Duration.Duration }
  | { readonly _tag: "Connected"; readonly life: Life<C>; readonly scopes: Scopes }
  | { readonly _tag: "Lost"; readonly life: Life<C>; readonly scopes: Scopes }
  | { readonly _tag: "GaveUp"; readonly error: GaveUp }
  | { readonly _tag: "Closed" }

const connecting = { _tag: "Connecting" } as const
const closed = { _tag: "Closed" } as const

/** What the effects of a plan require, beside the scopes that they are given. */
type Requires<RC, RO, RL, RP> = Exclude<RC | RO | RL | RP, Scope.Scope>

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

/** For people. */
const inMillis = (duration: Duration.Duration): string =>
  Duration.format(
    Duration.isFinite(duration) ? Duration.millis(Math.round(Duration.toMillis(duration))) : duration
  )

const nowNanos: Effect.Effect<bigint> = Effect.flatMap(Clock.Clock, (clock) => clock.monotonicTimeNanos)

export class Supervisor<C, RC, RO, RL, RP> {
  private readonly plan: Plan<C, RC, RO, RL, RP>
  private readonly session: Session<C>
  private generation = 0
  private delays: Delays | undefined = undefined
  /** Since when it is not stable. */
  private outageNanos = 0n

  constructor(plan: Plan<C, RC, RO, RL, RP>, session: Session<C>) {
    this.plan = plan
    this.session = session
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
            state = yield* this.watch(state.life, state.scopes)
            break
          case "Lost":
            state = yield* this.leave(state.life, state.scopes)
            break
          case "GaveUp":
            return yield* this.giveUp(state.error)
          case "Closed":
            return
        }
      }
    })
  }

  // --- Connecting --------------------------------------------------------------------------------------------

  /** One attempt: a connection, and what has to be done once before anybody uses it. */
  private connect(): Effect.Effect<State<C>, never, Requires<RC, RO, RL, RP>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const { giveUp, onConnect, probe } = plan
      session.connecting(undefined)
      yield* Metric.update(attemptsTotal, 1)
      const scopes = { connection: yield* Scope.make(), prepared: yield* Scope.make() }
      const dial = session.step(Scope.provide(plan.connect, scopes.connection))
      const dialed = yield* Effect.exit(yield* this.within(plan.attemptTimeout, dial))
      if (session.end !== undefined || Exit.isFailure(dialed)) {
        if (session.end !== undefined) yield* this.join(session.steps.remains, [])
        yield* this.release(scopes)
        return Exit.isFailure(dialed) ? yield* this.failed(dialed.cause) : closed
      }
      const life = session.open(++this.generation, dialed.value)
      if (probe !== undefined) yield* Effect.forkChild(this.probe(life, probe))
      const prepare = Effect.suspend(() => onConnect(life.connection, life.generation))
      const preparing = session.on(life, Scope.provide(prepare, scopes.prepared))
      const prepared = yield* Effect.exit(yield* this.within(giveUp.after, preparing))
      if (Exit.isFailure(prepared)) {
        session.lose(life.generation, prepared.cause)
        return { _tag: "Lost", life, scopes }
      }
      return { _tag: "Connected", life, scopes }
    })
  }

  /** Within a time, and within what is left until all is given up. */
  private within<A, E, R>(timeout: Duration.Duration, work: Effect.Effect<A, E, R>) {
    const { giveUp, label } = this.plan
    return Effect.map(this.elapsed, (elapsed) =>
      limit(work, {
        label,
        budgetNanos: toNanos(Duration.min(timeout, Duration.subtract(giveUp.after, elapsed))),
        inherit: false,
        // A connection lives longer than the attempt that made it, and so do its fibers and its release.
        outlived: true,
        expired: ({ budgetMillis, elapsedMillis }) =>
          new AttemptTimeout({
            label,
            attempt: this.session.failures + 1,
            timeoutMillis: budgetMillis,
            elapsedMillis
          })
      })
    )
  }

  /** How long it has not been stable. */
  private get elapsed(): Effect.Effect<Duration.Duration> {
    return Effect.map(nowNanos, (now) => Duration.nanos(now - this.outageNanos))
  }

  /** An attempt has failed, or what it gave was lost too soon: what now? */
  private failed(cause: Cause.Cause<unknown>, lasted?: Duration.Duration): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      if (session.end !== undefined) return closed
      session.failures++
      session.lastCause = cause
      if (plan.giveUp.when(cause)) return yield* this.end("Unrecoverable", cause)
      if (session.failures >= plan.giveUp.attempts) return yield* this.end("Attempts", cause)
      const decided = yield* Effect.exit(session.step(this.nextDelay(cause)))
      if (session.end !== undefined) return closed
      if (Exit.isFailure(decided)) return yield* this.end("Unrecoverable", decided.cause)
      const delay = decided.value
      if (delay === undefined) return yield* this.end("Schedule", cause)
      const elapsed = yield* this.elapsed
      if (Duration.isGreaterThanOrEqualTo(Duration.sum(elapsed, delay), plan.giveUp.after)) {
        return yield* this.end("Elapsed", cause)
      }
      const next = `the next attempt follows in ${inMillis(delay)}`
      yield* log(
        lasted === undefined
          ? Effect.logWarning(
              `"${plan.label}" is not connected: attempt ${session.failures} failed; ${next}`,
              cause
            )
          : Effect.logWarning(`"${plan.label}" lasted for ${inMillis(lasted)} only; ${next}`)
      )
      return { _tag: "Waiting", delay } as const
    }).pipe(
      // What the program gave to decide with has a bug.
      Effect.catchDefect((defect) => this.end("Unrecoverable", Cause.die(defect)))
    )
  }

  private nextDelay(cause: Cause.Cause<unknown>): Effect.Effect<Duration.Duration | undefined> {
    return Effect.gen({ self: this }, function* () {
      this.delays ??= yield* delaysOf(this.plan.backoff)
      return yield* this.delays(Cause.squash(cause))
    })
  }

  private wait(delay: Duration.Duration): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { session } = this
      session.connecting(delay)
      yield* Effect.ignore(session.step(Effect.sleep(delay)))
      return session.end === undefined ? connecting : closed
    })
  }

  // --- Connected ---------------------------------------------------------------------------------------------

  private watch(life: Life<C>, scopes: Scopes): Effect.Effect<State<C>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const { generation } = life
      const attempts = session.failures + 1
      if (session.publish(life)) {
        yield* Metric.update(connectedTotal, 1)
        yield* log(
          Effect.logInfo(`"${plan.label}" is connected (generation ${generation}, attempt ${attempts})`)
        )
      }
      yield* session.untilLost(life)
      return { _tag: "Lost", life, scopes }
    })
  }

  /** Until it finds the connection dead. */
  private probe(
    life: Life<C>,
    { check, interval, timeout }: NonNullable<Plan<C, RC, RO, RL, RP>["probe"]>
  ): Effect.Effect<void, never, Exclude<RP, Scope.Scope>> {
    const { session } = this
    const label = `${this.plan.label} probe`
    const asking = session.on(life, Effect.scoped(Effect.suspend(() => check(life.connection))))
    const once = limit(asking, {
      label,
      budgetNanos: toNanos(timeout),
      inherit: false,
      expired: ({ budgetMillis, elapsedMillis }) =>
        new AttemptTimeout({ label, attempt: 1, timeoutMillis: budgetMillis, elapsedMillis })
    })
    // From the beginning of one check to that of the next.
    const pause = (took: Duration.Duration) =>
      session.on(life, Effect.sleep(Duration.max(Duration.subtract(interval, took), Duration.zero)))
    const next = (
      took: Duration.Duration
    ): Effect.Effect<Duration.Duration, unknown, Exclude<RP, Scope.Scope>> =>
      Effect.map(Effect.andThen(pause(took), Effect.timed(once)), ([took]) => took)
    return Effect.gen(function* () {
      let took = Duration.zero
      for (;;) took = yield* next(took)
    }).pipe(Effect.catchCause((cause) => Effect.sync(() => void session.lose(life.generation, cause))))
  }

  // --- Lost --------------------------------------------------------------------------------------------------

  /** What belongs to a generation goes before anything new comes: first what uses it, at last the connection. */
  private leave(life: Life<C>, scopes: Scopes): Effect.Effect<State<C>, never, Exclude<RL, Scope.Scope>> {
    return Effect.gen({ self: this }, function* () {
      const { plan, session } = this
      const { generation, lost: cause } = life
      if (cause !== undefined && life.wasPublished) {
        yield* Metric.update(lostTotal, 1)
        yield* log(Effect.logWarning(this.lossText(life), cause))
      }
      const { cutter, held, reading } = life
      // What used a lost connection is of no use to anybody.
      yield* this.join([...reading.remains, ...(cause === undefined ? cutter.remains : [])], Array.from(held))
      if (cause !== undefined) {
        const onLost = Effect.scoped(Effect.suspend(() => plan.onLost(generation, cause)))
        yield* leaveBehind(session, "onLost of the old connection", session.step(onLost))
      }
      yield* this.release(scopes)
      if (cause === undefined || session.end !== undefined) return closed
      if (!life.wasPublished) return yield* this.failed(cause)
      if (plan.onLoss === "exit") return yield* this.end("Exit", cause)
      const lasted = Duration.nanos(life.lostNanos - life.sinceNanos)
      if (Duration.isLessThan(lasted, plan.stableAfter)) return yield* this.failed(cause, lasted)
      session.failures = 0
      session.lastCause = cause
      this.delays = undefined
      this.outageNanos = life.lostNanos
      return connecting
    })
  }

  /**
   * What used a connection that is closed, or was making it, may need it once more, to give something back. What
   * subscriptions hold goes in any case: until their next element is asked for, nobody else thinks of it.
   */
  private join(
    uses: ReadonlyArray<Fiber.Fiber<unknown, unknown>>,
    held: ReadonlyArray<Effect.Effect<void>>
  ): Effect.Effect<void> {
    if (uses.length === 0 && held.length === 0) return Effect.void
    const ending = Effect.all([Fiber.awaitAll(uses), ...held], { concurrency: "unbounded" })
    return leaveBehind(this.session, "what used the old connection", ending)
  }

  private lossText({ generation }: Life<C>): string {
    const { label, onLoss } = this.plan
    const next = onLoss === "exit" ? "it is not to reconnect" : "reconnecting"
    return `"${label}" is disconnected (generation ${generation}); ${next}`
  }

  private release({ connection, prepared }: Scopes): Effect.Effect<void> {
    const { session } = this
    return Effect.andThen(
      leaveBehind(session, "the release of what onConnect acquired", Scope.close(prepared, Exit.void)),
      leaveBehind(session, "the release of the old connection", Scope.close(connection, Exit.void))
    )
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
      yield* log(Effect.logError(error.message, Cause.fail(error)))
    })
  }
}
