import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { isPushable, payload, targetsOf } from "../src/broadcast/Entry.ts"
import { Numbers, worstCaseSeconds } from "../src/broadcast/Numbers.ts"
import { transactionId } from "../src/broadcast/servers/protocol.ts"

describe("Numbers", () => {
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
    assert.deepStrictEqual([entry, { ...entry, txs: [] }, { ...entry, txs: ["00"] }].map(isPushable), [
      false,
      true,
      true
    ])
  })

  it("what was delivered is not pushed again", () => {
    assert.isFalse(isPushable({ ...entry, txs: ["00"], delivered: true }))
  })

  it("the payload is one transaction a line", () => {
    assert.strictEqual(new TextDecoder().decode(payload({ ...entry, txs: ["aa", "bb"] })), "aa\nbb")
    assert.strictEqual(payload({ ...entry, txs: [] }).length, 0)
  })

  it("entries that are equal are different targets", () => {
    assert.deepStrictEqual(
      targetsOf([entry, entry]).map(({ index }) => index),
      [0, 1]
    )
  })

  it.effect("a transaction is known by the hash of its bytes", () =>
    Effect.sync(() =>
      assert.strictEqual(
        transactionId("abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
      )
    )
  )
})
