import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Sequence } from "../../src/relay/Sequence.ts"

const fork = <A>(effect: Effect.Effect<A>) => Effect.forkChild(effect, { startImmediately: true })

describe("Sequence", () => {
  it.effect("a wait ends with what is there, or with what comes", () =>
    Effect.gen(function* () {
      const sequence = new Sequence<number>()
      sequence.push(1)
      assert.strictEqual(yield* sequence.first((item) => item === 1), 1)
      const waiting = yield* fork(sequence.first((item) => item > 1))
      sequence.push(0)
      assert.isUndefined(waiting.pollUnsafe())
      sequence.push(2)
      assert.strictEqual(yield* Fiber.join(waiting), 2)
    })
  )

  it.effect("what came before a position does not end a wait", () =>
    Effect.gen(function* () {
      const sequence = new Sequence<string>()
      sequence.push("old")
      const waiting = yield* fork(sequence.first(() => true, 1))
      assert.isUndefined(waiting.pollUnsafe())
      sequence.push("new")
      assert.strictEqual(yield* Fiber.join(waiting), "new")
    })
  )
})
