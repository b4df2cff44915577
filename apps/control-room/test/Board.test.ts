import { assert, describe, it } from "@effect/vitest"
import { counter, openSection, setLine, tally } from "../src/live/Board.ts"

describe("Board", () => {
  const progress = { settled: 7, total: 20, elapsedMillis: 3999, deadlineMillis: 30_000 }

  it("the counter counts whole seconds", () => {
    assert.strictEqual(counter(progress), "7/20 (3s / 30s)")
    assert.strictEqual(counter({ ...progress, elapsedMillis: 4000 }), "7/20 (4s / 30s)")
  })

  it("the counter never shows more than the deadline", () => {
    assert.strictEqual(counter({ ...progress, elapsedMillis: 31_200 }), "7/20 (30s / 30s)")
  })

  it("without a deadline there is none to show", () => {
    assert.strictEqual(counter({ ...progress, deadlineMillis: Infinity }), "7/20 (3s)")
  })

  it("a line keeps its name, and no other line changes", () => {
    const before = openSection("push", ["one", "two"], 30_000)
    const after = setLine(before, 1, { tone: "good", note: "pushed" })
    assert.deepStrictEqual(after.lines, [
      { name: "one", tone: "waiting", note: "waiting" },
      { name: "two", tone: "good", note: "pushed" }
    ])
  })

  it("a tally leaves out what there is none of", () => {
    const section = setLine(openSection("push", ["one", "two", "three"], 30_000), 0, {
      tone: "bad",
      note: ""
    })
    assert.strictEqual(tally(section.lines), "1 bad, 2 waiting")
    assert.strictEqual(tally([]), "")
  })
})
