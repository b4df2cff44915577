/**
 * Row 7 of the defects of peer libraries: jitter vanishes at the cap, so clients resynchronise; or it exceeds the cap.
 *
 * cockatiel, p-retry, resilience4j, agenda #1748. Both come from the order of two steps. Jitter, then cap: most numbers
 * drawn lie above the cap, so most clients wait exactly the cap, and return in one crowd, again and again, during a
 * long outage, which is when spreading matters most. Cap, then jitter to both sides: half of the delays exceed the cap.
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff } from "@holdfast/core"
import { Duration, Effect, Random } from "effect"

const clients = 1_000
const parts = 10
const capMillis = 30_000
const jitters: ReadonlyArray<Backoff.Jitter> = ["full", "equal", "decorrelated", Backoff.proportional(0.2)]

/** The delays of many clients in milliseconds, all of them after their hundredth attempt and a delay of the cap. */
const delaysAtTheCap = (jitter: Backoff.Jitter) => {
  const backoff = Backoff.exponential({ base: "1 second", cap: capMillis, jitter })
  const one = Backoff.delay(backoff, 100, Duration.millis(capMillis))
  return Effect.all(
    Array.from({ length: clients }, () => Effect.map(one, (delay) => Duration.toMillis(delay)))
  ).pipe(
    Effect.map((delays) => ({ delays, bounds: Backoff.bounds(backoff, 100) })),
    Random.withSeed("row 7")
  )
}

describe("row 7: jitter at the cap", () => {
  for (const jitter of jitters) {
    const name = typeof jitter === "string" ? jitter : `proportional(${jitter.ratio})`

    it.effect(`RT-5: with ${name} jitter, a thousand clients at the cap come back evenly spread`, () =>
      Effect.gen(function* () {
        // Given a thousand clients whose delays have reached the cap
        // When each draws its next delay
        const { bounds, delays } = yield* delaysAtTheCap(jitter)
        // Then each tenth of the range has its share of them: 100, give or take five standard deviations
        const min = Duration.toMillis(bounds.min)
        const width = (Duration.toMillis(bounds.max) - min) / parts
        for (let part = 0; part < parts; part++) {
          const from = min + part * width
          const count = delays.filter((delay) => delay >= from && delay < from + width).length
          assert.isTrue(
            count > 50 && count < 150,
            `${count} of ${clients} within ${width} ms from ${from} ms`
          )
        }
      })
    )

    it.effect(`RT-5: with ${name} jitter, no client at the cap waits longer than the cap`, () =>
      Effect.gen(function* () {
        // Given and when as above, then the longest of all delays is within the cap
        const { delays } = yield* delaysAtTheCap(jitter)
        assert.isAtMost(Math.max(...delays), capMillis)
      })
    )
  }
})
