/** Real threads, over the suites of a fixture. */
import { Duration, Effect, Layer } from "effect"
import { Workers } from "../../src/workers.ts"

/** Threads start on a machine that may be very busy: only what hangs takes this long. */
export const timeout = 120_000

export const patience = Duration.minutes(1)

export const workers = (pattern: string): Layer.Layer<Workers> =>
  Workers.layer({ pattern, patience, heapMegabytes: 64 })

export const hire = (count: number) => Effect.flatMap(Workers, (service) => service.hire(count))

/** The same thread for all commands, because threads take long to start. */
export const oneWorker = (pattern: string): Layer.Layer<Workers> =>
  Layer.effect(
    Workers,
    Effect.map(hire(1), (crew) => ({ hire: () => Effect.succeed(crew) }))
  ).pipe(Layer.provide(workers(pattern)))
