import { assert, describe, it } from "@effect/vitest"
import * as Report from "@holdfast/sim/Report"
import { clearLine, output } from "@holdfast/terminal/Output"
import { keepingTerminal } from "@holdfast/terminal/testing"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type UnderWay, withProgress } from "../src/progress.ts"

const underWay: UnderWay = {
  title: "2/3 a suite with a name that is quite long",
  runs: 4000,
  limitMillis: Infinity,
  violations: 1,
  part: () => ({ report: { ...Report.empty("a", []), runs: 1000, virtualMillis: 3_600_000 }, hash: 0 }),
  making: () => [1003, 17]
}

/** What is shown of something that takes so long. */
const watch = (isTerminal: boolean, columns: number, seconds: number) => {
  const { displayed, layer } = keepingTerminal({ isTerminal, columns })
  return Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      withProgress(Effect.sleep(`${seconds} seconds`), yield* output, underWay)
    )
    yield* TestClock.adjust(`${seconds} seconds`)
    yield* Fiber.join(fiber)
    return displayed
  }).pipe(Effect.provide(layer))
}

describe("progress", () => {
  it.effect("is a bar, runs per second, virtual time and violations, ten times in a second", () =>
    Effect.gen(function* () {
      const displayed = yield* watch(true, 120, 1)
      assert.include([10, 11], displayed.length - 1)
      const line =
        /^█+░+ {2}1,000\/4,000 {2}1,111 runs\/s {2}1\.0 h simulated {2}1 violation {2}2\/3 a suite with/
      assert.match((displayed[9] ?? "").slice(clearLine.length), line)
      assert.strictEqual(displayed.at(-1), clearLine)
    })
  )

  it.effect("is cut off where the terminal ends, down to very narrow ones", () =>
    Effect.gen(function* () {
      for (const columns of [10, 40, 80]) {
        const [frame = ""] = yield* watch(true, columns, 1)
        assert.strictEqual(frame.length - clearLine.length, columns - 1)
        assert.isTrue(frame.endsWith("…"))
      }
    })
  )

  it.effect("names a run that takes long", () =>
    Effect.gen(function* () {
      const displayed = yield* watch(true, 200, 6)
      assert.notInclude(displayed[40], "run 1003")
      assert.include(displayed.at(-2), "run 1003 for 5.9 s: long, or made smaller after it failed")
    })
  )

  it.effect("is a line every 30 seconds in a log", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* watch(false, 80, 20), [])
      const displayed = yield* watch(false, 80, 70)
      assert.lengthOf(displayed, 2)
      assert.match(displayed[0] ?? "", /^ {2}… 1,000\/4,000 {2}33 runs\/s .* 2\/3 a suite .*\n$/)
    })
  )
})
