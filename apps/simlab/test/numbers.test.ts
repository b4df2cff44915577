import { assert, describe, it } from "@effect/vitest"
import { count, duration, rough } from "../src/numbers.ts"

describe("numbers", () => {
  it("times and large numbers fit", () => {
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
