/** The services that every fiber of a host finds in its context. */
import {
  Cause,
  Clock,
  Console,
  Context,
  Formatter,
  Logger,
  Metric,
  Random,
  Scheduler,
  Scope,
  Tracer
} from "effect"
import { currentDriver, tracedConsole } from "./console.ts"
import type { Driver } from "./driver.ts"
import { FaultPoints } from "./faults/point.ts"
import { CurrentHost, type HostState } from "./host.ts"
import { Dice } from "./source.ts"

/** How many values a `random` choice has. */
const variants = 256

/** The largest number below 1. */
const almostOne = 1 - 2 ** -53

/**
 * Random numbers of which 0 is the calm one: the number that the unperturbed generator has at this place.
 *
 * If calm meant "the smallest", shrinking would make all identifiers of a program equal, and report what that breaks.
 * Two choices are the ends of the range, because what a bound bounds is reached there.
 */
class SimulatedRandom implements Random.Random {
  private readonly driver: Driver
  private dice: Dice | undefined = undefined

  constructor(driver: Driver) {
    this.driver = driver
  }

  nextDoubleUnsafe(): number {
    this.dice ??= new Dice(0)
    const calm = this.dice.fraction()
    const choice = this.driver.source.draw("random", variants)
    this.driver.hash.mix(choice)
    if (choice === 0) return calm
    if (choice < 16) return choice % 2 === 0 ? almostOne : 0
    return (calm + choice / variants) % 1
  }

  nextIntUnsafe(): number {
    const range = Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1
    return Math.floor(this.nextDoubleUnsafe() * range) + Number.MIN_SAFE_INTEGER
  }
}

const loggers: ReadonlySet<Logger.Logger<unknown, unknown>> = new Set([
  Logger.make(({ cause, logLevel, message }) => {
    const texts = Array.isArray(message) ? message : [message]
    const said = texts.map((text) => (typeof text === "string" ? text : Formatter.format(text)))
    if (cause.reasons.length > 0) said.push(Cause.pretty(cause))
    currentDriver()?.emit("log", `${logLevel}: ${said.join(" ")}`)
  })
])

/** Spans are Effect's own, with identifiers that count. */
const tracerOf = (context?: Tracer.Tracer["context"]): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const driver = currentDriver()
      const id = (driver === undefined ? 0 : ++driver.spans).toString(16)
      span._spanId = id.padStart(16, "0")
      if (options.parent._tag === "None") span._traceId = id.padStart(32, "0")
      return span
    },
    context
  })

const tracer = tracerOf()

/** The scopes that fibers started in: one that is still open when the run has ended was forgotten. */
class Scopes {
  private readonly seen = new Set<Scope.Scope>()
  private last: Scope.Scope | undefined = undefined
  private sweepAt = 1024

  see(scope: Scope.Scope | undefined): void {
    if (scope === undefined || scope === this.last) return
    this.last = scope
    this.seen.add(scope)
    if (this.seen.size < this.sweepAt) return
    for (const one of this.seen) if (one.state._tag === "Closed") this.seen.delete(one)
    this.sweepAt = Math.max(1024, 2 * this.seen.size)
  }

  get open(): number {
    let open = 0
    for (const scope of this.seen) if (scope.state._tag === "Open") open++
    return open
  }
}

/** The part of a world that its hosts share. */
export class World {
  readonly driver: Driver
  readonly scopes = new Scopes()
  private readonly random: SimulatedRandom
  private readonly tracer: Tracer.Tracer

  constructor(driver: Driver, watch?: Tracer.Tracer["context"]) {
    this.driver = driver
    this.random = new SimulatedRandom(driver)
    this.tracer = watch === undefined ? tracer : tracerOf(watch)
    driver.services = this
  }

  recordFiberStart(context: Context.Context<never>): void {
    this.driver.fibers.live++
    this.scopes.see(Context.getOrUndefined(context, Scope.Scope))
  }

  recordFiberEnd(): void {
    this.driver.fibers.live--
  }

  /** A context that holds nothing of any other host. */
  contextOf(host: HostState): Context.Context<never> {
    const services = new Map<string, unknown>()
    services.set(Clock.Clock.key, host.clock)
    services.set(Scheduler.Scheduler.key, host.scheduler)
    services.set(Random.Random.key, this.random)
    services.set(CurrentHost.key, host)
    services.set(Tracer.Tracer.key, this.tracer)
    services.set(Console.Console.key, tracedConsole)
    services.set(Logger.CurrentLoggers.key, loggers)
    // What a host leaves behind ends with the host; only the program itself can leak.
    if (host === this.driver.main) services.set(Metric.FiberRuntimeMetrics.key, this)
    if (this.driver.atPoint !== undefined) services.set(FaultPoints.key, this.driver.atPoint)
    return Context.makeUnsafe(services)
  }
}
