import { assert, describe, it } from "@effect/vitest"
import { count, duration, header, rest, rough, row, wrap } from "../src/table.ts"

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

  it("leaves nothing out when it breaks a text", () => {
    assert.deepStrictEqual(wrap("", 4), [""])
    assert.deepStrictEqual(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"])
  })

  it("gives one column what the others leave", () => {
    assert.strictEqual(rest(20, columns), 3)
  })

  it("shows times and large numbers so that they fit", () => {
    assert.deepStrictEqual(
      [0, 59_949, 60_000, 3_600_000, 47.9 * 3_600_000, 49 * 3_600_000, 4000 * 86_400_000].map(duration),
      ["0.0 s", "59.9 s", "1.0 min", "1.0 h", "47.9 h", "2 d", "11 y"]
    )
    assert.deepStrictEqual([0, 9_999_999, 12_345_678, 5e12].map(rough), [
      "0",
      "9,999,999",
      "12.3 M",
      "5,000 G"
    ])
    assert.strictEqual(count(1234.4), "1,234")
  })
})
