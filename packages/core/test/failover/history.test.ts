import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { History } from "../../src/internal/failover/history.ts"

const read = (history: History<number>) =>
  Effect.forkChild(Stream.runCollect(history.stream), { startImmediately: true })

describe("History", () => {
  it.effect("a reader begins with the last, gets all that follow, and ends with it", () =>
    Effect.gen(function* () {
      const history = new History<number>()
      history.add(1)
      history.add(2)
      const reader = yield* read(history)
      history.add(3)
      history.end()
      assert.deepStrictEqual(yield* Fiber.join(reader), [2, 3])
      assert.deepStrictEqual(yield* Stream.runCollect(history.stream), [3])
    })
  )

  it.effect("a reader that is too slow misses the oldest", () =>
    Effect.gen(function* () {
      const history = new History<number>()
      history.add(0)
      const slow = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.tap(history.stream, (value) => (value === 0 ? Effect.yieldNow : Effect.void))
        )
      )
      yield* Effect.yieldNow
      for (let value = 1; value <= 1000; value++) history.add(value)
      history.end()
      const seen = yield* Fiber.join(slow)
      assert.strictEqual(seen.length, 257)
      assert.strictEqual(seen[0], 0)
      assert.strictEqual(seen[1], 745)
      assert.strictEqual(seen.at(-1), 1000)
    })
  )
})
