import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isGood } from "../src/planted.ts"
import { hireOne } from "../src/workers.ts"
import { fixtures } from "./support/fixtures.ts"
import { timeout, workers } from "./support/workers.ts"

describe("sim planted", { timeout }, () => {
  it.live("finds a planted bug that the calm schedule misses, and passes the program without it", () =>
    Effect.gen(function* () {
      const hand = yield* hireOne
      // One that ends in a deadlock, and one that breaks a promise.
      for (const bug of ["missed wake-up", "lost update"]) {
        const found = yield* hand.ask({ _tag: "Planted", bug })
        assert.isTrue(isGood(found), bug)
        assert.isTrue(found.interleaving)
        assert.isFalse(found.calm)
        assert.isFalse(found.falseAlarm)
      }
      const { problem } = yield* Effect.flip(
        Effect.catchTag(hand.ask({ _tag: "Planted", bug: "none" }), "WorkerDied", Effect.die)
      )
      assert.strictEqual(problem, 'no bug "none" was planted')
    }).pipe(Effect.provide(workers(fixtures.good)))
  )

  it("is not good when a bug is not found, is found by the calm schedule too, or its mended program fails", () => {
    const choices = { gap: 1, pick: 0, fault: 0, random: 0 }
    const row = {
      name: "a bug",
      interleaving: true,
      failure: { run: 3, choices, level: "anywhere" as const },
      calm: false,
      falseAlarm: false
    }
    assert.isTrue(isGood(row))
    assert.isFalse(isGood({ ...row, failure: undefined }))
    assert.isFalse(isGood({ ...row, falseAlarm: true }))
    assert.isFalse(isGood({ ...row, calm: true }))
    assert.isTrue(isGood({ ...row, calm: true, interleaving: false }))
  })
})
