import { assert, describe, it } from "@effect/vitest"
import { Fault } from "@holdfast/core"
import { type FaultPlan, Host, Report, Suite } from "@holdfast/sim"
import { Clock, Effect, Exit } from "effect"
import * as fc from "fast-check"

const noted: Array<string> = []

/** What a store does: commit, then answer. A fault between the two is what this module is for. */
const store = Effect.gen(function* () {
  noted.push("committed")
  yield* Fault.point("after-commit")
  noted.push("answered")
  return yield* Clock.currentTimeMillis
})

/** One run of an effect with one fault, and what it noted. */
const withFault = (fault: FaultPlan.Fault, run: Effect.Effect<unknown, unknown>) => {
  const suite = Suite.make({
    name: "one",
    guarantees: [],
    arbitrary: fc.constant(undefined),
    faults: fc.constant([fault]),
    // A campaign makes its first run twice.
    run: () =>
      Effect.suspend(() => {
        noted.length = 0
        return run
      })
  })
  const report = Suite.check(suite, { runs: 1 })
  return { faults: report.faults, noted: noted.slice(), failure: report.failures[0]?.message }
}

describe("Fault", () => {
  it.effect("a point does nothing live", () =>
    Effect.gen(function* () {
      noted.length = 0
      yield* store
      assert.deepStrictEqual(noted, ["committed", "answered"])
    })
  )

  it("a plan can hold a fiber up at a point, at the time that it says", () => {
    const delay = {
      _tag: "Point",
      point: "after-commit",
      occurrence: 2,
      action: { _tag: "Delay", millis: 70 }
    } as const
    const times = Effect.map(Effect.all([store, store]), ([first, second]) => {
      assert.deepStrictEqual([first, second], [0, 70])
    })
    const { failure, faults } = withFault(delay, times)
    assert.isUndefined(failure)
    assert.deepStrictEqual(faults, { "point after-commit": 1 })
  })

  it("a plan can make a fiber die at a point", () => {
    const die = { _tag: "Point", point: "after-commit", occurrence: 1, action: { _tag: "Die" } } as const
    const died = Effect.map(Effect.exit(store), (exit) => assert.isTrue(Exit.hasDies(exit)))
    const { failure, noted } = withFault(die, died)
    assert.isUndefined(failure)
    assert.deepStrictEqual(noted, ["committed"])
  })

  it("a plan can take a host down at a point, in the middle of what it does", () => {
    const crash = {
      _tag: "Point",
      point: "after-commit",
      occurrence: 1,
      action: { _tag: "Crash", downMillis: 50 }
    } as const
    const crashed = Effect.gen(function* () {
      const host = yield* Host.make("db", store)
      assert.strictEqual((yield* host.exited)._tag, "Crashed")
      yield* Effect.sleep(60)
      assert.strictEqual(yield* host.incarnation, 1)
    })
    const { failure, noted } = withFault(crash, crashed)
    assert.isUndefined(failure)
    assert.deepStrictEqual(noted, ["committed", "committed", "answered"])
  })

  it("a campaign whose program never comes by the point fails", () => {
    const die = { _tag: "Point", point: "nowhere", occurrence: 1, action: { _tag: "Die" } } as const
    const { faults } = withFault(die, store)
    assert.deepStrictEqual(faults, { "point nowhere": 0 })
    assert.deepStrictEqual(Report.unmet({ ...Report.empty("one", []), faults }), [
      'the fault "point nowhere" was planned and never took effect'
    ])
  })
})
