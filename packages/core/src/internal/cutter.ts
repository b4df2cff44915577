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
import { apart } from "./apart.ts"
import { currentFiber } from "./limit.ts"
import type { Caller } from "./timer.ts"

interface Cuttable<E2> {
  /** Interrupts the work, and gives what lets the caller go on. */
  cut(error: E2): () => void
}

export class Cutter<E2> {
  readonly label: string
  /** What runs now: each enters and leaves by itself. */
  readonly runs = new Set<Cuttable<E2>>()
  /** What was cut, and did not end at once. */
  readonly remains: Array<Fiber.Fiber<unknown, unknown>> = []

  constructor(label: string) {
    this.label = label
  }

  /** All that runs now; what begins later is not cut. No caller goes on before everything is interrupted. */
  cut(error: E2): void {
    const goOn = Array.from(this.runs, (run) => run.cut(error))
    for (const next of goOn) apart(next)
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
    const run = new Run<A, E, E2>(this, caller, resume, settle)
    // house: forks inline, in the caller's world, as `limit` does
    return run.follow(Effect.runForkWith(caller.context)(self))
  }
}

/** What comes out for a result that was not cut off. */
export type Settle<E2> = <A, E>(exit: Exit.Exit<A, E>) => Exit.Exit<A, E | E2>

const asItIs = <A>(exit: A): A => exit

class Run<A, E, E2> implements Cuttable<E2> {
  private readonly cutter: Cutter<E2>
  private readonly caller: Caller
  private readonly settle: Settle<E2>
  private resume: ((effect: Effect.Effect<A, E | E2>) => void) | undefined
  private fiber: Fiber.Fiber<A, E> | undefined = undefined

  constructor(
    cutter: Cutter<E2>,
    caller: Caller,
    resume: (effect: Effect.Effect<A, E | E2>) => void,
    settle: Settle<E2>
  ) {
    this.cutter = cutter
    this.caller = caller
    this.resume = resume
    this.settle = settle
    cutter.runs.add(this)
  }

  follow(fiber: Fiber.Fiber<A, E>): Effect.Effect<void> | undefined {
    // It has cut itself off as it began.
    if (this.resume === undefined) {
      this.leave(fiber)
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

  cut(error: E2): () => void {
    // Taken first: the end of the work, which the interruption may cause at once, is no result any more.
    const resume = this.take()
    if (resume !== undefined && this.fiber !== undefined) this.leave(this.fiber)
    return () => resume?.(Effect.fail(error))
  }

  private leave(fiber: Fiber.Fiber<A, E>): void {
    const { caller, cutter } = this
    abandon(caller, fiber, cutter.label)
    if (fiber.pollUnsafe() === undefined) cutter.remains.push(fiber)
  }

  private finish(exit: Exit.Exit<A, E>): void {
    const resume = this.take()
    if (resume !== undefined) resume(this.settle(exit))
  }

  private take() {
    const { resume } = this
    this.resume = undefined
    this.cutter.runs.delete(this)
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
