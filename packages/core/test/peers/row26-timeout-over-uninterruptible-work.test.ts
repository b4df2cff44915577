/**
 * Row 26 of the defects of peer libraries: a time-out waits for work that cannot be interrupted.
 *
 * effect 4.1: `Effect.timeout` of 50 ms over uninterruptible work of 500 ms returns at 502 ms, and one of 1 second over
 * work with a finalizer of 2 seconds returns at 3 seconds: the work is interrupted in time, but its end is waited for.
 * That is by design, and no bound. https://github.com/Effect-TS/io/issues/534
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Effect, Exit, Latch } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"
import { elapsedMillis } from "../utils/time.ts"

const stubborn = Effect.uninterruptible(Effect.as(Effect.sleep("500 millis"), "late"))
const slowToRelease = Effect.ensuring(Effect.never, Effect.sleep("2 seconds"))

const attemptOf = (attemptTimeout: "50 millis" | "1 second") =>
  Retry.run(Retry.policy({ attempts: 1, attemptTimeout, backoff: Backoff.none }))

const cases: ReadonlyArray<readonly [string, Effect.Effect<string, unknown>, number, number]> = [
  [
    "a deadline of 50 ms over uninterruptible work of 500 ms",
    Deadline.within(stubborn, "50 millis"),
    50,
    500
  ],
  ["a deadline of 1 s over a finalizer of 2 s", Deadline.within(slowToRelease, "1 second"), 1000, 3000],
  ["an attempt of 50 ms over uninterruptible work of 500 ms", attemptOf("50 millis")(stubborn), 50, 500],
  ["an attempt of 1 s over a finalizer of 2 s", attemptOf("1 second")(slowToRelease), 1000, 3000],
  [
    "an attempt of 1 s, over a deadline of 50 ms, over uninterruptible work of 500 ms",
    attemptOf("1 second")(Deadline.within(stubborn, "50 millis")),
    50,
    500
  ]
]

describe("row 26: a limit over work that does not end when it is interrupted", () => {
  for (const [name, call, limitMillis, workMillis] of cases) {
    it.effect(`DL-1: ${name} returns at ${limitMillis} ms`, () =>
      Effect.gen(function* () {
        // Given and when as the title says, then the caller goes on in time
        const { elapsedMillis: atMillis, exit } = yield* timed(call, limitMillis)
        assert.isTrue(Exit.isFailure(exit))
        assert.strictEqual(atMillis, limitMillis)
        // And the work is listed until it ends
        assert.strictEqual((yield* Deadline.abandoned).length, 1)
        yield* TestClock.adjust(workMillis - limitMillis - 1)
        assert.strictEqual((yield* Deadline.abandoned).length, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* Deadline.abandoned).length, 0)
      })
    )
  }

  it.live(
    "DL-1: on the live clock it returns although the work cannot have ended, and joins it at shutdown",
    () =>
      Effect.gen(function* () {
        const release = yield* Latch.make()
        let ended = false
        const app = Effect.gen(function* () {
          // Given work that cannot be interrupted, and a finalizer that hangs, until this test lets them go
          const work = Effect.uninterruptible(release.await)
          const hanging = Effect.ensuring(
            Effect.never,
            Effect.map(release.await, () => {
              ended = true
            })
          )
          // When their time is over
          const startMillis = yield* elapsedMillis
          yield* Effect.flip(Deadline.within(work, "50 millis", { label: "work" }))
          yield* Effect.flip(Deadline.within(hanging, "50 millis", { label: "finalizer" }))
          // Then their caller goes on, neither early nor much later
          const elapsed = (yield* elapsedMillis) - startMillis
          assert.isTrue(elapsed >= 100 && elapsed < 5000, `${elapsed} ms`)
          assert.deepStrictEqual(
            (yield* Deadline.abandoned).map(({ label }) => label),
            ["work", "finalizer"]
          )
          yield* release.open
        })
        // And whoever shuts down the application waits for them
        yield* Effect.provide(app, Deadline.layerAbandoned({ joinTimeout: "1 minute" }))
        assert.isTrue(ended)
      })
  )
})
