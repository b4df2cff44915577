/** Time in simulations: instants and lengths are whole nanoseconds since the run began, in plain numbers. */
import { Clock, Duration, Effect, type Fiber } from "effect"
import * as fc from "fast-check"

export const second = 1e9
export const hour = 3600 * second
export const day = 24 * hour

export const now: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, Number)

export const toDuration = (nanos: number): Duration.Duration =>
  Number.isFinite(nanos)
    ? Duration.nanos(BigInt(nanos))
    : nanos > 0
      ? Duration.infinity
      : Duration.negativeInfinity

export const sleep = (nanos: number): Effect.Effect<void> => Effect.sleep(toDuration(nanos))

/** A wait that is none when it is of no length: `sleep` would let others run. */
export const wait = (nanos: number): Effect.Effect<void> => (nanos === 0 ? Effect.void : sleep(nanos))

export const sleepUntil = (instant: number): Effect.Effect<void> =>
  Effect.flatMap(now, (nanos) => (nanos < instant ? sleep(instant - nanos) : Effect.void))

/** Interrupts a fiber when its time has come, if there is one, and does not wait for its end. */
export const interruptAt = (
  fiber: Fiber.Fiber<unknown, unknown>,
  instant: number | undefined
): Effect.Effect<void> =>
  instant === undefined
    ? Effect.void
    : Effect.andThen(
        sleepUntil(instant),
        Effect.sync(() => fiber.interruptUnsafe())
      )

/**
 * How far two instants are from being the same one. Besides the smallest step, these are the distances at which a timer
 * on a clock that is slept on begins its last naps (see `internal/timer.ts`).
 */
const offsets = [0, 0, 0, 0, 0, 0, 1, -1, 15_625, -15_625, 1e6 - 1]

/**
 * Lengths of a few units, most of them whole: so that sums of them meet at one instant as often as not, or nearly.
 */
export const lengthOf = (unit: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.nat(8), fc.constantFrom(...offsets))
    .map(([units, offset]) => Math.max(0, units * unit + (offset < unit ? offset : 0)))

/** Longer than a few lengths together, on any scale. */
export const longest = 100 * day

/** An arbitrary for each scale on which things happen, from instants that are next to each other to schedules of days. */
export const onScales = <A>(of: (unit: number) => fc.Arbitrary<A>): fc.Arbitrary<A> =>
  fc.oneof(of(1e6), of(1), of(second), of(day))

export const words = (nanos: number): string => Duration.format(toDuration(nanos))
