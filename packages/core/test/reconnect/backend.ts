/** A backend that does as it is told, and remembers what was asked of it. */
import { Clock, Effect, Schema, type Scope } from "effect"

export class Broken extends Schema.TaggedError<Broken>("test/Broken")("Broken", { of: Schema.Number }) {}
export class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", {
  attempt: Schema.Number
}) {}

export const isBroken = (error: unknown): error is Broken => error instanceof Broken

export interface Connection {
  readonly number: number
  readonly ask: Effect.Effect<string, Broken>
}

/** What an attempt to connect does, by its number from 1. */
export type Behaviour = (attempt: number) => Effect.Effect<unknown, unknown, Scope.Scope>

export const backend = (behaviour: Behaviour = () => Effect.void) => {
  /** When each attempt began, in seconds. */
  const attempts: Array<number> = []
  const events: Array<string> = []
  const broken = new Set<number>()
  const connect = Effect.gen(function* () {
    attempts.push((yield* Clock.currentTimeMillis) / 1000)
    const number = attempts.length
    yield* Effect.addFinalizer(() => Effect.sync(() => void events.push(`release ${number}`)))
    yield* behaviour(number)
    events.push(`connect ${number}`)
    const connection: Connection = {
      number,
      ask: Effect.suspend(() =>
        broken.has(number) ? Effect.fail(new Broken({ of: number })) : Effect.succeed(`answer of ${number}`)
      )
    }
    return connection
  })
  return {
    attempts,
    events,
    connect,
    break: (number: number) => void broken.add(number)
  }
}
