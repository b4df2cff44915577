/** The machine's own clock, which goes on while a run seals it for everybody else. */
import { type Clock, Duration, Effect } from "effect"

// house: real time is what this clock shows; taken here, because a run seals the globals
const { clearTimeout, setTimeout } = globalThis
// house: see above
const wallMillis = Date.now
// house: see above
const monotonicNanos = process.hrtime.bigint

const maxTimerMillis = 2 ** 31 - 1

const sleepMillis = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const rest = millis > maxTimerMillis ? sleepMillis(millis - maxTimerMillis) : Effect.void
    // house: see above
    const timer = setTimeout(() => resume(rest), Math.min(millis, maxTimerMillis))
    return Effect.sync(() => clearTimeout(timer))
  })

const wallNanos = (): bigint => BigInt(wallMillis()) * 1_000_000n

export const liveClock: Clock.Clock = {
  currentTimeMillisUnsafe: () => wallMillis(),
  currentTimeMillis: Effect.sync(() => wallMillis()),
  currentTimeNanosUnsafe: wallNanos,
  currentTimeNanos: Effect.sync(wallNanos),
  monotonicTimeNanosUnsafe: () => monotonicNanos(),
  monotonicTimeNanos: Effect.sync(() => monotonicNanos()),
  sleep: (duration) => {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    return Number.isFinite(millis) ? sleepMillis(millis) : Effect.never
  }
}
