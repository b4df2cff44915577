import { assert, describe, it } from "@effect/vitest"
import { isOwn } from "../../src/register/contestKeys.ts"
import {
  contestOf,
  type Final,
  fencesOf,
  holdsOf,
  inherited,
  type Life,
  neverAgain,
  overlaps,
  robbed,
  writesOf
} from "../../src/register/history.ts"
import type { Told } from "../../src/register/writer/Wire.ts"

const life = (name: string, told: ReadonlyArray<Told>, killedMillis?: number): Life => ({
  name,
  told,
  killedMillis
})

const wrote = (at: number): Told => ({ tag: "wrote", at })
const won = (key: string, at: number): Told => ({ tag: "won", key, at })
const freeing = (key: string, at: number): Told => ({ tag: "freeing", key, at })
const ready = (slot: number, fence: number, at: number): Told => ({ tag: "ready", slot, fence, at })
const leased = (fence: number, at: number): Told => ({ tag: "leased", fence, at })
const lettingGo = (fence: number, at: number): Told => ({ tag: "letting go", fence, at })

const final = (counts: Final["counts"], entries: ReadonlyArray<readonly [string, boolean]> = []): Final => ({
  counts,
  entries: new Map(entries)
})

describe("the history of the register: writes", () => {
  const two = life("a", [wrote(1), wrote(2)])

  it("as many as were acknowledged are there", () => {
    assert.deepStrictEqual(writesOf([two], final({ a: 2 })), { acknowledged: 2, lost: 0, invented: 0 })
  })

  it("one that was acknowledged and is not there is lost", () => {
    assert.strictEqual(writesOf([two], final({ a: 1 })).lost, 1)
    assert.strictEqual(writesOf([two], final({})).lost, 2)
  })

  it("one more may be there of a writer that was killed, and of no other", () => {
    assert.strictEqual(writesOf([two], final({ a: 3 })).invented, 1)
    assert.strictEqual(writesOf([life("a", [wrote(1), wrote(2)], 3)], final({ a: 3 })).invented, 0)
    assert.strictEqual(writesOf([life("a", [wrote(1), wrote(2)], 3)], final({ a: 4 })).invented, 1)
    assert.strictEqual(writesOf([two], final({ a: 2, b: 1 })).invented, 1)
  })

  it("a key that was kept is there, and not active, whatever became of its owner", () => {
    const kept = life("a", [{ tag: "kept", key: "k", at: 1 }], 2)
    assert.deepStrictEqual(writesOf([kept], final({}, [["k", false]])), {
      acknowledged: 1,
      lost: 0,
      invented: 0
    })
    assert.strictEqual(writesOf([kept], final({}, [["k", true]])).lost, 1)
    assert.strictEqual(writesOf([kept], final({})).lost, 1)
  })
})

describe("the history of the register: who has what", () => {
  it("a hold ends when it is let go of, or with its life", () => {
    const told = [won("k", 1), freeing("k", 3), leased(7, 4), lettingGo(7, 5), won("l", 6)]
    const [first, second, third] = holdsOf(life("a", told, 9))
    assert.deepInclude(first, { what: "k", fromMillis: 1, toMillis: 3, wasKilled: false })
    assert.deepInclude(second, { what: "the ledger", fromMillis: 4, toMillis: 5, wasKilled: false })
    assert.deepInclude(third, { what: "l", fromMillis: 6, toMillis: 9, wasKilled: true })
  })

  it("two who have the same at once overlap; one after the other, or with different keys, they do not", () => {
    const a = life("a", [won("k", 1), freeing("k", 3)])
    assert.strictEqual(overlaps([a, life("b", [won("k", 3), freeing("k", 5)])]), 0)
    assert.strictEqual(overlaps([a, life("b", [won("l", 2), freeing("l", 5)])]), 0)
    assert.strictEqual(overlaps([a, life("b", [won("k", 2), freeing("k", 5)])]), 1)
    assert.strictEqual(overlaps([life("b", [won("k", 2), freeing("k", 2.5)]), a]), 1)
  })

  it("what somebody was killed with may be taken from then on, and not before", () => {
    const dead = life("a", [won("k", 1)], 4)
    assert.strictEqual(overlaps([dead, life("b", [won("k", 4), freeing("k", 5)])]), 0)
    assert.strictEqual(overlaps([dead, life("b", [won("k", 3), freeing("k", 5)])]), 1)
  })

  it("two leases of the ledger at once overlap", () => {
    const a = life("a", [leased(1, 1), lettingGo(1, 3)])
    assert.strictEqual(overlaps([a, life("b", [leased(2, 2), lettingGo(2, 4)])]), 1)
  })

  it("a key that somebody was killed with is inherited when another life has it", () => {
    const dead = life("a", [won("k", 1)], 2)
    assert.deepStrictEqual(inherited([dead]), { all: 1, taken: 0 })
    assert.deepStrictEqual(inherited([dead, life("b", [won("k", 3)])]), { all: 1, taken: 1 })
    assert.deepStrictEqual(inherited([life("a", [won("k", 1), freeing("k", 2)], 3)]), { all: 0, taken: 0 })
    assert.deepStrictEqual(inherited([life("a", [leased(1, 1)], 3)]), { all: 0, taken: 0 })
  })

  it("a key is had again when one life had it twice, not when two had it once", () => {
    const once = life("a", [won("k", 1), freeing("k", 2)])
    const twice = life("b", [won("k", 3), freeing("k", 4), won("k", 5)])
    assert.strictEqual(neverAgain([once, life("b", [won("k", 3)])], ["k"]), 1)
    assert.strictEqual(neverAgain([once, twice], ["k"]), 0)
    assert.strictEqual(neverAgain([once, twice], ["k", "l"]), 1)
  })

  it("who finds that a key is not active that he has was robbed", () => {
    assert.strictEqual(robbed([life("a", [won("k", 1), { tag: "robbed", key: "k", at: 2 }])]), 1)
  })
})

describe("the history of the register: fences", () => {
  it("those of a slot increase, and so do those of the ledger; slots have nothing to do with each other", () => {
    const lives = [
      life("a", [ready(0, 1, 1), leased(1, 2)]),
      life("b", [ready(1, 1, 3), leased(2, 4)]),
      life("c", [ready(0, 2, 5), leased(4, 6)])
    ]
    assert.deepStrictEqual(fencesOf(lives), { all: 6, notAbove: 0 })
  })

  it("one that does not come after the one before is found", () => {
    assert.strictEqual(fencesOf([life("a", [ready(0, 2, 1)]), life("b", [ready(0, 2, 2)])]).notAbove, 1)
    assert.strictEqual(fencesOf([life("a", [leased(5, 3)]), life("b", [leased(6, 2)])]).notAbove, 1)
  })
})

describe("the history of the register: the contest", () => {
  const tried = (key: string, isWinner: boolean): Told => ({ tag: "tried", key, isWinner, at: 0 })
  const lives = [
    life("a", [tried("own/a/0", true), tried("all/0", true)]),
    life("b", [tried("own/b/0", true), tried("all/0", false)])
  ]

  it("own keys count when they are there, the others when somebody was told that he has one", () => {
    const outcome = contestOf(lives, isOwn, () => true)
    assert.deepStrictEqual(outcome, { own: 2, winners: 1, notSo: 0 })
  })

  it("a key that is not there is no own key, and its winner has not got it", () => {
    const outcome = contestOf(lives, isOwn, (key, { name }) => key !== "own/b/0" && name === "a")
    assert.deepStrictEqual(outcome, { own: 1, winners: 1, notSo: 1 })
  })

  it("a second winner of one key is one too many", () => {
    const both = [...lives, life("c", [tried("all/0", true)])]
    assert.strictEqual(contestOf(both, isOwn, () => true).winners, 2)
  })
})
