/**
 * The control flow of one call over a pool of endpoints.
 *
 *   Attempt ──succeeds──▶ Done
 *   Attempt ──fails──▶ whose fault?
 *       the caller's ──▶ Done (its error)
 *       unknown, and the call is not idempotent ──▶ Done (OutcomeUnknown)
 *       the endpoint's, or unknown ──another endpoint is left──▶ Attempt
 *                                  ──all were tried, attempts are left──▶ Delay ──▶ Attempt
 *                                  ──nothing is left──▶ Done (AllEndpointsFailed)
 *   Attempt | Delay ──the deadline──▶ Done (OutcomeUnknown when something was sent that must not be sent twice)
 */
import {
  Array as Arr,
  Cause,
  Clock,
  Deferred,
  Duration,
  Effect,
  Exit,
  type Fiber,
  Metric,
  Random
} from "effect"
import type * as Backoff from "../../Backoff.ts"
import { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import type { RetryBudget } from "../../RetryBudget.ts"
import { ambientAlarm, type Expiry, isExpiryOf, limit, markExpiry } from "../limit.ts"
import { AttemptTimeout, CurrentAttempt } from "../retry.ts"
import { type Delays, delaysOf } from "../steps.ts"
import type { Entry } from "./entry.ts"
import { AllEndpointsFailed, EndpointUnavailable, type Failure, type Limit } from "./errors.ts"
import { hedged } from "./hedge.ts"
import { defectsOf, errorsOf, hasError, isEndBy, markEnd, worstOf } from "./judge.ts"
import type { Pool } from "./pool.ts"
import { down, rankOf } from "./route.ts"
import { endpointFault, unknown, type Verdict } from "./verdict.ts"

/** What a call is, with every default filled in. */
export interface Ask<Client, A, E, R, C> {
  readonly f: (client: Client, endpoint: string) => Effect.Effect<A, E, R>
  readonly idempotent: boolean
  readonly operationId: string | undefined
  readonly classify: (error: E) => Verdict<C>
  readonly attemptTimeoutNanos: bigint
  /** Until the deadline of the call itself. */
  readonly budgetNanos: bigint | undefined
  /** `undefined`: each endpoint once. */
  readonly attempts: number | undefined
  readonly backoff: Backoff.Input
  readonly budget: RetryBudget | undefined
  readonly hedge: HedgeRule | undefined
}

export interface HedgeRule {
  /** How long a call may take without a second try; `undefined`: nobody knows yet. */
  readonly afterNanos: () => bigint | undefined
  readonly budget: RetryBudget
}

/** One attempt. */
class Attempt<Client> {
  readonly entry: Entry<Client>
  readonly startNanos: bigint
  hasStarted = false
  /** Something may have reached the endpoint. */
  wasSent = false
  /** It ran out of its own time, was cut off, or there was no client. */
  lapsed: AttemptTimeout | EndpointUnavailable | undefined = undefined
  /** It was cut off: why, is known. */
  wasCut = false

  constructor(entry: Entry<Client>, startNanos: bigint) {
    this.entry = entry
    this.startNanos = startNanos
  }
}

const attemptsTotal = Metric.counter("holdfast_failover_attempts", {
  description: "Attempts of calls at endpoints",
  incremental: true
})
const hedgesTotal = Metric.counter("holdfast_failover_hedges", {
  description: "Calls that were sent to a second endpoint because the first took long",
  incremental: true
})

const millis = (nanos: bigint): number => Number(nanos) / 1e6

/** What a call fails with. */
export type Failed<E, C> = C | AllEndpointsFailed<E> | OutcomeUnknown

/** What an attempt fails with. */
type Broken<E> = E | AttemptTimeout | EndpointUnavailable | AllEndpointsFailed<E> | OutcomeUnknown

export class Call<Client, A, E, R, C> {
  private readonly pool: Pool<Client>
  private readonly ask: Ask<Client, A, E, R, C>
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly clock: Clock.Clock
  private readonly startNanos: bigint
  /** Those that have begun. */
  private attempts = 0
  /** Those that were decided on: a leg may look for one while that of another has not begun yet. */
  private taken = 0
  private readonly tried = new Set<Entry<Client>>()
  private readonly failures = new Map<Entry<Client>, Failure<E>>()
  private delays: Delays | undefined = undefined
  /** What it ends with because time is up. */
  private ending: AllEndpointsFailed<E> | OutcomeUnknown | undefined = undefined
  /** What it ends with because nothing is left to try, unless another leg has something to say. */
  private exhaustion: AllEndpointsFailed<E> | undefined = undefined

  constructor(pool: Pool<Client>, ask: Ask<Client, A, E, R, C>, fiber: Fiber.Fiber<unknown, unknown>) {
    this.pool = pool
    this.ask = ask
    this.fiber = fiber
    this.clock = fiber.getRef(Clock.Clock)
    this.startNanos = this.clock.monotonicTimeNanosUnsafe()
  }

  run(): Effect.Effect<A, Failed<E, C>, R> {
    const { ask, fiber, pool } = this
    const random = fiber.getRef(Random.Random)
    const entry = pool.pick(() => random.nextDoubleUnsafe(), millis(this.startNanos))
    const { budget, hedge } = ask
    const afterNanos = hedge?.afterNanos()
    this.take(entry)
    const first = this.attempt(entry)
    const call =
      hedge === undefined || afterNanos === undefined
        ? first
        : Effect.andThen(
            hedge.budget.deposit,
            hedged<A, Failed<E, C>, R>({
              label: pool.label,
              clock: this.clock,
              afterNanos,
              first,
              second: () => this.second(hedge),
              gaveUp: (exit) =>
                Exit.isFailure(exit) && this.exhaustion !== undefined && hasError(exit.cause, this.exhaustion)
            })
          )
    return budget === undefined ? call : Effect.andThen(budget.deposit, call)
  }

  // --- One attempt -------------------------------------------------------------------------------------------

  private attempt(entry: Entry<Client>): Effect.Effect<A, Failed<E, C>, R> {
    this.tried.add(entry)
    return Effect.suspend(() => {
      const { ask, clock, fiber, pool } = this
      const startNanos = clock.monotonicTimeNanosUnsafe()
      const attempt = new Attempt(entry, startNanos)
      const leftNanos =
        ask.budgetNanos === undefined ? undefined : ask.budgetNanos - (startNanos - this.startNanos)
      const isLast = leftNanos !== undefined && leftNanos <= ask.attemptTimeoutNanos
      const limited = limit<A, E | EndpointUnavailable, R, Broken<E>>(this.work(attempt), {
        label: pool.label,
        budgetNanos: isLast ? leftNanos : ask.attemptTimeoutNanos,
        inherit: true,
        expired: (expiry) => this.expired(attempt, expiry, isLast),
        cuttable: ask.idempotent ? { runs: entry.movable, error: () => this.cut(attempt) } : undefined
      })
      const number = this.attempts + 1
      const numbered =
        number === fiber.getRef(CurrentAttempt)
          ? limited
          : Effect.provideService(limited, CurrentAttempt, number)
      return Effect.catchCause(numbered, (cause) => this.failed(attempt, cause))
    })
  }

  /** What is done at the endpoint; it is in flight there until it has really ended. */
  private work(attempt: Attempt<Client>): Effect.Effect<A, E | EndpointUnavailable, R> {
    const { ask, clock, pool } = this
    const { entry } = attempt
    const use = (client: Client) => {
      attempt.wasSent = true
      return ask.f(client, entry.id)
    }
    const begin = Effect.suspend(() => {
      attempt.hasStarted = true
      this.attempts++
      attemptsTotal.updateUnsafe(1, this.fiber.context)
      entry.inFlight++
      if (entry.client !== undefined) return use(entry.client.value)
      return Effect.flatMap(this.clientOf(attempt), use)
    })
    return Effect.onExitPrimitive(begin, (exit) => {
      if (attempt.hasStarted) pool.ended(entry)
      // What nobody waited for has been interrupted, and never succeeds.
      if (Exit.isFailure(exit)) return undefined
      const now = clock.monotonicTimeNanosUnsafe()
      pool.succeeded(entry, millis(now - attempt.startNanos), millis(now))
      return undefined
    })
  }

  /** The client of an endpoint that has none yet: that of the attempt to build it that is under way. */
  private clientOf(attempt: Attempt<Client>): Effect.Effect<Client, EndpointUnavailable> {
    const { entry } = attempt
    const { label } = this.pool
    const building =
      entry.building === undefined
        ? Effect.fail(new EndpointUnavailable({ label, endpoint: entry.id, cause: "it was released" }))
        : Deferred.await(entry.building)
    return Effect.tapError(building, (error) =>
      Effect.sync(() => {
        attempt.lapsed = error
      })
    )
  }

  /** Time is up: that of the attempt, or all time. */
  private expired(attempt: Attempt<Client>, expiry: Expiry, isLast: boolean): Broken<E> {
    const lapsed = this.lapse(attempt, expiry.budgetMillis, expiry.elapsedMillis)
    if (!expiry.inherited && !isLast) return lapsed
    const ending = this.end(attempt, Cause.fail(lapsed), expiry.inherited ? "InheritedDeadline" : "Deadline")
    // What is handed on here is taken for the end of whoever set the deadline.
    return ending._tag === "AllEndpointsFailed" ? ending : lapsed
  }

  /** A deadline is over, and the call with it, whatever its endpoint would have said. */
  private end(
    attempt: Attempt<Client>,
    cause: Cause.Cause<E | AttemptTimeout | EndpointUnavailable>,
    limit: Limit
  ): AllEndpointsFailed<E> | OutcomeUnknown {
    if (attempt.hasStarted) this.note(attempt, cause)
    const ending =
      attempt.wasSent && !this.ask.idempotent
        ? this.outcomeUnknown(attempt, Cause.squash(cause))
        : this.allFailed(limit)
    const ambient = limit === "InheritedDeadline" ? ambientAlarm(this.fiber) : undefined
    if (ambient !== undefined) {
      markEnd(ending, ambient)
      // That something was sent is not to become a mere lateness to whoever set the deadline.
      if (ending._tag === "AllEndpointsFailed") markExpiry(ending, ambient)
    }
    this.ending = ending
    return ending
  }

  /** Its endpoint was found dead: it is over, if there is another one that was not tried. */
  private cut(attempt: Attempt<Client>): AttemptTimeout | undefined {
    const next = this.pool.next((entry) => !this.tried.has(entry))
    if (!this.hasAttempts || next === undefined || rankOf(next) >= down) return undefined
    attempt.wasCut = true
    const tookMillis = millis(this.clock.monotonicTimeNanosUnsafe() - attempt.startNanos)
    return this.lapse(attempt, tookMillis, tookMillis)
  }

  private lapse(attempt: Attempt<Client>, timeoutMillis: number, elapsedMillis: number): AttemptTimeout {
    const error = new AttemptTimeout({
      label: `${this.pool.label} at ${attempt.entry.id}`,
      attempt: this.attempts,
      timeoutMillis,
      elapsedMillis
    })
    attempt.lapsed = error
    return error
  }

  // --- Whose fault -------------------------------------------------------------------------------------------

  private failed(attempt: Attempt<Client>, cause: Cause.Cause<Broken<E>>): Effect.Effect<A, Failed<E, C>, R> {
    const { ask, fiber, pool } = this
    const { entry, lapsed, startNanos, wasCut, wasSent } = attempt
    if (this.ending !== undefined) return Effect.fail(this.ending)
    // house: what is neither of ours, nor an end, is of the call itself
    const known = cause as Cause.Cause<E | AttemptTimeout | EndpointUnavailable>
    const ambient = ambientAlarm(fiber)
    // The deadline of the caller, of which somebody inside of the call has heard first.
    if (ambient !== undefined && (isExpiryOf(ambient, cause) || isEndBy(ambient, cause))) {
      return Effect.fail(this.end(attempt, known, "InheritedDeadline"))
    }
    const errors = errorsOf(cause)
    if (errors === undefined) return Effect.failCause(defectsOf(cause))
    // house: as above
    const judge = (error: Broken<E>) => ({ error, verdict: ask.classify(error as E) })
    const { error: failure, verdict } =
      lapsed === undefined
        ? worstOf(Arr.map(errors, judge))
        : { error: errors[0], verdict: wasSent ? unknown : endpointFault }
    if (verdict._tag === "CallerFault") {
      pool.blameless(entry)
      return Effect.fail(verdict.error)
    }
    this.note(attempt, known)
    if (!wasCut) pool.faulted(entry, startNanos, known)
    return verdict._tag === "EndpointFault" || ask.idempotent
      ? this.again(failure)
      : Effect.fail(this.outcomeUnknown(attempt, failure))
  }

  private note(
    { entry, startNanos }: Attempt<Client>,
    cause: Cause.Cause<E | AttemptTimeout | EndpointUnavailable>
  ): void {
    const elapsedMillis = millis(this.clock.monotonicTimeNanosUnsafe() - startNanos)
    this.failures.set(entry, { endpoint: entry.id, cause, elapsedMillis })
  }

  // --- What next ---------------------------------------------------------------------------------------------

  private again(failure: unknown): Effect.Effect<A, Failed<E, C>, R> {
    const { ask, pool } = this
    if (!this.hasAttempts) return this.exhausted("Attempts")
    const entry = pool.next((entry) => !this.tried.has(entry))
    if (entry === undefined) {
      return ask.attempts === undefined ? this.exhausted("Endpoints") : this.anew(failure)
    }
    this.take(entry)
    return ask.budget === undefined
      ? this.attempt(entry)
      : Effect.flatMap(ask.budget.withdraw, (may) => (may ? this.attempt(entry) : this.exhausted("Budget")))
  }

  /** Every endpoint was tried: a pause, and then all of them once more. */
  private anew(failure: unknown): Effect.Effect<A, Failed<E, C>, R> {
    const { ask, clock, pool } = this
    return Effect.gen({ self: this }, function* () {
      this.delays ??= yield* delaysOf(ask.backoff)
      const delay = yield* this.delays(failure)
      if (delay === undefined) return yield* this.exhausted("Attempts")
      const limit = this.isTooLate(Duration.toNanosUnsafe(delay))
      if (limit !== undefined) return yield* this.exhausted(limit)
      if (ask.budget !== undefined && !(yield* ask.budget.withdraw)) return yield* this.exhausted("Budget")
      // Another leg may have taken the last one meanwhile; this one is taken before the delay.
      if (!this.hasAttempts) return yield* this.exhausted("Attempts")
      this.taken++
      yield* clock.sleep(delay)
      const entry = pool.next((entry) => !this.tried.has(entry)) ?? this.nextRound()
      return yield* entry === undefined ? this.exhausted("Endpoints") : this.attempt(entry)
    })
  }

  private nextRound(): Entry<Client> | undefined {
    this.tried.clear()
    return this.pool.next(() => true)
  }

  private get hasAttempts(): boolean {
    const { attempts } = this.ask
    return attempts === undefined || this.taken < attempts
  }

  private take(entry: Entry<Client>): void {
    this.tried.add(entry)
    this.taken++
  }

  /** Which limit would fire before an attempt that begins after a delay. */
  private isTooLate(delayNanos: bigint): Limit | undefined {
    const { ask, clock, fiber, startNanos } = this
    const ambientNanos = ambientAlarm(fiber)?.leftNanos()
    if (ambientNanos !== undefined && delayNanos >= ambientNanos) return "InheritedDeadline"
    const spentNanos = clock.monotonicTimeNanosUnsafe() - startNanos
    return ask.budgetNanos !== undefined && delayNanos >= ask.budgetNanos - spentNanos
      ? "Deadline"
      : undefined
  }

  /** A hedge, when there is an endpoint for it that can be expected to answer, and the budgets allow it. */
  private second({ budget }: HedgeRule): Effect.Effect<A, Failed<E, C>, R> | undefined {
    if (this.candidate === undefined) return undefined
    const { ask } = this
    return Effect.gen({ self: this }, function* () {
      const may = (yield* budget.withdraw) && (ask.budget === undefined || (yield* ask.budget.withdraw))
      // Not taken before: the other leg may need it meanwhile.
      const entry = may ? this.candidate : undefined
      if (entry === undefined) return yield* this.exhausted("Endpoints")
      this.take(entry)
      hedgesTotal.updateUnsafe(1, this.fiber.context)
      return yield* this.attempt(entry)
    })
  }

  private get candidate(): Entry<Client> | undefined {
    const entry = this.hasAttempts ? this.pool.next((entry) => !this.tried.has(entry)) : undefined
    return entry === undefined || entry.isDown || entry.client === undefined ? undefined : entry
  }

  private exhausted(limit: Limit): Effect.Effect<never, AllEndpointsFailed<E>> {
    this.exhaustion = this.allFailed(limit)
    return Effect.fail(this.exhaustion)
  }

  private allFailed(limit: Limit): AllEndpointsFailed<E> {
    const { failures, pool } = this
    const untried = pool.entries.filter((entry) => !failures.has(entry))
    const all = [
      ...failures.values(),
      ...untried.map(({ id }): Failure<E> => ({ endpoint: id, cause: undefined, elapsedMillis: 0 }))
    ]
    if (!Arr.isReadonlyArrayNonEmpty(all)) throw new Error("a pool has an endpoint at least")
    return new AllEndpointsFailed<E>({
      label: pool.label,
      limit,
      attempts: this.attempts,
      elapsedMillis: this.elapsedMillis,
      failures: all
    })
  }

  private outcomeUnknown({ entry }: Attempt<Client>, cause: unknown): OutcomeUnknown {
    const { ask, elapsedMillis, pool } = this
    const of = { label: pool.label, endpoint: entry.id, elapsedMillis, cause }
    return new OutcomeUnknown(ask.operationId === undefined ? of : { ...of, operationId: ask.operationId })
  }

  private get elapsedMillis(): number {
    return millis(this.clock.monotonicTimeNanosUnsafe() - this.startNanos)
  }
}
