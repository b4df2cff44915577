/** Faults that overlap once ended each other. */
import { assert, describe, it } from "@effect/vitest"
import { type FaultPlan, Host, Network, Report, Suite } from "@holdfast/sim"
import { Clock, Effect, Queue } from "effect"
import * as fc from "fast-check"

/** When each of ten datagrams, sent from a to b every 100 ms, arrives under a plan. */
const arrivals = (plan: FaultPlan.Plan, before: Effect.Effect<void> = Effect.void): ReadonlyArray<number> => {
  let arrived: Array<number> = []
  const receive = Effect.gen(function* () {
    const { messages } = yield* Network.mailbox<string>(7)
    while (true) {
      yield* Queue.take(messages)
      arrived.push(Math.floor(yield* Clock.currentTimeMillis))
    }
  })
  const suite = Suite.make({
    name: "ticks",
    guarantees: [],
    arbitrary: fc.constant(undefined),
    faults: fc.constant(plan),
    run: () =>
      Effect.gen(function* () {
        arrived = []
        yield* Host.make("b", receive)
        const a = yield* Host.make("a")
        yield* before
        const send = Effect.andThen(Effect.sleep(100), Network.send({ host: "b", port: 7 }, "tick"))
        yield* a.run(Effect.repeat(send, { times: 9 }))
        yield* Effect.sleep("5 seconds")
      })
  })
  const report = Suite.check(suite, { runs: 1 })
  assert.deepStrictEqual(report.failures, [])
  assert.deepStrictEqual(Report.unmet(report), [])
  return arrived
}

const usual = [101, 201, 301, 401, 501, 601, 701, 801, 901, 1001]
const link = { from: "a", to: "b", oneWay: false } as const

describe("faults that overlap", () => {
  it("Given two partitions, When the first ends, Then the second goes on", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Partition", ...link, atMillis: 150, forMillis: 200 },
      { _tag: "Partition", ...link, atMillis: 250, forMillis: 300 }
    ]
    assert.deepStrictEqual(arrivals(plan), [101, ...usual.slice(5)])
  })

  it("Given a partition and an isolation twice, When they end, Then the last end counts", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Isolate", host: "b", atMillis: 150, forMillis: 400 },
      { _tag: "Isolate", host: "b", atMillis: 160, forMillis: 100 },
      { _tag: "Partition", ...link, atMillis: 170, forMillis: 10 }
    ]
    assert.deepStrictEqual(arrivals(plan), [101, ...usual.slice(5)])
  })

  it("Given what is slow and lossy, When the loss ends, Then it is still slow", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Slow", ...link, atMillis: 150, forMillis: 500, latencyMillis: 30 },
      { _tag: "Lossy", ...link, atMillis: 250, forMillis: 100, loss: 1 }
    ]
    assert.deepStrictEqual(arrivals(plan), [101, 230, 430, 530, 630, ...usual.slice(6)])
  })

  it("Given two holds, When the first ends, Then what was sent is still held", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Hold", ...link, atMillis: 150, forMillis: 100 },
      { _tag: "Hold", ...link, atMillis: 160, forMillis: 300 }
    ]
    assert.deepStrictEqual(arrivals(plan), [101, 461, 461, 461, ...usual.slice(4)])
  })

  it("Given two pauses, When the first ends, Then the host still stands", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Pause", host: "b", atMillis: 150, forMillis: 100 },
      { _tag: "Pause", host: "b", atMillis: 160, forMillis: 300 }
    ]
    assert.deepStrictEqual(arrivals(plan), [101, 460, 460, 460, ...usual.slice(4)])
  })

  it("Given conditions and a hold of the program's own, When faults end, Then they stay", () => {
    const plan: FaultPlan.Plan = [
      { _tag: "Slow", ...link, atMillis: 150, forMillis: 100, latencyMillis: 30 },
      { _tag: "Hold", ...link, atMillis: 650, forMillis: 10 }
    ]
    const own = Effect.gen(function* () {
      yield* Network.setLink("a", "b", { latency: "7 millis" })
      yield* Effect.forkChild(Effect.delay(Network.hold("a", "b"), "640 millis"))
      yield* Effect.forkChild(Effect.delay(Network.release("a", "b"), "950 millis"))
    })
    assert.deepStrictEqual(arrivals(plan, own), [107, 230, 307, 407, 507, 607, 957, 957, 957, 1007])
  })
})
