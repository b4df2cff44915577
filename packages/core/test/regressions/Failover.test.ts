/** Bugs that `Failover` had. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { call, Node, poolOf, quiet } from "../failover/nodes.ts"

describe("Failover: regressions", () => {
  it.effect("FV-8: an endpoint that is ejected and alive is better than those that are dead", () =>
    Effect.gen(function* () {
      // Given three nodes, of which the third was ejected because its calls failed,
      const [a, b, c] = [new Node("a", 10), new Node("b", 20), new Node("c", 30)]
      const pool = yield* poolOf([a, b, c], { ejection: { consecutive: 1 } })
      yield* TestClock.adjust(1000)
      c.callAnswer = "refuses"
      a.answer = "refuses"
      b.answer = "refuses"
      yield* TestClock.adjust(2000)
      yield* Effect.flip(pool.execute(call))
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Failed", "Failed", "Ejected"]
      )
      // when it answers its probes again, while all others are dead,
      c.callAnswer = "fine"
      yield* TestClock.adjust(2000)
      // then it is the route with its next probe, long before its time is over.
      assert.strictEqual((yield* pool.active).id, "c")
      const before = [a.calls, b.calls]
      yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      yield* TestClock.adjust(30)
      assert.deepStrictEqual([a.calls, b.calls], before)
    }).pipe(Effect.provide(quiet))
  )
})
