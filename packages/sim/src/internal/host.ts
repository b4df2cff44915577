/**
 * One life of a machine: its fibers run through its own scheduler, on its own clock.
 *
 * A fiber takes its scheduler from its context and hands it to its children, so whatever begins in a host's context
 * stays on the host. A host that has died drops its tasks and timers for ever: nothing runs again, finalizers neither.
 */
import { type Clock, Context, Duration, Effect, type Fiber, type Scheduler } from "effect"
import type { Driver } from "./driver.ts"
import { noTimer, type Task } from "./ready.ts"

export type HostStatus = "up" | "paused" | "dead"

export class HostState {
  readonly name: string
  readonly incarnation: number
  readonly driver: Driver
  readonly clock: HostClock
  readonly scheduler: HostScheduler
  status: HostStatus = "up"
  /** What came due during a pause, in order. */
  private held: Array<Task> = []

  constructor(driver: Driver, name: string, incarnation: number) {
    this.driver = driver
    this.name = name
    this.incarnation = incarnation
    this.clock = new HostClock(driver, this)
    this.scheduler = new HostScheduler(driver, this)
  }

  get dispatcher(): Scheduler.SchedulerDispatcher {
    return this.scheduler
  }

  hold(task: Task): void {
    this.held.push(task)
  }

  crash(): void {
    this.status = "dead"
    this.held = []
    this.driver.dropTimers(this)
  }

  pause(): void {
    if (this.status === "up") this.status = "paused"
  }

  resume(): void {
    if (this.status !== "paused") return
    this.status = "up"
    const { held } = this
    this.held = []
    for (const task of held) this.driver.post(this, task, 0)
  }
}

/** Asked before every operation of a fiber, so this is where a schedule is made, and where hosts are kept apart. */
class HostScheduler implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher {
  readonly executionMode = "sync"
  private readonly driver: Driver
  private readonly host: HostState

  constructor(driver: Driver, host: HostState) {
    this.driver = driver
    this.host = host
  }

  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.driver.realistic ? new StockDispatcher(this.driver, this.host) : this
  }

  scheduleTask(task: Task, priority: number): void {
    this.driver.post(this.host, task, priority, noTimer)
  }

  /** Only ever called to run what is left when a synchronous run ends; a simulated run drives itself. */
  flush(): void {}

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    const { driver, host } = this
    // Something resumed the fiber from the stack of another host, or of none: it goes on through its own queue, which
    // a dead host drops and a paused one holds.
    // The same for a host that has just crashed or paused itself.
    const { fibers } = driver
    if (driver.current !== host || host.status !== "up") return fibers.bounce(host, fiber)
    const operations = fiber.currentOpCount
    if (operations === 1) return fibers.enter(fiber)
    // A fiber that yields again before it has done anything would not get on.
    if (operations <= 2) return false
    if (operations >= fiber.cache.maxOpsBeforeYield) return fibers.endSlice(fiber)
    return --fibers.gapLeft <= 0 && fibers.preempt(fiber)
  }
}

/**
 * What each fiber has on the stock scheduler: a batch of tasks that run one after the other, by priority, when the turn
 * of the first comes.
 */
class StockDispatcher implements Scheduler.SchedulerDispatcher {
  private readonly driver: Driver
  private readonly host: HostState
  private batch: Array<{ readonly task: Task; readonly priority: number }> = []

  constructor(driver: Driver, host: HostState) {
    this.driver = driver
    this.host = host
  }

  scheduleTask(task: Task, priority: number): void {
    const { batch } = this
    if (batch.length === 0) this.driver.post(this.host, () => this.run(), 0, noTimer)
    let at = batch.length
    while (at > 0 && (batch[at - 1]?.priority ?? 0) > priority) at--
    batch.splice(at, 0, { task, priority })
  }

  flush(): void {}

  private run(): void {
    const { batch, driver, host } = this
    this.batch = []
    for (const { task } of batch) {
      // The host crashed or paused in the middle.
      if (host.status !== "up") driver.post(host, task, 0)
      else driver.slice(task)
    }
  }
}

const nanosPerMilli = 1e6

/**
 * A host's own idea of time, with everything that `TestClock` offers.
 *
 * Instants are integers in a double: exact to the nanosecond for 104 days, then to a few.
 */
export class HostClock implements Clock.Clock {
  private readonly driver: Driver
  private readonly host: HostState
  /** Where the host's clock was last set: true time, and what its monotonic clock showed then. */
  private anchorNanos = 0
  private shownNanos = 0
  private rate = 1
  private wallOffsetNanos = 0
  private cachedAt = -1
  private cached = 0n

  constructor(driver: Driver, host: HostState) {
    this.driver = driver
    this.host = host
  }

  get currentTimeMillis(): Effect.Effect<number> {
    return Effect.sync(() => this.currentTimeMillisUnsafe())
  }

  get currentTimeNanos(): Effect.Effect<bigint> {
    return Effect.sync(() => this.currentTimeNanosUnsafe())
  }

  get monotonicTimeNanos(): Effect.Effect<bigint> {
    return Effect.sync(() => this.monotonicTimeNanosUnsafe())
  }

  private monotonicNanos(): number {
    return this.rate === 1
      ? this.driver.nowNanos - this.anchorNanos + this.shownNanos
      : Math.round((this.driver.nowNanos - this.anchorNanos) * this.rate) + this.shownNanos
  }

  currentTimeMillisUnsafe(): number {
    return (this.monotonicNanos() + this.wallOffsetNanos) / nanosPerMilli
  }

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.monotonicNanos() + this.wallOffsetNanos)
  }

  monotonicTimeNanosUnsafe(): bigint {
    const now = this.monotonicNanos()
    if (now !== this.cachedAt) {
      this.cachedAt = now
      this.cached = BigInt(now)
    }
    return this.cached
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    const nanos = Math.max(1, Math.round((millis * nanosPerMilli) / this.rate))
    const { driver, host } = this
    return Effect.callback<void>((resume) => {
      const timer = driver.startTimer(host, nanos, () => resume(Effect.void))
      return Effect.sync(() => driver.cancelTimer(timer))
    })
  }

  /** The wall clock jumps by `offsetMillis`, and from now on a second of the host takes `1 / rate` seconds. */
  skew(offsetMillis: number, rate: number): void {
    this.shownNanos = this.monotonicNanos()
    this.anchorNanos = this.driver.nowNanos
    this.rate = rate
    this.wallOffsetNanos += Math.round(offsetMillis * nanosPerMilli)
  }

  /** A host that starts now: its monotonic clock begins at zero, its wall clock goes on, right or wrong. */
  boot(before: HostClock): void {
    this.anchorNanos = this.driver.nowNanos
    this.rate = before.rate
    this.wallOffsetNanos = before.monotonicNanos() + before.wallOffsetNanos
  }

  // What `TestClock` adds. Its module finds these by the clock's shape.

  adjust(duration: Duration.Input): Effect.Effect<void> {
    const millis = Duration.toMillis(Duration.fromInputUnsafe(duration))
    return this.whenIdle(millis * nanosPerMilli)
  }

  setTime(timestamp: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const ahead = Math.round((timestamp - this.currentTimeMillisUnsafe()) * nanosPerMilli)
      if (ahead >= 0) return this.whenIdle(ahead)
      return Effect.andThen(
        this.whenIdle(0),
        Effect.sync(() => {
          this.wallOffsetNanos += ahead
        })
      )
    })
  }

  withLive<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return this.driver.withLive(effect)
  }

  /** Ends at an instant, after everything else that happens at it. */
  private whenIdle(afterNanos: number): Effect.Effect<void> {
    if (!Number.isFinite(afterNanos)) return Effect.never
    const { driver, host } = this
    return Effect.callback<void>((resume) => {
      const wait = driver.startIdleWait(host, Math.max(0, Math.round(afterNanos)), () => resume(Effect.void))
      return Effect.sync(() => driver.cancelIdleWait(wait))
    })
  }
}

/** What is wrong with a clock's error. Beyond these rates and offsets an instant of the host would be no exact number. */
export const mistakeInSkew = (offsetMillis: number, rate: number): string | undefined => {
  if (!(Math.abs(offsetMillis) <= maxOffsetMillis))
    return `an offset is at most a hundred years, not ${offsetMillis} ms`
  return rate >= 0.001 && rate <= 1000 ? undefined : `a rate is from 0.001 to 1,000, not ${rate}`
}

const maxOffsetMillis = 100 * 365.25 * 86_400_000

/** The host that the running fiber belongs to; `undefined` outside a simulation. */
export const CurrentHost = Context.Reference<HostState | undefined>("@holdfast/sim/CurrentHost", {
  defaultValue: () => undefined
})
