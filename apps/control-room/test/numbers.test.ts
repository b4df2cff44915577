import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { payload, targetsOfPush } from "../src/broadcast/Entry.ts"
import {
  type Budget,
  concurrency,
  Numbers,
  tickInterval,
  worstCaseSeconds
} from "../src/broadcast/Numbers.ts"
import { transactionId } from "../src/broadcast/servers/protocol.ts"

describe("Numbers", () => {
  // The promises of the demo are computed from the numbers, so these are what a slip of the pen would change.
  it("they are those that were agreed", () => {
    const seconds = ({ attempts, attemptTimeout, deadline }: Budget) => [
      attempts,
      Duration.toSeconds(attemptTimeout),
      Duration.toSeconds(deadline)
    ]
    assert.deepStrictEqual([Numbers.ping, Numbers.push, Numbers.check, Numbers.list].map(seconds), [
      [1, 5, 30],
      [3, 8, 30],
      [2, 8, 30],
      [2, 10, 45]
    ])
    assert.strictEqual(concurrency, 8)
    assert.strictEqual(Duration.toSeconds(tickInterval), 1)
  })

  it("the worst case of one server follows from the numbers", () => {
    assert.deepStrictEqual(
      [Numbers.ping, Numbers.push, Numbers.check, Numbers.list, Numbers.historical].map(worstCaseSeconds),
      [5, 26, 17, 21, 140]
    )
  })

  it("the worst case of a server fits into the deadline of its batch", () => {
    for (const budget of [Numbers.ping, Numbers.push, Numbers.check, Numbers.list]) {
      assert.isAtMost(worstCaseSeconds(budget), Duration.toSeconds(budget.deadline))
    }
  })
})

describe("Entry", () => {
  const entry = { name: "one", url: "http://127.0.0.1:1" }

  it("the presence of the field decides, even when it is empty", () => {
    const entries = [entry, { ...entry, txs: [] }, { ...entry, txs: ["00"] }]
    assert.deepStrictEqual(targetsOfPush(entries), [
      { index: 1, entry: { ...entry, txs: [] } },
      { index: 2, entry: { ...entry, txs: ["00"] } }
    ])
  })

  it("what was delivered is not pushed again", () => {
    assert.deepStrictEqual(targetsOfPush([{ ...entry, txs: ["00"], delivered: true }]), [])
  })

  it("the payload is one transaction a line", () => {
    assert.strictEqual(new TextDecoder().decode(payload({ ...entry, txs: ["aa", "bb"] })), "aa\nbb")
    assert.strictEqual(payload({ ...entry, txs: [] }).length, 0)
  })

  it("a transaction is known by the hash of its bytes", () => {
    assert.strictEqual(
      transactionId("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
  })
})
