/**
 * The arithmetic of `Backoff`: how long a delay can be before chance decides, in nanoseconds.
 *
 * Nanoseconds, because a base of 300 microseconds is a duration as good as any; as plain numbers, because they
 * overflow to `Infinity`, which a cap puts right, where a bigint would fill the memory. They are exact up to 104 days.
 */
import { Duration } from "effect"
import type { Backoff, Exponential, Jitter, Linear } from "../Backoff.ts"

/** The least and the greatest delay, both included. */
interface Range {
  readonly min: number
  readonly max: number
}

/** The longest delay of all: as many milliseconds as a number holds exactly. */
const longest = Duration.millis(Number.MAX_SAFE_INTEGER)

const nanosPerMilli = 1_000_000n

const toNanos = (duration: Duration.Duration): number =>
  Number(Duration.toNanosUnsafe(Duration.clamp(duration, { minimum: Duration.zero, maximum: longest })))

/** Whole milliseconds stay milliseconds, so that a delay prints as it was written. */
export const fromNanos = (nanos: bigint): Duration.Duration => {
  const millis = nanos / nanosPerMilli
  return millis * nanosPerMilli === nanos && millis <= Number.MAX_SAFE_INTEGER
    ? Duration.millis(Number(millis))
    : Duration.nanos(nanos)
}

const capOf = (self: Backoff): Duration.Duration =>
  self._tag === "Constant" ? longest : Duration.min(self.cap, longest)

/**
 * Rounds to a duration. It clamps once more, because a cap of over 104 days is not exact as a number, and because a
 * value that no constructor has checked can hold a negative factor.
 */
export const toDuration = (self: Backoff, nanos: number): Duration.Duration =>
  Duration.clamp(fromNanos(BigInt(Math.round(nanos))), { minimum: Duration.zero, maximum: capOf(self) })

/**
 * The delay as its formula has it. Growth by nothing is a case of its own, because `0 * Infinity` and `1 ** Infinity`
 * are `NaN`.
 */
const growth = (self: Backoff): ((attempt: number) => number) => {
  if (self._tag === "Constant") {
    const delay = toNanos(self.delay)
    return () => delay
  }
  const base = toNanos(self.base)
  if (self._tag === "Linear") {
    const step = toNanos(self.step)
    return step === 0 ? () => base : (attempt) => base + step * (attempt - 1)
  }
  const { factor } = self
  return base === 0 || factor === 1 ? () => base : (attempt) => base * factor ** (attempt - 1)
}

/**
 * The delays that may follow a delay of `previous` nanoseconds: three times as long at most, from the base on. The cap
 * bounds the range that is drawn from. To cap the number that was drawn, as the usual formula does, would return the
 * cap itself ever more often: at a cap of 3 bases, after the longest delay, in three of four draws.
 */
const after = (self: Linear | Exponential): ((previous: number) => Range) => {
  const cap = toNanos(self.cap)
  const min = Math.min(toNanos(self.base), cap)
  return (previous) => ({ min, max: Math.min(3 * Math.max(previous, min), cap) })
}

const spreads = (jitter: Jitter, cap: number): ((delay: number) => Range) => {
  switch (jitter) {
    case "none":
      return (delay) => ({ min: delay, max: delay })
    case "equal":
      return (delay) => ({ min: delay / 2, max: delay })
    case "full":
    case "decorrelated":
      return (delay) => ({ min: 0, max: delay })
    default:
      return (delay) => ({ min: delay * (1 - jitter.ratio), max: Math.min(delay * (1 + jitter.ratio), cap) })
  }
}

/** Every delay that can follow an attempt, whatever came before it. */
export const ranges = (self: Backoff): ((attempt: number) => Range) => {
  if (self.jitter === "decorrelated" && self._tag !== "Constant") {
    const base = toNanos(self.base)
    const following = after(self)
    return (attempt) => following(base === 0 ? 0 : base * 3 ** (attempt - 1))
  }
  const cap = toNanos(capOf(self))
  const grown = growth(self)
  const spread = spreads(self.jitter, cap)
  return (attempt) => spread(Math.min(grown(attempt), cap))
}

/** Every delay that can follow an attempt, when the delay before it is known. */
export const rangeAfter = (self: Backoff, attempt: number, previous: Duration.Duration | undefined): Range =>
  self.jitter === "decorrelated" && self._tag !== "Constant"
    ? after(self)(previous === undefined ? 0 : toNanos(previous))
    : ranges(self)(attempt)

/** Bounds the loop of {@link sumOfLongest}; no backoff worth the name is still growing there. */
const summedAtMost = 1_000_000

/**
 * The sum of the longest delays after attempts 1 to `count`, where `longest` is the delay that they grow towards. It
 * adds up plain numbers as long as they are exact: a million of them take 50 ms, and as many durations 1.5 seconds.
 */
export const sumOfLongest = (self: Backoff, count: number, longest: bigint): bigint => {
  const rangeOf = ranges(self)
  const limit = rangeOf(Infinity).max
  let sum = 0n
  let part = 0
  let summed = 0
  for (; summed < count && summed < summedAtMost; summed++) {
    const { max } = rangeOf(summed + 1)
    if (max >= limit) break
    const next = Math.round(max)
    if (part + next > Number.MAX_SAFE_INTEGER) {
      sum += BigInt(part)
      part = 0
    }
    part += next
  }
  return sum + BigInt(part) + longest * BigInt(count - summed)
}
