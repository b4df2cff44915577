/**
 * Row 1 of the defects of peer libraries: retry sleeps through an abort and then calls again; an already aborted call
 * still runs once.
 *
 * cockatiel 4, `RetryPolicy.execute`: the delay between two attempts is a bare timer, so an abort after 50 ms of a delay
 * of 300 ms ends the call after 301 ms, and the signal is first looked at by the next attempt, which is made. A call
 * whose signal was aborted before it began makes its first attempt too. https://github.com/connor4312/cockatiel
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Retry } from "@holdfast/core"
import { Effect, Exit, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { during } from "../utils/run.ts"
import { elapsedMillis } from "../utils/time.ts"

const failing = () => {
  const starts: Array<number> = []
  const attempt = Effect.flatMap(elapsedMillis, (now) => {
    starts.push(now)
    return Effect.fail("down")
  })
  return { attempt, starts }
}

const policy = Retry.policy({ attempts: 5, backoff: Backoff.constant("300 millis") })

describe("row 1: a retry that is aborted", () => {
  it.effect("RT-4: an abort 50 ms into a delay of 300 ms ends the call at 50 ms", () =>
    Effect.gen(function* () {
      // Given a call that waits between two attempts
      const { attempt, starts } = failing()
      const fiber = yield* during(Retry.run(attempt, policy), 50)
      // When it is interrupted
      yield* Fiber.interrupt(fiber)
      // Then it has ended there and then
      assert.strictEqual(yield* elapsedMillis, 50)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      // And never makes another attempt
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(starts, [0])
    })
  )

  it.live("RT-4: an AbortSignal does the same, in real time", () =>
    Effect.gen(function* () {
      // Given a call that is run with a signal and waits an hour between two attempts
      const { attempt, starts } = failing()
      const attempted = yield* Latch.make()
      const patient = Retry.policy({ attempts: 2, backoff: Backoff.constant("1 hour") })
      const controller = new AbortController()
      const call = Retry.run(Effect.andThen(attempted.open, attempt), patient)
      const ended = Effect.runPromiseExit(call, { signal: controller.signal })
      yield* attempted.await
      // When the signal is aborted
      controller.abort()
      // Then the call ends, and has made one attempt
      assert.isTrue(Exit.hasInterrupts(yield* Effect.promise(() => ended)))
      assert.strictEqual(starts.length, 1)
    })
  )

  it.effect("RT-4: a call that is interrupted before it begins makes no attempt at all", () =>
    Effect.gen(function* () {
      // Given a caller that was interrupted while it could not be
      const { attempt, starts } = failing()
      const busy = Effect.uninterruptible(
        Effect.andThen(Effect.sleep("1 second"), Effect.interruptible(Retry.run(attempt, policy)))
      )
      const fiber = yield* during(busy, 500)
      fiber.interruptUnsafe()
      // When it comes to its call
      yield* TestClock.adjust("1 hour")
      // Then there is no attempt
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(starts, [])
    })
  )
})
