/** Row 19: in spicedb (issue 235), the losers of a hedged request kept running after the winner had answered. */
import { assert, describe, it } from "@effect/vitest"
import { Failover, FanOut } from "@holdfast/core"
import { Effect, Fiber, Logger, Ref } from "effect"
import { TestClock } from "effect/testing"

describe("row 19", () => {
  it.effect("when the first answer is enough, the losers stop at once", () =>
    Effect.gen(function* () {
      // Given losers that would go on working in steps
      const steps = yield* Ref.make(0)
      const loser = Effect.forever(
        Effect.andThen(
          Ref.update(steps, (n) => n + 1),
          Effect.sleep(10)
        )
      )
      const call = (name: string) => (name === "winner" ? Effect.as(Effect.sleep(35), name) : loser)

      // When the winner has answered
      const batch = FanOut.run(["a", "winner", "b"], call, { until: "first" })
      const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
      yield* TestClock.adjust(35)
      const report = yield* Fiber.join(fiber)
      const atReturn = yield* Ref.get(steps)

      // Then no loser takes another step
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Ref.get(steps), atReturn)
      assert.strictEqual(atReturn, 8)
      assert.strictEqual(report.cancelled.length, 2)
    })
  )

  it.effect("when a hedge has answered, the first attempt stops at once", () =>
    Effect.gen(function* () {
      // Given a pool whose calls took 10 ms, so that one which takes longer is hedged
      const steps = yield* Ref.make(0)
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("loser", "client"), Failover.endpoint("winner", "client")],
        probe: () => Effect.void,
        classify: () => Failover.endpointFault,
        hedge: { budget: 1 }
      })
      const warmUp = pool.execute((_, id) => Effect.as(Effect.sleep(10), id), { idempotent: true })
      for (let call = 0; call < 100; call++) {
        const fiber = yield* Effect.forkChild(warmUp, { startImmediately: true })
        yield* TestClock.adjust(10)
        assert.strictEqual(yield* Fiber.join(fiber), "loser")
      }

      // When the route goes on working in steps, and the hedge answers after 25 ms
      const loser = Effect.forever(
        Effect.andThen(
          Ref.update(steps, (n) => n + 1),
          Effect.sleep(10)
        )
      )
      const call = pool.execute((_, id) => (id === "loser" ? loser : Effect.as(Effect.sleep(25), id)), {
        idempotent: true
      })
      const fiber = yield* Effect.forkChild(call, { startImmediately: true })
      yield* TestClock.adjust(40)
      assert.strictEqual(yield* Fiber.join(fiber), "winner")
      const atReturn = yield* Ref.get(steps)

      // Then the loser takes no further step
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Ref.get(steps), atReturn)
      assert.isAbove(atReturn, 1)
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
