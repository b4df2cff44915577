import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Layer } from "effect"
import { runCampaign, runsOf, type Settings } from "../src/campaign.ts"
import type { Listed, Part } from "../src/protocol.ts"
import type { Crew } from "../src/workers.ts"
import { fixtures } from "./support/fixtures.ts"
import { hire, timeout, workers } from "./support/workers.ts"

const whole = { index: 0, count: 1 }

const sums: Listed = { name: "sums", guarantees: ["SU-1"] }
const crashes: Listed = { name: "a host, whatever happens to it", guarantees: ["CR-1", "CR-2"] }
const odd: Listed = { name: "odd / one", guarantees: ["OD-1"] }

/** What a campaign gave in the end. */
const run = (crew: Crew, suite: Listed, settings: Settings, limit = Duration.infinity) =>
  Effect.gen(function* () {
    const parts: Array<Part> = []
    yield* runCampaign(suite, settings, crew, limit, (part) => void parts.push(part))
    const last = parts.at(-1)
    return last ?? (yield* Effect.die(new Error("the campaign said nothing")))
  })

/** All of a report that does not depend on the order in which times were summed up. */
const figures = ({ hash, report }: Part) => {
  const { virtualMillis, ...rest } = report
  return { ...rest, hash, virtualMillis: Math.round(virtualMillis) }
}

/** Threads take long to start, so the tests share them. */
class Crews extends Context.Service<Crews, { readonly one: Crew; readonly two: Crew }>()("test/Crews") {
  static readonly layer = Layer.effect(Crews, Effect.all({ one: hire(1), two: hire(2) })).pipe(
    Layer.provide(workers(fixtures.several))
  )
}

describe("a campaign", { timeout }, () => {
  it.layer(Crews.layer, { excludeTestServices: true, timeout })((it) => {
    it.effect("finds the same failure whatever the number of workers: that of the smallest run", () =>
      Effect.gen(function* () {
        const { one, two } = yield* Crews
        for (const seed of [1, 2, 3, 4]) {
          const settings = { seed, runs: 500, shard: whole }
          const [expected] = (yield* run(one, odd, settings)).report.failures
          const [found] = (yield* run(two, odd, settings)).report.failures
          assert.strictEqual(expected?.identity, "OD-1")
          assert.deepStrictEqual(found, expected)
        }
      })
    )

    it.effect("makes each run once, and gives the same figures whatever the number of workers", () =>
      Effect.gen(function* () {
        const { one, two } = yield* Crews
        for (const suite of [sums, crashes]) {
          const settings = { seed: 5, runs: 103, shard: whole }
          const expected = figures(yield* run(one, suite, settings))
          assert.strictEqual(expected.runs, 103)
          assert.strictEqual(expected.repeated, 3)
          assert.isEmpty(expected.failures)
          assert.deepStrictEqual(figures(yield* run(two, suite, settings)), expected)
          const other = yield* run(two, suite, { ...settings, seed: 6 })
          assert.notStrictEqual(other.hash, expected.hash)
        }
      })
    )

    it.effect("is the same in shards as in one", () =>
      Effect.gen(function* () {
        const { two } = yield* Crews
        const settings = { seed: 7, runs: 100, shard: whole }
        const all = figures(yield* run(two, sums, settings))
        const shards = yield* Effect.forEach([0, 1, 2], (index) =>
          Effect.map(run(two, sums, { ...settings, shard: { index, count: 3 } }), figures)
        )
        const total = (of: (part: (typeof shards)[number]) => number) =>
          shards.reduce((sum, one) => sum + of(one), 0)
        assert.deepStrictEqual(
          shards.map(({ runs }) => runs),
          [34, 33, 33]
        )
        assert.strictEqual(
          total(({ steps }) => steps),
          all.steps
        )
        assert.strictEqual(
          total(({ repeated }) => repeated),
          all.repeated
        )
        assert.strictEqual(total(({ hash }) => hash) >>> 0, all.hash)
      })
    )

    it.effect("makes no run in a shard that has none", () =>
      Effect.gen(function* () {
        const { one } = yield* Crews
        const settings = { seed: 0, runs: 2, shard: { index: 6, count: 8 } }
        assert.strictEqual(runsOf(settings), 0)
        assert.strictEqual((yield* run(one, sums, settings)).report.runs, 0)
      })
    )

    it.effect("ends when its time is up", () =>
      Effect.gen(function* () {
        const { two } = yield* Crews
        const settings = { seed: 0, runs: 1_000_000_000, shard: whole }
        const { report } = yield* run(two, sums, settings, Duration.millis(50))
        assert.isBelow(report.runs, settings.runs)
        assert.isEmpty(report.failures)
      })
    )
  })
})
