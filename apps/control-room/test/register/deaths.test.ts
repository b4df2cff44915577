import { assert, describe, it } from "@effect/vitest"
import { deathsOf } from "../../src/register/deaths.ts"
import { commonPoints, filePoints } from "../../src/register/writer/Wire.ts"

describe("the kills of the register", () => {
  it("come at every point that a store has, and at random", () => {
    assert.includeMembers([...deathsOf("sqlite")], [...commonPoints, "at random"])
    assert.includeMembers([...deathsOf("file")], [...commonPoints, ...filePoints, "at random"])
  })
})
