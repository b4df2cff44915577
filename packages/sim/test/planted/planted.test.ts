import { assert, describe, it } from "@effect/vitest"
import { Cause, type Effect, Exit } from "effect"
import * as Simulation from "../../src/Simulation.ts"
import * as Strategy from "../../src/Strategy.ts"
import { planted } from "./index.ts"

const seeds = Array.from({ length: 2_000 }, (_, seed) => seed)

const failureOf = (program: Effect.Effect<void, unknown>, options: Simulation.Options) => {
  const { choices, exit } = Simulation.run(program, options)
  return Exit.isFailure(exit) ? { choices, error: Cause.squash(exit.cause) } : undefined
}

const tagOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "_tag" in error ? error._tag : error

const firstFailure = (
  program: Effect.Effect<void, unknown>,
  options: Omit<Simulation.Options, "seed">,
  runs: number
) => {
  for (const seed of seeds.slice(0, runs)) {
    const failure = failureOf(program, { ...options, seed })
    if (failure !== undefined) return { seed, ...failure }
  }
  return undefined
}

describe("planted bugs", () => {
  it("there are at least 20, with names of their own", () => {
    assert.isAtLeast(planted.length, 20)
    assert.strictEqual(new Set(planted.map(({ name }) => name)).size, planted.length)
  })

  for (const { correct, interleaving, name, program } of planted) {
    it(`${name}: it is found within 2,000 runs, and its choices show it again`, () => {
      const found = firstFailure(program, {}, 2_000)
      assert.include(["Violation", "Deadlock"], tagOf(found?.error))
      const again = failureOf(program, { choices: found?.choices })
      assert.strictEqual(String(again?.error), String(found?.error))
    })

    it(`${name}: without the bug, the same check passes`, () => {
      assert.isUndefined(firstFailure(correct, {}, 500)?.error)
    })

    if (!interleaving) continue
    it(`${name}: the calm schedule misses it`, () => {
      assert.isUndefined(firstFailure(program, { strategy: Strategy.fifo }, 2_000)?.error)
    })
  }
})
