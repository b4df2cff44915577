/** The delays of a backoff, one after the other. */
import { Clock, Duration, Effect, Pull, Schedule } from "effect"
import { type Input, toSchedule } from "../Backoff.ts"

/** The delay after the next failure, whatever failed; `undefined` when the backoff is a schedule that has ended. */
export type Delays = (failure: unknown) => Effect.Effect<Duration.Duration | undefined>

/** Begins anew. */
export const delaysOf = (backoff: Input): Effect.Effect<Delays> =>
  Effect.map(
    Schedule.toStep(Schedule.isSchedule(backoff) ? backoff : toSchedule(backoff)),
    (step) => (failure) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Pull.catchDone(
          Effect.map(step(now, failure), ([, delay]) => Duration.max(delay, Duration.zero)),
          () => Effect.undefined
        )
      )
  )
