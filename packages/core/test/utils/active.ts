import { Effect, Metric } from "effect"

/** How many fibers and platform timers an effect leaves behind. */
export const left = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    let alive = 0
    const counting = {
      recordFiberStart: () => {
        alive++
      },
      recordFiberEnd: () => {
        alive--
      }
    }
    const timersBefore = timers()
    yield* Effect.provideService(effect, Metric.FiberRuntimeMetrics, counting)
    return { fibers: alive, timers: timers() - timersBefore }
  })

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
