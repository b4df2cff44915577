import { assert, describe, it } from "@effect/vitest"
import { header, rest, row } from "../src/table.ts"

const columns = [
  { title: "name", width: 8 },
  { title: "n", width: 5, right: true }
]

describe("a table", () => {
  it("has titles, a rule, texts on the left and numbers on the right", () => {
    assert.deepStrictEqual(header(columns), ["name          n", "────────  ─────"])
    assert.deepStrictEqual(row(columns, ["one", "1,234"]), ["one       1,234"])
  })

  it("breaks a text that is too long for its column, and never a number", () => {
    assert.deepStrictEqual(row(columns, ["one and two three", "123456"]), [
      "one and   123456",
      "two",
      "three"
    ])
  })

  it("gives one column what the others leave", () => {
    assert.strictEqual(rest(20, columns), 3)
  })
})
