import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { output } from "../src/Output.ts"
import { keepingTerminal } from "../src/testing.ts"

const outputOf = (isTerminal: boolean, columns: number, env: Readonly<Record<string, string>> = {}) =>
  Effect.provide(output, keepingTerminal({ isTerminal, columns, env }).layer)

describe("output", () => {
  it.effect("a terminal is redrawn, in colours unless NO_COLOR or CI is set", () =>
    Effect.gen(function* () {
      const all = { interactive: true, color: true, columns: 80 }
      assert.deepStrictEqual(yield* outputOf(true, 80), all)
      assert.deepStrictEqual(yield* outputOf(true, 80, { NO_COLOR: "" }), all)
      assert.deepStrictEqual(yield* outputOf(true, 80, { NO_COLOR: "1" }), { ...all, color: false })
      assert.deepStrictEqual(yield* outputOf(true, 80, { CI: "true" }), { ...all, color: false })
    })
  )

  it.effect("a terminal that is dumb, and what is none, is neither redrawn nor coloured", () =>
    Effect.gen(function* () {
      const none = { interactive: false, color: false }
      assert.deepStrictEqual(yield* outputOf(true, 80, { TERM: "dumb" }), { ...none, columns: 80 })
      assert.deepStrictEqual(yield* outputOf(false, 80), { ...none, columns: 110 })
    })
  )
})
