/** What strategies of fail-over work on: a function for each node, which is asked and answers, in its time. */
import { Effect, Schema } from "effect"

export type Transport<in Req, out A, out E> = (request: Req) => Effect.Effect<A, E>

/** A strategy gave a request up. The node may go on. */
export class GaveUp extends Schema.TaggedError<GaveUp>("sim/GaveUp")("GaveUp", {
  afterMillis: Schema.Number
}) {}

export const within = <A, E>(self: Effect.Effect<A, E>, millis: number): Effect.Effect<A, E | GaveUp> =>
  Effect.timeoutOrElse(self, {
    duration: millis,
    orElse: () => Effect.fail(new GaveUp({ afterMillis: millis }))
  })
