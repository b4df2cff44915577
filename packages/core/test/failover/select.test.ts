import { assert, describe, it } from "@effect/vitest"
import { Failover, InvalidOptions } from "@holdfast/core"
import { Array as Arr, Config, ConfigProvider, Context, Effect, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"
import { call, classify, Node, poolOf, quiet } from "./nodes.ts"

const nodesOf = (count: number, latencyMillis = 10) =>
  Arr.makeBy(count, (index) => new Node(`n${index}`, latencyMillis))

const callsOf = (nodes: ReadonlyArray<Node>) => nodes.map(({ calls }) => calls)

const seeded = Random.withSeed("failover")

describe("Failover: each call chooses", () => {
  it.effect("by weight", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(3)
      const pool = yield* poolOf(nodes, {
        select: "weighted",
        endpoints: Arr.map(nodes, (node, index) => Failover.endpoint(node.id, node, { weight: index + 1 }))
      })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 600; n++) yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      const [one = 0, two = 0, three = 0] = callsOf(nodes)
      assert.strictEqual(one + two + three, 600)
      assert.isTrue(one < two && two < three, `${one}, ${two}, ${three}`)
      assert.isAtLeast(one, 50)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("the less busy of two, so that a slow endpoint gets less", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(4)
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(100)
      nodes[0].callLatencyMillis = 400
      for (let n = 0; n < 400; n++) {
        yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
        yield* TestClock.adjust(5)
      }
      const [slow = 0, ...fast] = callsOf(nodes)
      assert.isAtLeast(slow, 1)
      for (const calls of fast) assert.isAtLeast(calls, 4 * slow)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("among the healthy and trusted, while there are any", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(4)
      const [one, two, three] = nodes
      if (two === undefined || three === undefined) return assert.fail("there are four")
      one.answer = "refuses"
      two.latencyMillis = 600
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(3000)
      three.answer = "refuses"
      yield* TestClock.adjust(2000)
      three.answer = "fine"
      yield* TestClock.adjust(2000)
      for (let n = 0; n < 100; n++) yield* timed(pool.execute(call), 20)
      assert.deepStrictEqual(callsOf(nodes), [0, 0, 0, 100])
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("among all of them when too few are healthy", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(4)
      for (const node of nodes.slice(1)) node.latencyMillis = 600
      const pool = yield* poolOf(nodes, { select: "weighted", ejection: { panicBelow: 0.5 } })
      yield* TestClock.adjust(1000)
      for (const node of nodes) node.callLatencyMillis = 10
      for (let n = 0; n < 100; n++) yield* timed(pool.execute(call), 20)
      for (const calls of callsOf(nodes)) assert.isAtLeast(calls, 5)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("among all of them when none is healthy, which a call may find out", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(3)
      for (const node of nodes) node.answer = "refuses"
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(100)
      for (const node of nodes) node.answer = "fine"
      const { exit } = yield* timed(pool.execute(call), 20)
      assert.strictEqual(exit._tag, "Success")
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("with what is known at this moment", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(2)
      const [one, two] = nodes
      if (two === undefined) return assert.fail("there are two")
      const pool = yield* poolOf(nodes, { select: "weighted" })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 20; n++) yield* timed(pool.execute(call), 20)
      one.answer = "refuses"
      yield* TestClock.adjust(2000)
      const before = one.calls
      assert.isAtLeast(before, 1)
      for (let n = 0; n < 20; n++) yield* timed(pool.execute(call), 20)
      assert.strictEqual(one.calls, before)
      one.answer = "fine"
      yield* TestClock.adjust(8000)
      for (let n = 0; n < 20; n++) yield* timed(pool.execute(call), 20)
      assert.isAtLeast(one.calls, before + 1)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("by the peak of what it took lately, which counts at once", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(2)
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 40; n++) yield* timed(pool.execute(call), 20)
      const before = nodes[0].calls
      assert.isAtLeast(before, 10)
      nodes[0].callLatencyMillis = 400
      for (let n = 0; n < 40; n++) yield* timed(pool.execute(call), 500)
      assert.isAtMost(nodes[0].calls, before + 2)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("by what is under way, as long as nothing else is known", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(2)
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(100)
      nodes[0].callAnswer = "hangs"
      for (let n = 0; n < 60; n++) {
        yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
        yield* TestClock.adjust(20)
      }
      assert.isAtMost(nodes[0].calls, 5)
    }).pipe(Effect.provide(quiet), seeded)
  )

  it.effect("one that was avoided for a peak is tried again when that has faded", () =>
    Effect.gen(function* () {
      const nodes = nodesOf(2)
      const pool = yield* poolOf(nodes, { select: "leastLoaded" })
      yield* TestClock.adjust(100)
      nodes[0].callLatencyMillis = 400
      for (let n = 0; n < 4; n++) yield* timed(pool.execute(call), 500)
      const before = nodes[0].calls
      assert.isAtLeast(before, 1)
      nodes[0].callLatencyMillis = 10
      for (let n = 0; n < 200; n++) yield* timed(pool.execute(call), 1000)
      assert.isAtLeast(nodes[0].calls, before + 20)
    }).pipe(Effect.provide(quiet), seeded)
  )
})

describe("Failover: what is seen", () => {
  it.effect("of each endpoint: its health, latencies, what is in flight, and its last error", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 700)]
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(0)
      yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health, id, inFlight }) => [id, health, inFlight]),
        [
          ["a", "Unknown", 1],
          ["b", "Unknown", 0]
        ]
      )
      yield* TestClock.adjust(3000)
      a.answer = "refuses"
      yield* TestClock.adjust(2000)
      const [first, second] = yield* pool.status
      assert.deepInclude(first, {
        health: "Failed",
        probeMillis: { last: 10, p50: 10, p99: 10 },
        callMillis: { last: 10, p50: 10, p99: 10 }
      })
      assert.match(String(first?.lastCause), /Refused/)
      assert.deepInclude(second, { health: "Slow", callMillis: undefined, lastCause: undefined })
      assert.strictEqual(second?.probeMillis?.last, 700)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("percentiles are those of the latest 128", () =>
    Effect.gen(function* () {
      const node = new Node("a", 0)
      const pool = yield* poolOf([node], { feed: "probes" })
      yield* TestClock.adjust(0)
      for (let millis = 1; millis <= 200; millis++) {
        node.callLatencyMillis = millis
        yield* timed(pool.execute(call), millis)
      }
      const [status] = yield* pool.status
      assert.deepStrictEqual(status?.callMillis, { last: 200, p50: 136, p99: 199 })
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.Service", () => {
  class Ledger extends Failover.Service<Ledger, Node>()("test/Ledger") {}

  it.effect("executes, and its pool is named after it", () =>
    Effect.gen(function* () {
      const node = new Node("a", 0)
      node.callAnswer = "refuses"
      const live = Ledger.layer({
        endpoints: [Failover.endpoint("a", node)],
        probe: ({ probe }) => probe,
        classify
      })
      const error = yield* Effect.flip(Effect.provide(Ledger.execute(call), live))
      assert.strictEqual(error._tag === "AllEndpointsFailed" && error.label, "test/Ledger")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a client of an endpoint can be a service of a layer, which each endpoint has for itself", () =>
    Effect.gen(function* () {
      class Client extends Context.Service<Client, Node>()("test/Client") {}
      let built = 0
      const layer = Layer.effect(
        Client,
        Effect.sync(() => new Node(`built ${++built}`, 0))
      )
      const pool = yield* poolOf([new Node("a", 0)], {
        endpoints: [Failover.endpointLayer("a", Client, layer), Failover.endpointLayer("b", Client, layer)]
      })
      yield* TestClock.adjust(10)
      assert.strictEqual(built, 2)
      assert.strictEqual(yield* pool.execute(({ id }) => Effect.succeed(id)), "built 1")
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.Settings", () => {
  const read = (env: Record<string, string>) =>
    Effect.provideService(
      Config.schema(Failover.Settings, "ledger"),
      ConfigProvider.ConfigProvider,
      ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
    )

  it.effect("are read from configuration, and fit into the options", () =>
    Effect.gen(function* () {
      const settings = yield* read({
        LEDGER_INTERVAL: "1 second",
        LEDGER_JITTER: "none",
        LEDGER_PROBE_TIMEOUT: "300 millis",
        LEDGER_ATTEMPTS: "4",
        LEDGER_HYSTERESIS_MARGIN: "10 millis",
        LEDGER_FAILBACK: "30 seconds",
        LEDGER_SELECT: "leastLoaded",
        LEDGER_EJECTION_MAX_EJECTED: "0.25",
        LEDGER_HEDGE_PERCENTILE: "0.9"
      })
      const node = new Node("a", 0)
      node.answer = "hangs"
      const pool = yield* poolOf([node], settings)
      yield* TestClock.adjust(350)
      const [status] = yield* pool.status
      assert.strictEqual(status?.health, "Failed")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("without a meaning are refused", () =>
    Effect.gen(function* () {
      for (const env of [
        { LEDGER_INTERVAL: "0 millis" },
        { LEDGER_ATTEMPT_TIMEOUT: "Infinity" },
        { LEDGER_THRESHOLD: "-1 millis" },
        { LEDGER_FAILBACK: "sometimes" },
        { LEDGER_EJECTION_MAX_EJECTED: "2" },
        { LEDGER_JITTER: "decorrelated" }
      ]) {
        assert.strictEqual((yield* Effect.exit(read(env)))._tag, "Failure", JSON.stringify(env))
      }
    })
  )
})

describe("Failover: options without a meaning", () => {
  const [a] = [new Node("a", 0)]
  const attempts: ReadonlyArray<readonly [string, () => unknown]> = [
    ["interval", () => poolWith({ interval: 0 })],
    ["probeTimeout", () => poolWith({ probeTimeout: Number.NaN })],
    ["threshold", () => poolWith({ threshold: -1 })],
    ["attemptTimeout", () => poolWith({ attemptTimeout: Number.POSITIVE_INFINITY })],
    ["attempts", () => poolWith({ attempts: 0.5 })],
    ["hysteresis.consecutive", () => poolWith({ hysteresis: { consecutive: 0 } })],
    ["hedge.percentile", () => poolWith({ hedge: { percentile: 95 } })],
    ["ejection.maxEjected", () => poolWith({ ejection: { maxEjected: -0.1 } })],
    ["ejection.base", () => poolWith({ ejection: { base: Number.POSITIVE_INFINITY } })],
    ["endpoints", () => poolWith({ endpoints: [Failover.endpoint("a", a), Failover.endpoint("a", a)] })],
    ["weight", () => Failover.endpoint("a", a, { weight: 0 })]
  ]
  const poolWith = (options: Partial<Failover.Options<Node>>) =>
    Failover.make<Node>({
      endpoints: [Failover.endpoint("a", a)],
      probe: ({ probe }) => probe,
      classify,
      ...options
    })

  for (const [option, attempt] of attempts) {
    it(`are thrown, with their name: ${option}`, () => {
      try {
        attempt()
      } catch (error) {
        assert.instanceOf(error, InvalidOptions)
        assert.strictEqual(error.option, option)
        return
      }
      assert.fail("nothing was thrown")
    })
  }
})
