/**
 * Row 4 of the defects of peer libraries: a total limit does not interrupt an attempt.
 *
 * p-retry 9: `maxRetryTime: 100` is looked at between attempts only, so a first attempt of 300 ms takes 304 ms, limit or
 * not. https://github.com/sindresorhus/p-retry
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Cause, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"

const policy = Retry.policy({ attempts: 10, backoff: Backoff.none })

/** An attempt that fails after a while, and notes how it went. */
const attempt = (millis: number, log: Array<string>) =>
  Effect.andThen(
    Effect.sync(() => log.push("started")),
    Effect.andThen(Effect.sleep(millis), Effect.fail("down"))
  ).pipe(Effect.onInterrupt(() => Effect.sync(() => log.push("interrupted"))))

describe("row 4: a total limit of 100 ms", () => {
  for (const [millis, expected] of [
    [300, ["started", "interrupted"]],
    [60, ["started", "started", "interrupted"]]
  ] as const) {
    it.effect(
      `DL-1: over attempts of ${millis} ms ends the call at 100 ms, in the middle of an attempt`,
      () =>
        Effect.gen(function* () {
          // Given a call with many attempts, and 100 ms for all of them
          const log: Array<string> = []
          const call = Deadline.within(Retry.run(attempt(millis, log), policy), "100 millis", {
            label: "total"
          })
          // When they are over
          const { elapsedMillis, exit } = yield* timed(call, "1 second")
          // Then so is the call, and it says why
          assert.strictEqual(elapsedMillis, 100)
          const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.isTrue(error instanceof Deadline.DeadlineExceeded && error.label === "total")
          // And the attempt in flight was interrupted, and no other made
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(log, Array.from<string>(expected))
        })
    )
  }
})
