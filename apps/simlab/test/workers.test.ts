import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { CliError } from "effect/cli"
import { TestClock } from "effect/testing"
import { expect, vi } from "vitest"
import { runCampaign } from "../src/campaign.ts"
import type { Part } from "../src/protocol.ts"
import { findSuites } from "../src/suites.ts"
import { hireOne } from "../src/workers.ts"
import { fixtures } from "./support/fixtures.ts"
import { hire, patience, timeout, workers } from "./support/workers.ts"

const settings = { seed: 4, runs: 1000, shard: { index: 0, count: 1 } }

const forever = Duration.infinity

/** What a person is told of a campaign that cannot go on. */
const problemOf = (name: string) =>
  Effect.gen(function* () {
    const crew = yield* hire(1)
    const error = yield* Effect.flip(runCampaign({ name, guarantees: [] }, settings, crew, forever, () => {}))
    return { tag: error._tag, text: CliError.getUserMessage(error) ?? "", run: crew.board.runOf(0) }
  })

const loadProblem = Effect.gen(function* () {
  const error = yield* Effect.flip((yield* hireOne).ask({ _tag: "List" }))
  return CliError.getUserMessage(error) ?? ""
})

describe("a worker", { timeout }, () => {
  it.live("that ends in a run ends the campaign, and how to make that run alone is said", () =>
    Effect.gen(function* () {
      const { run, tag, text } = yield* problemOf("it's gone")
      assert.strictEqual(tag, "WorkerDied")
      assert.include(text, `in run ${run} of the suite "it's gone", with --seed 4.`)
      assert.include(
        text,
        `run sim run 'it'\\''s gone' --seed 4 --runs ${run + 1} --shard ${run + 1}/${run + 1}`
      )
      assert.include(text, "exit code 7")
    }).pipe(Effect.provide(workers(fixtures.exits)))
  )

  it.live("that runs out of memory ends the campaign", () =>
    Effect.gen(function* () {
      const { tag, text } = yield* problemOf("hungry")
      assert.strictEqual(tag, "WorkerDied")
      assert.match(text, /in run 0 of the suite "hungry".*memory/s)
    }).pipe(Effect.provide(workers(fixtures.hungry)))
  )

  it.live("that is in an endless loop ends the campaign when it was silent for long", () =>
    Effect.gen(function* () {
      const crew = yield* hire(1)
      const fiber = yield* Effect.forkChild(
        Effect.flip(runCampaign({ name: "endless", guarantees: [] }, settings, crew, forever, () => {}))
      )
      yield* Effect.promise(() =>
        vi.waitFor(() => assert.strictEqual(crew.board.runOf(0), 0), { timeout: timeout / 2, interval: 10 })
      )
      yield* TestClock.adjust(Duration.times(patience, 2))
      const error = yield* Fiber.join(fiber)
      assert.match(CliError.getUserMessage(error) ?? "", /in run 0 of the suite "endless".*silent for 1m/s)
    }).pipe(Effect.provide([workers(fixtures.endless), TestClock.layer({ warningDelay: Duration.infinity })]))
  )

  it.live("that is stuck while it makes a failure smaller ends the campaign, and what failed is known", () =>
    Effect.gen(function* () {
      const crew = yield* hire(1)
      const parts: Array<Part> = []
      const campaign = runCampaign({ name: "stuck", guarantees: [] }, settings, crew, forever, (part) =>
        parts.push(part)
      )
      const fiber = yield* Effect.forkChild(Effect.flip(campaign))
      const failureOf = () => parts.at(-1)?.report.failures[0]
      yield* Effect.promise(() =>
        vi.waitFor(() => assert.isDefined(failureOf()), { timeout: timeout / 2, interval: 10 })
      )
      yield* TestClock.adjust(Duration.times(patience, 2))
      const error = yield* Fiber.join(fiber)
      assert.match(CliError.getUserMessage(error) ?? "", /while it made what failed smaller, in a loop/)
      assert.strictEqual(failureOf()?.identity, "SL-1")
      assert.match(failureOf()?.warnings[0] ?? "", /as it was found/)
    }).pipe(Effect.provide([workers(fixtures.slow), TestClock.layer({ warningDelay: Duration.infinity })]))
  )

  it.live("that throws what is no error ends what waits for it, with what that was", () =>
    Effect.gen(function* () {
      assert.match(yield* loadProblem, /a worker died while it loaded the suites\.\n {2}it threw 'boom'/)
    }).pipe(Effect.provide(workers(fixtures.primitive)))
  )

  it.live("says what a suite itself threw, and in which run", () =>
    Effect.gen(function* () {
      const { run, tag, text } = yield* problemOf("throws")
      assert.strictEqual(tag, "Refused")
      assert.include(
        text,
        `the suite "throws" itself broke in run ${run} of seed 4: RangeError: no workload today`
      )
      assert.include(text, "throws.sim.ts")
    }).pipe(Effect.provide(workers(fixtures.throws)))
  )

  it.live("says which file of suites cannot be loaded, and why", () =>
    Effect.gen(function* () {
      const text = yield* loadProblem
      assert.match(text, /broken\.sim\.ts cannot be loaded: Error: the disk is on fire/)
    }).pipe(Effect.provide(workers(fixtures.broken)))
  )
})

describe("files of suites", () => {
  it("must export suites", async () => {
    await expect(findSuites(fixtures.nothing)).rejects.toThrow(
      /nothing\.sim\.ts must export its suites: export const suites = /
    )
  })

  it("must hold suites, and nothing else in their lists", async () => {
    await expect(findSuites(fixtures.shapeless)).rejects.toThrow(
      /shapeless\.sim\.ts: suites\[2\] is no suite: what Suite\.make gives is one/
    )
  })

  it("must hold one suite at least", async () => {
    await expect(findSuites(fixtures.empty)).rejects.toThrow(/there are no suites: every list is empty/)
  })

  it("must not have two suites of one name", async () => {
    await expect(findSuites(fixtures.twins)).rejects.toThrow(
      /twins\.sim\.ts: another suite is named "sums" too/
    )
  })

  it("must be there", async () => {
    await expect(findSuites("/no/*.sim.ts")).rejects.toThrow(/there are no suites: no file is like \/no\//)
  })
})
