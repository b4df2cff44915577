/**
 * Row 16: opossum shares one AbortController among the calls of a breaker, so that the time-out of one call aborts its
 * siblings too.
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, FanOut, Retry } from "@holdfast/core"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

/** Work on a platform API that is cancelled by a signal, and notes whether it was. */
const request = (name: string, millis: number, aborted: Array<string>) =>
  Effect.gen(function* () {
    yield* Effect.onInterrupt(Effect.sleep(millis), () => Effect.sync(() => aborted.push(name)))
    return name
  })

describe("row 16", () => {
  it.effect("a call that runs out of time aborts itself and no sibling", () =>
    Effect.gen(function* () {
      // Given three calls of one batch that share one policy
      const aborted: Array<string> = []
      const millis: Record<string, number> = { slow: 5000, medium: 900, fast: 100 }
      const policy = Retry.policy({ attempts: 1, attemptTimeout: "1 second", backoff: Backoff.none })
      const batch = FanOut.run(
        ["slow", "medium", "fast"],
        (name) => request(name, millis[name] ?? 0, aborted),
        {
          retry: policy
        }
      )

      // When one of them runs out of time
      const fiber = yield* Effect.forkChild(batch, { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      const report = yield* Fiber.join(fiber)

      // Then it alone was aborted, and the others have their answers
      assert.deepStrictEqual(aborted, ["slow"])
      assert.deepStrictEqual(
        report.answered.map((answer) => answer.value),
        ["fast", "medium"]
      )
    })
  )

  it.effect("nor does a deadline cut anything but its own work", () =>
    Effect.gen(function* () {
      // Given two calls at the same time, made with the same combinator
      const aborted: Array<string> = []
      const limited = Deadline.within("1 second")
      const both = Effect.all(
        [Effect.exit(limited(request("slow", 5000, aborted))), request("sibling", 3000, aborted)],
        {
          concurrency: "unbounded"
        }
      )

      // When the deadline of one fires
      const fiber = yield* Effect.forkChild(both, { startImmediately: true })
      yield* TestClock.adjust("3 seconds")

      // Then the other one ends by itself
      const [, sibling] = yield* Fiber.join(fiber)
      assert.strictEqual(sibling, "sibling")
      assert.deepStrictEqual(aborted, ["slow"])
    })
  )
})
