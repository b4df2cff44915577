import { Effect, Metric } from "effect"
import * as Timers from "./timers.ts"

/** How many fibers and platform timers an effect leaves behind. */
export const left = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    let fibers = 0
    const counting = {
      recordFiberStart: () => {
        fibers++
      },
      recordFiberEnd: () => {
        fibers--
      }
    }
    return Timers.left(Effect.provideService(effect, Metric.FiberRuntimeMetrics, counting)).pipe(
      Effect.map((timers) => ({ fibers, timers }))
    )
  })
