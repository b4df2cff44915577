/**
 * Effects that can be cut off together: when they are, their callers go on at once, whatever the effects do.
 *
 * As in `limit`, each runs in a fiber of its own, because only so can its caller go on while it cannot be interrupted.
 *
 *   Running ──ends──▶ Done (its result)
 *   Running ──cut──▶ Done (what it was cut with; what does not end at once is abandoned)
 *   Running ──caller interrupted──▶ Ending ──ends, or cut──▶ Done (the interruption)
 */
import { Effect, type Exit, type Fiber } from "effect"
import { abandon } from "./abandoned.ts"
import { currentFiber } from "./limit.ts"
import type { Caller } from "./timer.ts"

interface Cuttable<E2> {
  cut(error: E2): void
}

export class Cutter<E2> {
  readonly label: string
  private readonly runs = new Set<Cuttable<E2>>()

  constructor(label: string) {
    this.label = label
  }

  /** All that runs now; what begins later is not cut. */
  cut(error: E2): void {
    for (const run of Array.from(this.runs)) run.cut(error)
  }

  /**
   * Starts an effect for the running fiber, and gives what to do when that is interrupted, or `undefined` when the effect
   * has ended already: the body of an `Effect.callback`, in which nobody comes between a decision and the start.
   */
  start<A, E, R>(
    self: Effect.Effect<A, E, R>,
    resume: (effect: Effect.Effect<A, E | E2, R>) => void,
    settle: Settle<E2> = asItIs
  ): Effect.Effect<void> | undefined {
    const caller = currentFiber<R>()
    const run = new Run<A, E, E2>(this.runs, caller, this.label, resume, settle)
    // house: forks inline, in the caller's world, as `limit` does
    return run.follow(Effect.runForkWith(caller.context)(self))
  }
}

/** What comes out for a result that was not cut off. */
export type Settle<E2> = <A, E>(exit: Exit.Exit<A, E>) => Exit.Exit<A, E | E2>

const asItIs = <A>(exit: A): A => exit

class Run<A, E, E2> implements Cuttable<E2> {
  private readonly runs: Set<Cuttable<E2>>
  private readonly caller: Caller
  private readonly label: string
  private readonly settle: Settle<E2>
  private resume: ((effect: Effect.Effect<A, E | E2>) => void) | undefined
  private fiber: Fiber.Fiber<A, E> | undefined = undefined

  constructor(
    runs: Set<Cuttable<E2>>,
    caller: Caller,
    label: string,
    resume: (effect: Effect.Effect<A, E | E2>) => void,
    settle: Settle<E2>
  ) {
    this.runs = runs
    this.settle = settle
    this.caller = caller
    this.label = label
    this.resume = resume
    runs.add(this)
  }

  follow(fiber: Fiber.Fiber<A, E>): Effect.Effect<void> | undefined {
    // It has cut itself off as it began.
    if (this.resume === undefined) {
      abandon(this.caller, fiber, this.label)
      return undefined
    }
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      this.finish(exit)
      return undefined
    }
    this.fiber = fiber
    fiber.addObserver((exit) => this.finish(exit))
    return Effect.suspend(() => this.end())
  }

  cut(error: E2): void {
    // Taken first: the end of the work, which the interruption may cause at once, is no result any more.
    const resume = this.take()
    if (resume === undefined) return
    if (this.fiber !== undefined) abandon(this.caller, this.fiber, this.label)
    resume(Effect.fail(error))
  }

  private finish(exit: Exit.Exit<A, E>): void {
    const resume = this.take()
    if (resume !== undefined) resume(this.settle(exit))
  }

  private take() {
    const { resume } = this
    this.resume = undefined
    this.runs.delete(this)
    return resume
  }

  /** The caller was interrupted: so is the work, and the caller waits for its end, unless that is cut too. */
  private end(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.resume === undefined || this.fiber === undefined) return resume(Effect.void)
      this.resume = () => resume(Effect.void)
      this.fiber.interruptUnsafe(this.caller.id)
    })
  }
}
