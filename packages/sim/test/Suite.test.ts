import { assert, describe, it } from "@effect/vitest"
import { Check, FaultPlan, FlakyServer, Host, Report, Suite } from "@holdfast/sim"
import { Effect, Fiber, Random } from "effect"
import * as fc from "fast-check"

/** A count that several fibers raise without care, among others that have nothing to do with it. */
const lostUpdate = Suite.make({
  name: "lost update",
  guarantees: ["X-1"],
  arbitrary: fc.record({ writers: fc.integer({ min: 1, max: 6 }), noise: fc.nat(10) }),
  run: ({ noise, writers }) =>
    Effect.gen(function* () {
      let count = 0
      const increment = Effect.flatMap(
        Effect.sync(() => count),
        (read) =>
          Effect.sync(() => {
            count = read + 1
          })
      )
      yield* Effect.forEach(Array.from({ length: noise }), () => Effect.forkChild(Effect.sleep(1)))
      const fibers = yield* Effect.forEach(Array.from({ length: writers }), () => Effect.forkChild(increment))
      yield* Effect.forEach(fibers, Fiber.join)
      yield* Check.always("X-1", count === writers, () => `${writers} wrote, but the count is ${count}`)
    })
})

const failureOf = (suite: Suite.Suite, runs = 2000, seed = 0): Report.Failure => {
  const [failure] = Suite.check(suite, { runs, seed }).failures
  return failure ?? assert.fail("nothing failed")
}

/** A suite of one program that does not draw anything. */
const suiteOf = (
  run: () => Effect.Effect<unknown, unknown>,
  options: Partial<Suite.Options<undefined>> = {}
) => Suite.make({ name: "one", guarantees: [], arbitrary: fc.constant(undefined), run, ...options })

describe("Suite", () => {
  it("makes a failure small, in its workload and in its schedule", () => {
    for (let seed = 0; seed < 10; seed++) {
      const failure = failureOf(lostUpdate, 2000, seed)
      assert.strictEqual(failure.identity, "X-1")
      assert.strictEqual(failure.workload, '{"writers":2,"noise":0}')
      const { fault, gap, pick, random } = failure.choices
      assert.isAtMost(fault + gap + pick + random, 1)
    }
  })

  it("a token repeats the failure, and the hash is the same", () => {
    const failure = failureOf(lostUpdate)
    const replayed = lostUpdate.replay(failure.token)
    assert.isTrue(replayed.failed)
    assert.strictEqual(replayed.failure.hash, failure.hash)
    assert.deepStrictEqual(replayed.failure.trace, failure.trace)
  })

  it("a token of a run that does not fail any more says so", () => {
    const { token } = failureOf(lostUpdate)
    const mended = Suite.make({
      name: "lost update",
      guarantees: ["X-1"],
      arbitrary: fc.record({ writers: fc.nat(), noise: fc.nat() }),
      run: () => Effect.void
    })
    assert.isFalse(mended.replay(token).failed)
  })

  it("says at which level a failure happens", () => {
    assert.strictEqual(failureOf(lostUpdate).level, "anywhere")
    const across = suiteOf(() =>
      Effect.gen(function* () {
        let count = 0
        const increment = Effect.gen(function* () {
          const read = count
          yield* Effect.sleep(1)
          count = read + 1
        })
        yield* Effect.all([increment, increment], { concurrency: "unbounded" })
        yield* Check.always("X-1", count === 2, "lost")
      })
    )
    assert.strictEqual(failureOf(across).level, "realistic")
  })

  it("SIM-1: the same seed finds the same failure", () => {
    assert.deepStrictEqual(failureOf(lostUpdate, 2000, 5), failureOf(lostUpdate, 2000, 5))
  })

  it("SIM-1: a program that is not the same in each run is found", () => {
    let runs = 0
    const failure = failureOf(suiteOf(() => Effect.sleep(++runs)))
    assert.strictEqual(failure.identity, "SIM-1")
    assert.match(failure.message, /outlives a run/)
  })

  it("SIM-3: a campaign fails when a planned fault never took effect", () => {
    const never = suiteOf(() => Effect.sleep(10), {
      faults: fc.constant<FaultPlan.Plan>([{ _tag: "Crash", host: "nobody", atMillis: 1, downMillis: 1 }])
    })
    const report = Suite.check(never, { runs: 10 })
    assert.isFalse(Report.isGood(report))
    assert.deepStrictEqual(Report.unmet(report), ['the fault "crash" was planned and never took effect'])
    assert.match(Report.formatUnmet(report), /nothing failed in 10 runs.*crash/s)
  })

  it("SIM-3: a server's fault that never bites is one too, and one that does is counted", () => {
    const served = (calls: number) =>
      suiteOf(() =>
        Effect.gen(function* () {
          const server = yield* FlakyServer.make("s", FlakyServer.always(FlakyServer.refuse(1)), () => "ok")
          for (let call = 0; call < calls; call++) yield* Effect.exit(server.call(call))
        })
      )
    assert.isTrue(Report.isGood(Suite.check(served(2), { runs: 3 })))
    assert.deepStrictEqual(Suite.check(served(2), { runs: 3 }).faults, { "server.refuse": 6 })
    assert.isFalse(Report.isGood(Suite.check(served(0), { runs: 3 })))
  })

  it("a campaign fails when something was never seen", () => {
    const dull = suiteOf(() => Check.sometimes("a miracle", false), { reaches: ["a place"] })
    assert.deepStrictEqual(Report.unmet(Suite.check(dull, { runs: 10 })), [
      "never seen: a place",
      "never seen: a miracle"
    ])
  })

  it("an oracle for a guarantee that the suite does not name is a failure", () => {
    const unnamed = suiteOf(() => Check.always("X-2", true, "never said"), { guarantees: ["X-1"] })
    const failure = failureOf(unnamed)
    assert.strictEqual(failure.identity, "UnnamedGuarantee")
    assert.match(failure.message, /"X-2".*name it/)
    assert.strictEqual(failureOf(suiteOf(() => Effect.void, { leaks: "X-3" })).identity, "UnnamedGuarantee")
  })

  it("a campaign fails when no oracle ever looked at a guarantee of the suite", () => {
    const looks: ReadonlyArray<readonly [string, Effect.Effect<unknown>]> = [
      ["always", Check.always("X-1", true, "never said")],
      ["judged", Check.judged(["X-1"], undefined)],
      ["endsWithin", Check.endsWithin("X-1", 1, Effect.void)],
      ["takes", Check.takes("X-1", 0, Effect.void)],
      ["converges", Check.converges("X-1", 1, Effect.succeed(true))],
      ["exactlyOnce", Effect.flatMap(Check.exactlyOnce("X-1"), ({ complete }) => complete([]))]
    ]
    for (const [name, look] of looks) {
      const looking = suiteOf(() => look, { guarantees: ["X-1", "X-2"] })
      const report = Suite.check(looking, { runs: 3 })
      assert.deepStrictEqual(Report.unmet(report), ["no oracle ever looked at X-2"], name)
    }
    const leaks = suiteOf(() => Effect.void, { guarantees: ["X-1"], leaks: "X-1" })
    assert.isTrue(Report.isGood(Suite.check(leaks, { runs: 3 })))
  })

  it("of runs that looked wrong, the first by its number is told, and how many there were", () => {
    const warning = suiteOf(
      () =>
        Effect.gen(function* () {
          const n = yield* Random.nextIntBetween(0, 4)
          if (n > 0) yield* Host.make(`h${n}`, Effect.fail("no disk"))
          yield* Effect.sleep(1)
        }),
      { level: "realistic" }
    )
    const { warned } = Suite.check(warning, { runs: 40 })
    const shares = [0, 1, 2].map((from) => {
      const campaign = warning.campaign({ runs: 40, from, step: 3 })
      while (!campaign.isDone) campaign.advance()
      return campaign.report()
    })
    assert.deepStrictEqual(shares.reduceRight(Report.add, Report.empty("one", [])).warned, warned)
    assert.isAbove(warned?.runs ?? 0, 10)
    assert.match(warned?.warnings[0] ?? "", /the program of the host "h\d" failed.*no disk/s)
  })

  it("an error that comes out is a failure, and so is a deadlock", () => {
    assert.strictEqual(failureOf(suiteOf(() => Effect.fail({ _tag: "Refused" }))).identity, "Refused")
    assert.strictEqual(failureOf(suiteOf(() => Effect.die("defect"))).identity, "defect")
    assert.strictEqual(failureOf(suiteOf(() => Effect.never)).identity, "Deadlock")
    assert.strictEqual(
      failureOf(
        suiteOf(() => {
          throw new RangeError("while it was made")
        })
      ).identity,
      "RangeError"
    )
  })

  it("what is left behind breaks the guarantee that says so", () => {
    const leaky = suiteOf(() => Effect.forkDetach(Effect.sleep("1 hour"), { startImmediately: true }), {
      leaks: "X-2"
    })
    assert.match(
      failureOf(leaky).message,
      /^X-2 does not hold: after the end fiber 2 still runs, 1 timers are set/
    )
  })

  it("makes the plan of faults small too", () => {
    const down = Suite.make({
      name: "down",
      guarantees: ["X-1"],
      arbitrary: fc.nat(3),
      faults: FaultPlan.arbitrary({ hosts: ["a", "b", "c"], withinMillis: 1000 }),
      run: () =>
        Effect.gen(function* () {
          const hosts = yield* Effect.forEach(["a", "b", "c"], (name) => Host.make(name, Effect.never))
          yield* Effect.sleep("2 seconds")
          for (const host of hosts) {
            yield* Check.always("X-1", (yield* host.incarnation) === 0, `${host.name} was restarted`)
          }
        })
    })
    const failure = failureOf(down)
    assert.strictEqual(failure.workload, "0")
    assert.deepStrictEqual(failure.faults, ["at 0 ms a crashes and is down for 1 ms"])
  })

  it("shares of a campaign are together the campaign", () => {
    const drawn: Array<number> = []
    const suite = suiteOf(() => Effect.flatMap(Random.nextInt, (n) => Effect.sync(() => drawn.push(n))))
    Suite.check(suite, { runs: 40, seed: 3 })
    const whole = new Set(drawn)
    drawn.length = 0
    const shares = [0, 1, 2].map((from) => {
      const campaign = suite.campaign({ runs: 40, seed: 3, from, step: 3 })
      while (!campaign.isDone) campaign.advance()
      return campaign.report()
    })
    assert.deepStrictEqual(new Set(drawn), whole)
    assert.strictEqual(shares.reduce(Report.add, Report.empty("one", [])).runs, 40)
  })

  it("another seed makes other runs", () => {
    const drawnBy = (seed: number) => {
      const drawn: Array<number> = []
      Suite.check(
        suiteOf(() => Effect.flatMap(Random.nextInt, (n) => Effect.sync(() => drawn.push(n)))),
        { runs: 20, seed }
      )
      return new Set(drawn)
    }
    const first = drawnBy(1)
    assert.isTrue(Array.from(drawnBy(2)).filter((n) => first.has(n)).length < 5)
  })

  it("a failure as a text says what broke, in which scenario, and how to replay it", () => {
    const failure = failureOf(lostUpdate)
    const text = Report.formatFailure(failure)
    assert.match(text, /lost update: X-1 does not hold: 2 wrote, but the count is 1/)
    assert.match(text, /workload: \{"writers":2,"noise":0\}/)
    assert.match(text, /1 preemption.*over 2,048 operations/)
    assert.include(text, `SIM_REPLAY='${failure.token}'`)
  })

  it("a workload that a token cannot hold is told all the same", () => {
    const dated = Suite.make({
      name: "dated",
      guarantees: ["X-1"],
      arbitrary: fc.date(),
      run: () => Check.always("X-1", false, "never")
    })
    const failure = failureOf(dated)
    assert.strictEqual(failure.token, "")
    assert.match(failure.warnings[0] ?? "", /workload is a Date/)
    assert.include(Report.formatFailure(failure), "X-1 does not hold: never")
  })

  it("hostile tokens are refused with what is wrong", () => {
    for (const token of ["", "x", "e30", Buffer.from("[1,2]").toString("base64url"), "�".repeat(40)]) {
      assert.throws(() => lostUpdate.replay(token))
      assert.throws(() => Suite.nameOf(token))
    }
  })
})
