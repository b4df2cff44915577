import { assert, describe, it } from "@effect/vitest"
import { Ledger } from "../../src/gateway/node/Ledger.ts"
import { codes } from "../../src/gateway/node/Wire.ts"
import { transactionOf } from "../../src/gateway/nodeClient.ts"

const transaction = (id: string, nonce: number, account = "ada") =>
  transactionOf({ id, account, amount: 10 }, nonce)

describe("the ledger of the nodes", () => {
  it("takes each nonce of an account once, in order, and refuses any other with the one that it expects", () => {
    const ledger = new Ledger()
    assert.deepInclude(ledger.submit(transaction("one", 1)), { code: codes.nonceGap, data: { expected: 0 } })
    assert.propertyVal(ledger.submit(transaction("one", 0)), "known", false)
    assert.deepInclude(ledger.submit(transaction("two", 0)), { code: codes.nonceUsed, data: { expected: 1 } })
    assert.propertyVal(ledger.submit(transaction("two", 1)), "known", false)
    assert.propertyVal(ledger.submit(transaction("three", 0, "bob")), "known", false)
    assert.deepStrictEqual(
      [ledger.nextNonce("ada"), ledger.nextNonce("bob"), ledger.nextNonce("eve")],
      [2, 1, 0]
    )
    assert.deepStrictEqual(ledger.refused, { used: 1, gap: 1 })
  })

  it("the same transaction again is known, and changes nothing", () => {
    const ledger = new Ledger()
    ledger.submit(transaction("one", 0))
    ledger.submit(transaction("two", 1))
    const balance = ledger.balance("ada")
    assert.propertyVal(ledger.submit(transaction("one", 0)), "known", true)
    assert.deepStrictEqual([ledger.balance("ada"), ledger.applied.length], [balance, 2])
    assert.strictEqual(ledger.refused.used, 0)
  })

  it("a transaction is found by its hash, and the hash follows from the rest", () => {
    const ledger = new Ledger()
    const one = transaction("one", 0)
    ledger.submit(one)
    assert.strictEqual(ledger.find(one.hash), one)
    assert.isUndefined(ledger.find(transaction("one", 1).hash))
    assert.strictEqual(
      new Set(["one", "two"].flatMap((id) => [transaction(id, 0).hash, transaction(id, 1).hash])).size,
      4
    )
    assert.strictEqual(transaction("one", 0).hash, one.hash)
  })
})
