import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import * as Simulation from "../src/Simulation.ts"
import { exchange, turmoil } from "./network/programs.ts"
import { everywhere, simulate } from "./network/simulate.ts"

describe("guarantees of the simulated network", { timeout: 120_000 }, () => {
  it("SIM-5 nothing runs on a host that is dead or paused, whatever arrives for it", () => {
    let messages = 0
    everywhere(turmoil, 300, ({ steps, value, warnings }) => {
      assert.deepStrictEqual(value, [])
      assert.deepStrictEqual(warnings, [])
      messages += steps
    })
    assert.isAbove(messages, 100_000)
  })

  it("SIM-1 the same seed gives the same hash, traced or not, and a recording replays it", () => {
    const hashes = new Set<string>()
    const repeat = <A, E>(program: Effect.Effect<A, E>, seed: number) => {
      const { choices, hash } = simulate(program, { seed })
      assert.strictEqual(simulate(program, { seed }).hash, hash)
      assert.strictEqual(simulate(program, { seed, trace: true }).hash, hash)
      assert.strictEqual(simulate(program, { choices }).hash, hash)
      hashes.add(hash)
    }
    for (let seed = 0; seed < 20; seed++) {
      repeat(exchange(100), seed)
      repeat(turmoil, seed)
    }
    assert.isAbove(hashes.size, 30)
  })

  it("SIM-3 every message of a trace is sent once, and then delivered or dropped at most once", () => {
    let messages = 0
    for (let seed = 0; seed < 20; seed++) {
      const phases = new Map<number, Array<string>>()
      for (const { data, kind } of Simulation.run(turmoil, { seed, trace: true }).trace) {
        if (kind !== "message" || data === undefined) continue
        const id = Number(data.id)
        phases.set(id, [...(phases.get(id) ?? []), String(data.phase)])
      }
      messages += phases.size
      for (const [first, second, ...more] of phases.values()) {
        assert.strictEqual(first, "send")
        assert.oneOf(second, ["deliver", "drop", undefined])
        assert.deepStrictEqual(more, [])
      }
    }
    assert.isAbove(messages, 2000)
  })

  it("five hundred hosts cost as much per message as fifty", () => {
    const ring = (size: number) =>
      Effect.gen(function* () {
        const main = (index: number) =>
          Effect.gen(function* () {
            const { messages, send } = yield* Network.mailbox<number>(7)
            const next = { host: `host ${(index + 1) % size}`, port: 7 }
            while (true) yield* send(next, (yield* Queue.take(messages)).payload + 1)
          })
        for (let index = 0; index < size; index++) yield* Host.make(`host ${index}`, main(index))
        yield* Effect.sleep("1 milli")
        for (let index = 0; index < size; index++) yield* Network.send({ host: `host ${index}`, port: 7 }, 0)
        yield* Effect.sleep("100 millis")
      })
    const [small, large] = [simulate(ring(50)).steps / 50, simulate(ring(500)).steps / 500]
    assert.isAtMost(large, small * 1.05)
  })
})
