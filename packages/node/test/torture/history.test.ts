import { assert, describe, it } from "@effect/vitest"
import { checkCounts, checkHolds, checkValue, type Hold, holdsOf, writerOf } from "./history.ts"
import { countOne, forget, type Ledger, paddingOf } from "./ledger.ts"
import type { Told } from "./messages.ts"

const empty: Ledger = { total: 0, counts: {}, padding: paddingOf(0) }
const kindsOf = (violations: ReadonlyArray<{ readonly kind: string }>) => violations.map(({ kind }) => kind)
const hold = (name: string, fence: number, fromMillis: number, toMillis: number): Hold => ({
  name,
  fence,
  fromMillis,
  toMillis
})

describe("a history", () => {
  it("is in order when each has what was acknowledged, and at most what was doubtful more", () => {
    const ledger = [countOne("a"), countOne("b"), countOne("a")].reduce(
      (value, change) => change(value),
      empty
    )
    const a = { name: "a", acknowledged: 2, doubtful: 0 }
    assert.deepStrictEqual(checkCounts(ledger, [a, { name: "b", acknowledged: 0, doubtful: 1 }]), [])
    assert.deepStrictEqual(checkCounts(ledger, [a, { name: "b", acknowledged: 1, doubtful: 1 }]), [])
  })

  it("shows changes that were lost, and such that nobody made", () => {
    const ledger = countOne("a")(empty)
    const check = (acknowledged: number, doubtful = 0) =>
      kindsOf(checkCounts(ledger, [{ name: "a", acknowledged, doubtful }]))
    assert.deepStrictEqual(check(2), ["lost"])
    assert.deepStrictEqual(check(0), ["invented"])
    assert.deepStrictEqual(kindsOf(checkCounts(ledger, [])), ["invented"])
    assert.deepStrictEqual(checkCounts(forget((name) => name === "a")(ledger), []), [])
  })

  it("shows a value that is a mixture of two", () => {
    const one = countOne("a")(empty)
    const two = countOne("a")(one)
    assert.deepStrictEqual(checkValue(two, 2), [])
    assert.deepStrictEqual(kindsOf(checkValue({ ...two, padding: one.padding }, 2)), ["torn"])
    assert.deepStrictEqual(kindsOf(checkValue(two, 1)), ["torn"])
    assert.deepStrictEqual(kindsOf(checkValue({ ...one, counts: two.counts }, 1)), ["torn"])
  })

  it("shows two that have the lock at once, and fences that do not grow", () => {
    assert.deepStrictEqual(checkHolds([hold("b", 3, 10, 20), hold("a", 2, 0, 10)], 1), [])
    assert.deepStrictEqual(kindsOf(checkHolds([hold("a", 2, 0, 11), hold("b", 3, 10, 20)], 1)), ["overlap"])
    assert.deepStrictEqual(kindsOf(checkHolds([hold("a", 3, 0, 10), hold("b", 3, 10, 20)], 1)), ["fence"])
    assert.deepStrictEqual(kindsOf(checkHolds([hold("a", 1, 0, 10)], 1)), ["fence"])
  })

  it("is made of what a worker has told: a lease that it did not end, it had until its own end", () => {
    const told: ReadonlyArray<Told> = [
      { tag: "changed", at: 1 },
      { tag: "held", fence: 1, at: 2 },
      { tag: "freed", fence: 1, at: 3 },
      { tag: "failed", at: 4, error: "OutcomeUnknown", text: "" },
      { tag: "failed", at: 5, error: "StoreFull", text: "" },
      { tag: "held", fence: 2, at: 6 }
    ]
    assert.deepStrictEqual(holdsOf("a", told, 9), [hold("a", 1, 2, 3), hold("a", 2, 6, 9)])
    assert.deepStrictEqual(writerOf("a", told, false), { name: "a", acknowledged: 1, doubtful: 1 })
    assert.deepStrictEqual(writerOf("a", told, true), { name: "a", acknowledged: 1, doubtful: 2 })
  })
})
