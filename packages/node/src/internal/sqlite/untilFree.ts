/** Waiting for somebody else who has a database, without blocking anybody. */
import { Effect, Random } from "effect"
import { isBusy } from "./failure.ts"

/** Who only reads waits while somebody recovers the log, or closes it: a matter of milliseconds. */
const maxTries = 2000

const pause: Effect.Effect<void> = Effect.flatMap(Random.nextBetween(1, 4), Effect.sleep)

/** Tries until it is free, at the most for some seconds. `onError` is given what `attempt` throws. */
export const untilFree = <A, E>(
  attempt: () => Effect.Effect<A, E>,
  onError: (error: unknown) => E
): Effect.Effect<A, E> => {
  const again = (tries: number): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      try {
        return attempt()
      } catch (error) {
        return isBusy(error) && tries < maxTries
          ? Effect.andThen(pause, again(tries + 1))
          : Effect.fail(onError(error))
      }
    })
  return again(1)
}
