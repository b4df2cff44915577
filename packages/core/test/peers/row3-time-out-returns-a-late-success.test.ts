/**
 * Row 3 of the defects of peer libraries: a "cooperative" time-out of 20 ms returns a success at 202 ms.
 *
 * cockatiel 4, `TimeoutStrategy.Cooperative`: it only aborts a signal. Work that does not look at the signal goes on, and
 * its result is returned when it comes, however late. https://github.com/connor4312/cockatiel
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Effect, Exit, Latch } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"

/** Work that takes 202 ms and pays no attention to being interrupted. */
const deaf = Effect.uninterruptible(Effect.as(Effect.sleep("202 millis"), "late success"))

const once = Retry.policy({ attempts: 1, attemptTimeout: "20 millis", backoff: Backoff.none })

describe("row 3: a time-out of 20 ms over work of 202 ms", () => {
  const limits: ReadonlyArray<readonly [string, Effect.Effect<string, { readonly _tag: string }>, string]> = [
    ["DL-1: of a deadline", Deadline.within(deaf, "20 millis"), "DeadlineExceeded"],
    ["DL-1: of an attempt", Retry.run(deaf, once), "AttemptTimeout"]
  ]
  for (const [name, call, tag] of limits) {
    it.effect(`${name} fails at 20 ms, and the late success comes to nobody`, () =>
      Effect.gen(function* () {
        // Given work that does not cooperate
        // When its time is over
        const { elapsedMillis, exit } = yield* timed(Effect.flip(call), "20 millis")
        // Then the caller has the time-out, in time
        assert.strictEqual(elapsedMillis, 20)
        assert.strictEqual(Exit.isSuccess(exit) ? exit.value._tag : "", tag)
        // And the work is known to go on, until it ends
        assert.strictEqual((yield* Deadline.abandoned).length, 1)
        yield* TestClock.adjust("182 millis")
        assert.strictEqual((yield* Deadline.abandoned).length, 0)
      })
    )
  }

  it.live("DL-1: on the live clock, a time-out does not wait for work that ends only after it", () =>
    Effect.gen(function* () {
      // Given work that nothing but this test can end
      const release = yield* Latch.make()
      const deaf = Effect.uninterruptible(Effect.as(release.await, "late success"))
      // When its time is over
      const error = yield* Effect.flip(Retry.run(deaf, once))
      // Then its caller goes on, although it has not ended
      assert.isTrue(Retry.isAttemptTimeout(error))
      yield* release.open
    }).pipe(Effect.provide(Deadline.layerAbandoned()))
  )
})
