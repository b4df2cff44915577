/** Row 19: in spicedb (issue 235), the losers of a hedged request kept running after the winner had answered. */
import { assert, describe, it } from "@effect/vitest"
import { FanOut } from "@holdfast/core"
import { Effect, Fiber, Ref } from "effect"
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
})
