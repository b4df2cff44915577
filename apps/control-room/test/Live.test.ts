import { stripVTControlCharacters } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { keepingTerminal } from "@holdfast/terminal/testing"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { setLine } from "../src/live/Board.ts"
import { Live } from "../src/live/Live.ts"

const pushed = { tone: "good", note: "pushed" } as const

const showing = (terminal: ReturnType<typeof keepingTerminal>) => Layer.provide(Live.layer, terminal.layer)

describe("Live", () => {
  it.effect("on a terminal, a frame takes the place of the one before it", () => {
    const terminal = keepingTerminal({ columns: 40, isTerminal: true, env: { NO_COLOR: "1" } })
    return Effect.gen(function* () {
      const live = yield* Live
      const pane = yield* live.open("push", ["one"], 30_000)
      yield* TestClock.adjust("1 second")
      yield* pane.update((section) => setLine(section, 0, pushed))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(terminal.displayed, [
        "▸ push                   0/1 (0s / 30s)\u001b[K\n    · one                    waiting\u001b[K\n\u001b[J",
        "\u001b[2A\r▸ push                   1/1 (0s / 30s)\u001b[K\n    ✓ one                    pushed\u001b[K\n\u001b[J"
      ])
    }).pipe(Effect.provide(showing(terminal)))
  })

  it.effect("what is said, and what is logged, goes above the board and stays", () => {
    const terminal = keepingTerminal({ columns: 40, isTerminal: true })
    return Effect.gen(function* () {
      const live = yield* Live
      yield* live.open("push", [], 30_000)
      yield* live.say("hello")
      yield* Effect.logWarning("careful")
      yield* TestClock.adjust("1 second")
      yield* live.say("again")
      yield* TestClock.adjust("1 second")
      const [first = "", second = ""] = terminal.displayed
      assert.match(stripVTControlCharacters(first), /^hello\n.*level=WARN.*careful.*\n.*push .*\n$/)
      assert.match(stripVTControlCharacters(second), /^\ragain\n.*push .*\n$/)
    }).pipe(Effect.provide(showing(terminal)))
  })

  it.effect("a frame is drawn when something has changed, and not otherwise", () => {
    const terminal = keepingTerminal({ columns: 40, isTerminal: true })
    return Effect.gen(function* () {
      yield* (yield* Live).say("hello")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(terminal.displayed.length, 1)
    }).pipe(Effect.provide(showing(terminal)))
  })

  it.effect("elsewhere, lines are appended", () => {
    const terminal = keepingTerminal({ columns: 40, isTerminal: false })
    return Effect.gen(function* () {
      const live = yield* Live
      yield* live.say("hello")
      const pane = yield* live.open("push", ["one"], 30_000)
      yield* pane.update((section) => setLine(section, 0, pushed))
      yield* pane.update((section) => ({ ...section, open: false }))
      assert.deepStrictEqual(terminal.displayed, ["hello\n", "push 1/1 (0s / 30s) · one: pushed\n"])
    }).pipe(Effect.provide(showing(terminal)))
  })
})
