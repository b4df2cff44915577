/**
 * A second try beside the first, when that takes long.
 *
 *   First ──ends──▶ Done
 *   First ──its time is over, or it gives up──▶ Both ──one ends──▶ Done (the other is abandoned)
 *                                               Both ──one gives up──▶ waits for the other ──▶ Done
 */
import { type Clock, Effect, type Exit, Fiber } from "effect"
import { abandon } from "../abandoned.ts"
import { currentFiber } from "../limit.ts"
import { type Caller, type Ringable, startTimer, type Timer } from "../timer.ts"

export interface Hedge<A, E, R> {
  readonly label: string
  readonly clock: Clock.Clock
  readonly afterNanos: bigint
  readonly first: Effect.Effect<A, E, R>
  /** Begins when its time has come; `undefined`: it may not. */
  readonly second: () => Effect.Effect<A, E, R> | undefined
  /** It has nothing to say: the other one may have. */
  readonly gaveUp: (exit: Exit.Exit<A, E>) => boolean
}

class Race<A, E, R> implements Ringable {
  private readonly hedge: Hedge<A, E, R>
  private readonly caller: Caller
  private readonly start: (self: Effect.Effect<A, E, R>) => Fiber.Fiber<A, E>
  private resume: ((exit: Exit.Exit<A, E>) => void) | undefined
  private readonly legs = new Set<Fiber.Fiber<A, E>>()
  private timer: Timer | undefined = undefined

  constructor(
    hedge: Hedge<A, E, R>,
    caller: Caller,
    start: (self: Effect.Effect<A, E, R>) => Fiber.Fiber<A, E>,
    resume: (exit: Exit.Exit<A, E>) => void
  ) {
    this.hedge = hedge
    this.caller = caller
    this.start = start
    this.resume = resume
  }

  begin(): Effect.Effect<void> | undefined {
    const { clock, first, afterNanos } = this.hedge
    this.follow(this.start(first))
    if (this.resume === undefined) return undefined
    this.timer = startTimer(this.caller, clock, clock.monotonicTimeNanosUnsafe() + afterNanos, this)
    return Effect.suspend(() => {
      this.timer?.cancel()
      this.resume = undefined
      return Fiber.interruptAll(this.legs)
    })
  }

  /** Called by the timer. */
  ring(): void {
    this.timer = undefined
    const second = this.hedge.second()
    if (second !== undefined) this.follow(this.start(second))
  }

  private follow(leg: Fiber.Fiber<A, E>): void {
    this.legs.add(leg)
    leg.addObserver((exit) => this.ended(leg, exit))
  }

  private ended(leg: Fiber.Fiber<A, E>, exit: Exit.Exit<A, E>): void {
    this.legs.delete(leg)
    const { resume } = this
    if (resume === undefined || (this.legs.size > 0 && this.hedge.gaveUp(exit))) return
    // Taken first: the ends of the others are no results any more.
    this.resume = undefined
    this.timer?.cancel()
    for (const loser of this.legs) abandon(this.caller, loser, this.hedge.label)
    resume(exit)
  }
}

export const hedged = <A, E, R>(hedge: Hedge<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.callback<A, E, R>((resume) => {
    const caller = currentFiber<R>()
    // house: forks inline and detached, in the caller's world, as `limit` does
    const start = (self: Effect.Effect<A, E, R>) => Effect.runForkWith(caller.context)(self)
    return new Race(hedge, caller, start, resume).begin()
  })
