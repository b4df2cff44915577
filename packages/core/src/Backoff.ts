/**
 * How long to wait before the next attempt, as plain data: it is decoded from configuration, compared, printed, and its
 * worst case is computed before anything runs ({@link total}).
 *
 * A backoff answers for one attempt at a time: `attempt` is the number of the attempt that has just failed, so attempt
 * 1 gives the delay before the second attempt. How many attempts there are is not its business, but that of `Retry`.
 *
 * @guarantee RT-5 No delay is ever NaN, negative, or over its cap, at any attempt number; jitter spreads below the cap also once it is reached.
 *
 * @since 0.1.0
 */
import { Duration, Effect, Predicate, Random, Schedule, Schema, SchemaTransformation } from "effect"
import { dual } from "effect/Function"
import { InvalidOptions } from "./InvalidOptions.ts"
import * as internal from "./internal/delays.ts"
import * as check from "./internal/duration.ts"

const module = "Backoff"
const defaultCap = Duration.seconds(30)
const defaultFactor = 2

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * How chance spreads the delay `d` that the formula gives.
 *
 * **Details**
 *
 * | jitter | a delay is drawn uniformly from |
 * |---|---|
 * | `"none"` | exactly `d` |
 * | `"full"` | `0` to `d` |
 * | `"equal"` | `d / 2` to `d` |
 * | `proportional(ratio)` | `d * (1 - ratio)` to `d * (1 + ratio)`, at most the cap |
 * | `"decorrelated"` | the base to three times the previous delay, at most the cap |
 *
 * The draw itself is from the range below the cap, so once the cap is reached the delays still differ: a cap that is
 * applied to the number drawn sends many clients back at the same instant.
 *
 * **Gotchas**
 *
 * `"decorrelated"` grows by itself: `step` and `factor` are not used. A constant has no previous delay to grow from, so
 * there it means `"full"`. And a base at or above the cap leaves it nothing to draw from.
 *
 * @category models
 * @since 0.1.0
 */
export type Jitter = "none" | "full" | "equal" | "decorrelated" | Proportional

/**
 * A jitter of a part of the delay, made by {@link proportional}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Proportional {
  readonly _tag: "Proportional"
  readonly ratio: number
}

/**
 * The same delay after every attempt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constant {
  readonly _tag: "Constant"
  readonly delay: Duration.Duration
  readonly jitter: Jitter
}

/**
 * `base + step * (attempt - 1)`, at most `cap`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Linear {
  readonly _tag: "Linear"
  readonly base: Duration.Duration
  readonly step: Duration.Duration
  readonly cap: Duration.Duration
  readonly jitter: Jitter
}

/**
 * `base * factor ** (attempt - 1)`, at most `cap`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exponential {
  readonly _tag: "Exponential"
  readonly base: Duration.Duration
  readonly factor: number
  readonly cap: Duration.Duration
  readonly jitter: Jitter
}

/**
 * A backoff: plain, readonly data.
 *
 * **Gotchas**
 *
 * An object literal has the type but was checked by nobody. Use the constructors, or decode with the schema.
 *
 * @category models
 * @since 0.1.0
 */
export type Backoff = Constant | Linear | Exponential

/**
 * What is accepted wherever a backoff is taken: a backoff, or any schedule of Effect that cannot fail and needs no
 * services. The worst case of a schedule is not known.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Backoff | Schedule.Schedule<unknown, unknown>

/**
 * A backoff in configuration: durations are strings with a unit, and what a constructor has a default for may be absent.
 *
 * @category models
 * @since 0.1.0
 */
export type Encoded =
  | { readonly _tag: "Constant"; readonly delay: string; readonly jitter?: Jitter }
  | {
      readonly _tag: "Linear"
      readonly base: string
      readonly step?: string
      readonly cap?: string
      readonly jitter?: Jitter
    }
  | {
      readonly _tag: "Exponential"
      readonly base: string
      readonly factor?: number
      readonly cap?: string
      readonly jitter?: Jitter
    }

// ----------------------------------------------------------------------------
// Schema
// ----------------------------------------------------------------------------

const JitterSetting = Schema.Union([
  Schema.Literals(["none", "full", "equal", "decorrelated"]),
  Schema.TaggedStruct("Proportional", {
    ratio: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
  })
])

/** An infinite delay is no delay; only a cap may be infinite. */
const Delay = check.DurationSetting.check(
  Schema.makeFilter(Duration.isFinite, { expected: "a finite duration" })
)

const jitter = (fallback: Jitter) =>
  JitterSetting.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(fallback)))
const cap = check.DurationSetting.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(defaultCap)))
const factor = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(1)).pipe(
  Schema.withDecodingDefaultTypeKey(Effect.succeed(defaultFactor))
)
const linearFields = { _tag: Schema.tag("Linear"), base: Delay, cap, jitter: jitter("full") }

// A step that is absent is the base of the same object, which no default of a single field can say.
const LinearSetting = Schema.Struct({ ...linearFields, step: Schema.optionalKey(Delay) }).pipe(
  Schema.decodeTo(
    Schema.toType(Schema.Struct({ ...linearFields, step: Delay })),
    SchemaTransformation.transform({
      decode: (linear) => ({ ...linear, step: linear.step ?? linear.base }),
      encode: (linear) => linear
    })
  )
)

/**
 * The schema of a backoff, for configuration and wherever data comes from outside.
 *
 * **Details**
 *
 * Durations are strings with a unit (`"1 second"`, and `"Infinity"` for a cap). What is absent has the default of the
 * constructor of the same name. What a constructor throws `InvalidOptions` for, the schema refuses too, so with `Config`
 * it is a `ConfigError`.
 *
 * **Example** (From environment variables)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Config, ConfigProvider, Duration, Effect } from "effect"
 *
 * const env = { PUSH_BACKOFF_TAG: "Exponential", PUSH_BACKOFF_BASE: "100 millis", PUSH_BACKOFF_JITTER: "equal" }
 * const provider = ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
 *
 * const backoff = Effect.runSync(Config.schema(Backoff.Backoff, ["push", "backoff"]).parse(provider))
 * console.log(backoff.jitter) // => equal
 * console.log(Duration.toMillis(Backoff.bounds(backoff, 3).max)) // => 400
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const Backoff: Schema.Codec<Backoff, Encoded> = Schema.Union([
  Schema.TaggedStruct("Constant", { delay: Delay, jitter: jitter("none") }),
  LinearSetting,
  Schema.TaggedStruct("Exponential", { base: Delay, factor, cap, jitter: jitter("full") })
])

// ----------------------------------------------------------------------------
// Constructors
// ----------------------------------------------------------------------------

const finiteDelay = (option: string, input: Duration.Input): Duration.Duration => {
  const delay = check.nonNegative(module, option, input)
  if (Duration.isFinite(delay)) return delay
  throw new InvalidOptions({
    module,
    option,
    problem: "must be finite: a delay without an end is never over"
  })
}

const isJitter = Schema.is(JitterSetting)

const checkedJitter = (jitter: Jitter): Jitter => {
  if (isJitter(jitter)) return jitter
  const problem = 'must be "none", "full", "equal", "decorrelated" or proportional, with a ratio from 0 to 1'
  throw new InvalidOptions({ module, option: "jitter", problem })
}

/**
 * Jitter by a part of the delay: a ratio of 0.1 draws from 90 to 110 percent of it.
 *
 * **Details**
 *
 * `ratio` is a number from 0 (the same as `"none"`) to 1 (anything from zero to twice the delay); another one throws
 * `InvalidOptions`. The cap bounds the range: once it is reached, a ratio of 0.1 draws from 90 to 100 percent of it.
 *
 * **Example** (Ten percent to either side)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const { min, max } = Backoff.bounds(Backoff.constant("1 second", { jitter: Backoff.proportional(0.1) }), 1)
 * console.log(Duration.toMillis(min), Duration.toMillis(max)) // => 900 1100
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const proportional = (ratio: number): Proportional => ({
  _tag: "Proportional",
  ratio: check.finite(module, "ratio", ratio, { minimum: 0, maximum: 1 })
})

/**
 * The same delay after every attempt.
 *
 * **Details**
 *
 * `jitter` is `"none"` by default: who writes a number expects that number. Throws `InvalidOptions` for a delay that is
 * NaN, negative or infinite.
 *
 * **Gotchas**
 *
 * Clients that failed together come back together. Where many share a server, use jitter, or {@link exponential}.
 *
 * **Example** (One second, every time)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const backoff = Backoff.constant("1 second")
 * console.log(Duration.toMillis(Backoff.total(backoff, 2))) // => 2000
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const constant = (
  delay: Duration.Input,
  options?: { readonly jitter?: Jitter | undefined }
): Constant => ({
  _tag: "Constant",
  delay: finiteDelay("delay", delay),
  jitter: checkedJitter(options?.jitter ?? "none")
})

/**
 * Delays that grow by the same step: `base + step * (attempt - 1)`, at most `cap`.
 *
 * **Details**
 *
 * | option | default | reason |
 * |---|---|---|
 * | `step` | `base` | 1 s, 2 s, 3 s is what "linear" says without a word more |
 * | `cap` | 30 seconds | about as long as a caller waits for anything; a recovery is seen soon after it |
 * | `jitter` | `"full"` | spreads best under contention, see {@link exponential} |
 *
 * Throws `InvalidOptions` for NaN, for negative durations, and for an infinite base or step. An infinite cap is no cap:
 * the delay then grows up to `Number.MAX_SAFE_INTEGER` milliseconds, which no delay ever exceeds.
 *
 * **Example** (One second more each time)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const backoff = Backoff.linear({ base: "1 second", cap: "3 seconds", jitter: "none" })
 * const delays = [1, 2, 3, 4].map((attempt) => Duration.toMillis(Backoff.bounds(backoff, attempt).max))
 * console.log(delays.join()) // => 1000,2000,3000,3000
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const linear = (options: {
  readonly base: Duration.Input
  readonly step?: Duration.Input | undefined
  readonly cap?: Duration.Input | undefined
  readonly jitter?: Jitter | undefined
}): Linear => ({
  _tag: "Linear",
  base: finiteDelay("base", options.base),
  step: finiteDelay("step", options.step ?? options.base),
  cap: check.nonNegative(module, "cap", options.cap ?? defaultCap),
  jitter: checkedJitter(options.jitter ?? "full")
})

/**
 * Delays that grow by the same factor: `base * factor ** (attempt - 1)`, at most `cap`.
 *
 * **Details**
 *
 * | option | default | reason |
 * |---|---|---|
 * | `factor` | 2 | the load that a crowd of clients adds halves with every round |
 * | `cap` | 30 seconds | about as long as a caller waits for anything; a recovery is seen soon after it |
 * | `jitter` | `"full"` | least work for server and clients under contention, measured in "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 |
 *
 * Throws `InvalidOptions` for NaN, for negative durations, for an infinite base, and for a factor below 1. An infinite
 * cap is no cap: the delay then grows up to `Number.MAX_SAFE_INTEGER` milliseconds, which no delay ever exceeds.
 *
 * **Example** (Doubling up to a cap)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const backoff = Backoff.exponential({ base: "100 millis", cap: "500 millis", jitter: "none" })
 * const delays = [1, 2, 3, 4, 1_000_000].map((attempt) => Duration.toMillis(Backoff.bounds(backoff, attempt).max))
 * console.log(delays.join()) // => 100,200,400,500,500
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const exponential = (options: {
  readonly base: Duration.Input
  readonly factor?: number | undefined
  readonly cap?: Duration.Input | undefined
  readonly jitter?: Jitter | undefined
}): Exponential => ({
  _tag: "Exponential",
  base: finiteDelay("base", options.base),
  factor: check.finite(module, "factor", options.factor ?? defaultFactor, { minimum: 1 }),
  cap: check.nonNegative(module, "cap", options.cap ?? defaultCap),
  jitter: checkedJitter(options.jitter ?? "full")
})

/**
 * No delay at all.
 *
 * **Gotchas**
 *
 * Fit for attempts that go to different places, such as the next endpoint of a list. Against one server it is a storm.
 *
 * **Example** (Nothing to wait for)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * console.log(Duration.toMillis(Backoff.total(Backoff.none, Infinity))) // => 0
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Constant = constant(Duration.zero)

// ----------------------------------------------------------------------------
// Delays
// ----------------------------------------------------------------------------

const checkedAttempt = (attempt: number): number =>
  check.positiveInteger(module, "attempt", attempt, { allowInfinity: true })

/**
 * The shortest and the longest delay that can follow an attempt.
 *
 * **Details**
 *
 * `attempt` is the number of the attempt that has just failed: an integer of at least 1, or `Infinity` for where the
 * delays end up. Another number throws `InvalidOptions`. With `"decorrelated"` the range covers every way that the
 * delays before can have gone.
 *
 * **Example** (What full jitter can draw)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const backoff = Backoff.exponential({ base: "1 second" })
 * const { min, max } = Backoff.bounds(backoff, 3)
 * console.log(Duration.toMillis(min), Duration.toMillis(max)) // => 0 4000
 * console.log(Duration.toMillis(Backoff.bounds(backoff, Infinity).max)) // => 30000
 * ```
 *
 * @category delays
 * @since 0.1.0
 */
export const bounds: {
  (attempt: number): (self: Backoff) => { readonly min: Duration.Duration; readonly max: Duration.Duration }
  (self: Backoff, attempt: number): { readonly min: Duration.Duration; readonly max: Duration.Duration }
} = dual(2, (self: Backoff, attempt: number) => {
  const { max, min } = internal.ranges(self)(checkedAttempt(attempt))
  return { min: internal.toDuration(self, min), max: internal.toDuration(self, max) }
})

/**
 * Draws the delay that follows an attempt, from Effect's `Random`.
 *
 * **Details**
 *
 * `attempt` is the number of the attempt that has just failed: an integer of at least 1, or `Infinity`. Another number
 * throws `InvalidOptions`. `previous` is the delay that came before; only `"decorrelated"` looks at it, and starts from
 * the base without it. Nothing is drawn where there is one delay only.
 *
 * **Example** (A repeatable draw)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration, Effect, Random } from "effect"
 *
 * const backoff = Backoff.exponential({ base: "1 second", jitter: "equal" })
 * const drawn = Effect.runSync(Backoff.delay(backoff, 3).pipe(Random.withSeed("example")))
 * console.log(Duration.toMillis(drawn) >= 2000 && Duration.toMillis(drawn) <= 4000) // => true
 * ```
 *
 * @category delays
 * @since 0.1.0
 */
export const delay: {
  (
    attempt: number,
    previous?: Duration.Duration | undefined
  ): (self: Backoff) => Effect.Effect<Duration.Duration>
  (self: Backoff, attempt: number, previous?: Duration.Duration | undefined): Effect.Effect<Duration.Duration>
} = dual(
  (args) => !Predicate.isNumber(args[0]),
  (
    self: Backoff,
    attempt: number,
    previous?: Duration.Duration | undefined
  ): Effect.Effect<Duration.Duration> => {
    const { max, min } = internal.rangeAfter(self, checkedAttempt(attempt), previous)
    return min === max
      ? Effect.succeed(internal.toDuration(self, max))
      : Effect.map(Random.next, (chance) =>
          internal.toDuration(self, Math.min(min + chance * (max - min), max))
        )
  }
)

/**
 * The longest time that a number of delays can take together: the sum of their longest bounds.
 *
 * **Details**
 *
 * `delays` is a number of delays, not of attempts: there is one less. It is an integer of at least 0, or `Infinity`,
 * whose total is infinite unless every delay is zero. Another number throws `InvalidOptions`. The sum is exact to the
 * nanosecond for a million delays, and for any number of them once the delays no longer grow. After a million delays
 * that still grow, each further one counts as the longest that there is, so the total is never too small.
 *
 * **Example** (Four attempts have three delays)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Duration } from "effect"
 *
 * const backoff = Backoff.exponential({ base: "1 second" })
 * console.log(Duration.toMillis(Backoff.total(backoff, 3))) // => 7000
 * ```
 *
 * @category delays
 * @since 0.1.0
 */
export const total: {
  (delays: number): (self: Backoff) => Duration.Duration
  (self: Backoff, delays: number): Duration.Duration
} = dual(2, (self: Backoff, delays: number): Duration.Duration => {
  if (delays === 0) return Duration.zero
  const count = check.positiveInteger(module, "delays", delays, { allowInfinity: true })
  const longest = Duration.toNanosUnsafe(bounds(self, Infinity).max)
  if (count === Infinity) return longest === 0n ? Duration.zero : Duration.infinity
  return internal.fromNanos(internal.sumOfLongest(self, count, longest))
})

/**
 * A schedule that waits as the backoff says and recurs for ever; its output is the delay.
 *
 * **Details**
 *
 * Each step draws from Effect's `Random`. Each run of the schedule starts at the first delay and keeps its own previous
 * delay for `"decorrelated"`, so one schedule serves any number of callers.
 *
 * **Gotchas**
 *
 * It never ends: bound it with `Schedule.upTo({ times })` or `Effect.retry({ schedule, times })`.
 *
 * **Example** (With Effect's own retry)
 *
 * ```ts
 * import { Backoff } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * let attempts = 0
 * const flaky = Effect.suspend(() => ++attempts < 3 ? Effect.fail("refused") : Effect.succeed(`attempt ${attempts}`))
 * const schedule = Backoff.toSchedule(Backoff.exponential({ base: "1 millis" }))
 *
 * console.log(await Effect.runPromise(Effect.retry(flaky, { schedule, times: 5 }))) // => attempt 3
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const toSchedule = (self: Backoff): Schedule.Schedule<Duration.Duration> =>
  Schedule.fromStep(
    Effect.sync(() => {
      let attempt = 0
      let previous: Duration.Duration | undefined
      return () =>
        Effect.suspend(() => delay(self, ++attempt, previous)).pipe(
          Effect.map((next): [Duration.Duration, Duration.Duration] => {
            previous = next
            return [next, next]
          })
        )
    })
  )
