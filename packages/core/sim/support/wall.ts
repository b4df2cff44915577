/** A wall clock that jumps, to either side and by any length, as clocks do that are set. */
import * as Host from "@holdfast/sim/Host"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { day, hour, lengthOf, second, sleepUntil, toDuration, words } from "./time.ts"

/** From the beginning of a run, which is that of the Unix epoch, to years like ours. */
const fiftySixYears = 20_454 * day

export interface Jump {
  readonly atNanos: number
  readonly byNanos: number
}

export const jumpsOf = (unit: number): fc.Arbitrary<ReadonlyArray<Jump>> =>
  fc.array(
    fc.record({
      atNanos: lengthOf(unit),
      byNanos: fc
        .tuple(
          fc.constantFrom(unit, 5 * unit, second, hour, day, 400 * day, fiftySixYears),
          fc.constantFrom(-1, 1)
        )
        .map(([nanos, sign]) => sign * nanos)
    }),
    { maxLength: 3 }
  )

export const describeJumps = (jumps: ReadonlyArray<Jump>): ReadonlyArray<string> =>
  jumps.map(({ atNanos, byNanos }) => `at ${words(atNanos)} the clock is set by ${words(byNanos)}`)

const jump = (host: Host.Host, { byNanos }: Jump): Effect.Effect<void, Host.HostDown> =>
  byNanos > 0
    ? host.skew({ offset: toDuration(byNanos) })
    : host.run(Effect.flatMap(Clock.currentTimeMillis, (millis) => TestClock.setTime(millis + byNanos / 1e6)))

/** Runs an effect on a host of its own, whose wall clock jumps meanwhile. */
export const onJumpingClock = <A, E>(
  jumps: ReadonlyArray<Jump>,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | Host.HostDown> =>
  Effect.gen(function* () {
    const host = yield* Host.make("service")
    const jumping = yield* Effect.forkChild(
      Effect.forEach(jumps, (one) => Effect.andThen(sleepUntil(one.atNanos), jump(host, one)), {
        concurrency: "unbounded",
        discard: true
      })
    )
    const value = yield* host.run(effect)
    yield* Fiber.interrupt(jumping)
    return value
  })
