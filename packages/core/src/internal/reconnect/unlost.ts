/**
 * Errors that mean "lost" do not come out: it is `ConnectionLost` that comes out of a use for them, and a stream goes on
 * after them. Only their type is known, as that of the guard `isLost`, so only the types have to be told.
 */
import type { Effect, Stream } from "effect"

export const unlost = <L, A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, Exclude<E, L>, R> =>
  // house: see above
  self as Effect.Effect<A, Exclude<E, L>, R>

export const unlostStream = <L, A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, Exclude<E, L>, R> =>
  // house: see above
  self as Stream.Stream<A, Exclude<E, L>, R>
