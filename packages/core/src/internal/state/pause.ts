/** Pauses between two tries for what another process has, since nobody wakes anybody there. */
import { Effect, Random } from "effect"

/** In milliseconds; drawn, so that those who wait do not try in step. */
export const pause = (atLeast: number, atMost: number): Effect.Effect<void> =>
  Effect.flatMap(Random.nextBetween(atLeast, atMost), Effect.sleep)

/** For what is mostly over by then, such as a commit. */
export const briefly = pause(1, 4)
