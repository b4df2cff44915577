/**
 * Row 5 of the defects of peer libraries: a delay over 2³¹−1 ms fires at once.
 *
 * cockatiel, opossum: `setTimeout` holds its delay in 32 bits; a longer one, 25 days or so, becomes 1 ms. A backoff
 * without a cap or a very generous time-out then turns into its opposite.
 * https://github.com/connor4312/cockatiel https://github.com/nodeshift/opossum
 */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Duration, Effect, Exit, Fiber, Latch } from "effect"
import { timed } from "../utils/run.ts"

const longest = 2 ** 31 - 1
const thirtyDays = Duration.days(30)

/** The delays that platform timers are started with, from here to the end of the test. */
const timerDelays = () => {
  const spy = vi.spyOn(globalThis, "setTimeout")
  return () => spy.mock.calls.map(([, millis]) => millis ?? 0)
}

afterEach(() => {
  vi.restoreAllMocks()
})

/** Starts a call that says when it has begun to wait, lets real time pass, and tells whether it still waits. */
const stillWaiting = <E>(call: (begun: Latch.Latch) => Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const begun = yield* Latch.make()
    const fiber = yield* Effect.forkChild(call(begun))
    yield* begun.await
    // A timer that overflows fires after 1 ms.
    yield* Effect.sleep("30 millis")
    const waiting = fiber.pollUnsafe() === undefined
    yield* Fiber.interrupt(fiber)
    return waiting
  })

describe("row 5: a wait of 30 days", () => {
  it.live("of a retry is no wait of 1 ms on the live clock", () =>
    Effect.gen(function* () {
      // Given a call whose delay does not fit into a platform timer
      const delays = timerDelays()
      const policy = Retry.policy({ attempts: 2, backoff: Backoff.constant(thirtyDays) })
      // When its first attempt has failed
      const waiting = yield* stillWaiting((begun) =>
        Retry.run(Effect.andThen(begun.open, Effect.fail("down")), policy)
      )
      // Then it waits, on timers that can hold their delay
      assert.isTrue(waiting)
      assert.isTrue(delays().every((millis) => millis <= longest))
      assert.include(delays(), longest)
    })
  )

  for (const [name, limit] of [
    ["deadline", <E>(work: Effect.Effect<never, E>) => Effect.exit(Deadline.within(work, thirtyDays))],
    [
      "time-out of an attempt",
      <E>(work: Effect.Effect<never, E>) =>
        Effect.exit(Retry.run(work, Retry.policy({ attempts: 1, attemptTimeout: thirtyDays })))
    ]
  ] as const) {
    it.live(`for a ${name} does not fire at once on the live clock`, () =>
      Effect.gen(function* () {
        // Given a limit that does not fit into a platform timer
        const delays = timerDelays()
        // When work has begun under it
        const waiting = yield* stillWaiting((begun) => limit(Effect.andThen(begun.open, Effect.never)))
        // Then it goes on, and the limit waits on timers that can hold their delay
        assert.isTrue(waiting)
        assert.isTrue(delays().every((millis) => millis <= longest))
        assert.include(delays(), longest)
      })
    )
  }

  it.effect("DL-1: ends after 30 days, to the millisecond", () =>
    Effect.gen(function* () {
      const { elapsedMillis } = yield* timed(
        Effect.exit(Deadline.within(Effect.never, thirtyDays)),
        "31 days"
      )
      assert.strictEqual(elapsedMillis, Duration.toMillis(thirtyDays))
    })
  )

  it.effect("RT-2: and so does a delay, which the worst case counts in full", () =>
    Effect.gen(function* () {
      const policy = Retry.policy({
        attempts: 2,
        attemptTimeout: "1 second",
        backoff: Backoff.constant(thirtyDays)
      })
      const { elapsedMillis, exit } = yield* timed(Retry.run(Effect.never, policy), "31 days")
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(elapsedMillis, Duration.toMillis(thirtyDays) + 2000)
      assert.strictEqual(Duration.toMillis(Retry.worstCase(policy)), elapsedMillis)
    })
  )

  it.live("no bound at all starts no timer", () =>
    Effect.gen(function* () {
      const delays = timerDelays()
      const fiber = yield* Effect.forkChild(Deadline.within(Effect.never, "Infinity"), {
        startImmediately: true
      })
      assert.deepStrictEqual(delays(), [])
      yield* Fiber.interrupt(fiber)
    })
  )
})
