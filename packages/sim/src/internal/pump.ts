/**
 * Drives a run between turns of the real event loop, for programs with native promises.
 *
 * A promise settles in microtasks, which nothing can call for. So whenever no fiber is ready, one turn of the event loop
 * goes by before virtual time moves on. That is repeatable for promises that only wait for each other; the order in
 * which they settle is the platform's.
 */
import type { Driver, Stuck } from "./driver.ts"
import { seal, type Use } from "./seal.ts"

// house: the real event loop is what this driver is for; taken here, because a run seals the globals
const { setImmediate, setTimeout, clearTimeout } = globalThis

/** How a pump came to its end: the program had ended, unless something else is said. */
export interface Stop {
  readonly stuck?: Stuck
  readonly use?: Use
}

interface Options {
  readonly isDone: () => boolean
  readonly onStop: (stop: Stop) => void
  /** Whether time and chance are sealed while fibers run. */
  readonly sealed: boolean
  /** How long in real time nothing may happen before a run with nothing left to do counts as stuck. */
  readonly patienceMillis: number
}

const unsealed = (): undefined => undefined

export class Pump {
  private readonly driver: Driver
  private readonly options: Options
  private turn: ReturnType<typeof setImmediate> | undefined = undefined
  private patience: ReturnType<typeof setTimeout> | undefined = undefined
  /** Nothing was ready in the last turn either, so promises had their chance. */
  private idle = false
  private stopped = false

  constructor(driver: Driver, options: Options) {
    this.driver = driver
    this.options = options
    driver.onPost = () => this.wake()
  }

  /** Something is there to be done, or may be. */
  wake(): void {
    this.idle = false
    clearTimeout(this.patience)
    this.patience = undefined
    this.schedule()
  }

  stop(): void {
    this.stopped = true
    this.driver.onPost = undefined
    clearTimeout(this.patience)
  }

  private schedule(): void {
    if (this.stopped || this.turn !== undefined) return
    // house: see above
    this.turn = setImmediate(() => {
      this.turn = undefined
      this.run()
    })
  }

  private run(): void {
    if (this.stopped) return
    const { driver, options } = this
    const unseal = options.sealed ? seal("timeAndChance") : unsealed
    let stuck: Stuck | undefined
    let use: Use | undefined
    try {
      stuck = driver.isReady || !this.idle || driver.live > 0 ? driver.settle() : this.advance()
    } finally {
      use = unseal()
    }
    if (use !== undefined) return this.end({ use })
    if (options.isDone() || driver.violation !== undefined) return this.end({})
    if (stuck === "Deadlock") return this.wait()
    if (stuck !== undefined) return this.end({ stuck })
    if (driver.live > 0 && this.idle) return this.wait()
    this.idle = true
    this.schedule()
  }

  private advance(): Stuck | undefined {
    this.idle = false
    return this.driver.advance() ?? this.driver.settle()
  }

  /** Nothing is left in virtual time. A native promise may still bring something. */
  private wait(): void {
    // house: see above
    this.patience ??= setTimeout(() => this.end({ stuck: "Deadlock" }), this.options.patienceMillis)
  }

  private end(stop: Stop): void {
    this.stop()
    this.options.onStop(stop)
  }
}
