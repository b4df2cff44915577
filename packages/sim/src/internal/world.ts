/** The services that every fiber of a host finds in its context. */
import { Clock, Console, Context, Logger, Metric, Random, Scheduler, Scope } from "effect"
import type { Driver } from "./driver.ts"
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
const randomOf = (driver: Driver): Random.Random => {
  let dice: Dice | undefined
  const next = (): number => {
    dice ??= new Dice(0)
    const calm = dice.fraction()
    const choice = driver.source.draw("random", variants)
    if (choice === 0) return calm
    if (choice < 16) return choice % 2 === 0 ? almostOne : 0
    return (calm + choice / variants) % 1
  }
  const range = Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1
  return {
    nextDoubleUnsafe: next,
    nextIntUnsafe: () => Math.floor(next() * range) + Number.MIN_SAFE_INTEGER
  }
}

const consoleOf = (driver: Driver): Console.Console => {
  const print = (...args: ReadonlyArray<unknown>) => driver.emit("log", args.map(String).join(" "))
  const quiet = () => {}
  return {
    assert: (condition, ...args) => (condition ? undefined : print("Assertion failed:", ...args)),
    clear: quiet,
    count: quiet,
    countReset: quiet,
    debug: print,
    dir: print,
    dirxml: print,
    error: print,
    group: print,
    groupCollapsed: print,
    groupEnd: quiet,
    info: print,
    log: print,
    table: print,
    time: quiet,
    timeEnd: quiet,
    timeLog: quiet,
    trace: print,
    warn: print
  }
}

const loggersOf = (driver: Driver): ReadonlySet<Logger.Logger<unknown, unknown>> =>
  new Set([
    Logger.make(({ logLevel, message }) => {
      driver.emit("log", `${logLevel}: ${Array.isArray(message) ? message.map(String).join(" ") : message}`)
    })
  ])

/** The scopes that fibers started in: one that is still open when the run has ended was forgotten. */
export class Scopes {
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
  private readonly fibers: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: (context) => {
      this.driver.liveFibers++
      this.scopes.see(Context.getOrUndefined(context, Scope.Scope))
    },
    recordFiberEnd: () => {
      this.driver.liveFibers--
    }
  }
  private readonly shared: ReadonlyArray<readonly [string, unknown]>

  constructor(driver: Driver, extra: ReadonlyArray<readonly [string, unknown]> = []) {
    this.driver = driver
    this.shared = [
      [Random.Random.key, randomOf(driver)],
      [Console.Console.key, consoleOf(driver)],
      [Logger.CurrentLoggers.key, loggersOf(driver)],
      ...extra
    ]
    driver.contextOf = (host) => this.contextOf(host)
  }

  /** A context that holds nothing of any other host. */
  contextOf(host: HostState): Context.Context<never> {
    return Context.makeUnsafe(
      new Map<string, unknown>([
        [Clock.Clock.key, host.clock],
        [Scheduler.Scheduler.key, host.scheduler],
        [CurrentHost.key, host],
        // What a host leaves behind ends with the host; only the program itself can leak.
        [Metric.FiberRuntimeMetrics.key, host === this.driver.main ? this.fibers : undefined],
        ...this.shared
      ])
    )
  }
}
