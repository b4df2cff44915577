import { Effect, Fiber, Random } from "effect"

/**
 * A small program with one bug in it, that the simulator must find; and the program without it, which must pass.
 *
 * The twin differs in the bug alone, so that it proves the check right: what the one breaks, the other keeps.
 */
export interface Planted {
  readonly name: string
  /** What is wrong, in one sentence. */
  readonly bug: string
  /** It only shows in some interleavings of the fibers, and never in the calm one, whatever chance and the world do. */
  readonly interleaving: boolean
  /** Fails with a `Violation`, or a `Deadlock`, when the bug shows. */
  readonly program: Effect.Effect<void, unknown>
  readonly correct: Effect.Effect<void, unknown>
}

/** Runs effects in fibers of their own until all have ended. */
export const together = <A, E>(...effects: ReadonlyArray<Effect.Effect<A, E>>): Effect.Effect<void, E> =>
  Effect.flatMap(
    Effect.forEach(effects, (effect) => Effect.forkChild(effect)),
    Fiber.joinAll
  )

/** A whole number of milliseconds, from 0 to `max`. */
export const millisUpTo = (max: number): Effect.Effect<number> => Random.nextIntBetween(0, max)
