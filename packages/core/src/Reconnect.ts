/**
 * One logical connection over many physical ones, each of which is a *generation*.
 *
 * A supervisor connects, prepares what is new, and publishes it. Whoever uses the connection waits for a generation, and
 * is told when it is lost; the first who finds out reports it for all. Then what belongs to it is released, and the
 * supervisor connects again, ever more patiently until the connection is stable.
 *
 * @guarantee RC-1 One reconnect for each lost generation, however many callers report it.
 * @guarantee RC-2 A late failure of an old generation never touches a newer one.
 * @guarantee RC-3 What belongs to a generation is released before the next is published, in bounded time, also when
 *   releasing fails or hangs.
 * @guarantee RC-4 `onConnect` runs once for each generation, before anyone can use it.
 * @guarantee RC-5 The backoff grows over a flapping backend, and begins anew only after `stableAfter`.
 * @guarantee RC-6 A connect that hangs, cannot be interrupted, or dies is bounded and retried.
 * @guarantee RC-7 Closing ends at once from every state, in this order: no new use, waiters are woken, uses are
 *   interrupted and have ended, the connection is released. What hangs is waited for in bounded time.
 * @guarantee RC-8 Waiters see the ambient deadline.
 * @guarantee RC-9 A silent peer is found by the probe within its interval plus its time-out.
 * @guarantee RC-10 No fiber, timer or handle is left after closing.
 * @guarantee RC-11 A stream loses and repeats nothing in silence: between elements of two generations stands a seam, and
 *   with a cursor the elements go on after the last.
 *
 * **Telemetry**
 *
 * Counters `holdfast_reconnect_attempts`, `holdfast_reconnect_connected` (generations that could be used) and
 * `holdfast_reconnect_lost` (of those). Failed attempts are logged with their cause and the next delay, losses with their
 * cause, each new generation in one line.
 *
 * @since 0.1.0
 */
import {
  type Cause,
  Clock,
  Context,
  Duration,
  Effect,
  Fiber,
  Layer,
  type Option,
  Schema,
  SchemaTransformation,
  type Scope,
  type Stream,
  SubscriptionRef
} from "effect"
import * as Backoff from "./Backoff.ts"
import { lasting } from "./internal/built.ts"
import {
  DurationSetting,
  decode,
  EndingDurationSetting,
  ending,
  nonNegative,
  PositiveDurationSetting,
  positive,
  positiveInteger
} from "./internal/duration.ts"
import { toNanos } from "./internal/limit.ts"
import * as errors from "./internal/reconnect/errors.ts"
import { establish as establishOnce } from "./internal/reconnect/establish.ts"
import { Session, type Status as State } from "./internal/reconnect/session.ts"
import {
  type Gap as InternalGap,
  type Item as InternalItem,
  type Resume as InternalResume,
  poll,
  subscribe
} from "./internal/reconnect/subscribe.ts"
import { type Plan, Supervisor } from "./internal/reconnect/supervise.ts"
import { unlost, unlostStream } from "./internal/reconnect/unlost.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * There was no connection within the time to wait: nothing has been done, and trying again is safe.
 *
 * **Details**
 *
 * `reason` is `Connecting` while the supervisor goes on, `GaveUp` when it has given up, and `Closed` after the end.
 * `waitedMillis` is how long was waited.
 * `attempts` is how many failed since the connection was last stable, `cause` the last failure, if any.
 *
 * @since 0.1.0
 * @category errors
 */
export const NotConnected = errors.NotConnected

/**
 * @since 0.1.0
 * @category errors
 */
export type NotConnected = errors.NotConnected

/**
 * The connection was lost, or closed, while it was used: what was asked of the other side may or may not have been done.
 *
 * @since 0.1.0
 * @category errors
 */
export const ConnectionLost = errors.ConnectionLost

/**
 * @since 0.1.0
 * @category errors
 */
export type ConnectionLost = errors.ConnectionLost

/**
 * The supervisor has given up: this connection will never work again.
 *
 * **Details**
 *
 * `limit` says why: `giveUp.attempts` failed in a row (`Attempts`), `giveUp.after` had passed or would have with the next
 * delay (`Elapsed`), `giveUp.when` called a cause unrecoverable, or it or the backoff died (`Unrecoverable`), the backoff
 * is a schedule that has ended (`Schedule`), or `onLoss` is `"exit"` (`Exit`).
 *
 * @since 0.1.0
 * @category errors
 */
export const GaveUp = errors.GaveUp

/**
 * @since 0.1.0
 * @category errors
 */
export type GaveUp = errors.GaveUp

/**
 * `establish` did not get a connection: all attempts failed, or the time was up, one's own or an inherited one.
 *
 * @since 0.1.0
 * @category errors
 */
export const EstablishFailed = errors.EstablishFailed

/**
 * @since 0.1.0
 * @category errors
 */
export type EstablishFailed = errors.EstablishFailed

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * Which life of the connection, counted from 1.
 *
 * @since 0.1.0
 * @category models
 */
export type Generation = number

/**
 * What the supervisor does.
 *
 * **Details**
 *
 * - `Connecting`: `attempt` is under way, or follows in `nextDelay`; attempts are counted from when the connection was
 *   last stable.
 * - `Connected`: the generation can be used, since an instant in milliseconds since the Unix epoch.
 * - `Lost`: what belonged to the generation is being released.
 * - `Closed`: nothing more will come; `gaveUp` says why, unless it was closed. The stream of changes goes on in silence:
 *   end it with `Stream.takeUntil`.
 *
 * @since 0.1.0
 * @category models
 */
export type Status = State

/**
 * What is known about the time between two generations of a stream.
 *
 * **Details**
 *
 * `from` and `to` are the generations that were subscribed before and after, `cause` is why the first of those that were
 * lost between them was. `lostAfterMillis`: how long after the last element, or the subscription, the loss was noticed;
 * what was sent in that time may be lost. `disconnectedMillis`: from there to the new subscription, in which nothing was
 * received.
 *
 * A stream that asks its source only when its first element is asked for, as `Stream.fromEffect` does, begins when the
 * seam has been handled.
 *
 * @since 0.1.0
 * @category models
 */
export type Gap = InternalGap

/**
 * An element of a stream with its generation, or the seam between two generations.
 *
 * @since 0.1.0
 * @category models
 */
export type Item<A> = InternalItem<A>

/**
 * What a subscription continues: its generation, and the gap before it, which the first one does not have.
 *
 * @since 0.1.0
 * @category models
 */
export type Resume = InternalResume

/**
 * How long to wait for a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitOptions {
  /** Until the ambient deadline by default; `0` fails at once. */
  readonly wait?: Duration.Input | undefined
}

/**
 * A supervised connection of type `C`. `L` are the errors that mean that it is lost.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reconnect<out C, in L = never> {
  /** The present state, and a stream of all. Set by the supervisor; do not set it yourself. */
  readonly status: SubscriptionRef.SubscriptionRef<Status>
  readonly connected: Effect.Effect<boolean>
  readonly awaitConnected: (options?: WaitOptions) => Effect.Effect<Generation, NotConnected>
  /**
   * Runs an effect on the current generation, for which it waits. It fails with `NotConnected` when the effect never
   * ran, and with `ConnectionLost` when it was cut off, or failed with an error that means "lost".
   */
  readonly use: <A, E, R>(
    f: (connection: C, generation: Generation) => Effect.Effect<A, E, R>,
    options?: WaitOptions
  ) => Effect.Effect<A, Exclude<E, L> | ConnectionLost | NotConnected, R>
  /** A stream that is subscribed anew on every generation, with a seam between two of them. */
  readonly stream: <A, E, R>(
    f: (connection: C, resume: Resume) => Stream.Stream<A, E, R>
  ) => Stream.Stream<Item<A>, Exclude<E, L> | NotConnected, R>
  /** The same with a cursor, which moves on with each element: what a subscription needs to go on after the last one. */
  readonly streamFrom: <S, A, E, R>(options: {
    readonly initial: S
    readonly subscribe: (connection: C, cursor: S, resume: Resume) => Stream.Stream<A, E, R>
    readonly next: (cursor: S, value: A) => S
  }) => Stream.Stream<Item<A>, Exclude<E, L> | NotConnected, R>
  /**
   * Repeats a long-poll. One that came back with nothing before `pollTimeout`, by more than a tenth of it, is followed by
   * a delay, which grows until there is a result, or a poll waits as long as it should; from 100 milliseconds to a second by default, without
   * jitter.
   */
  readonly longPoll: <A, E, R>(
    f: (connection: C, generation: Generation) => Effect.Effect<Option.Option<A>, E, R>,
    options: { readonly pollTimeout: Duration.Input; readonly backoff?: Backoff.Input | undefined }
  ) => Stream.Stream<Item<A>, Exclude<E, L> | NotConnected, R>
  /** Reports a generation lost; `false` when it already is, or when it is an older one. */
  readonly lose: (generation: Generation, cause: Cause.Cause<unknown>) => Effect.Effect<boolean>
  /**
   * Fails when the supervisor has given up, and is interrupted when the connection is closed. Let it race with the
   * program by `Effect.raceFirst`: `Effect.race` waits for a success, and goes on after a failure.
   */
  readonly terminated: Effect.Effect<never, GaveUp>
}

/**
 * How a connection is made, watched, and left.
 *
 * **Details**
 *
 * | option | default |
 * |---|---|
 * | `label` | `"connection"` |
 * | `backoff` | exponential from 1 second, doubling up to 32 seconds, with full jitter: a backend that comes back is not met by all its clients at once |
 * | `stableAfter` | 10 seconds: a backend that dies as it starts is left alone |
 * | `attemptTimeout` | 10 seconds: longer than any handshake, shorter than a person's patience |
 * | `releaseTimeout` | 5 seconds: the peer of a release is often gone |
 * | `probe` | none; `interval` and `timeout` are 1 second each |
 * | `onLoss` | `"reconnect"` |
 * | `giveUp` | never |
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<C, L, RC, RO, RL, RP> {
  /** Names the connection in errors and logs. */
  readonly label?: string | undefined
  /** Yields a fresh connection; its scope is that of the generation. A failure is retried. */
  readonly connect: Effect.Effect<C, unknown, RC>
  /**
   * Which errors mean that the connection is lost. A type guard takes them out of the errors of `use`. Defects are not
   * asked about: an error that a client has made a defect has to be made an error again.
   */
  readonly isLost: ((error: unknown) => error is L) | ((error: unknown) => boolean)
  /**
   * Done once for each generation, before anyone can use it, in a scope that is closed before that of the connection. A
   * failure is a failed attempt: `onLost` runs, and all is released. It has no time limit but `giveUp.after`: the probe watches meanwhile, and a
   * `Deadline.within` may. Use the connection that it is given; `use` of the session itself would wait for its end.
   */
  readonly onConnect?:
    | ((connection: NoInfer<C>, generation: Generation) => Effect.Effect<unknown, unknown, RO>)
    | undefined
  /**
   * Done once for each generation that is lost, or whose `onConnect` failed, before its release: the place to clear what was cached from it. Cut off
   * after `releaseTimeout`. Not when the connection is closed.
   */
  readonly onLost?:
    | ((generation: Generation, cause: Cause.Cause<unknown>) => Effect.Effect<unknown, never, RL>)
    | undefined
  /** Asks the other side whether it is there; a failure means that it is not. */
  readonly probe?:
    | {
        readonly check: (connection: NoInfer<C>) => Effect.Effect<unknown, unknown, RP>
        readonly interval?: Duration.Input | undefined
        readonly timeout?: Duration.Input | undefined
      }
    | undefined
  /** The delay after each failed attempt. */
  readonly backoff?: Backoff.Input | undefined
  /** How long a connection must last for the backoff to begin anew. */
  readonly stableAfter?: Duration.Input | undefined
  /** How long `connect` may take. */
  readonly attemptTimeout?: Duration.Input | undefined
  /** How long each step of leaving a generation is waited for: uses, `onLost`, what `onConnect` has, the connection. */
  readonly releaseTimeout?: Duration.Input | undefined
  /** Whether the first loss is the end. */
  readonly onLoss?: "reconnect" | "exit" | undefined
  readonly giveUp?:
    | {
        /** After so many failed attempts in a row. */
        readonly attempts?: number | undefined
        /** After so long without a stable connection, or sooner when the next delay would be longer. */
        readonly after?: Duration.Input | undefined
        /** After a failure that no retry can mend; not asked when a stable connection is lost. */
        readonly when?: ((cause: Cause.Cause<unknown>) => boolean) | undefined
      }
    | undefined
}

const common = {
  backoff: Schema.optionalKey(Backoff.Backoff),
  stableAfter: Schema.optionalKey(DurationSetting),
  attemptTimeout: Schema.optionalKey(PositiveDurationSetting),
  releaseTimeout: Schema.optionalKey(EndingDurationSetting),
  onLoss: Schema.optionalKey(Schema.Literals(["reconnect", "exit"])),
  probe: Schema.optionalKey(
    Schema.Struct({
      interval: Schema.optionalKey(PositiveDurationSetting),
      timeout: Schema.optionalKey(PositiveDurationSetting)
    })
  )
}

const attemptsSetting = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

/**
 * The part of the options that configuration can hold. Add what only code can hold by spreading it.
 *
 * **Details**
 *
 * `giveUp.attempts` and `giveUp.after` are `giveUpAttempts` and `giveUpAfter` here, because Effect finds no group of
 * environment variables whose name has two words. What `make` throws `InvalidOptions` for is a `ConfigError`.
 *
 * **Example** (From environment variables)
 *
 * ```ts
 * import { Reconnect } from "@holdfast/core"
 * import { Config, ConfigProvider, Effect } from "effect"
 *
 * const env = { NODE_ATTEMPT_TIMEOUT: "3 seconds", NODE_PROBE_INTERVAL: "500 millis", NODE_GIVE_UP_ATTEMPTS: "5" }
 * const provider = ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
 *
 * const program = Effect.gen(function*() {
 *   const settings = yield* Config.schema(Reconnect.Settings, "node")
 *   const node = yield* Reconnect.make({
 *     ...settings,
 *     connect: Effect.succeed("node"),
 *     isLost: () => false,
 *     probe: { ...settings.probe, check: () => Effect.void }
 *   })
 *   return [yield* node.awaitConnected(), settings.giveUp]
 * })
 *
 * const result = Effect.provide(Effect.scoped(program), ConfigProvider.layer(provider))
 * console.log(await Effect.runPromise(result)) // => [ 1, { attempts: 5 } ]
 * ```
 *
 * @since 0.1.0
 * @category settings
 */
export const Settings = Schema.Struct({
  ...common,
  giveUpAttempts: Schema.optionalKey(attemptsSetting),
  giveUpAfter: Schema.optionalKey(PositiveDurationSetting)
}).pipe(
  Schema.decodeTo(
    Schema.toType(
      Schema.Struct({
        ...common,
        giveUp: Schema.optionalKey(
          Schema.Struct({
            attempts: Schema.optionalKey(attemptsSetting),
            after: Schema.optionalKey(PositiveDurationSetting)
          })
        )
      })
    ),
    SchemaTransformation.transform({
      decode: ({ giveUpAfter: after, giveUpAttempts: attempts, ...settings }) => {
        const giveUp = {
          ...(attempts === undefined ? {} : { attempts }),
          ...(after === undefined ? {} : { after })
        }
        return { ...settings, ...(Object.keys(giveUp).length === 0 ? {} : { giveUp }) }
      },
      encode: ({ giveUp, ...settings }) => ({
        ...settings,
        ...(giveUp?.attempts === undefined ? {} : { giveUpAttempts: giveUp.attempts }),
        ...(giveUp?.after === undefined ? {} : { giveUpAfter: giveUp.after })
      })
    })
  )
)

/**
 * @since 0.1.0
 * @category settings
 */
export interface Settings extends Schema.Schema.Type<typeof Settings> {}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

const defaultBackoff = Backoff.exponential({ base: "1 second", cap: "32 seconds" })

const pollBackoff = Backoff.exponential({ base: "100 millis", cap: "1 second", jitter: "none" })

const nothing = (): Effect.Effect<void> => Effect.void

const planOf = <C, L, RC, RO, RL, RP>(
  options: Options<C, L, RC, RO, RL, RP>
): Plan<C, RC, RO, RL, RP> & { readonly releaseTimeout: Duration.Duration } => {
  const time = (option: string, input: Duration.Input) => positive("Reconnect", option, input)
  const length = (option: string, input: Duration.Input) => nonNegative("Reconnect", option, input)
  const { giveUp, probe } = options
  return {
    label: options.label ?? "connection",
    connect: options.connect,
    onConnect: options.onConnect ?? nothing,
    onLost: options.onLost ?? nothing,
    probe: probe && {
      check: probe.check,
      interval: time("probe.interval", probe.interval ?? "1 second"),
      timeout: time("probe.timeout", probe.timeout ?? "1 second")
    },
    backoff: options.backoff ?? defaultBackoff,
    stableAfter: length("stableAfter", options.stableAfter ?? "10 seconds"),
    attemptTimeout: time("attemptTimeout", options.attemptTimeout ?? "10 seconds"),
    releaseTimeout: ending("Reconnect", "releaseTimeout", options.releaseTimeout ?? "5 seconds"),
    onLoss: options.onLoss ?? "reconnect",
    giveUp: {
      attempts: positiveInteger("Reconnect", "giveUp.attempts", giveUp?.attempts ?? Infinity, {
        allowInfinity: true
      }),
      after: time("giveUp.after", giveUp?.after ?? Duration.infinity),
      when: giveUp?.when ?? (() => false)
    }
  }
}

const waitNanos = (options: WaitOptions | undefined): bigint | undefined =>
  options?.wait === undefined ? undefined : toNanos(decode("Reconnect", "wait", options.wait))

const operations = <C, L>(session: Session<C>): Reconnect<C, L> => {
  const streamFrom: Reconnect<C, L>["streamFrom"] = (source) => unlostStream(subscribe(session, source))
  const stream: Reconnect<C, L>["stream"] = (f) =>
    streamFrom({
      initial: undefined,
      subscribe: (connection, _, resume) => f(connection, resume),
      next: () => undefined
    })
  return {
    status: session.status,
    connected: Effect.sync(() => session.current !== undefined),
    awaitConnected: (options) =>
      Effect.map(session.connected(waitNanos(options)), ({ generation }) => generation),
    use: (f, options) => unlost(session.use(f, waitNanos(options))),
    stream,
    streamFrom,
    longPoll: (f, { backoff = pollBackoff, pollTimeout }) => {
      const timeout = positive("Reconnect", "pollTimeout", pollTimeout)
      return stream((connection, { generation }) =>
        poll(
          Effect.suspend(() => f(connection, generation)),
          timeout,
          backoff
        )
      )
    },
    lose: (generation, cause) => Effect.sync(() => session.lose(generation, cause)),
    terminated: session.until<never, GaveUp>(() => {
      const { end } = session
      if (end === undefined) return undefined
      return end.reason === "GaveUp" ? Effect.fail(end.error) : Effect.interrupt
    })
  }
}

/**
 * Begins to connect, and supervises the connection until the scope closes.
 *
 * **Details**
 *
 * It returns at once; `awaitConnected` waits for the first generation. Each attempt runs `connect` in a scope of its own,
 * then `onConnect`; then the generation can be used. It is lost when a use fails with an error for which `isLost` holds,
 * when the probe fails, or when somebody says so (`lose`). Then uses of it are cut off, `onLost` runs, and its scope is
 * closed, before the next attempt: at once when the connection was stable, after a backoff when it was not.
 *
 * **Gotchas**
 *
 * - Closing the scope from inside of a use, an `onConnect` or a subscription waits for itself, for `releaseTimeout`.
 * - A use that cannot be interrupted goes on as abandoned work when it is cut off: see `Deadline.abandoned`. So does an
 *   `onConnect`: what it stores late, it stores for a generation that is over.
 * - `forkChild` in `connect` or in a use ends with it. What is to live as long as the generation is forked with
 *   `forkScoped` in `connect` or `onConnect`.
 * - Within one scope the last acquired is released first, and one that hangs keeps the others waiting: a release that
 *   talks to the peer has a deadline of its own.
 * - TypeScript cannot tell classes with the same members apart: of plain `Error` classes, a guard for one takes out all.
 *   Errors with a tag are told apart.
 * - Throws `InvalidOptions` for values without a meaning.
 *
 * **Example** (A connection that breaks once)
 *
 * ```ts
 * import { Backoff, Reconnect } from "@holdfast/core"
 * import { Effect, Schema } from "effect"
 *
 * class Broken extends Schema.TaggedError<Broken>("Broken")("Broken", {}) {}
 *
 * const program = Effect.gen(function*() {
 *   const node = yield* Reconnect.make({
 *     label: "node",
 *     connect: Effect.succeed({ ask: (fails: boolean) => fails ? Effect.fail(new Broken({})) : Effect.succeed("hello") }),
 *     isLost: (error) => error instanceof Broken,
 *     backoff: Backoff.constant("10 millis")
 *   })
 *   const lost = yield* Effect.flip(node.use((connection) => connection.ask(true)))
 *   const answer = yield* node.use((connection, generation) =>
 *     Effect.map(connection.ask(false), (text) => `${text} from generation ${generation}`)
 *   )
 *   return [lost._tag, answer]
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(program))) // => [ 'ConnectionLost', 'hello from generation 2' ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <C, L = never, RC = never, RO = never, RL = never, RP = never>(
  options: Options<C, L, RC, RO, RL, RP>
): Effect.Effect<Reconnect<C, L>, never, Exclude<RC | RO | RL | RP, Scope.Scope> | Scope.Scope> => {
  const plan = planOf(options)
  return Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const context = yield* Effect.context<Exclude<RC | RO | RL | RP, Scope.Scope>>()
    const { label, releaseTimeout } = plan
    const status = yield* SubscriptionRef.make<Status>({
      _tag: "Connecting",
      attempt: 1,
      nextDelay: undefined,
      lastCause: undefined
    })
    const session = new Session<C>({ label, clock, releaseTimeout, status, isLost: options.isLost })
    const close = Effect.sync(() => session.finish({ reason: "Closed" }))
    // Whatever ends the supervisor, nobody waits for it any more.
    const supervising = Effect.ensuring(new Supervisor(plan, session).run(), close)
    yield* Effect.acquireRelease(
      Effect.forkDetach(Effect.interruptible(Effect.provideContext(supervising, lasting(context)))),
      (fiber) => Effect.andThen(close, Fiber.await(fiber))
    )
    return operations<C, L>(session)
  })
}

/**
 * Connects within a time and a number of attempts, whichever ends first; then it is the caller's connection, which nobody
 * supervises.
 *
 * **Details**
 *
 * The connection belongs to the scope of the caller. Throws `InvalidOptions` for values without a meaning. What failed attempts have acquired is released. Without an
 * `attemptTimeout` an attempt may take all the time that is left; the backoff is that of `make`. An attempt that cannot
 * be interrupted is abandoned when the time is up.
 *
 * **Example** (Nobody is there)
 *
 * ```ts
 * import { Backoff, Reconnect } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const failed = Reconnect.establish(Effect.fail("refused"), {
 *   label: "peer",
 *   deadline: "1 second",
 *   attempts: 3,
 *   backoff: Backoff.constant("10 millis")
 * }).pipe(Effect.scoped, Effect.flip)
 *
 * const { attempts, limit } = await Effect.runPromise(failed)
 * console.log(limit, attempts) // => Attempts 3
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const establish = <C, E, R>(
  connect: Effect.Effect<C, E, R>,
  options: {
    readonly label?: string | undefined
    readonly deadline: Duration.Input
    readonly attempts: number
    readonly attemptTimeout?: Duration.Input | undefined
    readonly backoff?: Backoff.Input | undefined
  }
): Effect.Effect<
  { readonly connection: C; readonly attempts: number; readonly elapsedMillis: number },
  EstablishFailed,
  R | Scope.Scope
> => {
  const { attemptTimeout, backoff, deadline, label } = options
  return establishOnce(connect, {
    label: label ?? "connection",
    budgetNanos: toNanos(decode("Reconnect", "deadline", deadline)),
    attempts: positiveInteger("Reconnect", "attempts", options.attempts, { allowInfinity: true }),
    attemptTimeout:
      attemptTimeout === undefined ? undefined : positive("Reconnect", "attemptTimeout", attemptTimeout),
    backoff: backoff ?? defaultBackoff
  })
}

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/** Errors that are promised to be taken out have to be recognised by a type guard. */
type IsLost<L> = [L] extends [never] ? (error: unknown) => boolean : (error: unknown) => error is L

/**
 * A supervised connection as a service of an application.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceClass<Self, Id extends string, C, L>
  extends Context.ServiceClass<Self, Id, Reconnect<C, L>> {
  /** `use` of the service; the class has a `use` of its own, as every service. */
  readonly withConnection: <A, E, R>(
    f: (connection: C, generation: Generation) => Effect.Effect<A, E, R>,
    options?: WaitOptions
  ) => Effect.Effect<A, Exclude<E, L> | ConnectionLost | NotConnected, R | Self>
  readonly layer: <RC = never, RO = never, RL = never, RP = never>(
    options: Options<C, L, RC, RO, RL, RP> & { readonly isLost: IsLost<L> }
  ) => Layer.Layer<Self, never, Exclude<RC | RO | RL | RP, Scope.Scope>>
}

/**
 * Defines a supervised connection as a service.
 *
 * **Example** (A node of an application)
 *
 * ```ts
 * import { Reconnect } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * interface Connection {
 *   readonly height: Effect.Effect<number, "closed">
 * }
 *
 * class Node extends Reconnect.Service<Node, Connection>()("app/Node") {}
 *
 * const program = Node.withConnection((connection) => connection.height, { wait: "1 second" })
 *
 * const NodeLive = Node.layer({
 *   connect: Effect.succeed({ height: Effect.succeed(840_000) }),
 *   isLost: (error) => error === "closed"
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, NodeLive))) // => 840000
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const Service =
  <Self, C, L = never>() =>
  <const Id extends string>(id: Id): ServiceClass<Self, Id, C, L> => {
    const tag = Context.Service<Self, Reconnect<C, L>>()(id)
    return Object.assign(tag, {
      withConnection: <A, E, R>(
        f: (connection: C, generation: Generation) => Effect.Effect<A, E, R>,
        options?: WaitOptions
      ) => Effect.flatMap(tag, (service) => service.use(f, options)),
      layer: <RC = never, RO = never, RL = never, RP = never>(options: Options<C, L, RC, RO, RL, RP>) =>
        Layer.effect(tag, make({ ...options, label: options.label ?? id }))
    })
  }
