/**
 * Checked options: durations and numbers, from code and from configuration.
 *
 * Effect reads `NaN` as a duration of zero (`Duration.fromInputUnsafe(NaN)`), and `"-1 second"` as a duration. A delay
 * that silently became zero is a busy loop, so everything that Holdfast takes goes through here.
 */
import { Duration, Formatter, Option, Predicate, Schema } from "effect"
import { InvalidOptions } from "../InvalidOptions.ts"

const expected = 'must be a duration such as "8 seconds" or a number of milliseconds'

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** `Infinity` and `-Infinity` together are no number either; their sum says so. */
const haveSum = (values: ReadonlyArray<unknown>): boolean =>
  values.every(Predicate.isNumber) && !Number.isNaN(values.reduce((sum, value) => sum + value, 0))

const isMeaningful = (input: unknown): boolean => {
  if (Predicate.isNumber(input)) return !Number.isNaN(input)
  if (!Predicate.isObjectOrArray(input) || Duration.isDuration(input)) return true
  if (Array.isArray(input)) return haveSum(input)
  // Read by name, not by listing keys: the units of a `Temporal.Duration` are getters of its prototype.
  const given = units.flatMap((unit) =>
    Predicate.hasProperty(input, unit) && input[unit] !== undefined ? [input[unit]] : []
  )
  return given.length > 0 && haveSum(given)
}

/**
 * Reads a duration and throws `InvalidOptions` for what is none: `NaN` in any shape, strings that cannot be parsed,
 * objects without a unit. Zero, negative and infinite durations pass unchanged.
 */
export const decode = (module: string, option: string, input: Duration.Input): Duration.Duration =>
  typeof input === "string" ? memoized(module, option, input) : decodeAny(module, option, input)

/** What was parsed before. Durations in code are a few literals, which are often read once for each call. */
const parsed = new Map<string, Duration.Duration>()
const maxParsed = 256

const memoized = (module: string, option: string, input: Duration.Input & string): Duration.Duration => {
  const known = parsed.get(input)
  if (known !== undefined) return known
  const duration = decodeAny(module, option, input)
  if (parsed.size < maxParsed) parsed.set(input, duration)
  return duration
}

const decodeAny = (module: string, option: string, input: Duration.Input): Duration.Duration => {
  const duration = isMeaningful(input) ? Duration.fromInput(input) : Option.none()
  if (Option.isSome(duration)) return duration.value
  throw new InvalidOptions({ module, option, problem: `${expected}, but is ${Formatter.format(input)}` })
}

/** Reads a duration as {@link decode} does, and throws `InvalidOptions` for a negative one too. */
export const nonNegative = (module: string, option: string, input: Duration.Input): Duration.Duration => {
  const duration = decode(module, option, input)
  if (!Duration.isNegative(duration)) return duration
  throw new InvalidOptions({
    module,
    option,
    problem: `must not be negative, but is ${Formatter.format(input)}`
  })
}

/** Reads a duration as {@link nonNegative} does, and throws `InvalidOptions` for zero too. */
export const positive = (module: string, option: string, input: Duration.Input): Duration.Duration => {
  const duration = nonNegative(module, option, input)
  if (!Duration.isZero(duration)) return duration
  throw new InvalidOptions({ module, option, problem: "must be longer than nothing, but is zero" })
}

/** Reads a duration as {@link nonNegative} does, and throws `InvalidOptions` for one without an end too. */
export const ending = (module: string, option: string, input: Duration.Input): Duration.Duration => {
  const duration = nonNegative(module, option, input)
  if (Duration.isFinite(duration)) return duration
  throw new InvalidOptions({ module, option, problem: "must have an end, but is infinite" })
}

/**
 * Checks a count, such as a number of attempts: an integer of at least 1. `Infinity` is accepted where "no bound" has
 * a meaning.
 */
export const positiveInteger = (
  module: string,
  option: string,
  value: number,
  options?: { readonly allowInfinity?: boolean | undefined }
): number => {
  const allowInfinity = options?.allowInfinity === true
  if ((Number.isInteger(value) && value >= 1) || (allowInfinity && value === Infinity)) return value
  const problem = `must be an integer of at least 1${allowInfinity ? " or Infinity" : ""}, but is ${value}`
  throw new InvalidOptions({ module, option, problem })
}

/** Checks a finite number against the least and the greatest value that have a meaning. */
export const finite = (
  module: string,
  option: string,
  value: number,
  range: { readonly minimum: number; readonly maximum?: number | undefined }
): number => {
  if (Number.isFinite(value) && value >= range.minimum && value <= (range.maximum ?? Infinity)) return value
  const allowed =
    range.maximum === undefined
      ? `a finite number of at least ${range.minimum}`
      : `a number from ${range.minimum} to ${range.maximum}`
  throw new InvalidOptions({ module, option, problem: `must be ${allowed}, but is ${value}` })
}

/**
 * A duration in configuration: `"8 seconds"`, `"500 millis"`, `"Infinity"`.
 *
 * `Schema.DurationFromString` alone accepts `"-1 second"`, and a negative setting has no meaning anywhere in Holdfast:
 * it would turn a delay or a time-out off without a word. A number without a unit is refused as well, because "8" in an
 * environment variable is seconds to one reader and milliseconds to the next.
 */
export const DurationSetting = Schema.DurationFromString.check(
  Schema.makeFilter((duration) => !Duration.isNegative(duration), {
    expected: "a duration that is not negative"
  })
)

/** A duration in configuration that has an end. */
export const EndingDurationSetting = DurationSetting.check(
  Schema.makeFilter(Duration.isFinite, { expected: "a duration that is not infinite" })
)

/** A duration in configuration, where zero has no meaning either. */
export const PositiveDurationSetting = DurationSetting.check(
  Schema.makeFilter((duration) => !Duration.isZero(duration), { expected: "a duration that is not zero" })
)

/** A duration in configuration that has an end, and is not zero. */
export const EndingPositiveDurationSetting = PositiveDurationSetting.check(
  Schema.makeFilter(Duration.isFinite, { expected: "a duration that is not infinite" })
)
