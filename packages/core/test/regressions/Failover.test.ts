/** Bugs that `Failover` had. */
import { assert, describe, it } from "@effect/vitest"
import {
  Backoff,
  Deadline,
  Failover,
  FanOut,
  InvalidOptions,
  OutcomeUnknown,
  RetryBudget
} from "@holdfast/core"
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { call, classify, Node, poolOf, quiet, Refused, Reset } from "../failover/nodes.ts"
import { timed } from "../utils/run.ts"

const pair = () => [new Node("a", 10), new Node("b", 20)] as const

const healthOf = (pool: Failover.Failover<Node>) =>
  Effect.map(pool.status, (all) => all.map(({ health }) => health))

/** What nobody has caught in this process, as soon as there is so much of it. */
const uncaughtErrors = (count: number) =>
  Effect.gen(function* () {
    const all = yield* Deferred.make<ReadonlyArray<unknown>>()
    const errors: Array<unknown> = []
    const before = process.listeners("uncaughtException")
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        process.removeAllListeners("uncaughtException")
        process.on("uncaughtException", (error) => {
          if (errors.push(error) === count) Deferred.doneUnsafe(all, Exit.succeed(errors))
        })
      }),
      () =>
        Effect.sync(() => {
          process.removeAllListeners("uncaughtException")
          for (const listener of before) process.on("uncaughtException", listener)
        })
    )
    return Deferred.await(all)
  })
/** A call that waits at a dead endpoint, with no other one that is well. */
const waiting = Effect.gen(function* () {
  const [a, b] = pair()
  const pool = yield* poolOf([a, b])
  yield* TestClock.adjust(1000)
  b.answer = "refuses"
  yield* TestClock.adjust(2000)
  a.callAnswer = "hangs"
  a.answer = "refuses"
  yield* TestClock.adjust(1100)
  const reading = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
    startImmediately: true
  })
  assert.strictEqual(a.calls, 1)
  return { a, b, pool, reading }
})

describe("Failover: regressions", () => {
  it.effect("FV-8: an endpoint that is ejected and alive is better than those that are dead", () =>
    Effect.gen(function* () {
      // Given three nodes, of which the third was ejected because its calls failed,
      const [a, b, c] = [new Node("a", 10), new Node("b", 20), new Node("c", 30)]
      const pool = yield* poolOf([a, b, c], { ejection: { consecutive: 1 } })
      yield* TestClock.adjust(1000)
      c.callAnswer = "refuses"
      a.answer = "refuses"
      b.answer = "refuses"
      yield* TestClock.adjust(2000)
      yield* Effect.flip(pool.execute(call))
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Failed", "Failed", "Ejected"]
      )
      // when it answers its probes again, while all others are dead,
      c.callAnswer = "fine"
      yield* TestClock.adjust(2000)
      // then it is the route with its next probe, long before its time is over.
      assert.strictEqual((yield* pool.active).id, "c")
      const before = [a.calls, b.calls]
      yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      yield* TestClock.adjust(30)
      assert.deepStrictEqual([a.calls, b.calls], before)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-7: of several errors at once, one that may have been done decides", () =>
    Effect.gen(function* () {
      // Given a call that does two things at once, of which one is refused and the other breaks,
      const pool = yield* poolOf([...pair()])
      const sent: Array<string> = []
      const both = (_: Node, endpoint: string) => {
        sent.push(endpoint)
        return Effect.failCause(
          Cause.combine(
            Cause.fail(new Refused({ node: endpoint })),
            Cause.fail(new Reset({ node: endpoint }))
          )
        )
      }
      // when it must not be done twice,
      const error = yield* Effect.flip(pool.execute(both))
      // then it is not sent again, although its first error says that nothing was done.
      assert.instanceOf(error, OutcomeUnknown)
      assert.deepStrictEqual(sent, ["a"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-7: what is no verdict may be anything", () =>
    Effect.gen(function* () {
      // Given a classification that is not typed, and answers with what is no verdict,
      const pool = yield* poolOf([...pair()])
      const sent: Array<string> = []
      const verdict: Failover.Verdict = JSON.parse('{ "_tag": "endpointfault" }')
      // when a call fails that must not be done twice,
      const error = yield* Effect.flip(
        pool.execute(
          (_, endpoint) => {
            sent.push(endpoint)
            return Effect.fail("broken")
          },
          { classify: () => verdict }
        )
      )
      // then it is not sent again.
      assert.instanceOf(error, OutcomeUnknown)
      assert.deepStrictEqual(sent, ["a"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "FV-9: the caller's deadline is nobody's fault, also when something inside of the call hears of it first",
    () =>
      Effect.gen(function* () {
        // Given callers with little patience, at an endpoint that is well,
        const [a, b] = pair()
        a.callLatencyMillis = 100
        const pool = yield* poolOf([a, b])
        yield* TestClock.adjust(1000)
        for (let n = 0; n < 6; n++) {
          // when their deadline comes, and a deadline inside of the call inherits it,
          const inner = pool.execute((node) => Deadline.within(node.call, "5 seconds"), { idempotent: true })
          const { exit } = yield* timed(Deadline.within(inner, "50 millis"), "200 millis")
          assert.isTrue(Exit.isFailure(exit))
        }
        // then the endpoint is as good as before.
        assert.deepStrictEqual(yield* healthOf(pool), ["Healthy", "Healthy"])
        assert.strictEqual(b.calls, 0)
      }).pipe(Effect.provide(quiet))
  )

  it.effect("a bug comes out of a hedged call, and is not waited over", () =>
    Effect.gen(function* () {
      // Given a call that is hedged, as it takes long,
      const [a, b] = pair()
      const pool = yield* poolOf([a, b], { hedge: { budget: 1 } })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), 20)
      b.callAnswer = "hangs"
      // when its first attempt dies while the second is under way,
      const { elapsedMillis, exit } = yield* timed(
        pool.execute(
          (node, endpoint) =>
            endpoint === "a" ? Effect.andThen(Effect.sleep(30), Effect.die("bug")) : node.call,
          { idempotent: true }
        ),
        "10 seconds"
      )
      // then that is what comes out, at once.
      assert.deepStrictEqual(exit, Exit.die("bug"))
      assert.strictEqual(elapsedMillis, 30)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-11: two legs of a hedged call share its attempts, also after a delay", () =>
    Effect.gen(function* () {
      // Given two endpoints, three attempts, and a hedge,
      const nodes = pair()
      const pool = yield* poolOf([...nodes], {
        attempts: 3,
        backoff: Backoff.constant("100 millis", { jitter: "none" }),
        hedge: { budget: 1 }
      })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), 20)
      const before = nodes[0].calls
      for (const node of nodes) {
        node.callAnswer = "resets"
        node.callLatencyMillis = 50
      }
      // when both legs have failed, and wait for the next round,
      yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      // then there are three attempts, and not four.
      assert.strictEqual(nodes[0].calls - before + nodes[1].calls, 3)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("the budget of a pool pays for hedges, too", () =>
    Effect.gen(function* () {
      // Given a budget of nothing,
      const [a, b] = pair()
      const budget = yield* RetryBudget.make({ ratio: 0, minPerSecond: 0 })
      const pool = yield* poolOf([a, b], { budget, hedge: { budget: 1 } })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), 20)
      // when a call takes long,
      a.callLatencyMillis = 300
      yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      // then nothing is sent beside it.
      assert.strictEqual(b.calls, 0)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-2: a call that waits at a dead endpoint is moved when another one is alive again", () =>
    Effect.gen(function* () {
      // Given two dead endpoints, and an idempotent call that waits at one of them,
      const [a, b] = pair()
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(1000)
      b.answer = "refuses"
      yield* TestClock.adjust(2000)
      a.callAnswer = "hangs"
      a.answer = "refuses"
      yield* TestClock.adjust(1100)
      const reading = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
        startImmediately: true
      })
      assert.strictEqual(a.calls, 1)
      // when the other one answers its probes again, before the next probe of the first,
      a.latencyMillis = 900
      a.answer = "fine"
      b.answer = "fine"
      yield* TestClock.adjust(1960)
      // then the call has gone there.
      assert.strictEqual(a.interrupted, 1)
      assert.strictEqual(yield* Fiber.join(reading), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a probe that ends after a later one has says nothing", () =>
    Effect.gen(function* () {
      // Given an endpoint that is added shortly before a round, and whose first probe hangs,
      const [a, b] = pair()
      const pool = yield* poolOf([a])
      yield* TestClock.adjust(1900)
      b.answer = "hangs"
      yield* pool.add(Failover.endpoint("b", b))
      yield* TestClock.adjust(50)
      // when the probe of the round finds it well,
      b.answer = "fine"
      yield* TestClock.adjust(150)
      assert.deepStrictEqual(yield* healthOf(pool), ["Healthy", "Healthy"])
      // then the time-out of the first one changes nothing.
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* healthOf(pool), ["Healthy", "Healthy"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("calls that are well stay where they are when another endpoint recovers", () =>
    Effect.gen(function* () {
      // Given reads at an endpoint whose probes are fine, and at which one other call was refused,
      const [a, b] = [new Node("a", 10), new Node("b", 5)]
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(1000)
      b.answer = "refuses"
      yield* TestClock.adjust(2000)
      a.callLatencyMillis = 3000
      const reading = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
        startImmediately: true
      })
      yield* TestClock.adjust(500)
      const refuse = (_: Node, endpoint: string) => Effect.fail(new Refused({ node: endpoint }))
      yield* Effect.flip(pool.execute(refuse, { idempotent: true }))
      // when the other endpoint answers its probes again, before the next probe of the first has ended,
      b.answer = "fine"
      yield* TestClock.adjust(3000)
      // then they have their answers.
      assert.strictEqual(a.interrupted, 0)
      assert.strictEqual(yield* Fiber.join(reading), "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-2: a call that waits at a dead endpoint is moved to one that is added", () =>
    Effect.gen(function* () {
      // Given a call that waits at a dead endpoint, with no other one that is well,
      const { a, pool, reading } = yield* waiting
      // when one is added,
      yield* pool.add(Failover.endpoint("c", new Node("c", 30)))
      yield* TestClock.adjust(200)
      // then the call has gone there.
      assert.strictEqual(a.interrupted, 1)
      assert.strictEqual(yield* Fiber.join(reading), "c")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-2: a call that waits at a dead endpoint is moved also when that was removed meanwhile", () =>
    Effect.gen(function* () {
      // Given a call that waits at a dead endpoint, which is removed,
      const { a, b, pool, reading } = yield* waiting
      yield* Effect.forkChild(pool.remove("a"), { startImmediately: true })
      // when another one recovers,
      b.answer = "fine"
      yield* TestClock.adjust(2000)
      // then the call has gone there.
      assert.strictEqual(a.interrupted, 1)
      assert.strictEqual(yield* Fiber.join(reading), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-9: the caller's deadline is nobody's fault in a pool of pools", () =>
    Effect.gen(function* () {
      // Given a pool over another one, whose node hangs,
      const [a, b] = pair()
      a.callAnswer = "hangs"
      const inner = yield* poolOf([a])
      const outer = yield* Failover.make({
        endpoints: [Failover.endpoint("inner", inner), Failover.endpoint("other", yield* poolOf([b]))],
        probe: () => Effect.void,
        classify: () => Failover.unknown,
        jitter: "none"
      })
      yield* TestClock.adjust(100)
      // when the caller's deadline comes, which the inner pool hears of first,
      yield* timed(
        Effect.exit(
          Deadline.within(
            outer.execute((pool) => pool.execute(call)),
            "1 second"
          )
        ),
        "1200 millis"
      )
      // then the outer one blames nobody.
      assert.deepStrictEqual(
        (yield* outer.status).map(({ health }) => health),
        ["Healthy", "Healthy"]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-9: a deadline that was set by hand is that of the caller, too", () =>
    Effect.gen(function* () {
      // Given a deadline that is made by hand, and an heir of it inside of the call,
      const [a, b] = pair()
      a.callAnswer = "hangs"
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(1000)
      const now = yield* Clock.monotonicTimeNanos
      const ask = pool.execute((node) => Deadline.within(node.call, "5 seconds"), { idempotent: true })
      const bounded = Effect.provideService(ask, Deadline.Current, {
        label: "hand",
        atNanos: now + 500_000_000n
      })
      // when it comes,
      const { exit } = yield* timed(bounded, "1 second")
      // then the endpoint is as good as before.
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* healthOf(pool), ["Healthy", "Healthy"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a batch knows that a call with an unknown outcome may have happened", () =>
    Effect.gen(function* () {
      // Given a payment through a pool, as the only target of a batch with a deadline,
      const [a, b] = pair()
      a.callAnswer = "hangs"
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(1000)
      // when that comes before an answer does,
      const { exit } = yield* timed(
        FanOut.run(["payment"], () => pool.execute(call), { deadline: "1 second" }),
        "2 seconds"
      )
      // then nobody is told that it has failed.
      if (Exit.isFailure(exit)) return assert.fail(String(exit.cause))
      assert.deepStrictEqual(exit.value.outcomes.map(FanOut.isUnknown), [true])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "hedged legs that wait for the next round do not go to the same endpoint, and say why they end",
    () =>
      Effect.gen(function* () {
        // Given two legs whose attempts have both failed,
        const nodes = pair()
        const pool = yield* poolOf([...nodes], {
          attempts: 4,
          backoff: Backoff.constant("100 millis", { jitter: "none" }),
          hedge: { budget: 1 }
        })
        yield* TestClock.adjust(100)
        for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), 20)
        for (const node of nodes) {
          node.callAnswer = "resets"
          node.callLatencyMillis = 50
        }
        const before = nodes.map(({ calls }) => calls)
        // when they go on after a delay,
        yield* timed(pool.execute(call, { idempotent: true }), "1 second")
        // then each has taken another one;
        assert.deepStrictEqual(
          nodes.map(({ calls }, index) => calls - (before[index] ?? 0)),
          [2, 2]
        )
        // and when the deadline lets nobody go on, that is what they say.
        const { exit } = yield* timed(
          Effect.flip(pool.execute(call, { idempotent: true, deadline: "140 millis" })),
          "1 second"
        )
        assert.isTrue(
          Exit.isSuccess(exit) && exit.value._tag === "AllEndpointsFailed" && exit.value.limit === "Deadline"
        )
      }).pipe(Effect.provide(quiet))
  )

  it.effect("an interruption of a part does not hide that something may have been done", () =>
    Effect.gen(function* () {
      // Given a call that breaks, and whose finalizer is interrupted,
      const pool = yield* poolOf([...pair()])
      const broken = Effect.ensuring(Effect.fail(new Reset({ node: "a" })), Effect.interrupt)
      // when it must not be done twice, then its outcome is unknown, by the error that says so.
      const error = yield* Effect.flip(pool.execute(() => broken))
      assert.instanceOf(error, OutcomeUnknown)
      assert.instanceOf(error.cause, Reset)
      // And so it is when a classification that is not typed says nothing at all.
      const nothing: Failover.Verdict = JSON.parse("null")
      const other = yield* Effect.flip(pool.execute(() => Effect.fail("x"), { classify: () => nothing }))
      assert.instanceOf(other, OutcomeUnknown)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a client may be undefined", () =>
    Effect.gen(function* () {
      // Given endpoints that are known by their ids alone,
      let probes = 0
      const pool = yield* Failover.make<undefined>({
        endpoints: [Failover.endpoint("a", undefined)],
        probe: () =>
          Effect.sync(() => {
            probes++
          }),
        classify: () => Failover.unknown,
        jitter: "none"
      })
      // when they are probed and called, then they are as good as any.
      assert.strictEqual(yield* pool.execute((_, endpoint) => Effect.succeed(endpoint)), "a")
      yield* TestClock.adjust(1)
      assert.strictEqual(probes, 1)
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "FV-4: somebody's callback that throws ends neither the monitor nor the closing of the pool",
    () =>
      Effect.gen(function* () {
        // Given callers outside of Effect, whose callbacks throw: of a call that is moved, and of a reader of changes,
        const uncaught = yield* uncaughtErrors(2)
        const [a, b] = pair()
        let released = 0
        const endpointOf = (node: Node) =>
          Failover.endpointScoped(
            node.id,
            Effect.acquireRelease(Effect.succeed(node), () =>
              Effect.sync(() => {
                released++
              })
            )
          )
        const scope = yield* Scope.make()
        const pool = yield* Scope.provide(
          poolOf([a, b], { endpoints: [endpointOf(a), endpointOf(b)] }),
          scope
        )
        yield* TestClock.adjust(1000)
        a.callAnswer = "hangs"
        b.latencyMillis = 0
        const throwing = {
          onExit: () => {
            throw new Error("somebody else's")
          }
        }
        Effect.runCallback(pool.execute(call, { idempotent: true }), throwing)
        Effect.runCallback(Stream.runDrain(pool.changes), throwing)
        // when the call is moved,
        a.answer = "refuses"
        yield* TestClock.adjust(2000)
        assert.strictEqual(a.interrupted, 1)
        // then probes go on,
        const { probes } = b
        yield* TestClock.adjust(6000)
        assert.strictEqual(b.probes, probes + 3)
        // and the pool closes, and releases its clients; what was thrown is loud.
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(released, 2)
        assert.strictEqual((yield* uncaught).length, 2)
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it("a key at the end of a URL keeps its slash", () => {
    // Given URLs whose queries end with a slash, or not,
    const urls: Array<string> = []
    // when endpoints are made of them,
    Failover.endpoints(["https://a.example/?key=A/", "https://a.example/?key=A"], (url, id) => {
      urls.push(url)
      return Failover.endpoint(id, url)
    })
    // then they are two.
    assert.deepStrictEqual(urls, ["https://a.example/?key=A/", "https://a.example/?key=A"])
  })

  it("an endless probe time-out and a weight beyond all sums are refused", () => {
    const [a] = pair()
    const make = (options: Partial<Failover.Options<Node>>) => () =>
      Failover.make<Node>({
        endpoints: [Failover.endpoint("a", a)],
        probe: () => Effect.void,
        classify: () => Failover.unknown,
        ...options
      })
    assert.throws(make({ probeTimeout: "Infinity" }), InvalidOptions)
    assert.throws(() => Failover.endpoint("a", a, { weight: 1e308 }), InvalidOptions)
  })
  for (const select of ["leastLoaded", "weighted"] as const) {
    it.effect(`FV-2: where none is healthy, ${select} begins at a slow endpoint, and not at a dead one`, () =>
      Effect.gen(function* () {
        // Given a dead and a slow endpoint, when each call chooses where to begin,
        const [dead, slow] = [new Node("dead", 10), new Node("slow", 600)]
        dead.answer = "refuses"
        const pool = yield* poolOf([dead, slow], { select })
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual(
          (yield* pool.status).map(({ health }) => health),
          ["Failed", "Slow"]
        )
        // when there are calls,
        for (let count = 0; count < 20; count++) {
          yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
        }
        yield* TestClock.adjust(600)
        // then all of them are at the slow one.
        assert.deepStrictEqual([dead.calls, slow.calls], [0, 20])
      }).pipe(Effect.provide(quiet))
    )
  }

  it.effect("FV-3: without a margin and a dwell, what is as fast is not preferred", () =>
    Effect.gen(function* () {
      // Given two endpoints that are equally fast,
      const [a, b] = [new Node("a", 10), new Node("b", 10)]
      const pool = yield* poolOf([a, b], { select: "fastest", hysteresis: { margin: 0, dwell: 0 } })
      // when they are probed for a minute,
      yield* TestClock.adjust("1 minute")
      // then the route has never changed.
      const { id, sinceMillis } = yield* pool.active
      assert.deepStrictEqual([id, sinceMillis], ["a", 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-3: a route whose client cannot be built is not left for an endpoint that has failed", () =>
    Effect.gen(function* () {
      // Given a primary whose client cannot be built, and a fallback that is dead,
      const dead = new Node("b", 10)
      dead.answer = "refuses"
      const pool = yield* Failover.make<Node>({
        endpoints: [
          Failover.endpointScoped("a", Effect.andThen(Effect.sleep("1 second"), Effect.fail("no route"))),
          Failover.endpoint("b", dead)
        ],
        probe: ({ probe }) => probe,
        classify,
        jitter: "none"
      })
      // when both have failed,
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Failed", "Failed"]
      )
      // then the route has not changed, until the fallback answers a probe.
      assert.strictEqual((yield* pool.active).id, "a")
      dead.answer = "fine"
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* pool.active).id, "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-8: what failed while an endpoint was out does not count when it is back", () =>
    Effect.gen(function* () {
      // Given an endpoint that is out because two calls failed, while all others are dead,
      const [a, b] = [new Node("a", 10), new Node("b", 10)]
      a.callAnswer = "refuses"
      b.answer = "refuses"
      const pool = yield* poolOf([a, b], { ejection: { consecutive: 2, base: "4 seconds" } })
      const health = Effect.map(pool.status, ([first]) => first?.health)
      yield* TestClock.adjust(1000)
      yield* Effect.flip(pool.execute(call))
      yield* TestClock.adjust(1500)
      yield* Effect.flip(pool.execute(call))
      assert.strictEqual(yield* health, "Ejected")
      // when calls fail there for want of a better one, until its time is over,
      yield* Effect.flip(pool.execute(call))
      yield* Effect.flip(pool.execute(call))
      yield* TestClock.adjust(6000)
      assert.strictEqual(yield* health, "Healthy")
      // then the next failed call is the first in a row.
      yield* Effect.flip(pool.execute(call))
      assert.strictEqual(yield* health, "Failed")
    }).pipe(Effect.provide(quiet))
  )
})
