import { assert, describe, it } from "@effect/vitest"
import { counter, markInFlight, openSection, setLine, tally } from "../src/live/Board.ts"

describe("Board", () => {
  const good = { tone: "good", note: "pushed" } as const
  const names = ["one", "two", "three", "four"]
  const section = setLine(openSection("push", names, 30_000), 1, good)

  it("the counter counts what has settled, and whole seconds", () => {
    assert.strictEqual(counter({ ...section, elapsedMillis: 3999 }), "1/4 (3s / 30s)")
    assert.strictEqual(counter({ ...section, elapsedMillis: 4000 }), "1/4 (4s / 30s)")
    assert.strictEqual(counter(markInFlight(section, 2)), "1/4 (0s / 30s)")
  })

  it("the counter counts something else where it is told to, whatever becomes of the lines", () => {
    const kills = { ...section, progress: { done: 2, of: 11, what: "kills" } }
    assert.strictEqual(counter(kills), "2/11 kills (0s / 30s)")
    assert.strictEqual(
      counter(setLine(kills, 1, { tone: "in flight", note: "again" })),
      "2/11 kills (0s / 30s)"
    )
  })

  it("the counter never shows more than the deadline", () => {
    assert.strictEqual(counter({ ...section, elapsedMillis: 31_200 }), "1/4 (30s / 30s)")
  })

  it("without a deadline there is none to show", () => {
    assert.strictEqual(counter({ ...section, deadlineMillis: Infinity }), "1/4 (0s)")
  })

  it("the first that have not settled are in flight, as many as there are workers", () => {
    const tones = (workers: number) => markInFlight(section, workers).lines.map(({ tone }) => tone)
    assert.deepStrictEqual(tones(2), ["in flight", "good", "in flight", "waiting"])
    assert.deepStrictEqual(tones(20), ["in flight", "good", "in flight", "in flight"])
  })

  it("a line keeps its name, and no other line changes", () => {
    const after = setLine(openSection("push", ["one", "two"], 30_000), 1, good)
    assert.deepStrictEqual(after.lines, [
      { name: "one", tone: "waiting", note: "waiting" },
      { name: "two", tone: "good", note: "pushed" }
    ])
  })

  it("a tally leaves out what there is none of", () => {
    assert.strictEqual(tally(section.lines), "1 good, 3 waiting")
    assert.strictEqual(tally([]), "")
  })
})
