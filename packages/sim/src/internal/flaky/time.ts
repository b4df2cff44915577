/** Time as a server sees it: that of the world, whatever the clock of its caller's host shows. */
import { Clock, Duration, Effect, type Fiber } from "effect"
import { CurrentHost } from "../host.ts"

/** An integer in a double: exact to the nanosecond for 104 days. */
export const nowNanos = (fiber: Fiber.Fiber<unknown, unknown>): number =>
  fiber.getRef(CurrentHost)?.driver.nowNanos ?? Number(fiber.getRef(Clock.Clock).monotonicTimeNanosUnsafe())

/** Waits on the caller's host. A wait of nothing still lets others run, as a round trip would. */
export const wait = (nanos: number): Effect.Effect<void> => {
  if (nanos === 0) return Effect.yieldNow
  return Effect.withFiber((fiber) => {
    const host = fiber.getRef(CurrentHost)
    if (host === undefined) return Effect.sleep(Duration.nanos(BigInt(nanos)))
    const { driver } = host
    return Effect.callback<void>((resume) => {
      const timer = driver.startTimer(host, nanos, () => resume(Effect.void))
      return Effect.sync(() => driver.cancelTimer(timer))
    })
  })
}
