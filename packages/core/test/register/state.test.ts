import { assert, describe, it } from "@effect/vitest"
import { bury, enroll, letGo, type State } from "../../src/internal/register/state.ts"

const held = { slot: 0, fence: 2, hold: 1, guarded: false }
const other = { slot: 1, fence: 1, hold: 1, guarded: false }

const state: State = {
  owners: new Map([
    [0, 2],
    [1, 1]
  ]),
  entries: new Map([
    ["a", held],
    ["b", other],
    ["c", null]
  ])
}

const keysOf = ({ entries }: State) => Array.from(entries.keys())

describe("Register: its state", () => {
  it("RG-3: burying somebody of long ago touches nothing that his slot has since", () => {
    assert.strictEqual(bury(state, [{ slot: 0, fence: 1 }]), state)
    const next = bury(state, [{ slot: 0, fence: 2 }])
    assert.deepStrictEqual(keysOf(next), ["b", "c"])
    assert.deepStrictEqual(Array.from(next.owners), [[1, 1]])
  })

  it("RG-3: who was followed before he was enrolled is not enrolled", () => {
    assert.strictEqual(enroll(state, { slot: 0, fence: 1 }), state)
  })

  it("who follows somebody takes his place, and what that one had is gone", () => {
    const next = enroll(state, { slot: 0, fence: 3 })
    assert.strictEqual(next.owners.get(0), 3)
    assert.deepStrictEqual(keysOf(next), ["b", "c"])
  })

  it("RG-3: an owner lets go of what he himself took, and of nothing else", () => {
    assert.strictEqual(letGo(state, { slot: 0, fence: 1 }, new Set([1])), state)
    assert.strictEqual(letGo(state, { slot: 0, fence: 2 }, new Set([2])), state)
    assert.deepStrictEqual(keysOf(letGo(state, { slot: 0, fence: 2 }, new Set([1]))), ["b", "c"])
  })
})
