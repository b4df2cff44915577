import { assert, describe, it } from "@effect/vitest"
import { Check, Report, Suite } from "@holdfast/sim"
import { Effect, Random } from "effect"
import * as fc from "fast-check"
import { copyOf } from "../src/internal/suite/copy.ts"

const failureOf = (suite: Suite.Suite, runs = 300): Report.Failure =>
  Suite.check(suite, { runs }).failures[0] ?? assert.fail("nothing failed")

/** A suite of one program that does not draw anything. */
const suiteOf = (run: () => Effect.Effect<unknown, unknown>) =>
  Suite.make({ name: "one", guarantees: ["X-1"], arbitrary: fc.constant(undefined), run })

const long = <W>(arbitrary: fc.Arbitrary<ReadonlyArray<W>>, run: () => void = () => {}) =>
  Suite.make({
    name: "long",
    guarantees: ["X-1"],
    arbitrary,
    run: (list) =>
      Effect.andThen(
        Effect.sync(run),
        Check.always("X-1", list.length < 3, () => `it has ${list.length} items`)
      )
  })

describe("a failure", () => {
  it("is there as soon as it was found, before it is made small", () => {
    const campaign = long(fc.array(fc.nat(), { minLength: 8 })).campaign({ runs: 10 })
    campaign.advance()
    assert.isFalse(campaign.isDone)
    const [found] = campaign.report().failures
    assert.strictEqual(found?.identity, "X-1")
    assert.match(found?.warnings[0] ?? "", /it is as it was found/)
    assert.include(Report.formatFailure(found ?? assert.fail()), found?.message ?? "no message")
    campaign.advance()
    assert.isTrue(campaign.isDone)
    const [small] = campaign.report().failures
    assert.strictEqual(small?.run, found?.run)
    assert.isAbove(found?.workload.length ?? 0, small?.workload.length ?? 0)
    assert.isEmpty(small?.warnings)
  })

  it("is not made smaller when the time is up, and says so", () => {
    let runs = 0
    const suite = long(fc.array(fc.nat()), () => runs++)
    const campaign = suite.campaign({ runs: 300, isExpired: () => true })
    while (!campaign.isDone) campaign.advance()
    const { failures, runs: made } = campaign.report()
    assert.strictEqual(failures[0]?.identity, "X-1")
    assert.match(failures[0]?.warnings[0] ?? "", /the time was up/)
    // And once more, to see what happens in it.
    assert.strictEqual(runs, made + campaign.report().repeated + 1)
  })

  it("is told when its arbitrary throws while it is made smaller", () => {
    const fragile = Suite.make({
      name: "fragile",
      guarantees: ["X-1"],
      arbitrary: fc.integer({ min: 0, max: 100 }).map((n) => {
        if (n === 50 || n === 0) throw new Error("map broke")
        return n
      }),
      run: (n) => Check.always("X-1", n < 60, () => `it is ${n}`)
    })
    const failure = Suite.check(fragile, { runs: 20 }).failures[0] ?? assert.fail("nothing failed")
    assert.strictEqual(failure.identity, "X-1")
    assert.strictEqual(failure.level, "realistic")
    assert.match(failure.warnings[0] ?? "", /to make it smaller threw Error: map broke/)
  })

  it("is told as it was found when it cannot be made smaller at all", () => {
    const noFault = Suite.make({
      name: "no fault",
      guarantees: [],
      arbitrary: fc.nat(),
      // What a suite of plain JavaScript may come to.
      faults: fc.constant(JSON.parse("[null]")),
      run: () => Effect.void
    })
    const failure = failureOf(noFault)
    assert.match(failure.message, /there is no fault null/)
    assert.deepStrictEqual(failure.faults, ["null"])
    assert.match(failure.warnings.join(), /to make it smaller threw TypeError.*it is as it was found/)
    assert.isTrue(noFault.replay(failure.token).failed)
  })

  it("is told when what describes its workload throws what cannot be printed", () => {
    const mute = Suite.make({
      name: "mute",
      guarantees: ["X-1"],
      arbitrary: fc.nat(),
      describe: () => {
        throw Object.create(null)
      },
      run: () => Check.always("X-1", false, "never")
    })
    assert.strictEqual(failureOf(mute).workload, "0 (describing it threw what cannot be printed)")
  })

  it("is told when it is an error that cannot be printed", () => {
    const refuses = () => {
      throw new Error("do not look")
    }
    const getter = Object.defineProperty(new Error("hidden"), "message", { get: refuses })
    for (const [error, identity] of [
      [new Proxy({}, { get: refuses, getPrototypeOf: refuses, has: refuses }), "unknown error"],
      [getter, "Error"],
      [{ toJSON: refuses }, "unknown error"]
    ] as const) {
      for (const run of [() => Effect.fail(error), () => Effect.die(error)]) {
        const failure = failureOf(suiteOf(run))
        assert.deepInclude(failure, { identity, message: `${identity}, which cannot be printed` })
      }
    }
  })

  it("that does not come again is not said to be in the calm schedule", () => {
    let runs = 0
    const failure = failureOf(suiteOf(() => Check.always("X-1", ++runs !== 7, "the seventh")))
    assert.isFalse(failure.repeats)
    assert.match(failure.message, /the seventh\n.*did not fail again/)
    assert.notInclude(Report.formatFailure(failure), "schedule:")
  })
})

describe("a replay", () => {
  it("SIM-1: fails when the run is not the same when it is made again", () => {
    let runs = 0
    const suite = suiteOf(() => Effect.sleep(++runs))
    const { token } = failureOf(suite)
    const { failed, failure } = suite.replay(token)
    assert.isTrue(failed)
    assert.strictEqual(failure.identity, "SIM-1")
  })

  it("tells whether it failed, and what, of one and the same run", () => {
    let runs = 0
    const suite = suiteOf(() => Check.always("X-1", ++runs % 2 === 0, () => `run ${runs} is odd`))
    const { token } = failureOf(suite)
    for (let turn = 0; turn < 4; turn++) {
      const { failed, failure } = suite.replay(token)
      assert.isTrue(failed)
      assert.isFalse(failure.repeats)
      assert.include(["X-1", "SIM-1"], failure.identity)
    }
  })
})

describe("a program that changes its workload", () => {
  const taking = (max: number) =>
    Suite.make({
      name: "takes all",
      guarantees: ["X-1"],
      arbitrary: fc.record({ list: fc.array(fc.nat(100), { minLength: 1 }) }),
      run: ({ list }) =>
        Effect.gen(function* () {
          let sum = 0
          for (let next = list.shift(); next !== undefined; next = list.shift()) {
            sum += next
            yield* Effect.sleep(next)
          }
          yield* Check.always("X-1", sum < max, () => `they are ${sum}`)
        })
    })

  it("is given the same again in each run, and its failure is as small as any", () => {
    const failure = failureOf(taking(60))
    assert.match(failure.workload, /^\{"list":\[[1-9]\d?,?\d*\]\}$/)
    assert.strictEqual(failure.message, "X-1 does not hold: they are 60")
    const replayed = taking(60).replay(failure.token)
    assert.isTrue(replayed.failed)
    assert.strictEqual(replayed.failure.hash, failure.hash)
  })

  it("SIM-1: is the same when it is repeated", () => {
    const report = Suite.check(taking(Infinity), { runs: 101 })
    assert.strictEqual(report.repeated, 3)
    assert.isTrue(Report.isGood(report))
  })

  it("is given plain data as a copy, and the same of all else", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (value) => {
        const copy = copyOf(value)
        assert.strictEqual(fc.stringify(copy), fc.stringify(value))
        if (Array.isArray(value)) assert.notStrictEqual(copy, value)
      })
    )
    const map = new Map()
    const inside: Array<unknown> = [map]
    inside.push(inside)
    const copy = copyOf(inside)
    assert.strictEqual(copy[0], map)
    assert.strictEqual(copy[1], copy)
    assert.notProperty(copyOf<object>(JSON.parse('{"__proto__":{"isAdmin":true}}')), "isAdmin")
  })
})

describe("a campaign", () => {
  it("counts guarantees and places that are named like what every object has", () => {
    const names = ["toString", "constructor", "__proto__", "hasOwnProperty"]
    const suite = Suite.make({
      name: "names",
      guarantees: names,
      arbitrary: fc.constant(undefined),
      run: () =>
        Effect.forEach(names, (name) => Effect.andThen(Check.reachable(name), Check.always(name, true, ""))),
      reaches: names
    })
    const report = Suite.check(suite, { runs: 2 })
    assert.isTrue(Report.isGood(Report.add(Report.empty("names", names, names), report)))
    assert.isFalse(Report.isGood({ ...Report.add(report, Report.empty("names", ["valueOf"])), runs: 2 }))
  })

  it("has other runs for each seed, and refuses what is none", () => {
    const drawnBy = (seed: number) => {
      const drawn: Array<number> = []
      Suite.check(
        suiteOf(() => Effect.flatMap(Random.nextInt, (n) => Effect.sync(() => drawn.push(n)))),
        { runs: 3, seed }
      )
      return String(drawn)
    }
    const seeds = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 33, 2 ** 52, Number.MAX_SAFE_INTEGER]
    assert.strictEqual(new Set(seeds.map(drawnBy)).size, seeds.length)
    for (const seed of [0.5, Number.NaN, Infinity, 2 ** 53]) {
      assert.throws(() => drawnBy(seed), RangeError, /^seed must be a whole number, but is/)
    }
  })
})
