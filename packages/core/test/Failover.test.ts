import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Node, poolOf, quiet } from "./failover/nodes.ts"

describe("Failover", () => {
  it.effect("a slow primary is left for the fastest as soon as its probe is over the threshold", () =>
    Effect.gen(function* () {
      const [a, b, c] = [new Node("a", 50), new Node("b", 80), new Node("c", 40)]
      const pool = yield* poolOf([a, b, c])
      yield* TestClock.adjust(9_999)
      assert.strictEqual((yield* pool.active).id, "a")
      a.latencyMillis = 600
      yield* TestClock.adjust(501)
      assert.strictEqual((yield* pool.active).id, "a")
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* pool.active).id, "c")
    }).pipe(Effect.provide(quiet))
  )
})
