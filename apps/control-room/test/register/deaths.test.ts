import { assert, describe, it } from "@effect/vitest"
import { deathsOf, isAtStart, isHolding } from "../../src/register/deaths.ts"
import { commonPoints, filePoints } from "../../src/register/writer/Wire.ts"

describe("the kills of the register", () => {
  it("come at every point that a store has, and at random", () => {
    assert.includeMembers([...deathsOf("sqlite")], [...commonPoints, "at random"])
    assert.includeMembers([...deathsOf("file")], [...commonPoints, ...filePoints, "at random"])
  })

  it("nobody waits for what one has who only starts", () => {
    assert.deepStrictEqual(
      deathsOf("file").filter((death) => isAtStart(death) && isHolding(death)),
      []
    )
  })

  it("after one that leaves a draft nobody else starts with that slot, and others open the store", () => {
    const deaths = deathsOf("file")
    const index = deaths.indexOf("in the middle of the write of a slot")
    assert.isAtLeast(index, 0)
    assert.isAbove(deaths.length, index + 1)
    assert.isFalse(deaths.slice(index + 1).some(isAtStart))
  })
})
