import { assert, describe, it } from "@effect/vitest"
import type { Reconnect } from "@holdfast/core"
import { Cause, Duration } from "effect"
import { attemptsOf, steps, stepsBack, timesOf } from "../../src/relay/measure.ts"
import type { Seen } from "../../src/relay/node/Wire.ts"
import { attemptsIn } from "../../src/relay/scenarios/kill.ts"

const attempt = (number: number): Reconnect.Status => ({
  _tag: "Connecting",
  attempt: number,
  nextDelay: undefined,
  lastCause: undefined
})
const waiting = (next: number): Reconnect.Status => ({
  _tag: "Connecting",
  attempt: next,
  nextDelay: Duration.millis(100),
  lastCause: Cause.fail("refused")
})
const lost: Reconnect.Status = { _tag: "Lost", generation: 1, cause: Cause.fail("broken") }

const timed = (statuses: ReadonlyArray<Reconnect.Status>) =>
  statuses.map((status, index) => ({ status, atMillis: 10 * index }))

describe("what the relay measures", () => {
  it("steps back are those that are not forward", () => {
    assert.deepStrictEqual(steps([1, 3, 2]), [2, -1])
    assert.strictEqual(stepsBack([1, 2, 3]), 0)
    assert.strictEqual(stepsBack([1, 1, 3, 2]), 2)
    assert.strictEqual(stepsBack([]), 0)
  })

  it("an attempt that is seen twice, as what is and as what comes, counts once", () => {
    assert.deepStrictEqual(
      attemptsOf(timed([attempt(1), attempt(1), waiting(2), attempt(2), waiting(3), attempt(3)])),
      [0, 30, 50]
    )
    assert.deepStrictEqual(attemptsOf(timed([attempt(1), lost, attempt(1)])), [0, 20])
  })

  it("calls are found by name and by what became of them", () => {
    const seen: ReadonlyArray<Seen> = [
      { what: "accepted", call: "", atMillis: 1 },
      { what: "called", call: "Hello", atMillis: 2 },
      { what: "answered", call: "Hello", atMillis: 3 },
      { what: "called", call: "WaitNext", atMillis: 4 },
      { what: "called", call: "WaitNext", atMillis: 5 }
    ]
    assert.deepStrictEqual(timesOf(seen, "called", "WaitNext"), [4, 5])
    assert.deepStrictEqual(timesOf(seen, "accepted"), [1])
  })

  it("as many attempts have room in an absence as delays have, each after the one before", () => {
    assert.deepStrictEqual([0.05, 0.1, 0.29, 0.31, 0.71, 1.51, 2.31].map(attemptsIn), [0, 1, 1, 2, 3, 4, 5])
  })
})
