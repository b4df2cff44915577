/**
 * One service over several endpoints that can each do the work: the route leaves a slow or dead endpoint before a request
 * suffers from it.
 *
 * A monitor probes every endpoint in the background, and calls tell what they saw. The *route* is the endpoint that
 * calls go to first; it is quick to leave a bad endpoint, and slow to trust one that was bad. A call that fails goes on
 * at the next endpoint, unless its outcome is unknown and it must not be done twice.
 *
 * @guarantee FV-1 The route leaves a dead endpoint with the first failed call, or within one probe interval plus the probe
 *   time-out; a slow one within one interval plus its round trip, as soon as that is over the threshold and longer than
 *   that of a trusted one by the margin, while the last change is `dwell` ago.
 * @guarantee FV-2 No call begins at an endpoint that is known to be dead, and no idempotent call waits for one that a
 *   probe has found dead, while a better one is left to try; but for calls that `panicBelow` spreads over all.
 * @guarantee FV-3 Whatever the latencies, there is at most one change in each `dwell` that is not for a death or a removal:
 *   in a time T at most `1 + T / dwell`. A change to an endpoint that had failed costs it a successful probe.
 * @guarantee FV-4 There is one monitor, which ends at once when the scope closes.
 * @guarantee FV-5 A round of probes takes one probe time-out at most.
 * @guarantee FV-6 The deadline of a call, its own or an ambient one, holds over all of its attempts together.
 * @guarantee FV-7 A call that is not idempotent is never sent again when it may have arrived.
 * @guarantee FV-8 An endpoint that has recovered is used again, however often and however long it had failed.
 * @guarantee FV-9 What is the caller's fault never counts against an endpoint, nor does an interruption, or a deadline of
 *   the call or around it.
 * @guarantee FV-10 The probes of many instances do not stay in step.
 * @guarantee FV-11 Attempts at other endpoints are the retries of a call: `attempts` counts all of them together.
 *
 * **Telemetry**
 *
 * Counters `holdfast_failover_changes` (of routes), `holdfast_failover_attempts` (of calls), `holdfast_failover_hedges`
 * and `holdfast_failover_ejections`. Each change of a route is logged with its reason and both round-trip times; that a
 * probe or a build has failed, with its cause, once until the endpoint answers again.
 *
 * @since 0.1.0
 */
import {
  Array as Arr,
  Clock,
  Context,
  type Duration,
  Effect,
  Layer,
  Schema,
  type Scope,
  type Stream
} from "effect"
import { HttpClient, type HttpClientError } from "effect/http"
import * as Backoff from "./Backoff.ts"
import { InvalidOptions } from "./InvalidOptions.ts"
import { lasting } from "./internal/built.ts"
import { DurationSetting, EndingDurationSetting, EndingPositiveDurationSetting } from "./internal/duration.ts"
import { classifyHttp as ofHttp } from "./internal/failover/classifyHttp.ts"
import { forEndpoint } from "./internal/failover/endpoint.ts"
import * as errors from "./internal/failover/errors.ts"
import { type Defaults, execution } from "./internal/failover/execution.ts"
import * as http from "./internal/failover/http.ts"
import { Monitor } from "./internal/failover/monitor.ts"
import * as plans from "./internal/failover/plan.ts"
import {
  Pool,
  type Change as PoolChange,
  type EndpointStatus as PoolEndpointStatus
} from "./internal/failover/pool.ts"
import { distinctUrls } from "./internal/failover/urls.ts"
import * as verdicts from "./internal/failover/verdict.ts"
import type { OutcomeUnknown } from "./OutcomeUnknown.ts"
import type * as RetryBudget from "./RetryBudget.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * No endpoint gave an answer.
 *
 * **Details**
 *
 * `failures` has each endpoint once, those that were tried first: its own cause, and how long its last attempt took. A
 * cause that is undefined means that there was no time, or no attempt, for it. `attempts` is how many were made.
 *
 * `limit` says why there was no further attempt: every endpoint has failed (`Endpoints`), `attempts` or a backoff that is
 * a schedule came to their end (`Attempts`), the `budget` refused (`Budget`), the call's own deadline came (`Deadline`),
 * or an ambient one (`InheritedDeadline`).
 *
 * @since 0.1.0
 * @category errors
 */
export const AllEndpointsFailed = errors.AllEndpointsFailed

/**
 * @since 0.1.0
 * @category errors
 */
export type AllEndpointsFailed<E = unknown> = errors.AllEndpointsFailed<E>

/**
 * An endpoint has no client, because it could not be built: nothing was sent to it. Found among the causes of
 * `AllEndpointsFailed`.
 *
 * @since 0.1.0
 * @category errors
 */
export const EndpointUnavailable = errors.EndpointUnavailable

/**
 * @since 0.1.0
 * @category errors
 */
export type EndpointUnavailable = errors.EndpointUnavailable

/**
 * What a call came to at one endpoint.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure<out E> extends errors.Failure<E> {}

// -----------------------------------------------------------------------------
// Whose fault
// -----------------------------------------------------------------------------

/**
 * Whose fault an error is.
 *
 * **Details**
 *
 * - `EndpointFault`: the endpoint did not do it, for certain. It counts against the endpoint, and the call goes on at
 *   another one.
 * - `CallerFault`: every endpoint would say the same. The call fails with the error, and the endpoint is as good as
 *   before.
 * - `Unknown`: the endpoint failed, and may have done it nonetheless. It counts against the endpoint; the call goes on
 *   when it is idempotent, and fails with `OutcomeUnknown` when it is not.
 *
 * @since 0.1.0
 * @category classification
 */
export type Verdict<C = never> = verdicts.Verdict<C>

/**
 * A classification that knows some errors, of type `K`, and may be asked about any: what it does not know is `Unknown`.
 * `C` are those that can be the caller's fault.
 *
 * @since 0.1.0
 * @category classification
 */
export interface Classify<in K, out C> extends verdicts.Classify<K, C> {}

/**
 * Makes a classification from one that knows the errors of some type: all others are `Unknown`.
 *
 * **Example** (The errors of a ledger)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 *
 * class Refused {
 *   readonly _tag = "Refused"
 * }
 * class Overdrawn {
 *   readonly _tag = "Overdrawn"
 * }
 * const isLedgerError = (error: unknown): error is Refused | Overdrawn =>
 *   error instanceof Refused || error instanceof Overdrawn
 *
 * const classify = Failover.classifier(isLedgerError, (error) =>
 *   error._tag === "Overdrawn" ? Failover.callerFault(error) : Failover.endpointFault
 * )
 *
 * console.log(classify(new Refused())._tag, classify("a surprise")._tag) // => EndpointFault Unknown
 * ```
 *
 * @since 0.1.0
 * @category classification
 */
export const classifier: <K, C extends K>(
  isKnown: (error: unknown) => error is K,
  classify: (error: K) => Verdict<C>
) => Classify<K, C> = verdicts.classifying

/**
 * The endpoint did not do it, for certain.
 *
 * @since 0.1.0
 * @category classification
 */
export const endpointFault: Verdict = verdicts.endpointFault

/**
 * The endpoint failed, and may have done it nonetheless.
 *
 * @since 0.1.0
 * @category classification
 */
export const unknown: Verdict = verdicts.unknown

/**
 * Every endpoint would say the same.
 *
 * @since 0.1.0
 * @category classification
 */
export const callerFault: <C>(error: C) => Verdict<C> = verdicts.callerFault

// -----------------------------------------------------------------------------
// Endpoints
// -----------------------------------------------------------------------------

/**
 * One of the endpoints that can do the work, and how its client is made.
 *
 * **Details**
 *
 * `weight` counts for `select: "weighted"` only: twice the weight, twice the calls.
 *
 * @since 0.1.0
 * @category endpoints
 */
export interface Endpoint<out Client, out R = never> {
  readonly id: string
  readonly weight: number
  readonly acquire: Effect.Effect<Client, unknown, R | Scope.Scope>
}

/**
 * @since 0.1.0
 * @category endpoints
 */
export interface EndpointOptions {
  /** 1 by default; more than zero, and at most a million. */
  readonly weight?: number | undefined
}

/** So that the sum of any number of them is a number. */
const weightMax = 1_000_000

const weightOf = (options: EndpointOptions | undefined): number => {
  const weight = options?.weight ?? 1
  if (weight > 0 && weight <= weightMax) return weight
  throw new InvalidOptions({
    module: "Failover",
    option: "weight",
    problem: `must be a number above zero, and at most ${weightMax}, but is ${weight}`
  })
}

/**
 * An endpoint whose client is there already.
 *
 * @since 0.1.0
 * @category endpoints
 */
export const endpoint = <Client>(
  id: string,
  client: Client,
  options?: EndpointOptions
): Endpoint<Client> => ({
  id,
  weight: weightOf(options),
  acquire: Effect.succeed(client)
})

/**
 * An endpoint whose client has to be built, and is released when the endpoint is removed or the pool closes.
 *
 * **Details**
 *
 * Building begins with the pool, and is tried anew after each `interval` until it succeeds, each time within
 * `attemptTimeout`. Calls go to other endpoints meanwhile; where there is none, they wait for it. When it has failed, the
 * endpoint counts as failed. It never fails the pool.
 *
 * **Gotchas**
 *
 * A client is built once. One that can break for good, such as a connection, belongs behind a `Reconnect`.
 *
 * @since 0.1.0
 * @category endpoints
 */
export const endpointScoped = <Client, E, R>(
  id: string,
  acquire: Effect.Effect<Client, E, R>,
  options?: EndpointOptions
): Endpoint<Client, Exclude<R, Scope.Scope>> => ({
  id,
  weight: weightOf(options),
  acquire: forEndpoint(acquire)
})

/**
 * An endpoint whose client is a service of a layer, which is built for this endpoint alone; see `endpointScoped`.
 *
 * @since 0.1.0
 * @category endpoints
 */
export const endpointLayer = <I, Client, E, R>(
  id: string,
  service: Context.Key<I, Client>,
  layer: Layer.Layer<I, E, R>,
  options?: EndpointOptions
): Endpoint<Client, Exclude<R, Scope.Scope>> =>
  endpointScoped(
    id,
    Effect.map(Layer.build(Layer.fresh(layer)), (context) => Context.get(context, service)),
    options
  )

/**
 * An endpoint for each distinct URL of a configuration, in its order: the first is the primary.
 *
 * **Details**
 *
 * Blank ones are left out, and so are repetitions, also those that differ in a slash at the end only. `make` is given the
 * URL without that slash, and an id: the host, because what follows it may hold keys, and ids are logged; a second URL of
 * the same host is `host#2`.
 *
 * Throws `InvalidOptions` when no URL is left, or one is none: where the URLs come from configuration, read them with
 * `Schema.URLFromString` first, or let it be a defect.
 *
 * **Gotchas**
 *
 * The errors of a client may hold its whole URL, as those of an `HttpClient` do: mind it when you log causes.
 *
 * **Example** (What is left of a list)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 *
 * const urls = ["https://one.example/", "", "https://two.example/v1", "https://one.example"]
 *
 * const endpoints = Failover.endpoints(urls, (url, id) => Failover.endpoint(id, url.length))
 * console.log(endpoints.map(({ id }) => id)) // => [ 'one.example', 'two.example' ]
 * ```
 *
 * @since 0.1.0
 * @category endpoints
 */
export const endpoints = <Client, R>(
  urls: ReadonlyArray<string>,
  make: (url: string, id: string) => Endpoint<Client, R>
): Arr.NonEmptyReadonlyArray<Endpoint<Client, R>> =>
  Arr.map(distinctUrls(urls), ({ id, url }) => make(url, id))

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * The present route.
 *
 * **Details**
 *
 * `client` is undefined as long as there is none for the endpoint, which cannot be when it was there from the start
 * (`endpoint`). `sinceMillis` is an instant in milliseconds since the Unix epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Active<out Client> {
  readonly id: string
  readonly client: Client | undefined
  readonly sinceMillis: number
}

/**
 * A change of the route.
 *
 * **Details**
 *
 * Why the endpoint before was left: it was over the threshold (`Slow`), a probe or a call failed (`Failed`), calls failed
 * too often (`Ejected`), it was removed (`Removed`); or why the new one is preferred: it is `Faster`, or it is the
 * primary again (`Failback`). `Initial` is the beginning.
 *
 * The latencies are the last known round-trip times of probes on both sides; `atMillis` is an instant in milliseconds
 * since the Unix epoch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Change extends PoolChange {}

/**
 * What is known about an endpoint.
 *
 * **Details**
 *
 * `probeMillis` and `callMillis` are the last one, the median and the 99th percentile.
 *
 * @since 0.1.0
 * @category models
 */
export interface EndpointStatus extends PoolEndpointStatus {}

/**
 * The options of one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExecuteOptions<E, C, I extends boolean> {
  /** Whether it may be done twice: reads, and writes that say which operation they are. `false` by default. */
  readonly idempotent?: I | undefined
  /** Names what is done in `OutcomeUnknown`, so that whoever handles it can ask for it. */
  readonly operationId?: string | undefined
  /** For all attempts together; the ambient deadline holds as well. None by default. */
  readonly deadline?: Duration.Input | undefined
  /** For each attempt; that of the pool by default. */
  readonly attemptTimeout?: Duration.Input | undefined
  /**
   * Whose fault an error is; that of the pool by default. With one of its own, the call fails with no other errors of `f`
   * than those that this makes the caller's fault: the pool's may be asked about any error, so its type cannot tell.
   */
  readonly classify?: ((error: E) => Verdict<C>) | undefined
}

/**
 * Gives a call to the route, and to other endpoints when it fails there.
 *
 * @since 0.1.0
 * @category models
 */
export type Execute<out Client, out Self = never> = <A, E, R, C = E, const I extends boolean = false>(
  f: (client: Client, endpoint: string) => Effect.Effect<A, E, R>,
  options?: ExecuteOptions<E, C, I>
) => Effect.Effect<A, C | AllEndpointsFailed<E> | ([I] extends [true] ? never : OutcomeUnknown), R | Self>

/**
 * A pool of endpoints.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failover<in out Client> {
  /** The route: one look, which never waits. */
  readonly active: Effect.Effect<Active<Client>>
  /**
   * Runs a call at the route. When it fails there, it goes on at the other endpoints, the best first, within the deadline.
   * With `select: "leastLoaded"` or `"weighted"` each call chooses where to begin.
   */
  readonly execute: Execute<Client>
  /** The last change of the route, and all that follow, until the pool closes. A reader that is 256 changes late misses the oldest. */
  readonly changes: Stream.Stream<Change>
  /** What is known now, in the order of priority. */
  readonly status: Effect.Effect<ReadonlyArray<EndpointStatus>>
  /**
   * Adds an endpoint, as the last; `false` when its id is known already, or the pool is closed. What it requires has to be
   * provided before: `endpointScoped(id, Effect.provide(acquire, layer))`.
   */
  readonly add: (endpoint: Endpoint<Client>) => Effect.Effect<boolean>
  /**
   * Removes an endpoint: no call begins there any more. It waits until those that are under way have ended, and until the
   * client is released, `releaseTimeout` for each at most, and cannot be interrupted; calls that take longer go on. When
   * it was the primary, the next in order is. The last endpoint stays.
   */
  readonly remove: (id: string) => Effect.Effect<"Removed" | "NotFound" | "Last">
}

/**
 * What a pool is made of, and how it decides.
 *
 * **Details**
 *
 * | option | default |
 * |---|---|
 * | `label` | `"failover"` |
 * | `interval` | 2 seconds: a light probe costs little, and nobody waits longer for a change |
 * | `jitter` | `"equal"`: the time between two rounds is drawn from half of the interval to all of it, so that instances that started together do not probe together |
 * | `probeTimeout` | 1 second |
 * | `threshold` | 500 milliseconds, which is still healthy |
 * | `attemptTimeout` | 3.5 seconds |
 * | `attempts` | each endpoint once |
 * | `backoff` | exponential from 100 milliseconds; waited for only when all endpoints have been tried, and `attempts` are left |
 * | `budget` | none |
 * | `hysteresis.margin` | 50 milliseconds: what is hardly faster is not worth a change |
 * | `hysteresis.dwell` | 10 seconds between two changes for anything but a death |
 * | `hysteresis.consecutive` | 3 healthy probes in a row, until an endpoint that was bad is trusted |
 * | `failback` | 1 minute of health |
 * | `feed` | `"probesAndCalls"` |
 * | `select` | `"active"` |
 * | `hedge` | none; after the 95th percentile of recent calls, for one call in ten |
 * | `ejection.consecutive` | 5 calls in a row |
 * | `ejection.base` | 30 seconds, as much more for each time in a row, ten times at most |
 * | `ejection.maxEjected` | half of the endpoints |
 * | `ejection.panicBelow` | 0: only when none is left |
 * | `releaseTimeout` | 5 seconds |
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Client, RE = never, RP = never> {
  /** Names the pool in errors and logs. */
  readonly label?: string | undefined
  /** The first one is the primary. */
  readonly endpoints: Arr.NonEmptyReadonlyArray<Endpoint<Client, RE>>
  /** Asks an endpoint whether it is well: something light that says something about the real work. A failure is a death. */
  readonly probe: (client: Client, endpoint: string) => Effect.Effect<unknown, unknown, RP>
  /**
   * Whose fault an error is. There is no default: to take for undone what may have been done is how a payment is made
   * twice. It is asked about the errors of all calls, of whatever type: tell them apart by `instanceof`, or make it with
   * `classifier`.
   */
  readonly classify: <E>(error: E) => Verdict<E>
  /** From the start of a round of probes to that of the next. */
  readonly interval?: Duration.Input | undefined
  readonly jitter?: "none" | "equal" | "full" | undefined
  /** It must have an end. One above the interval makes a round with a dead endpoint as long as itself. */
  readonly probeTimeout?: Duration.Input | undefined
  /** A probe that takes longer is slow, as soon as it does. */
  readonly threshold?: Duration.Input | undefined
  /** For each attempt of a call. It must have an end. */
  readonly attemptTimeout?: Duration.Input | undefined
  /** Of one call, over all endpoints. */
  readonly attempts?: number | undefined
  readonly backoff?: Backoff.Input | undefined
  /** Pays for each attempt after the first of a call, hedges included. */
  readonly budget?: RetryBudget.RetryBudget | undefined
  readonly hysteresis?:
    | {
        /** By how much an endpoint must be faster than the route. */
        readonly margin?: Duration.Input | undefined
        readonly dwell?: Duration.Input | undefined
        readonly consecutive?: number | undefined
      }
    | undefined
  /** For how long the primary has to be healthy until it is the route again. */
  readonly failback?: "never" | Duration.Input | undefined
  /** Whether failures of calls count for the health of an endpoint. */
  readonly feed?: "probes" | "probesAndCalls" | undefined
  /**
   * Where a call begins: at the route (`active`); at the route, which is also left for an endpoint that was faster by the
   * margin in each of the last `consecutive` probes (`fastest`); at the less busy of two healthy endpoints that chance
   * chooses (`leastLoaded`); or by weight (`weighted`).
   */
  readonly select?: "active" | "fastest" | "leastLoaded" | "weighted" | undefined
  /** Sends an idempotent call to a second endpoint when it takes long; the first success counts. */
  readonly hedge?:
    | { readonly percentile?: number | undefined; readonly budget?: number | undefined }
    | undefined
  /** Endpoints whose calls fail although their probes do not are out for a while. */
  readonly ejection?:
    | {
        readonly consecutive?: number | undefined
        /** The share of endpoints that may be out at once, from 0 to 1. */
        readonly maxEjected?: number | undefined
        /** When a smaller share of endpoints is healthy, `leastLoaded` and `weighted` use all of them. */
        readonly panicBelow?: number | undefined
        readonly base?: Duration.Input | undefined
      }
    | undefined
  /** How long the release of a client is waited for. */
  readonly releaseTimeout?: Duration.Input | undefined
}

const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/**
 * The part of the options that configuration can hold. Add what only code can hold by spreading it.
 *
 * **Gotchas**
 *
 * Effect finds no group where nothing of it is set, and fails: `Config.withDefault` with empty settings makes that the
 * defaults.
 *
 * **Example** (From environment variables)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 * import { Config, ConfigProvider, Effect } from "effect"
 *
 * const env = { LEDGER_THRESHOLD: "300 millis", LEDGER_FAILBACK: "never", LEDGER_HYSTERESIS_DWELL: "5 seconds" }
 * const provider = ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
 *
 * const defaults: Failover.Settings = {}
 * const ledger = Config.withDefault(Config.schema(Failover.Settings, "ledger"), defaults)
 *
 * const program = Effect.gen(function*() {
 *   const settings = yield* ledger
 *   const pool = yield* Failover.make({
 *     ...settings,
 *     endpoints: [Failover.endpoint("one", "client")],
 *     probe: () => Effect.void,
 *     classify: () => Failover.unknown
 *   })
 *   return [settings.failback, (yield* pool.active).id]
 * })
 *
 * const result = Effect.provide(Effect.scoped(program), ConfigProvider.layer(provider))
 * console.log(await Effect.runPromise(result)) // => [ 'never', 'one' ]
 * ```
 *
 * @since 0.1.0
 * @category settings
 */
export const Settings = Schema.Struct({
  interval: Schema.optionalKey(EndingPositiveDurationSetting),
  jitter: Schema.optionalKey(Schema.Literals(["none", "equal", "full"])),
  probeTimeout: Schema.optionalKey(EndingPositiveDurationSetting),
  threshold: Schema.optionalKey(DurationSetting),
  attemptTimeout: Schema.optionalKey(EndingPositiveDurationSetting),
  attempts: Schema.optionalKey(count),
  backoff: Schema.optionalKey(Backoff.Backoff),
  hysteresis: Schema.optionalKey(
    Schema.Struct({
      margin: Schema.optionalKey(DurationSetting),
      dwell: Schema.optionalKey(DurationSetting),
      consecutive: Schema.optionalKey(count)
    })
  ),
  failback: Schema.optionalKey(Schema.Union([Schema.Literal("never"), DurationSetting])),
  feed: Schema.optionalKey(Schema.Literals(["probes", "probesAndCalls"])),
  select: Schema.optionalKey(Schema.Literals(["active", "fastest", "leastLoaded", "weighted"])),
  hedge: Schema.optionalKey(
    Schema.Struct({ percentile: Schema.optionalKey(share), budget: Schema.optionalKey(share) })
  ),
  ejection: Schema.optionalKey(
    Schema.Struct({
      consecutive: Schema.optionalKey(count),
      maxEjected: Schema.optionalKey(share),
      panicBelow: Schema.optionalKey(share),
      base: Schema.optionalKey(EndingDurationSetting)
    })
  ),
  releaseTimeout: Schema.optionalKey(EndingDurationSetting)
})

/**
 * @since 0.1.0
 * @category settings
 */
export interface Settings extends Schema.Schema.Type<typeof Settings> {}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

const operations = <Client, RE, RP>(
  pool: Pool<Client>,
  monitor: Monitor<Client, RE, RP>,
  asks: Defaults
): Failover<Client> => ({
  active: Effect.sync(() => ({
    id: pool.active.id,
    client: pool.active.client?.value,
    sinceMillis: pool.sinceMillis
  })),
  execute: execution(pool, asks),
  changes: pool.changes.stream,
  status: Effect.sync(() => pool.status()),
  add: (endpoint) =>
    Effect.uninterruptible(
      Effect.suspend(() =>
        monitor.isOver || pool.find(endpoint.id) !== undefined
          ? Effect.succeed(false)
          : Effect.as(monitor.welcome(pool.add(endpoint.id, endpoint.weight), endpoint), true)
      )
    ),
  remove: (id) =>
    Effect.uninterruptible(
      Effect.suspend((): Effect.Effect<"Removed" | "NotFound" | "Last"> => {
        const entry = pool.find(id)
        if (entry === undefined) return Effect.succeed("NotFound")
        if (pool.entries.length === 1) return Effect.succeed("Last")
        pool.remove(entry)
        return Effect.as(monitor.dismiss(entry), "Removed")
      })
    )
})

/**
 * Makes a pool, and probes its endpoints until the scope closes.
 *
 * **Details**
 *
 * It returns at once, and the primary is the route; the first round of probes begins then. What the probes require, and
 * the building of clients, is taken from here; calls run in the world of their callers.
 *
 * An attempt that runs out of `attemptTimeout`, or is cut off because its endpoint was found dead, has an unknown outcome.
 * When it cannot be interrupted, it goes on as abandoned work: see `Deadline.abandoned`.
 *
 * **Gotchas**
 *
 * - An attempt is over when its effect is: a response whose body is read later is read without fail-over.
 * - Do not retry a call: `attempts` does that, and knows what was tried. Nor inside of one: it would ask a dead endpoint
 *   again and again.
 * - Defects and interruptions are passed through, and count against nobody.
 * - When the scope closes, calls that are under way are not cut off; but their clients are released.
 * - Throws `InvalidOptions` for values without a meaning.
 *
 * **Example** (The primary is dead)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const node = (name: string, isUp: boolean) => ({
 *   height: isUp ? Effect.succeed(`840000 from ${name}`) : Effect.fail("refused" as const)
 * })
 *
 * const program = Effect.gen(function*() {
 *   const ledger = yield* Failover.make({
 *     endpoints: [
 *       Failover.endpoint("primary", node("primary", false)),
 *       Failover.endpoint("fallback", node("fallback", true))
 *     ],
 *     probe: (client) => client.height,
 *     classify: (error) => error === "refused" ? Failover.endpointFault : Failover.unknown
 *   })
 *   const answer = yield* ledger.execute((client) => client.height)
 *   return [answer, (yield* ledger.active).id]
 * })
 *
 * const result = await Effect.runPromise(Effect.scoped(program))
 * console.log(result) // => [ '840000 from fallback', 'fallback' ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Client, RE = never, RP = never>(
  options: Options<Client, RE, RP>
): Effect.Effect<Failover<Client>, never, RE | RP | Scope.Scope> => {
  const poolOptions = plans.poolOptionsOf(options)
  const plan = plans.monitorPlanOf(options)
  const asks = plans.defaultsOf(options)
  const makeHedge = plans.hedgeOf(options.hedge)
  plans.checkIds(options.endpoints.map(({ id }) => id))
  return Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<RE | RP>()
    const pool = new Pool<Client>({ ...poolOptions, clock, context }, options.endpoints)
    const monitor = new Monitor(pool, { ...plan, context: lasting(context) })
    const hedge = yield* makeHedge(pool)
    yield* Effect.acquireRelease(monitor.start(options.endpoints), () => monitor.stop())
    return operations(pool, monitor, { ...asks, hedge })
  })
}

// -----------------------------------------------------------------------------
// Worst case
// -----------------------------------------------------------------------------

/**
 * The longest that a call can take.
 *
 * **Details**
 *
 * Of a pool of so many endpoints: the sum of all attempt time-outs, and of the longest delays between one round over all
 * of them and the next; no more than the `deadline` of the call. Infinite when no bound is known: for `attempts` without
 * an end, or a backoff that is a schedule and that is waited for.
 *
 * **Gotchas**
 *
 * It counts the waits of the call, not what the event loop adds.
 *
 * **Example** (Three nodes)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * console.log(Duration.format(Failover.worstCase(3))) // => 10s 500ms
 * console.log(Duration.format(Failover.worstCase(3, { deadline: "5 seconds" }))) // => 5s
 * ```
 *
 * @since 0.1.0
 * @category worst case
 */
export const worstCase = (
  endpoints: number,
  options: Pick<Options<never>, "attempts" | "attemptTimeout" | "backoff"> & {
    readonly deadline?: Duration.Input | undefined
  } = {}
): Duration.Duration => plans.worstCase(endpoints, options)

// -----------------------------------------------------------------------------
// HTTP
// -----------------------------------------------------------------------------

/**
 * Whose fault the error of an HTTP client is: the `classify` of a pool of such clients.
 *
 * **Details**
 *
 * | error | verdict |
 * |---|---|
 * | the connection was refused, or there was none | `EndpointFault`; of `fetch`, only if it is certain that it was not that of a redirect |
 * | any other error of the transport, a body that cannot be read | `Unknown` |
 * | 421, 425, 429, and 503 with `retry-after`: turned away, and not after a redirect | `EndpointFault` |
 * | other 4xx but 408, and 501 | `CallerFault` |
 * | 408, other 5xx, any other status that was not expected | `Unknown` |
 * | the request cannot be encoded or written, its URL is none | `CallerFault` |
 *
 * Whatever is no `HttpClientError` is `Unknown`.
 *
 * @since 0.1.0
 * @category http
 */
export const classifyHttp: Classify<HttpClientError.HttpClientError, HttpClientError.HttpClientError> = ofHttp

/**
 * A pool of HTTP clients as one client, with exact errors.
 *
 * **Details**
 *
 * A response is the answer of the request, unless its status tells of a fault of the endpoint (`classifyHttp`): then the
 * request goes on at another endpoint if it may be sent twice. It may when its method is GET, HEAD, OPTIONS, TRACE, PUT
 * or DELETE (RFC 9110, section 9.2.2), or when it has the header `idempotency-key`. A body that is a stream counts as sent,
 * however the transport fails; when the stream itself fails, that is the caller's fault. Header fields that HTTP does not
 * allow are an `EncodeError`, before anybody is asked.
 *
 * A status that is unknown for a request that must not be sent twice is the `cause` of the `OutcomeUnknown`: a
 * `StatusCodeError` with its response.
 *
 * **Gotchas**
 *
 * - Clients of the pool prepend their own URL: `HttpClient.mapRequest(HttpClientRequest.prependUrl(url))`. They must not
 *   retry, nor filter by status, nor follow redirects (`HttpClient.followRedirects`): the error of the last hop would say
 *   that nothing was sent.
 * - `fetch` follows redirects by itself. What it fails with is therefore believed only if it tells of the very address of
 *   the request, which it does not for a name: a submission to a named host that nobody listens at is `OutcomeUnknown`.
 *   The clients of `@effect/platform-node` follow none, and are believed.
 * - A probe should read what it is answered (`response.text`): what is not read keeps its connection for a while.
 * - A request whose body is a stream that can be read only once cannot be sent again.
 * - A URL with a query cannot be prepended: set its parameters with `HttpClientRequest.setUrlParams`.
 * - A `JsonRpc` client over it would not see the errors of nodes that come with a status of 500: make a pool of clients.
 * - The body of a response is read after the call: without fail-over, and outside of its deadline.
 *
 * @since 0.1.0
 * @category http
 */
export const httpClient: (
  pool: Failover<HttpClient.HttpClient>
) => HttpClient.HttpClient.With<
  HttpClientError.HttpClientError | AllEndpointsFailed<HttpClientError.HttpClientError> | OutcomeUnknown
> = http.httpClient

/**
 * A pool of HTTP clients as the service `HttpClient`, for code that knows nothing of pools.
 *
 * **Details**
 *
 * That service fails with `HttpClientError` alone: `AllEndpointsFailed` and `OutcomeUnknown` are the `cause` of a
 * `TransportError`, whose description is their message.
 *
 * **Gotchas**
 *
 * Code that retries what it takes for transient, as `HttpClient.retryTransient` does, sends again what may have been done,
 * here as anywhere. What must not be done twice is sent by code that knows `OutcomeUnknown`.
 *
 * @since 0.1.0
 * @category http
 */
export const layerHttpClient = <Self>(
  pool: Context.Key<Self, Failover<HttpClient.HttpClient>>
): Layer.Layer<HttpClient.HttpClient, never, Self> =>
  Layer.effect(HttpClient.HttpClient, Effect.map(pool, http.plainHttpClient))

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/**
 * A pool of endpoints as a service of an application.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, Client>
  extends Context.ServiceClass<Self, Id, Failover<Client>> {
  /** `execute` of the service. */
  readonly execute: Execute<Client, Self>
  /** The label is the id of the service, if the options have none. */
  readonly layer: <RE = never, RP = never>(
    options: Options<Client, RE, RP>
  ) => Layer.Layer<Self, never, Exclude<RE | RP, Scope.Scope>>
}

/**
 * Defines a pool of endpoints as a service.
 *
 * **Example** (The nodes of a ledger)
 *
 * ```ts
 * import { Failover } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * interface Node {
 *   readonly height: Effect.Effect<number, "refused">
 * }
 *
 * class Ledger extends Failover.Service<Ledger, Node>()("app/Ledger") {}
 *
 * const program = Ledger.execute((node) => node.height, { idempotent: true, deadline: "5 seconds" })
 *
 * const LedgerLive = Ledger.layer({
 *   endpoints: [
 *     Failover.endpoint("primary", { height: Effect.fail("refused") }),
 *     Failover.endpoint("fallback", { height: Effect.succeed(840_000) })
 *   ],
 *   probe: (node) => node.height,
 *   classify: () => Failover.unknown
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, LedgerLive))) // => 840000
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const Service =
  <Self, Client>() =>
  <const Id extends string>(id: Id): ServiceClass<Self, Id, Client> => {
    const tag = Context.Service<Self, Failover<Client>>()(id)
    return Object.assign(tag, {
      execute: <A, E, R, C = E, const I extends boolean = false>(
        f: (client: Client, endpoint: string) => Effect.Effect<A, E, R>,
        options?: ExecuteOptions<E, C, I>
      ) => Effect.flatMap(tag, (service) => service.execute<A, E, R, C, I>(f, options)),
      layer: <RE = never, RP = never>(options: Options<Client, RE, RP>) =>
        Layer.effect(tag, make({ ...options, label: options.label ?? id }))
    })
  }
