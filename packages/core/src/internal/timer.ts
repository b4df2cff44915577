/**
 * One-shot timers on the monotonic time of the `Clock` service.
 *
 * `Clock` offers `sleep`, an effect, so a timer costs a fiber. On Effect's own live clock that fiber would be
 * half of what a deadline costs, so there the platform's timer is used directly. Every other clock (a test
 * clock, a simulated one, a decorated one) is slept on.
 */
import { Clock, Context, Duration, Effect, type Fiber } from "effect"

const nanosPerMilli = 1_000_000n

/** The longest delay that a platform timer takes: a longer one fires at once. */
const maxPlatformTimerMillis = 2 ** 31 - 1

const liveClock = Context.get(Context.empty(), Clock.Clock)

/**
 * The fiber on whose behalf something is done: what is used of it, so that a copy made while it runs can stand for it.
 * A fiber that has ended has an empty context.
 */
export type Caller = Pick<Fiber.Fiber<unknown, unknown>, "id" | "context" | "currentDispatcher">

/** Who is told that the time has come. */
export interface Ringable {
  ring(): void
}

export interface Timer {
  cancel(): void
}

/** Fibers have 0, and the lower number goes first. */
const priority = 1

/**
 * Rings once, in a task of its own on the caller's scheduler, when the clock reaches `atNanos`.
 *
 * The extra task, and its priority, let everything that became ready at the same instant run first, also what a
 * scheduler queues behind it.
 */
export const startTimer = (caller: Caller, clock: Clock.Clock, atNanos: bigint, target: Ringable): Timer =>
  clock === liveClock
    ? new PlatformTimer(caller, atNanos, target)
    : new SleepingTimer(caller, clock, atNanos, target)

class PlatformTimer implements Timer {
  private readonly caller: Caller
  private readonly atNanos: bigint
  private target: Ringable | undefined
  private handle: ReturnType<typeof setTimeout> | undefined = undefined

  constructor(caller: Caller, atNanos: bigint, target: Ringable) {
    this.caller = caller
    this.atNanos = atNanos
    this.target = target
    this.arm()
  }

  /** Waits for what is left: platform timers have a longest delay, and may come a little early. */
  arm(): void {
    const leftNanos = this.atNanos - liveClock.monotonicTimeNanosUnsafe()
    if (leftNanos <= 0n)
      return this.caller.currentDispatcher.scheduleTask(() => this.target?.ring(), priority)
    const leftMillis = Math.min(Math.ceil(Number(leftNanos) / 1e6), maxPlatformTimerMillis)
    // house: the primitive of the live clock itself, without the fiber that `Clock.sleep` needs (see above)
    this.handle = setTimeout(arm, leftMillis, this)
  }

  cancel(): void {
    this.target = undefined
    clearTimeout(this.handle)
  }
}

const arm = (timer: PlatformTimer): void => timer.arm()

class SleepingTimer implements Timer {
  private readonly sleeper: Fiber.Fiber<void>
  private target: Ringable | undefined

  constructor(caller: Caller, clock: Clock.Clock, atNanos: bigint, target: Ringable) {
    this.target = target
    const due = Effect.sync(() => caller.currentDispatcher.scheduleTask(() => this.target?.ring(), priority))
    // house: a timer is started from synchronous code; the context keeps it in the caller's world
    this.sleeper = Effect.runForkWith(caller.context)(Effect.andThen(sleepUntil(clock, atNanos), due))
  }

  cancel(): void {
    this.target = undefined
    this.sleeper.interruptUnsafe()
  }
}

/** How long before the instant a sleeper registers anew; fractions of a millisecond that floating point holds exactly. */
const approachesNanos = [nanosPerMilli, nanosPerMilli / 64n]

/**
 * Sleeps until shortly before the instant, then for the rest: clocks wake the sleepers of one instant in the order in
 * which they registered, and work that ends at the instant must come first.
 *
 * A clock that a nap does not move cannot tell what is left from nothing, so that is the instant too.
 */
const sleepUntil = (
  clock: Clock.Clock,
  atNanos: bigint,
  approach = 0,
  leftBefore?: bigint
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const leftNanos = atNanos - clock.monotonicTimeNanosUnsafe()
    const before = approachesNanos[approach]
    if (leftNanos <= 0n) return Effect.void
    if (before === undefined) {
      const rest = Effect.andThen(clock.sleep(Duration.nanos(leftNanos)), () =>
        sleepUntil(clock, atNanos, approach, leftNanos)
      )
      return leftNanos === leftBefore ? Effect.void : rest
    }
    const next = sleepUntil(clock, atNanos, approach + 1)
    return leftNanos > before ? Effect.andThen(clock.sleep(Duration.nanos(leftNanos - before)), next) : next
  })
