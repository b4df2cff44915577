/**
 * One-shot timers on the monotonic time of the `Clock` service.
 *
 * `Clock` offers `sleep`, an effect, so a timer costs a fiber. On Effect's own live clock that fiber is most
 * of what a deadline costs (0.64 of `Effect.timeout`, 0.35 without it), so there the platform's timer is used
 * directly. Every other clock (a test clock, a simulated one, a decorated one) is slept on.
 */
import { Clock, Context, Duration, Effect, type Fiber } from "effect"

const nanosPerMilli = 1_000_000n

/** Times nearer than this are the same instant: floating-point clocks cannot tell them apart. */
const resolutionNanos = 1_000n

/** The longest delay that a platform timer takes: a longer one fires at once. */
const maxPlatformTimerMillis = 2 ** 31 - 1

const liveClock = Context.get(Context.empty(), Clock.Clock)

/**
 * Calls `fire` once, in a task of its own on the fiber's scheduler, when the fiber's clock reaches `atNanos`;
 * what is returned cancels it.
 *
 * The extra task lets everything that became ready at the same instant run first.
 */
export const startTimer = (
  fiber: Fiber.Fiber<unknown, unknown>,
  atNanos: bigint,
  fire: () => void
): (() => void) => {
  const clock = fiber.getRef(Clock.Clock)
  const dispatcher = fiber.currentDispatcher
  let cancelled = false
  const due = () =>
    dispatcher.scheduleTask(() => {
      if (!cancelled) fire()
    }, 0)
  const stop = clock === liveClock ? startOnPlatform(clock, atNanos, due) : startOnFiber(fiber, clock, atNanos, due)
  return () => {
    cancelled = true
    stop()
  }
}

const startOnPlatform = (clock: Clock.Clock, atNanos: bigint, due: () => void): (() => void) => {
  let handle: ReturnType<typeof setTimeout> | undefined
  const arm = () => {
    const leftNanos = atNanos - clock.monotonicTimeNanosUnsafe()
    if (leftNanos <= 0n) return due()
    const leftMillis = Math.min(Math.ceil(Number(leftNanos) / 1e6), maxPlatformTimerMillis)
    // house: the live clock's own primitive, without the fiber that `Clock.sleep` would need (see above)
    handle = setTimeout(arm, leftMillis)
  }
  arm()
  return () => clearTimeout(handle)
}

const startOnFiber = (
  fiber: Fiber.Fiber<unknown, unknown>,
  clock: Clock.Clock,
  atNanos: bigint,
  due: () => void
): (() => void) => {
  // house: a timer is started from synchronous code; the context keeps it in the fiber's world
  const sleeper = Effect.runForkWith(fiber.context)(Effect.andThen(sleepUntil(clock, atNanos), Effect.sync(due)))
  return () => sleeper.interruptUnsafe(fiber.id)
}

/**
 * Sleeps until shortly before the instant, then for the rest: clocks wake the sleepers of one instant in the
 * order in which they registered, and work that ends at the instant must come first.
 */
const sleepUntil = (clock: Clock.Clock, atNanos: bigint): Effect.Effect<void> =>
  Effect.suspend(() => {
    const leftNanos = atNanos - clock.monotonicTimeNanosUnsafe()
    if (leftNanos < resolutionNanos) return Effect.void
    const napNanos = leftNanos > 2n * nanosPerMilli ? leftNanos - nanosPerMilli : leftNanos
    return Effect.andThen(clock.sleep(Duration.nanos(napNanos)), sleepUntil(clock, atNanos))
  })
