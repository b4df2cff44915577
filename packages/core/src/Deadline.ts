/**
 * Ambient, absolute deadlines on the monotonic clock.
 *
 * `within` gives an effect a deadline, and everything below it sees it: waits are clipped to what remains,
 * and requests carry it to the next service. A deadline holds even over work that cannot be interrupted:
 * such work is *abandoned*, that is interrupted, counted, listed, and joined at shutdown.
 *
 * @guarantee DL-1 Returns no later than its deadline while the event loop turns, also over work that cannot
 *   be interrupted or whose finalizers hang; such work is listed until it ends, and joined at shutdown.
 * @guarantee DL-2 Nested deadlines only shrink; the error says whose limit fired, one's own or an inherited one.
 * @guarantee DL-3 A result that is ready at the instant of the deadline, and need not queue again, wins over the deadline.
 * @guarantee DL-4 An interruption from outside stays an interruption.
 * @guarantee DL-5 Early success leaves no timer and no fiber.
 * @guarantee DL-6 A budget of zero or less starts no work.
 * @guarantee DL-7 The wall clock may jump; deadlines do not move.
 *
 * **Telemetry**
 *
 * Counters `holdfast_deadline_exceeded` (deadlines and attempt time-outs that fired) and
 * `holdfast_deadline_abandoned` (work that had not ended when its caller went on).
 *
 * @since 0.1.0
 */
import { type Context, Duration, Effect, Function, Layer, Schema } from "effect"
import * as abandonedWork from "./internal/abandoned.ts"
import { decode } from "./internal/duration.ts"
import {
  type Deadline as Ambient,
  ambientAlarm,
  Current as CurrentDeadline,
  type Expiry,
  limit,
  toNanos
} from "./internal/limit.ts"

/**
 * An instant by which work must be done, and the label of whoever set it.
 *
 * **Details**
 *
 * `atNanos` is a reading of `Clock.monotonicTimeNanos`: it means nothing in another process. Send what
 * remains instead (`toHeader`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Deadline extends Ambient {}

/**
 * The ambient deadline; `undefined` when there is none.
 *
 * **Details**
 *
 * `within` sets it. Read `remaining` or use `clip`, rather than this reference.
 *
 * @since 0.1.0
 * @category references
 */
export const Current: Context.Reference<Deadline | undefined> = CurrentDeadline

/**
 * Work did not end by its deadline.
 *
 * **Details**
 *
 * `label` is that of the limit that fired. `inherited` says whether that was one's own limit or a nearer one
 * from further out. `budgetMillis` is the time that this call had, `elapsedMillis` the time that it took.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>(
  "@holdfast/core/Deadline/DeadlineExceeded"
)("DeadlineExceeded", {
  label: Schema.String,
  budgetMillis: Schema.Number,
  elapsedMillis: Schema.Number,
  inherited: Schema.Boolean
}) {
  override get message(): string {
    const whose = this.inherited ? "inherited deadline" : "deadline"
    return `${whose} "${this.label}" exceeded: ${round(this.elapsedMillis)} ms elapsed of ${round(this.budgetMillis)} ms`
  }
}

const exceeded = (expiry: Expiry): DeadlineExceeded => new DeadlineExceeded(expiry)

const round = (millis: number): number => Math.round(millis * 1000) / 1000

/**
 * Ends an effect with `DeadlineExceeded` when it has not ended after `duration`.
 *
 * **Details**
 *
 * The nearer of this limit and the ambient deadline holds, and becomes the ambient deadline of the effect.
 * A `duration` of zero or less starts nothing; an infinite one only inherits. The label, "deadline" by
 * default, names the limit in errors and in the list of abandoned work.
 *
 * When the limit fires, the effect is interrupted. What does not end at once goes on as abandoned work,
 * and its result is dropped: see `abandoned` and `layerAbandoned`.
 *
 * **Gotchas**
 *
 * - The effect runs in a fiber of its own, with the context of the caller.
 * - Interrupting the caller interrupts the effect and waits for its finalizers, but not past the deadline.
 * - A failure of abandoned work is not reported.
 * - Throws `InvalidOptions` when `duration` is not a number or cannot be parsed.
 *
 * **Example** (A slow call is cut off)
 *
 * ```ts
 * import { Deadline } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const slow = Effect.as(Effect.sleep("1 minute"), "done")
 *
 * const program = slow.pipe(
 *   Deadline.within("20 millis", { label: "quote" }),
 *   Effect.catchTag("DeadlineExceeded", (error) => Effect.succeed(`${error.label}: ${error.budgetMillis} ms`))
 * )
 *
 * console.log(await Effect.runPromise(program)) // => quote: 20 ms
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const within: {
  (
    duration: Duration.Input,
    options?: { readonly label?: string | undefined }
  ): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | DeadlineExceeded, R>
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    duration: Duration.Input,
    options?: { readonly label?: string | undefined }
  ): Effect.Effect<A, E | DeadlineExceeded, R>
} = Function.dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(
    self: Effect.Effect<A, E, R>,
    duration: Duration.Input,
    options?: { readonly label?: string | undefined }
  ): Effect.Effect<A, E | DeadlineExceeded, R> =>
    limit(self, {
      label: options?.label ?? "deadline",
      budgetNanos: toNanos(decode("Deadline", "duration", duration)),
      inherit: true,
      expired: exceeded
    })
)

/**
 * The time until the ambient deadline: never negative, infinite when there is none.
 *
 * **Example** (Inside and outside of a deadline)
 *
 * ```ts
 * import { Deadline } from "@holdfast/core"
 * import { Duration, Effect } from "effect"
 *
 * const enough = Effect.map(Deadline.remaining, (left) => Duration.toSeconds(left) > 1)
 *
 * console.log(Duration.format(await Effect.runPromise(Deadline.remaining))) // => Infinity
 * console.log(await Effect.runPromise(Deadline.within(enough, "1 minute"))) // => true
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const remaining: Effect.Effect<Duration.Duration> = Effect.withFiber((fiber) => {
  const leftNanos = ambientAlarm(fiber)?.leftNanos()
  if (leftNanos === undefined) return Effect.succeed(Duration.infinity)
  return Effect.succeed(leftNanos > 0n ? Duration.nanos(leftNanos) : Duration.zero)
})

/**
 * The shorter of a duration and what remains until the ambient deadline; never negative.
 *
 * **Details**
 *
 * For waits that end with an error of their own: wait for the clipped time, then say what was waited for.
 *
 * @since 0.1.0
 * @category getters
 */
export const clip = (duration: Duration.Input): Effect.Effect<Duration.Duration> => {
  const wanted = Duration.max(decode("Deadline", "duration", duration), Duration.zero)
  return Effect.map(remaining, Duration.min(wanted))
}

/**
 * Runs an effect without the ambient deadline, for work that must be done late rather than never
 * (compensations, releases).
 *
 * **Gotchas**
 *
 * It hides the deadline from the waits inside. It does not stop an outer `within` from interrupting: make
 * the effect uninterruptible too if it must end.
 *
 * **Example** (A compensation has all the time that it needs)
 *
 * ```ts
 * import { Deadline } from "@holdfast/core"
 * import { Duration, Effect } from "effect"
 *
 * const undo = Deadline.shield(Effect.map(Deadline.remaining, Duration.isFinite))
 *
 * console.log(await Effect.runPromise(Deadline.within(undo, "1 second"))) // => false
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const shield = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(self, Current, undefined)

/**
 * Work that was interrupted at its deadline and has not ended yet: the label of its limit, and since when in
 * milliseconds since the Unix epoch.
 *
 * **Details**
 *
 * Oldest first. Entries leave by themselves when their work ends. The list is one for the whole process,
 * unless `layerAbandoned` gives an application its own.
 *
 * @since 0.1.0
 * @category abandoned work
 */
export const abandoned: Effect.Effect<
  ReadonlyArray<{ readonly label: string; readonly sinceMillis: number }>
> = Effect.withFiber((fiber) => Effect.succeed(Array.from(fiber.getRef(abandonedWork.Register).works)))

/**
 * Gives an application a list of abandoned work of its own, and joins that work when the layer is released.
 *
 * **Details**
 *
 * The release waits until all abandoned work has ended, for `joinTimeout` at most (5 seconds by default: long
 * enough for a finalizer that closes a connection, short of the 10 seconds or more that process managers
 * allow for a stop), then logs a warning that names what is left.
 *
 * **Gotchas**
 *
 * - Provide it outside of the layers that start work, and inside of the resources that abandoned work still uses
 *   (HTTP clients, pools): it is then released after the former and before the latter. Outside of both, an abandoned
 *   request loses its client before it can end.
 * - How abandoned work ends is not reported.
 *
 * **Example** (A list of its own)
 *
 * ```ts
 * import { Deadline } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const stubborn = Effect.uninterruptible(Effect.sleep("50 millis"))
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.ignore(Deadline.within(stubborn, "1 millis", { label: "stubborn" }))
 *   const left = yield* Deadline.abandoned
 *   return left.map((work) => work.label)
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Deadline.layerAbandoned()))) // => [ 'stubborn' ]
 * ```
 *
 * @since 0.1.0
 * @category abandoned work
 */
export const layerAbandoned = (options?: {
  readonly joinTimeout?: Duration.Input | undefined
}): Layer.Layer<never> => {
  const joinTimeout = decode("Deadline", "joinTimeout", options?.joinTimeout ?? "5 seconds")
  return Layer.effect(
    abandonedWork.Register,
    Effect.acquireRelease(Effect.sync(abandonedWork.makeRegister), (register) =>
      Effect.timeoutOption(abandonedWork.awaitEmpty(register), joinTimeout).pipe(
        Effect.andThen(
          Effect.suspend(() =>
            register.works.size === 0
              ? Effect.void
              : Effect.logWarning(
                  "abandoned work has not ended",
                  Array.from(register.works, (work) => work.label)
                )
          )
        )
      )
    )
  )
}

const units = [
  ["n", 1n],
  ["u", 1_000n],
  ["m", 1_000_000n],
  ["S", 1_000_000_000n],
  ["M", 60_000_000_000n],
  ["H", 3_600_000_000_000n]
] as const

const maxHeaderValue = 99_999_999n

/**
 * What remains of a deadline in the format of the `grpc-timeout` header: at most eight digits and a unit.
 *
 * **Details**
 *
 * The finest unit that fits is used, rounded down, so that the receiver never waits longer than the sender.
 * An infinite duration has no header; a negative one is `0n`. The format is defined in the gRPC over HTTP/2
 * protocol description (PROTOCOL-HTTP2, "Timeout").
 *
 * **Example** (There and back)
 *
 * ```ts
 * import { Deadline } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * console.log(Deadline.toHeader(Duration.seconds(5))) // => 5000000u
 * console.log(Deadline.fromHeader("5000000u")?.toString()) // => 5000000000 nanos
 * console.log(Deadline.toHeader(Duration.infinity)) // => undefined
 * ```
 *
 * @since 0.1.0
 * @category wire format
 */
export const toHeader = (remaining: Duration.Duration): string | undefined => {
  const nanos = toNanos(remaining)
  if (nanos === undefined) return undefined
  if (nanos <= 0n) return "0n"
  const fitting = units.find(([, size]) => nanos / size <= maxHeaderValue)
  // Over 11,000 years: as good as no deadline, and the format has no larger unit.
  return fitting === undefined ? undefined : `${nanos / fitting[1]}${fitting[0]}`
}

/**
 * Reads a `grpc-timeout` value; `undefined` when it is malformed.
 *
 * **Details**
 *
 * Strict: one to eight digits and one of `H`, `M`, `S`, `m`, `u`, `n`. Nothing else is accepted, because
 * the value comes from somebody else.
 *
 * @since 0.1.0
 * @category wire format
 */
export const fromHeader = (value: string): Duration.Duration | undefined => {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value)
  const size = units.find(([unit]) => unit === match?.[2])?.[1]
  return match?.[1] === undefined || size === undefined ? undefined : Duration.nanos(BigInt(match[1]) * size)
}
