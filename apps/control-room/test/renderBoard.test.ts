import { assert, describe, it } from "@effect/vitest"
import { openSection, type Section, setLine } from "../src/live/Board.ts"
import { renderBoard } from "../src/live/renderBoard.ts"
import { renderPlain } from "../src/live/renderPlain.ts"

const names = (count: number) => Array.from({ length: count }, (_, index) => `server-${index + 1}`)

const plain = { columns: 60, rows: 24, color: false }

const closed = (section: Section): Section => ({ ...section, open: false })

describe("renderBoard", () => {
  it("shows a line for each server, under the counter of its batch", () => {
    const section = setLine(openSection("push", names(2), 30_000), 0, {
      tone: "good",
      note: "pushed · 0.2 s"
    })
    assert.deepStrictEqual(renderBoard([section], plain), [
      "▸ push                                       1/2 (0s / 30s)",
      "    ✓ server-1               pushed · 0.2 s",
      "    · server-2               waiting"
    ])
  })

  it("sums up what does not fit, and never fills the last row", () => {
    const lines = renderBoard([openSection("push", names(20), 30_000)], { ...plain, rows: 10 })
    assert.strictEqual(lines.length, 9)
    assert.strictEqual(lines.at(-1), "    … and 13 waiting")
  })

  it("shows only the tally of a batch that has ended", () => {
    const section = closed(
      setLine(openSection("push", names(1), 30_000), 0, { tone: "bad", note: "refused" })
    )
    assert.deepStrictEqual(renderBoard([section], plain), [
      "■ push                                                1 bad"
    ])
  })

  it("batches that have ended share a line when not everything fits", () => {
    const ended = names(8).map((name) => closed(openSection(name, [], 0)))
    const sections = [...ended, openSection("open", names(3), 30_000)]
    assert.strictEqual(renderBoard(sections, { ...plain, rows: 13 }).length, 12)
    const lines = renderBoard(sections, { ...plain, rows: 12 })
    assert.strictEqual(lines.length, 5)
    assert.strictEqual(lines[0], "■ 8 batches have ended")
    assert.match(lines[1] ?? "", /^▸ open/)
  })

  it("never has more lines than the terminal has rows", () => {
    const ended = names(9).map((name) => closed(openSection(name, names(4), 0)))
    const open = names(9).map((name) => openSection(name, names(4), 0))
    for (let rows = 1; rows < 70; rows++) {
      for (const sections of [ended, open, [...ended, ...open]]) {
        assert.isAtMost(renderBoard(sections, { ...plain, rows }).length, Math.max(rows - 1, 1))
      }
    }
  })

  it("no line is wider than the terminal", () => {
    const long = setLine(openSection("t".repeat(300), ["n".repeat(300)], 30_000), 0, {
      tone: "bad",
      note: "x".repeat(300)
    })
    for (const columns of [10, 20, 40, 80]) {
      for (const line of renderBoard([long], { ...plain, columns })) assert.isAtMost(line.length, columns)
    }
  })

  it("colours only where it is asked to", () => {
    const section = openSection("push", names(1), 30_000)
    assert.notInclude(renderBoard([section], plain).join(""), "\u001b")
    assert.include(renderBoard([section], { ...plain, color: true }).join(""), "\u001b[")
  })
})

describe("renderPlain", () => {
  const section = openSection("push", names(2), 30_000)

  it("says what has settled, once", () => {
    const after = setLine(section, 1, { tone: "good", note: "pushed" })
    assert.deepStrictEqual(renderPlain(section, after), ["push 1/2 (0s / 30s) · server-2: pushed"])
    assert.deepStrictEqual(renderPlain(after, after), [])
  })

  it("a call that starts is not news", () => {
    assert.deepStrictEqual(
      renderPlain(section, setLine(section, 0, { tone: "in flight", note: "in flight" })),
      []
    )
  })

  it("a batch in which nothing happens is heard of every five seconds", () => {
    const at = (elapsedMillis: number) => ({ ...section, elapsedMillis })
    assert.deepStrictEqual(renderPlain(at(3000), at(4999)), [])
    assert.deepStrictEqual(renderPlain(at(4999), at(5000)), ["push 0/2 (5s / 30s)"])
  })
})
