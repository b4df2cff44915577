import { assert, describe, it } from "@effect/vitest"
import { Disk, FaultPlan, Host, Network, Report, Suite } from "@holdfast/sim"
import { Clock, Effect, Exit, FileSystem, Queue } from "effect"
import * as fc from "fast-check"

/** A campaign of one run with a plan, and what its program gave. */
const runWith = <A>(faults: FaultPlan.Plan, program: Effect.Effect<A, unknown>) => {
  let given: A | undefined
  const suite = Suite.make({
    name: "one",
    guarantees: [],
    arbitrary: fc.constant(undefined),
    faults: fc.constant(faults),
    run: () =>
      Effect.map(program, (value) => {
        given = value
      })
  })
  const report = Suite.check(suite, { runs: 1 })
  return { report, given: given ?? assert.fail(report.failures[0]?.message) }
}

/** When each of ten datagrams, sent from a to b every 100 ms, arrives. */
const arrivals = Effect.gen(function* () {
  const arrived: Array<number> = []
  const receive = Effect.gen(function* () {
    const { messages } = yield* Network.mailbox<number>(7)
    while (true) {
      yield* Queue.take(messages)
      arrived.push(yield* Clock.currentTimeMillis)
    }
  })
  yield* Host.make("b", receive)
  const a = yield* Host.make("a")
  const send = Effect.andThen(Effect.sleep(100), Network.send({ host: "b", port: 7 }, "tick"))
  yield* a.run(Effect.repeat(send, { times: 9 }))
  yield* Effect.sleep("5 seconds")
  return arrived
})

const usual = [101, 201, 301, 401, 501, 601, 701, 801, 901, 1001]
const between = { from: "a", to: "b", oneWay: false, atMillis: 250, forMillis: 200 }

const cases: ReadonlyArray<readonly [FaultPlan.Fault, string, ReadonlyArray<number>]> = [
  [{ _tag: "Partition", ...between }, "partition", usual.filter((at) => at !== 301 && at !== 401)],
  [
    { _tag: "Isolate", host: "b", atMillis: 250, forMillis: 200 },
    "partition",
    usual.filter((at) => at !== 301 && at !== 401)
  ],
  // What was held keeps its order: a nanosecond apart.
  [{ _tag: "Hold", ...between }, "hold", [101, 201, 451, 451.000001, ...usual.slice(4)]],
  [{ _tag: "Slow", ...between, latencyMillis: 50 }, "latency", [101, 201, 350, 450, ...usual.slice(4)]],
  [{ _tag: "Lossy", ...between, loss: 1 }, "loss", usual.filter((at) => at !== 301 && at !== 401)],
  [
    { _tag: "Pause", host: "b", atMillis: 250, forMillis: 200 },
    "pause",
    [101, 201, 450, 450, ...usual.slice(4)]
  ],
  [
    { _tag: "Crash", host: "b", atMillis: 250, downMillis: 200 },
    "crash",
    usual.filter((at) => at !== 301 && at !== 401)
  ]
]

describe("FaultPlan", () => {
  it.each(cases)(
    "SIM-3: a fault does what it says, for its time, and is counted: %o",
    (fault, kind, expected) => {
      const { given, report } = runWith([fault], arrivals)
      assert.deepStrictEqual(given, expected)
      assert.isAbove(report.faults[kind] ?? 0, 0)
      assert.strictEqual(FaultPlan.kindOf(fault), kind)
    }
  )

  it("one way only leaves the way back alone", () => {
    const back = {
      _tag: "Partition",
      from: "b",
      to: "a",
      oneWay: true,
      atMillis: 0,
      forMillis: 2000
    } as const
    const { given, report } = runWith([back], arrivals)
    assert.deepStrictEqual(given, usual)
    assert.isFalse(Report.isGood(report))
  })

  it("an operation on a host's disk fails as planned", () => {
    const write = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      return yield* Effect.exit(fs.writeFileString("/f", "text"))
    }).pipe(Effect.provide(Disk.layerHost))
    const program = Effect.gen(function* () {
      const host = yield* Host.make("db")
      yield* Effect.sleep(10)
      return [yield* host.run(write), yield* host.run(write)].map(Exit.isSuccess)
    })
    const failure = { _tag: "DiskFailure", host: "db", atMillis: 5, operation: 2, code: "EIO" } as const
    const { given, report } = runWith([failure], program)
    assert.deepStrictEqual(given, [false, true])
    assert.strictEqual(report.faults["disk.EIO"], 1)
  })

  it("healAll ends what lasts, and nothing begins afterwards", () => {
    const faults: FaultPlan.Plan = [
      { _tag: "Partition", ...between, atMillis: 0, forMillis: 10_000 },
      { _tag: "Crash", host: "b", atMillis: 50, downMillis: undefined },
      { _tag: "Pause", host: "b", atMillis: 400, forMillis: 10_000 },
      { _tag: "DiskFailure", host: "b", atMillis: 0, operation: 1, code: "EIO" }
    ]
    const write = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString("/f", "text"))
    const healing = Effect.gen(function* () {
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(150), FaultPlan.healAll))
      const arrived = yield* arrivals
      const b = yield* Disk.ofHost("b")
      yield* Effect.provideService(write, FileSystem.FileSystem, b.fileSystem)
      return arrived
    })
    assert.deepStrictEqual(runWith(faults, healing).given, usual.slice(1))
  })

  it("healAll does not resume a host later that the program pauses", () => {
    const pause = { _tag: "Pause", host: "b", atMillis: 10, forMillis: 100 } as const
    const program = Effect.gen(function* () {
      let beats = 0
      const b = yield* Host.make(
        "b",
        Effect.forever(
          Effect.andThen(
            Effect.sleep(1),
            Effect.sync(() => {
              beats++
            })
          )
        )
      )
      yield* Effect.sleep(20)
      yield* FaultPlan.healAll
      yield* b.pause
      const before = beats
      yield* Effect.sleep(500)
      return beats - before
    })
    assert.strictEqual(runWith([pause], program).given, 0)
  })

  it("every fault that is drawn has words, and gets gentler until it cannot", () => {
    const plans = FaultPlan.arbitrary({ hosts: ["a", "b"], disks: ["a"], points: ["p"], max: 20 })
    const tags = new Set<string>()
    for (const plan of fc.sample(plans, { numRuns: 200, seed: 1 })) {
      for (const fault of plan) {
        tags.add(fault._tag)
        assert.isNotEmpty(FaultPlan.describe(fault))
        assert.notInclude(FaultPlan.describe(fault), "undefined")
      }
    }
    assert.strictEqual(tags.size, 10)
  })

  it("draws nothing but the kinds that were asked for", () => {
    const plans = FaultPlan.arbitrary({ hosts: ["a", "b"], kinds: ["Pause"] })
    for (const plan of fc.sample(plans, { numRuns: 50, seed: 1 })) {
      assert.isTrue(plan.every(({ _tag }) => _tag === "Pause"))
    }
    assert.deepStrictEqual(fc.sample(FaultPlan.arbitrary({}), { numRuns: 1, seed: 1 }), [[]])
  })
})
