import { Clock, Effect } from "effect"

/** What the monotonic clock of the test shows, in milliseconds. */
export const elapsedMillis: Effect.Effect<number> = Effect.map(
  Effect.flatMap(Clock.Clock, (clock) => clock.monotonicTimeNanos),
  (nanos) => Number(nanos) / 1e6
)
