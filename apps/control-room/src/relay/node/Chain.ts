/** The chain of the node: a height, and those who wait for a greater one. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

export interface Chain {
  readonly tick: Effect.Effect<void>
  /** The height once it is above that one. */
  readonly above: (height: number) => Effect.Effect<number>
}

export const makeChain = (height: number): Effect.Effect<Chain> =>
  Effect.map(SubscriptionRef.make(height), (ref) => ({
    tick: SubscriptionRef.update(ref, (current) => current + 1),
    above: (height) =>
      SubscriptionRef.changes(ref).pipe(
        Stream.filter((current) => current > height),
        Stream.runHead,
        Effect.map(Option.getOrElse(() => height))
      )
  }))
