import { assert, describe, it } from "@effect/vitest"
import { cell, cut, wrap } from "../src/text.ts"

describe("a text", () => {
  it("is broken at spaces, and only a word that is too long is cut", () => {
    assert.deepStrictEqual(wrap("one two three", 7), ["one two", "three"])
    assert.deepStrictEqual(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"])
    assert.deepStrictEqual(wrap("", 4), [""])
  })

  it("is cut with an ellipsis, down to no width at all", () => {
    assert.deepStrictEqual(
      [4, 3, 1, 0, -1].map((width) => cut("four", width)),
      ["four", "fo…", "…", "", ""]
    )
    assert.strictEqual(cell("four", 6), "four  ")
  })
})
