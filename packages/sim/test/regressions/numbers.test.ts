/** Numbers that are none once put timers out of order, or ended time. */
import { assert, describe, it } from "@effect/vitest"
import { FaultPlan, FlakyServer, Host, Network, Simulation, Suite } from "@holdfast/sim"
import { Effect, Exit } from "effect"
import * as fc from "fast-check"

const problemOf = (program: Effect.Effect<unknown, unknown>): string => {
  const { exit } = Simulation.run(program)
  return Exit.isFailure(exit) ? String(exit.cause) : assert.fail("expected a failure")
}

const skewBy = (skew: Host.Skew) => Effect.flatMap(Host.make("h"), (host) => host.skew(skew))

const link = (conditions: Network.Conditions) =>
  Effect.andThen(Host.make("b"), Network.setLink("main", "b", conditions))

const programs: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>, RegExp]> = [
  ...[Number.NaN, 0, -1, 1e-320, Infinity].map(
    (rate) => [`a rate of ${rate}`, skewBy({ rate }), /a rate is from 0.001 to 1,000/] as const
  ),
  ...["Infinity", "-Infinity"].map(
    (offset) =>
      [`an offset of ${offset}`, skewBy({ offset: Number(offset) }), /an offset is at most/] as const
  ),
  ["a drip that never comes", link({ drip: { bytes: 1, every: Infinity } }), /drip.every is finite/],
  ["no bandwidth to speak of", link({ bandwidth: 1e-310 }), /bandwidth is in bytes per second/],
  ["a mean beyond the longest", link({ latency: { min: 1, mean: 9, max: 5 } }), /min < mean <= max/],
  ["a port that is none", Effect.scoped(Network.mailbox(-1)), /a port is from 0 to 65535/],
  ["a host without a name", Host.make(""), /no host can be called/],
  ["a host that is every host", Host.make("localhost"), /no host can be called/],
  [
    "a latency beyond all time",
    FlakyServer.make("s", FlakyServer.always(FlakyServer.answer(1e303)), () => "ok"),
    /must be finite/
  ]
]

const fault = (change: object): unknown => ({
  _tag: "Pause",
  host: "h",
  atMillis: 1,
  forMillis: 1,
  ...change
})

const link2 = { from: "main", to: "h", oneWay: false, atMillis: 1, forMillis: 1 }

const faults: ReadonlyArray<readonly [unknown, RegExp]> = [
  [fault({ atMillis: Number.NaN }), /atMillis is a length of time, not NaN/],
  [fault({ atMillis: Infinity }), /atMillis is a length of time, not Infinity/],
  [fault({ forMillis: -1 }), /forMillis is a length of time, not -1/],
  [{ _tag: "Slow", ...link2, latencyMillis: -50 }, /latencyMillis/],
  [{ _tag: "Lossy", ...link2, loss: Number.NaN }, /loss is a chance/],
  [{ _tag: "DiskFailure", host: "h", atMillis: 1, operation: -5, code: "EIO" }, /operation counts from 1/],
  [{ _tag: "Skew", host: "h", atMillis: 1, offsetMillis: 0, rate: Number.NaN }, /a rate is from/],
  [{ _tag: "Point", point: "p", occurrence: 0, action: { _tag: "Die" } }, /occurrence counts from 1/],
  [{ _tag: "Explosion", atMillis: 1 }, /there is no fault "Explosion"/]
]

describe("numbers that make no sense", () => {
  it.each(programs)("%s is refused by name", (_, program, problem) => {
    assert.match(problemOf(program), problem)
  })

  it.each(faults)("a plan with %o is a failure that says so, at its first run", (given, problem) => {
    const suite = Suite.make({
      name: "one",
      guarantees: [],
      arbitrary: fc.constant(undefined),
      // As a suite of plain JavaScript would have it.
      faults: fc.constant(JSON.parse("[]").concat(given)),
      run: () => Effect.sleep(10)
    })
    const [failure] = Suite.check(suite, { runs: 1 }).failures
    assert.match(failure?.message ?? "", problem)
  })

  it("a pause that lasts for Infinity lasts until all is healed", () => {
    const plan: FaultPlan.Plan = [{ _tag: "Pause", host: "h", atMillis: 1, forMillis: Infinity }]
    const suite = Suite.make({
      name: "one",
      guarantees: [],
      arbitrary: fc.constant(undefined),
      faults: fc.constant(plan),
      run: () =>
        Effect.gen(function* () {
          const host = yield* Host.make("h", Effect.sleep(5))
          yield* Effect.forkChild(Effect.delay(FaultPlan.healAll, "1 hour"))
          yield* host.exited
        })
    })
    const report = Suite.check(suite, { runs: 1 })
    assert.deepStrictEqual(report.failures, [])
    assert.strictEqual(report.virtualMillis, 3_600_000)
  })
})
