/**
 * Row 6 of the defects of peer libraries: backoff becomes NaN or negative after about 1025 attempts.
 *
 * Polly #2163 and cockatiel #86: `base * 2 ** attempt` overflows, and what is then done with the infinity (a product
 * with a random number that is zero, a difference, a conversion to an integer) is not a delay any more. A reconnect
 * loop reaches that number of attempts within hours, and then spins without a pause.
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff } from "@holdfast/core"
import { Duration, Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"

const cap = Duration.seconds(30)
const jitters: ReadonlyArray<Backoff.Jitter> = [
  "none",
  "full",
  "equal",
  "decorrelated",
  Backoff.proportional(0.5)
]
const extremes = [0, 0.5, 1 - 2 ** -53]

describe("row 6: backoff after a thousand attempts", () => {
  it.effect("RT-5: every delay around the overflow, and far beyond it, is a delay within the cap", () =>
    Effect.gen(function* () {
      for (const jitter of jitters) {
        // Given an exponential backoff
        const backoff = Backoff.exponential({ base: "1 second", cap, jitter })
        for (const attempt of [1, 62, 63, 64, 1_022, 1_023, 1_024, 1_025, 1_026, 1_000_000]) {
          for (const chance of extremes) {
            // When an attempt fails of which the formula knows no finite number
            const draw = { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => chance }
            const delay = yield* Effect.provideService(Backoff.delay(backoff, attempt), Random.Random, draw)
            // Then the delay is one
            const millis = Duration.toMillis(delay)
            assert.isTrue(
              millis >= 0 && millis <= 30_000,
              `${JSON.stringify(jitter)}, attempt ${attempt}: ${millis}`
            )
          }
        }
      }
    })
  )

  it.effect("RT-5: a loop that has failed 1025 times still pauses before it fails again", () =>
    Effect.gen(function* () {
      // Given a loop that retries for ever, past the attempt at which the peers' delays break
      let attempts = 0
      const schedule = Backoff.toSchedule(Backoff.exponential({ base: "1 millis", cap, jitter: "none" }))
      const failing = Effect.suspend(() => Effect.fail(++attempts))
      const loop = yield* Effect.forkChild(Effect.retry(failing, schedule), { startImmediately: true })
      // The delays of 1 to 16384 ms come to 32,767 ms; each one after them is 30 seconds.
      yield* TestClock.adjust(32_767 + 30_000 * 1_085)
      assert.strictEqual(attempts, 1_101)
      // When 30 seconds less a millisecond pass
      yield* TestClock.adjust(29_999)
      // Then there was no further attempt, and there is one at 30 seconds
      assert.strictEqual(attempts, 1_101)
      yield* TestClock.adjust(1)
      assert.strictEqual(attempts, 1_102)
      yield* Fiber.interrupt(loop)
    })
  )
})
