/**
 * What goes on beside the calls: endpoints are probed in rounds, clients are built, changes of the route are logged.
 *
 *   Round ──all probes have ended──▶ Pause ──its time is over──▶ Round
 *   Building ──built──▶ its first probe
 *   Building ──failed──▶ Pause ──its time is over──▶ Building
 *
 * All of it ends at once when the monitor is stopped.
 */
import { Cause, Clock, type Context, Deferred, Duration, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Backoff from "../../Backoff.ts"
import { Cutter } from "../cutter.ts"
import { leaveBehind, log } from "../leaveBehind.ts"
import { limit, toNanos } from "../limit.ts"
import { AttemptTimeout } from "../retry.ts"
import { startTimer } from "../timer.ts"
import { isThere } from "./endpoint.ts"
import type { Entry } from "./entry.ts"
import { EndpointUnavailable, wordsOf } from "./errors.ts"
import type { Change, Pool } from "./pool.ts"

export interface MonitorPlan<Client, RE, RP> {
  readonly probe: (client: Client, endpoint: string) => Effect.Effect<unknown, unknown, RP>
  /** From the start of a round to that of the next. */
  readonly gaps: Backoff.Backoff
  readonly probeTimeout: Duration.Duration
  /** For the building of a client. */
  readonly buildTimeout: Duration.Duration
  readonly threshold: Duration.Duration
  /** What probes and builds are given. */
  readonly context: Context.Context<RE | RP>
}

type Building<Client> = Deferred.Deferred<Client, EndpointUnavailable>

/** How the client of an endpoint is made. */
export interface Acquired<Client, RE> {
  readonly acquire: Effect.Effect<Client, unknown, RE | Scope.Scope>
}

const now: Effect.Effect<bigint> = Effect.flatMap(Clock.Clock, (clock) => clock.monotonicTimeNanos)

export class Monitor<Client, RE, RP> {
  private readonly pool: Pool<Client>
  private readonly plan: MonitorPlan<Client, RE, RP>
  private readonly steps: Cutter<"ended">
  /** Of which the log has told that they are. */
  private readonly dead = new WeakSet<Entry<Client>>()
  isOver = false

  constructor(pool: Pool<Client>, plan: MonitorPlan<Client, RE, RP>) {
    this.pool = pool
    this.plan = plan
    this.steps = new Cutter(`${pool.label} monitor`)
  }

  /** Begins with the endpoints that the pool has, in the same order. */
  start(endpoints: ReadonlyArray<Acquired<Client, RE>>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (const [index, entry] of this.pool.entries.entries()) {
        const endpoint = endpoints[index]
        if (endpoint !== undefined) yield* this.adopt(entry, endpoint)
      }
      yield* this.own(this.logChanges())
      yield* this.own(this.rounds())
    })
  }

  /** Ends everything, and releases the clients. What hangs is waited for in bounded time. */
  stop(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { pool, steps } = this
      this.isOver = true
      steps.cut("ended")
      pool.changes.end()
      const left = leaveBehind(pool, "what its monitor began", Fiber.awaitAll(steps.remains))
      return Effect.andThen(steps.remains.length === 0 ? Effect.void : left, () =>
        Effect.forEach(pool.entries, (entry) => this.release(entry), {
          concurrency: "unbounded",
          discard: true
        })
      )
    })
  }

  /** An endpoint that comes later: it is probed at once, as soon as it has its client. */
  welcome(entry: Entry<Client>, endpoint: Acquired<Client, RE>): Effect.Effect<void> {
    return Effect.andThen(this.adopt(entry, endpoint), this.own(this.probe(entry)))
  }

  /** An endpoint that was removed: what is under way there may end. */
  dismiss(entry: Entry<Client>): Effect.Effect<void> {
    const { pool } = this
    return Effect.andThen(
      leaveBehind(pool, `what is under way at "${entry.id}"`, pool.untilIdle(entry)),
      this.release(entry)
    )
  }

  private adopt(entry: Entry<Client>, { acquire }: Acquired<Client, RE>): Effect.Effect<void> {
    // A client that is there already needs no fiber to be built, and no call has to wait for it.
    if (isThere(acquire)) return Effect.sync(() => this.pool.built(entry, acquire.value))
    // From now on calls can wait for it.
    return Effect.suspend(() => {
      entry.building = Deferred.makeUnsafe()
      return this.own(this.build(entry, acquire, entry.building))
    })
  }

  /** Releases the client of an endpoint that is no more used. */
  private release(entry: Entry<Client>): Effect.Effect<void> {
    const { pool } = this
    return Effect.suspend(() => {
      const { scope } = entry
      if (scope === undefined) return Effect.void
      pool.released(entry)
      return leaveBehind(pool, `the release of "${entry.id}"`, Scope.close(scope, Exit.void))
    })
  }

  /** Goes on until it ends, or the monitor is stopped. */
  private own(self: Effect.Effect<void, never, RE | RP>): Effect.Effect<void> {
    const step = Effect.callback<void, "ended", RE | RP>((resume) =>
      this.isOver ? resume(Effect.void) : this.steps.start(self, resume)
    )
    return Effect.asVoid(
      Effect.forkDetach(Effect.provideContext(Effect.interruptible(Effect.ignore(step)), this.plan.context))
    )
  }

  // --- Probes ------------------------------------------------------------------------------------------------

  private rounds(): Effect.Effect<void, never, RP> {
    const round = Effect.suspend(() =>
      Effect.forEach(this.pool.entries, (entry) => this.probe(entry), {
        concurrency: "unbounded",
        discard: true
      })
    )
    const pause = Effect.fnUntraced(function* (this: Monitor<Client, RE, RP>, beganNanos: bigint) {
      const gap = yield* Backoff.delay(this.plan.gaps, 1)
      const spent = Duration.nanos((yield* now) - beganNanos)
      yield* Effect.sleep(Duration.max(Duration.subtract(gap, spent), Duration.zero))
    })
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const beganNanos = yield* now
        yield* round
        yield* pause.call(this, beganNanos)
      }
    })
  }

  private probe(entry: Entry<Client>): Effect.Effect<void, never, RP> {
    // Masked, so that it cannot be cut off while only its timer has begun.
    return Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const { plan, pool } = this
        const { client } = entry
        if (client === undefined) return Effect.void
        const startNanos = pool.clock.monotonicTimeNanosUnsafe()
        const thresholdNanos = toNanos(plan.threshold)
        const overdue =
          thresholdNanos === undefined
            ? undefined
            : startTimer(fiber, pool.clock, startNanos + thresholdNanos + 1n, {
                ring: () => pool.overdue(entry, startNanos)
              })
        const check = Effect.scoped(Effect.suspend(() => plan.probe(client.value, entry.id)))
        const bounded = this.within(check, plan.probeTimeout, `probe of ${entry.id}`)
        return Effect.flatMap(Effect.exit(restore(bounded)), (exit) => {
          overdue?.cancel()
          // Cut off, it says nothing about the endpoint.
          if (this.isOver) return Effect.void
          if (Exit.isSuccess(exit)) pool.answered(entry, startNanos)
          else pool.foundDead(entry, startNanos, exit.cause)
          return this.logHealth(entry)
        })
      })
    )
  }

  private within<A, E, R>(
    self: Effect.Effect<A, E, R>,
    timeout: Duration.Duration,
    what: string
  ): Effect.Effect<A, E | AttemptTimeout, R> {
    const label = `${this.pool.label} ${what}`
    return limit(self, {
      label,
      budgetNanos: toNanos(timeout),
      inherit: false,
      // What a build acquires lives longer than the build.
      outlived: true,
      expired: ({ budgetMillis, elapsedMillis }) =>
        new AttemptTimeout({ label, attempt: 1, timeoutMillis: budgetMillis, elapsedMillis })
    })
  }

  // --- Clients -----------------------------------------------------------------------------------------------

  private build(
    entry: Entry<Client>,
    acquire: Effect.Effect<Client, unknown, RE | Scope.Scope>,
    first: Building<Client>
  ): Effect.Effect<void, never, RE | RP> {
    return Effect.gen({ self: this }, function* () {
      let building = first
      while (!(yield* this.buildOnce(entry, acquire, building))) {
        yield* Effect.sleep(yield* Backoff.delay(this.plan.gaps, 1))
        if (entry.isRemoved) return
        building = Deferred.makeUnsafe()
        entry.building = building
      }
      yield* this.probe(entry)
    })
  }

  /** Whether there is nothing more to build. */
  private buildOnce(
    entry: Entry<Client>,
    acquire: Effect.Effect<Client, unknown, RE | Scope.Scope>,
    building: Building<Client>
  ): Effect.Effect<boolean, never, RE> {
    const { plan, pool } = this
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        const scope = yield* Scope.make()
        const acquiring = Scope.provide(acquire, scope)
        const exit = yield* Effect.exit(
          restore(this.within(acquiring, plan.buildTimeout, `client of ${entry.id}`))
        )
        const isWanted = !this.isOver && !entry.isRemoved
        if (Exit.isSuccess(exit) && isWanted) {
          entry.scope = scope
          pool.built(entry, exit.value)
          yield* Deferred.succeed(building, exit.value)
          return true
        }
        const cause = Exit.isFailure(exit) ? Cause.squash(exit.cause) : "it is not wanted any more"
        const error = new EndpointUnavailable({ label: pool.label, endpoint: entry.id, cause })
        if (isWanted) {
          pool.foundDead(entry, pool.clock.monotonicTimeNanosUnsafe(), Cause.fail(error))
          yield* this.logHealth(entry)
        }
        yield* Deferred.fail(building, error)
        yield* leaveBehind(pool, `what "${entry.id}" had acquired`, Scope.close(scope, Exit.void))
        return !isWanted
      })
    )
  }

  // --- The log -----------------------------------------------------------------------------------------------

  private logChanges(): Effect.Effect<void> {
    const { changes, label } = this.pool
    const tell = ({ from, fromLatencyMillis, reason, to, toLatencyMillis }: Change) => {
      const places = `${words(from, fromLatencyMillis)} to ${words(to, toLatencyMillis)}`
      return log(Effect.logInfo(`"${label}" goes from ${places}: ${reasons[reason](`${from}`, to)}`))
    }
    return Stream.runForEach(changes.stream, (change) =>
      change.reason === "Initial" ? Effect.void : tell(change)
    )
  }

  /** Once for each death that a probe, or a build, finds, and for each end of it. */
  private logHealth(entry: Entry<Client>): Effect.Effect<void> {
    const { label } = this.pool
    if (this.dead.has(entry) === entry.isFoundDead) return Effect.void
    if (!entry.isFoundDead) {
      this.dead.delete(entry)
      return log(Effect.logInfo(`"${label}": ${entry.id} answers again`))
    }
    this.dead.add(entry)
    const cause = entry.lastCause ?? Cause.empty
    const text = `"${label}": ${entry.id} has failed: ${wordsOf(cause)}`
    // Errors of clients hold their URLs, and these may hold keys; a bug is of no use without its stack.
    return log(Cause.hasDies(cause) ? Effect.logWarning(text, cause) : Effect.logWarning(text))
  }
}

/** What is left, and what is gone to, by their names. */
const words = (endpoint: string | undefined, latencyMillis: number | undefined): string =>
  latencyMillis === undefined ? `${endpoint}` : `${endpoint} (${Math.round(latencyMillis * 10) / 10} ms)`

const reasons: { readonly [reason in Change["reason"]]: (from: string, to: string) => string } = {
  Initial: (_, to) => `${to} is the first`,
  Slow: (from) => `${from} is too slow`,
  Failed: (from) => `${from} has failed`,
  Ejected: (from) => `calls of ${from} have failed too often`,
  Faster: (_, to) => `${to} is faster`,
  Failback: (_, to) => `${to} is the primary, and is well again`,
  Removed: (from) => `${from} was removed`
}
