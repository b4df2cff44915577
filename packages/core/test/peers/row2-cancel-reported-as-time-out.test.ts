/**
 * Row 2 of the defects of peer libraries: an external cancel is reported as a time-out.
 *
 * cockatiel 4, `TimeoutPolicy.execute`: the signal that it derives is aborted by its own timer and by the caller's signal
 * alike, and whichever it was, the call rejects with `TaskCancelledError` "Operation timed out". The caller cannot tell
 * its own cancel from a slow server, and a retry around it tries again. https://github.com/connor4312/cockatiel
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Cause, Effect, Exit, Fiber, Metric } from "effect"
import { during } from "../utils/run.ts"

const exceededTotal = Metric.counter("holdfast_deadline_exceeded", {
  description: "Deadlines and attempt time-outs that fired",
  incremental: true
})

const timed = Retry.policy({ attempts: 3, attemptTimeout: "2 seconds", backoff: Backoff.none })

const calls: ReadonlyArray<readonly [string, Effect.Effect<never, unknown>]> = [
  ["a deadline", Deadline.within(Effect.never, "1 second")],
  ["an attempt with a time-out", Retry.run(Effect.never, timed)],
  ["both, one in the other", Deadline.within(Retry.run(Effect.never, timed), "1 second")]
]

describe("row 2: a cancel from outside", () => {
  for (const [name, call] of calls) {
    it.effect(`DL-4: under ${name} it stays an interruption`, () =>
      Effect.gen(function* () {
        // Given a call that has half of its time left
        const before = (yield* Metric.value(exceededTotal)).count
        const fiber = yield* during(call, 500)
        // When its caller cancels it
        yield* Fiber.interrupt(fiber)
        // Then it ended by interruption and by nothing else, and no time-out was counted
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.strictEqual((yield* Metric.value(exceededTotal)).count, before)
      })
    )
  }

  it.effect("DL-4: nobody who handles time-outs sees one, nor is there another attempt", () =>
    Effect.gen(function* () {
      // Given a call whose time-outs are retried, and handled in the end
      const seen: Array<string> = []
      const note = (what: string) => Effect.sync(() => seen.push(what))
      const call = Retry.run(Effect.andThen(note("attempt"), Effect.never), {
        ...timed,
        while: (error) => {
          seen.push(error._tag)
          return true
        }
      }).pipe(
        Deadline.within("1 minute"),
        Effect.catch((error) => note(error._tag))
      )
      // When its caller cancels it
      const fiber = yield* during(call, 500)
      yield* Fiber.interrupt(fiber)
      // Then none of the handlers ran
      assert.deepStrictEqual(seen, ["attempt"])
    })
  )
})
