/**
 * Calls to many targets at once, under one deadline, with a full account of what became of each.
 *
 * `run` gives a report, `stream` the events of the same run as they happen, and `Service` a class with a
 * layer. Failures are outcomes, never errors: every target ends in exactly one of `Answered`, `Failed`,
 * `TimedOut` (was in flight), `NotStarted` and `Cancelled` (no longer needed).
 *
 * @guarantee FO-1 Returns no later than its deadline, whatever the calls do (callbacks that wait hold it up: FO-4).
 * @guarantee FO-2 The concurrency is never exceeded.
 * @guarantee FO-3 Exactly one outcome for each target, duplicates included.
 * @guarantee FO-4 Events come in order of completion, on the calling fiber, and none after the return.
 * @guarantee FO-5 Ticks keep their phase, whatever callbacks do.
 * @guarantee FO-6 A callback or a call that dies harms nobody else.
 * @guarantee FO-7 Nothing is started after the deadline or after `until` holds.
 * @guarantee FO-8 Losers are interrupted.
 * @guarantee FO-9 `worstCase` is an upper bound that is reached; a fan-out whose targets may take longer than its
 *   deadline logs a warning with both numbers.
 * @guarantee FO-10 Interrupting the caller interrupts every call.
 * @guarantee FO-11 When the ambient deadline is nearer than the batch's own, the batch ends shortly before it, so
 *   that its partial report comes out instead of `DeadlineExceeded`.
 *
 * **Telemetry**
 *
 * Calls that go on after their batch are counted in `holdfast_deadline_abandoned`; attempts that ran out of time in
 * `holdfast_deadline_exceeded`.
 *
 * @since 0.1.0
 */
import { type Cause, Context, Duration, Effect, Layer, Schema, type Scope, Stream } from "effect"
import { DeadlineExceeded } from "./Deadline.ts"
import { underCaller } from "./internal/built.ts"
import { drive, startBatch, streamOf } from "./internal/drive.ts"
import { DurationSetting, finite } from "./internal/duration.ts"
import {
  checkOptions,
  makePlan,
  readConcurrency,
  readDeadline,
  type Wants,
  wantsAll,
  wantsOf,
  warnOfLateTargets
} from "./internal/plan.ts"
import { OutcomeUnknown } from "./OutcomeUnknown.ts"
import * as Retry from "./Retry.ts"

/**
 * What every outcome tells: which target, and how long after the start of the batch it settled.
 *
 * @since 0.1.0
 * @category models
 */
export interface Of<out T> {
  /** The place of the target among the targets: an identity even when two targets are equal. */
  readonly index: number
  readonly target: T
  readonly elapsedMillis: number
}

/**
 * The call succeeded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answered<out T, out A, out E> extends Of<T> {
  readonly _tag: "Answered"
  readonly value: A
  readonly attempts: ReadonlyArray<Retry.Attempt<E>>
}

/**
 * The call failed or died; its last attempt is the one of `cause`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failed<out T, out E> extends Of<T> {
  readonly _tag: "Failed"
  readonly cause: Cause.Cause<E>
  readonly attempts: ReadonlyArray<Retry.Attempt<E>>
}

/**
 * The call was in flight at the deadline. `attempts` are those that had ended by then.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimedOut<out T, out E> extends Of<T> {
  readonly _tag: "TimedOut"
  readonly attempts: ReadonlyArray<Retry.Attempt<E>>
}

/**
 * The deadline came before the call could start: the target was never contacted.
 *
 * @since 0.1.0
 * @category models
 */
export interface NotStarted<out T> extends Of<T> {
  readonly _tag: "NotStarted"
}

/**
 * The call was not needed any more, because `until` held; `started` says whether it was in flight.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cancelled<out T, out E> extends Of<T> {
  readonly _tag: "Cancelled"
  readonly started: boolean
  readonly attempts: ReadonlyArray<Retry.Attempt<E>>
}

/**
 * What became of one target.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<T, A, E> =
  | Answered<T, A, E>
  | Failed<T, E>
  | TimedOut<T, E>
  | NotStarted<T>
  | Cancelled<T, E>

/**
 * A batch so far. `outcomes` are in order of completion.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress<out T, out A, out E> {
  readonly total: number
  readonly elapsedMillis: number
  /** How many targets have no outcome yet. */
  readonly pending: number
  readonly outcomes: ReadonlyArray<Outcome<T, A, E>>
  readonly answered: ReadonlyArray<Answered<T, A, E>>
  readonly failed: ReadonlyArray<Failed<T, E>>
}

/**
 * Why a batch ended: every target settled, `until` held, or its own or the ambient deadline came.
 *
 * @since 0.1.0
 * @category models
 */
export type Ended = "Complete" | "Until" | "Deadline" | "InheritedDeadline"

/**
 * A batch that has ended. `outcomes` has one outcome for each target, in the order of the targets; the other lists
 * `answered` and `failed` are in order of completion.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report<out T, out A, out E> extends Progress<T, A, E> {
  /** Whether `until` holds; for "all", whether every target answered. */
  readonly satisfied: boolean
  readonly ended: Ended
  readonly timedOut: ReadonlyArray<TimedOut<T, E>>
  readonly notStarted: ReadonlyArray<NotStarted<T>>
  readonly cancelled: ReadonlyArray<Cancelled<T, E>>
}

/**
 * What happens in a batch.
 *
 * @since 0.1.0
 * @category models
 */
export type Event<T, A, E> =
  | { readonly _tag: "Started"; readonly index: number; readonly target: T; readonly elapsedMillis: number }
  | { readonly _tag: "Settled"; readonly outcome: Outcome<T, A, E> }
  | { readonly _tag: "Tick"; readonly progress: Progress<T, A, E> }
  | { readonly _tag: "Ended"; readonly report: Report<T, A, E> }

/**
 * When a batch has enough: all targets settled, the first answer, a number of answers, or whatever a predicate says.
 *
 * **Gotchas**
 *
 * The progress that a predicate gets shows the batch as it is at each look, and costs nothing; copy what you keep.
 * A predicate that throws counts as false, and is logged.
 *
 * @since 0.1.0
 * @category models
 */
export type Until<T, A, E> =
  | "all"
  | "first"
  | { readonly quorum: number }
  | ((soFar: Progress<T, A, E>) => boolean)

/**
 * The part of the options that configuration can hold.
 *
 * @since 0.1.0
 * @category settings
 */
export const Settings = Schema.Struct({
  concurrency: Schema.optionalKey(Schema.Int),
  deadline: Schema.optionalKey(DurationSetting),
  tickInterval: Schema.optionalKey(
    DurationSetting.check(Schema.makeFilter(Duration.isPositive, { expected: "a duration longer than zero" }))
  )
})

/**
 * @since 0.1.0
 * @category settings
 */
export interface Settings extends Schema.Schema.Type<typeof Settings> {}

/**
 * How a batch is run.
 *
 * **Details**
 *
 * - `label`: names the batch in errors, logs and the list of abandoned work; "fan-out" by default.
 * - `concurrency`: how many calls are in flight at once; 8 by default, enough to hide a few dead targets and few
 *   enough for the sockets of a small machine. Below 1 it is 1.
 * - `deadline`: how long the whole batch may take; none by default. Zero or less starts nothing.
 * - `retry`: the policy of each target, or a function that gives it; one attempt by default.
 * - `until`: when the batch has enough; "all" by default.
 * - `tickInterval`: 1 second by default, the rhythm of a progress line; `Infinity` for no ticks.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions<in T, in A, in E, out D extends Duration.Duration | undefined = undefined> {
  readonly label?: string | undefined
  readonly concurrency?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly tickInterval?: Duration.Input | undefined
  readonly retry?:
    | Retry.Policy<E | Retry.Timeout<D>, D>
    | ((target: T) => Retry.Policy<E | Retry.Timeout<D>, D>)
    | undefined
  readonly until?: Until<T, A, E | Retry.Timeout<D>> | undefined
}

/**
 * What is told while a batch runs.
 *
 * **Details**
 *
 * - `onOutcome`: runs once for each target when it settles.
 * - `onTick`: runs at multiples of the tick interval while anything is pending.
 *
 * **Gotchas**
 *
 * Callbacks run on the calling fiber, one after the other, so one that waits holds up the return of the batch, though
 * not its calls and their deadline. Bound what may wait with `Deadline.within`, in the callback or around the batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface Callbacks<in T, in A, in E, out R = never> {
  readonly onOutcome?: ((outcome: Outcome<T, A, E>) => Effect.Effect<unknown, never, R>) | undefined
  readonly onTick?: ((progress: Progress<T, A, E>) => Effect.Effect<unknown, never, R>) | undefined
}

/**
 * The options of `run`: those of a stream, and callbacks instead of its events.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<
  in T,
  in A,
  in E,
  out D extends Duration.Duration | undefined = undefined,
  out R = never
> extends StreamOptions<T, A, E, D>,
    Callbacks<T, A, E | Retry.Timeout<D>, R> {}

/**
 * Calls every target, and gives the report when the batch has ended.
 *
 * **Details**
 *
 * Calls start in the order of the targets, as many at once as `concurrency` allows. The batch ends when every target
 * has settled, when `until` holds, or at its deadline; then nothing more is started, and what is in flight is
 * interrupted and, where it does not end at once, abandoned. Calls see the end of the batch as their ambient
 * deadline. When the deadline around the batch is nearer than its own, the batch ends before that by a tenth of what
 * remains, 10 milliseconds at most, so that its report comes out.
 *
 * A call that dies is logged; so is a callback that dies.
 *
 * **Gotchas**
 *
 * - A call that never waits cannot be cut off: calls run on one thread, and a deadline needs it to turn.
 * - Throws `InvalidOptions` for options without a meaning.
 *
 * **Example** (Two of three answer)
 *
 * ```ts
 * import { FanOut } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const ask = (server: string) => server === "dead" ? Effect.never : Effect.succeed(server.length)
 *
 * const program = FanOut.run(["one", "dead", "three"], ask, { deadline: "50 millis" })
 * const report = await Effect.runPromise(program)
 *
 * console.log(report.answered.map((answer) => answer.value)) // => [ 3, 5 ]
 * console.log(report.timedOut.map((outcome) => outcome.target)) // => [ 'dead' ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = <T, A, E, R, D extends Duration.Duration | undefined = undefined, R2 = never>(
  targets: Iterable<T>,
  call: (target: T) => Effect.Effect<A, E, R>,
  options: Options<NoInfer<T>, NoInfer<A>, E, D, R2> = {}
): Effect.Effect<Report<T, A, E | Retry.Timeout<D>>, never, R | R2> => {
  const plan = makePlan<T, A, E, R, D>(call, options, wantsOf(options))
  return Effect.suspend(() => {
    const all = Array.from(targets)
    return drive(Effect.andThen(warnOfLateTargets(options, all), startBatch(plan, all)), options)
  })
}

/**
 * The events of a batch as they happen: `Started` and `Settled` for every target, `Tick`s, and `Ended` with the report
 * as the last.
 *
 * **Details**
 *
 * The batch starts when the stream is run, and does not wait for its consumer: outcomes keep their times, and ticks
 * that nobody took are skipped, so at most two events for each target are held. Ending the stream early interrupts
 * every call.
 *
 * **Example** (The first answer is enough)
 *
 * ```ts
 * import { FanOut } from "@holdfast/core"
 * import { Effect, Stream } from "effect"
 *
 * const ask = (server: string) => server === "dead" ? Effect.never : Effect.succeed(server.length)
 *
 * const tags = FanOut.stream(["dead", "three"], ask, { until: "first" }).pipe(
 *   Stream.map((event) => event._tag),
 *   Stream.runCollect
 * )
 *
 * console.log(await Effect.runPromise(tags)) // => [ 'Started', 'Started', 'Settled', 'Settled', 'Ended' ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const stream = <T, A, E, R, D extends Duration.Duration | undefined = undefined>(
  targets: Iterable<T>,
  call: (target: T) => Effect.Effect<A, E, R>,
  options: StreamOptions<NoInfer<T>, NoInfer<A>, E, D> = {}
): Stream.Stream<Event<T, A, E | Retry.Timeout<D>>, never, Exclude<R, Scope.Scope>> => {
  const plan = makePlan<T, A, E, R, D>(call, options, wantsAll)
  return Stream.suspend(() => {
    const all = Array.from(targets)
    return streamOf(Effect.andThen(warnOfLateTargets(options, all), startBatch(plan, all)))
  })
}

/**
 * Whether a call may have happened without an answer: for calls that write, such a target is neither done nor failed,
 * and something else (a check) must decide it.
 *
 * **Details**
 *
 * True for `TimedOut`, for a `Cancelled` that had started, and for a `Failed` in which any attempt ran out of time, or
 * ended with `OutcomeUnknown`.
 *
 * **Gotchas**
 *
 * Else it knows of time only. A connection that broke after the request was sent is an error of the call, and whether
 * that may have happened is for the caller to say.
 *
 * @since 0.1.0
 * @category guards
 */
export const isUnknown = <T, A, E>(outcome: Outcome<T, A, E>): boolean => {
  switch (outcome._tag) {
    case "TimedOut":
      return true
    case "Cancelled":
      return outcome.started
    case "Failed":
      return outcome.attempts.some((attempt) => attempt.cause !== undefined && mayHaveHappened(attempt.cause))
    case "Answered":
    case "NotStarted":
      return false
  }
}

const mayHaveHappened = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" &&
      (reason.error instanceof Retry.AttemptTimeout ||
        reason.error instanceof DeadlineExceeded ||
        reason.error instanceof OutcomeUnknown)
  )

/**
 * The longest that a batch can take: when every target takes its worst case, or the deadline, whichever is sooner.
 *
 * **Details**
 *
 * Infinite when neither a deadline nor a bounded policy is given.
 *
 * **Example** (Twenty dead servers)
 *
 * ```ts
 * import { Backoff, FanOut, Retry } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const push = Retry.policy({ attempts: 3, attemptTimeout: "8 seconds", backoff: Backoff.constant("1 second") })
 *
 * console.log(Duration.format(FanOut.worstCase({ targets: 20, retry: push }))) // => 1m 18s
 * console.log(Duration.format(FanOut.worstCase({ targets: 20, retry: push, deadline: "30 seconds" }))) // => 30s
 * ```
 *
 * @since 0.1.0
 * @category worst case
 */
export const worstCase = (options: {
  readonly targets: number
  readonly concurrency?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly retry?: Retry.Policy<never> | undefined
}): Duration.Duration => {
  const targets = finite("FanOut", "targets", options.targets, { minimum: 0 })
  const atOnce = Math.min(readConcurrency(options.concurrency), targets)
  const rounds = targets === 0 ? 0 : Math.ceil(targets / atOnce)
  const each = options.retry === undefined ? Duration.infinity : Retry.worstCase(options.retry)
  const calls = rounds === 0 ? Duration.zero : Duration.times(each, rounds)
  return Duration.max(Duration.min(calls, readDeadline(options.deadline)), Duration.zero)
}

/**
 * One operation over a fleet of targets, as a service.
 *
 * @since 0.1.0
 * @category services
 */
export interface FanOut<in In, out T, out A, out E> {
  readonly run: <R = never>(
    input: In,
    callbacks?: Callbacks<T, A, E, R>
  ) => Effect.Effect<Report<T, A, E>, never, R>
  readonly stream: (input: In) => Stream.Stream<Event<T, A, E>>
}

/**
 * The class that `Service` makes.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, in In, out T, out A, out E, out R>
  extends Context.ServiceClass<Self, Id, FanOut<In, T, A, E>> {
  readonly run: <R2 = never>(
    input: In,
    callbacks?: Callbacks<T, A, E, R2>
  ) => Effect.Effect<Report<T, A, E>, never, Self | R2>
  readonly stream: (input: In) => Stream.Stream<Event<T, A, E>, never, Self>
  /** What configuration may change; the rest is the definition's. */
  readonly layer: (options?: LayerOptions) => Layer.Layer<Self, never, R>
}

/**
 * The options of a service that configuration may replace.
 *
 * @since 0.1.0
 * @category services
 */
export interface LayerOptions {
  readonly concurrency?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly tickInterval?: Duration.Input | undefined
}

/**
 * Where the targets of a service come from.
 *
 * @since 0.1.0
 * @category services
 */
export type Targets<T, R> = Iterable<T> | Effect.Effect<Iterable<T>, never, R>

/**
 * Makes a class for one operation over a fleet of targets.
 *
 * **Details**
 *
 * The definition fixes the targets (an iterable, an effect, or a function of the input that gives either; asked on
 * every run), the call, which takes a target and the input of the run, and the options; `layer` may replace what
 * configuration decides. The call sees the services that the layer was built with and, over them, those of the caller,
 * so that ambient deadlines and spans are the caller's. What it acquires is released when the batch has ended.
 *
 * A policy whose worst case exceeds the deadline is logged once, when the layer is built; one that is a function of the
 * target, in each run.
 *
 * **Gotchas**
 *
 * The batch, and with it its deadline, starts when the targets are known. Bound an effect that may take long to find
 * them with `Deadline.within`, there or around the run.
 *
 * **Example** (A ping)
 *
 * ```ts
 * import { FanOut } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * class Ping extends FanOut.Service<Ping, string>()("app/Ping", {
 *   targets: ["alpha", "beta"],
 *   call: (server, greeting: string) => Effect.succeed(`${greeting} ${server}`),
 *   deadline: "5 seconds"
 * }) {}
 *
 * const program = Effect.map(Ping.run("hello"), (report) => report.answered.map((answer) => answer.value))
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Ping.layer()))) // => [ 'hello alpha', 'hello beta' ]
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const Service =
  <Self, T>() =>
  <
    const Id extends string,
    A,
    E,
    R,
    In = void,
    RT = never,
    D extends Duration.Duration | undefined = undefined
  >(
    id: Id,
    definition: {
      readonly targets: Targets<T, RT> | ((input: In) => Targets<T, RT>)
      readonly call: (target: T, input: In) => Effect.Effect<A, E, R>
    } & StreamOptions<NoInfer<T>, NoInfer<A>, E, D>
  ): ServiceClass<Self, Id, In, T, A, E | Retry.Timeout<D>, Exclude<R | RT, Scope.Scope>> => {
    const { call, targets, ...defined } = definition
    checkOptions(defined)
    const tag = Context.Service<Self, FanOut<In, T, A, E | Retry.Timeout<D>>>()(id)
    const ask = (input: In): Effect.Effect<Iterable<T>, never, RT> =>
      Effect.suspend(() => {
        const found = typeof targets === "function" ? targets(input) : targets
        return Effect.isEffect(found) ? found : Effect.succeed(found)
      })
    const make = (options: StreamOptions<T, A, E, D>) =>
      Effect.contextWith((built: Context.Context<Exclude<R | RT, Scope.Scope>>) => {
        const seen = underCaller(built)
        const start = (targets: Iterable<T>, input: In, wants: Wants) => {
          const all = Array.from(targets)
          const plan = makePlan<T, A, E, R, D>((target) => call(target, input), options, wants)
          // A policy for each target is known only now.
          const warning = typeof options.retry === "function" ? warnOfLateTargets(options, all) : Effect.void
          return Effect.andThen(warning, startBatch(plan, all))
        }
        const service: FanOut<In, T, A, E | Retry.Timeout<D>> = {
          run: (input, callbacks = {}) =>
            Effect.flatMap(ask(input), (targets) =>
              drive(start(targets, input, wantsOf(callbacks)), callbacks)
            ).pipe(Effect.scoped, Effect.updateContext(seen)),
          stream: (input) =>
            Stream.unwrap(
              Effect.map(ask(input), (targets) => streamOf(start(targets, input, wantsAll)))
            ).pipe(Stream.updateContext(seen))
        }
        return Effect.as(warnOfLateTargets(options, []), service)
      })
    return Object.assign(tag, {
      run: <R2 = never>(input: In, callbacks?: Callbacks<T, A, E | Retry.Timeout<D>, R2>) =>
        Effect.flatMap(tag, (service) => service.run(input, callbacks)),
      stream: (input: In) => Stream.unwrap(Effect.map(tag, (service) => service.stream(input))),
      layer: (settings: LayerOptions = {}) => {
        const options = {
          ...defined,
          concurrency: settings.concurrency ?? defined.concurrency,
          deadline: settings.deadline ?? defined.deadline,
          tickInterval: settings.tickInterval ?? defined.tickInterval
        }
        checkOptions(options)
        return Layer.effect(tag, make(options))
      }
    })
  }
