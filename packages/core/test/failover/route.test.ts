import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core"
import { Clock, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { call, Node, poolOf, quiet } from "./nodes.ts"

const routeOf = (pool: Failover.Failover<Node>) => Effect.map(pool.active, ({ id }) => id)

/** Everything that the route did until now, as `a>b Slow at 10.5`. */
const watch = (pool: Failover.Failover<Node>) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    yield* Effect.forkChild(
      Stream.runForEach(pool.changes, ({ atMillis, from, reason, to }) =>
        Effect.sync(() => seen.push(`${from ?? ""}>${to} ${reason} at ${Math.round(atMillis) / 1000}`))
      ),
      { startImmediately: true }
    )
    return seen
  })

const until = (second: number) => TestClock.setTime(second * 1000 + 0.5)

describe("Failover: the route", () => {
  it.effect("is the primary at first, whatever the others are", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([new Node("a", 300), new Node("b", 1)])
      const seen = yield* watch(pool)
      assert.strictEqual(yield* routeOf(pool), "a")
      yield* until(3600)
      assert.deepStrictEqual(seen, [">a Initial at 0"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "leaves a primary that has become slow for the fastest one, as soon as its probe is over the threshold",
    () =>
      Effect.gen(function* () {
        const [a, b, c] = [new Node("a", 50), new Node("b", 80), new Node("c", 40)]
        const pool = yield* poolOf([a, b, c])
        const seen = yield* watch(pool)
        yield* until(9.9)
        a.latencyMillis = 600
        yield* until(20)
        assert.deepStrictEqual(seen, [">a Initial at 0", "a>c Slow at 10.5"])
        const [change] = yield* Stream.runCollect(Stream.take(pool.changes, 1))
        assert.strictEqual(Math.round(change?.fromLatencyMillis ?? 0), 500)
        assert.strictEqual(change?.toLatencyMillis, 40)
      }).pipe(Effect.provide(quiet))
  )

  it.effect("stays at 500.0 milliseconds, and leaves above", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 500), new Node("b", 40)]
      const pool = yield* poolOf([a, b])
      yield* until(100)
      assert.strictEqual(yield* routeOf(pool), "a")
      a.latencyMillis = 500.1
      yield* until(102.6)
      assert.strictEqual(yield* routeOf(pool), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("stays at a slow one when nobody is healthy, or faster by the margin", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 520), new Node("b", 700)]
      const pool = yield* poolOf([a, b])
      yield* until(60)
      assert.strictEqual(yield* routeOf(pool), "a")
      b.latencyMillis = 471
      yield* until(120)
      assert.strictEqual(yield* routeOf(pool), "a")
      b.latencyMillis = 470
      yield* until(130)
      assert.strictEqual(yield* routeOf(pool), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("leaves one whose probe fails at once, and prefers the trusted to the fast", () =>
    Effect.gen(function* () {
      const [a, b, c] = [new Node("a", 10), new Node("b", 300), new Node("c", 20)]
      const pool = yield* poolOf([a, b, c])
      c.answer = "refuses"
      yield* until(1)
      c.answer = "fine"
      yield* until(3.9)
      a.answer = "refuses"
      yield* until(4.1)
      assert.strictEqual(yield* routeOf(pool), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "goes to one that is not trusted, then to one that is slow, rather than to stay at one that is dead",
    () =>
      Effect.gen(function* () {
        const [a, b, c] = [new Node("a", 10), new Node("b", 20), new Node("c", 600)]
        const pool = yield* poolOf([a, b, c])
        const seen = yield* watch(pool)
        b.answer = "refuses"
        yield* until(1)
        b.answer = "fine"
        yield* until(3)
        a.answer = "refuses"
        yield* until(5)
        b.answer = "refuses"
        yield* until(7)
        assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Failed at 4", "b>c Failed at 6"])
      }).pipe(Effect.provide(quiet))
  )

  it.effect("stays when all are dead, and goes to the first that is alive again", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b])
      const seen = yield* watch(pool)
      yield* until(1)
      b.answer = "refuses"
      yield* until(3)
      a.answer = "refuses"
      yield* until(5)
      assert.deepStrictEqual(seen, [">a Initial at 0"])
      b.answer = "fine"
      yield* until(7)
      assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Failed at 6.02"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "leaves a black hole after the threshold when it may, and after the probe time-out at the latest",
    () =>
      Effect.gen(function* () {
        const [a, b] = [new Node("a", 10), new Node("b", 20)]
        const pool = yield* poolOf([a, b], { failback: "never", hysteresis: { dwell: "20 seconds" } })
        const seen = yield* watch(pool)
        yield* until(3)
        a.answer = "hangs"
        yield* until(7)
        a.answer = "fine"
        yield* until(13)
        b.answer = "hangs"
        yield* until(20)
        assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Slow at 4.5", "b>a Failed at 15"])
      }).pipe(Effect.provide(quiet))
  )

  it.effect("leaves with the first failed call, which does not wait for a probe", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b])
      yield* until(1)
      a.callAnswer = "refuses"
      const fiber = yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      assert.strictEqual(yield* routeOf(pool), "b")
      yield* TestClock.adjust(20)
      assert.strictEqual(yield* Fiber.join(fiber), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("does not heed calls when it is fed by probes alone", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b], { feed: "probes" })
      yield* until(1)
      a.callAnswer = "refuses"
      for (let n = 0; n < 20; n++) yield* Effect.forkChild(pool.execute(call), { startImmediately: true })
      yield* until(2)
      assert.strictEqual(yield* routeOf(pool), "a")
      assert.strictEqual(a.calls, 20)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("does not flap between two that take turns at 490 and 510 milliseconds", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 490), new Node("b", 510)]
      const pool = yield* poolOf([a, b])
      const seen = yield* watch(pool)
      for (let second = 2; second <= 600; second += 2) {
        yield* until(second - 1)
        a.latencyMillis = a.latencyMillis === 490 ? 510 : 490
        b.latencyMillis = b.latencyMillis === 490 ? 510 : 490
      }
      assert.deepStrictEqual(seen, [">a Initial at 0"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("changes once in a dwell at most, when two take turns at being far too slow for long", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 50), new Node("b", 900)]
      const pool = yield* poolOf([a, b], { failback: "never", hysteresis: { dwell: "30 seconds" } })
      const seen = yield* watch(pool)
      for (let second = 0; second < 300; second += 10) {
        yield* until(second + 9)
        a.latencyMillis = a.latencyMillis === 50 ? 900 : 50
        b.latencyMillis = b.latencyMillis === 50 ? 900 : 50
      }
      assert.isAtLeast(seen.length, 4)
      assert.isAtMost(seen.length, 2 + 300 / 30)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("trusts one that was slow only after as many healthy probes in a row as it should", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 600), new Node("b", 600)]
      const pool = yield* poolOf([a, b], { hysteresis: { consecutive: 2 } })
      const seen = yield* watch(pool)
      yield* until(1)
      b.latencyMillis = 40
      yield* until(3)
      b.latencyMillis = 600
      yield* until(5)
      b.latencyMillis = 40
      yield* until(9)
      assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Slow at 8.04"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("goes back to the primary when that was healthy for a minute", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 50), new Node("b", 40)]
      const pool = yield* poolOf([a, b])
      const seen = yield* watch(pool)
      a.answer = "refuses"
      yield* until(1)
      a.answer = "fine"
      yield* until(200)
      assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Failed at 0", "b>a Failback at 62.05"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("does not go back to a primary that is well only now and then, or when it never should", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 50), new Node("b", 40)]
      const [c, d] = [new Node("c", 50), new Node("d", 40)]
      const flapping = yield* poolOf([a, b])
      const never = yield* poolOf([c, d], { failback: "never" })
      a.answer = "refuses"
      c.answer = "refuses"
      yield* until(1)
      c.answer = "fine"
      for (let second = 1; second < 600; second += 50) {
        a.answer = "fine"
        yield* until(second + 46)
        a.answer = "refuses"
        yield* until(second + 49.9)
      }
      assert.strictEqual(yield* routeOf(flapping), "b")
      assert.strictEqual(yield* routeOf(never), "d")
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "prefers the fastest when it should, once that was faster by the margin in each of the last probes",
    () =>
      Effect.gen(function* () {
        const [a, b, c] = [new Node("a", 100), new Node("b", 51), new Node("c", 300)]
        const pool = yield* poolOf([a, b, c], { select: "fastest" })
        const seen = yield* watch(pool)
        yield* until(20)
        b.latencyMillis = 50
        yield* until(21)
        c.latencyMillis = 10
        yield* until(23)
        c.latencyMillis = 300
        yield* until(60)
        assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Faster at 26.05"])
      }).pipe(Effect.provide(quiet))
  )

  it.effect("leaves one that is removed, and the last one stays", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 100), new Node("b", 50)]
      const pool = yield* poolOf([a, b])
      yield* until(1)
      assert.strictEqual(yield* pool.remove("a"), "Removed")
      assert.strictEqual(yield* routeOf(pool), "b")
      assert.strictEqual(yield* pool.remove("a"), "NotFound")
      assert.strictEqual(yield* pool.remove("b"), "Last")
      const probes = a.probes
      yield* until(10)
      assert.strictEqual(a.probes, probes)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is left for whatever there is when it is removed, even if that is dead", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 100), new Node("b", 50)]
      b.answer = "refuses"
      const pool = yield* poolOf([a, b])
      yield* until(1)
      yield* pool.remove("a")
      assert.strictEqual(yield* routeOf(pool), "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a call that began before its endpoint recovered says nothing about it", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b], { failback: 0, hysteresis: { consecutive: 1, dwell: 0 } })
      yield* until(1.8)
      a.answer = "hangs"
      yield* Effect.forkChild(Effect.exit(pool.execute(call)), { startImmediately: true })
      yield* until(3.9)
      a.answer = "fine"
      // It runs out of its time at 5.3, long after the endpoint was found well at 4.01.
      yield* until(5.2)
      assert.strictEqual(yield* routeOf(pool), "a")
      yield* until(5.4)
      assert.strictEqual(yield* routeOf(pool), "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a probe that began before its endpoint failed says nothing about the time after it", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 100), new Node("b", 20)]
      const pool = yield* poolOf([a, b])
      yield* until(2.05)
      a.callAnswer = "refuses"
      yield* Effect.forkChild(Effect.exit(pool.execute(call)), { startImmediately: true })
      yield* until(2.5)
      const [first] = yield* pool.status
      assert.strictEqual(first?.health, "Failed")
      yield* until(4.5)
      const [later] = yield* pool.status
      assert.strictEqual(later?.health, "Healthy")
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover: the route, in the details", () => {
  it.effect("an endpoint that is dead stays so while its next probe takes long", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      a.answer = "hangs"
      b.answer = "refuses"
      const pool = yield* poolOf([a, b])
      yield* until(2.8)
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Failed", "Failed"]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an endpoint without a client is no route, whatever happens to the others", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a], {
        endpoints: [Failover.endpoint("a", a), Failover.endpointScoped("b", Effect.as(Effect.never, b))]
      })
      a.answer = "refuses"
      yield* until(1)
      assert.strictEqual(yield* routeOf(pool), "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a change for slowness is possible again just when the dwell is over", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b], { failback: "never", hysteresis: { consecutive: 1 } })
      const seen = yield* watch(pool)
      yield* until(3)
      a.latencyMillis = 700
      yield* until(5)
      a.latencyMillis = 10
      yield* until(13)
      b.latencyMillis = 700
      yield* until(20)
      assert.deepStrictEqual(seen, [">a Initial at 0", "a>b Slow at 4.5", "b>a Slow at 14.5"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "the fastest has to be faster than the route in every one of its last probes, and without a failure",
    () =>
      Effect.gen(function* () {
        const [a, b] = [new Node("a", 300), new Node("b", 100)]
        const pool = yield* poolOf([a, b], { select: "fastest" })
        const seen = yield* watch(pool)
        for (let second = 0; second < 60; second += 6) {
          a.latencyMillis = 300
          yield* until(second + 3)
          a.latencyMillis = 120
          yield* until(second + 5)
        }
        for (let second = 60; second < 120; second += 6) {
          a.latencyMillis = 300
          b.answer = "fine"
          yield* until(second + 3)
          b.answer = "refuses"
          yield* until(second + 5)
        }
        assert.deepStrictEqual(seen, [">a Initial at 0"])
      }).pipe(Effect.provide(quiet))
  )
})

describe("Failover: outliers", () => {
  const failing = Effect.gen(function* () {
    const [a, b] = [new Node("a", 10), new Node("b", 20)]
    a.callAnswer = "refuses"
    const pool = yield* poolOf([a, b], {
      failback: 0,
      hysteresis: { consecutive: 1, dwell: 0 },
      ejection: { consecutive: 3, base: "30 seconds" }
    })
    return { a, b, pool }
  })

  const callOnce = (pool: Failover.Failover<Node>) =>
    Effect.forkChild(Effect.exit(pool.execute(call)), { startImmediately: true })

  it.effect("whose calls fail although its probes do not is out, for longer each time, and comes back", () =>
    Effect.gen(function* () {
      const { a, pool } = yield* failing
      const seen = yield* watch(pool)
      for (let second = 1; second < 200; second++) {
        yield* until(second)
        yield* callOnce(pool)
      }
      const ejected = seen.filter((word) => word.includes("Ejected"))
      assert.deepStrictEqual(ejected, [
        "a>b Ejected at 5.001",
        "a>b Ejected at 41.001",
        "a>b Ejected at 107.001"
      ])
      a.callAnswer = "fine"
      yield* until(230)
      assert.strictEqual(yield* routeOf(pool), "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("have to earn their trust again, and to be well for as long as before a failback", () =>
    Effect.gen(function* () {
      const back: Array<string | undefined> = []
      for (const failback of ["10 seconds", 0] as const) {
        const [a, b] = [new Node("a", 10), new Node("b", 20)]
        const startMillis = yield* Clock.currentTimeMillis
        const pool = yield* poolOf([a, b], {
          failback,
          hysteresis: { consecutive: 3 },
          ejection: { consecutive: 1, base: "20 seconds" }
        })
        yield* TestClock.adjust(1000)
        a.callAnswer = "refuses"
        yield* callOnce(pool)
        yield* TestClock.adjust("1 minute")
        const [last] = yield* Stream.runCollect(Stream.take(pool.changes, 1))
        back.push(`${last?.reason} at ${((last?.atMillis ?? 0) - startMillis) / 1000}`)
      }
      // Its time is over at 21, and the probes after that come at 22, 24 and 26.
      assert.deepStrictEqual(back, ["Failback at 32.01", "Failback at 26.01"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("are worse than what is slow, and better than what is dead", () =>
    Effect.gen(function* () {
      const [a, b, c] = [new Node("a", 10), new Node("b", 20), new Node("c", 700)]
      const pool = yield* poolOf([a, b, c], { ejection: { consecutive: 1 } })
      const seen = yield* watch(pool)
      yield* until(1)
      a.callAnswer = "refuses"
      yield* callOnce(pool)
      yield* until(3)
      b.answer = "refuses"
      yield* until(5)
      c.answer = "refuses"
      yield* until(7)
      assert.deepStrictEqual(seen, [
        ">a Initial at 0",
        "a>b Ejected at 1.001",
        "b>c Failed at 4",
        "c>a Failed at 6"
      ])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("do not take turns when all of them are out", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      a.callAnswer = "refuses"
      b.callAnswer = "refuses"
      const pool = yield* poolOf([a, b], { ejection: { consecutive: 1, maxEjected: 1 } })
      const seen = yield* watch(pool)
      yield* until(1)
      yield* callOnce(pool)
      yield* until(20)
      assert.isAtMost(seen.length, 3)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("do not become so by failures between which they answer, be it that the caller is wrong", () =>
    Effect.gen(function* () {
      const { a, pool } = yield* failing
      for (const between of ["fine", "disagrees"] as const) {
        for (let n = 0; n < 10; n++) {
          a.callAnswer = n % 2 === 0 ? "refuses" : between
          yield* TestClock.adjust(3000)
          yield* callOnce(pool)
          yield* TestClock.adjust(100)
          assert.notStrictEqual((yield* pool.status)[0]?.health, "Ejected")
        }
      }
    }).pipe(Effect.provide(quiet))
  )

  it.effect("do not become so by calls that were cut off because a probe had failed", () =>
    Effect.gen(function* () {
      const { a, pool } = yield* failing
      yield* until(1)
      a.callAnswer = "hangs"
      for (let n = 0; n < 6; n++) {
        yield* Effect.forkChild(pool.execute(call, { idempotent: true }), { startImmediately: true })
      }
      a.answer = "refuses"
      yield* until(2.1)
      assert.strictEqual(a.interrupted, 6)
      assert.strictEqual((yield* pool.status)[0]?.health, "Failed")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("are no more than the share that may be out", () =>
    Effect.gen(function* () {
      const nodes = [new Node("a", 10), new Node("b", 20), new Node("c", 30)] as const
      for (const node of nodes) node.callAnswer = "refuses"
      const pool = yield* poolOf([...nodes], {
        failback: 0,
        hysteresis: { consecutive: 1, dwell: 0 },
        ejection: { consecutive: 2, maxEjected: 0.34 }
      })
      for (let second = 1; second < 20; second++) {
        yield* until(second)
        yield* callOnce(pool)
      }
      const out = (yield* pool.status).filter(({ health }) => health === "Ejected")
      assert.strictEqual(out.length, 1)
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover: the monitor", () => {
  it.effect("FV-4: it ends with the scope, probes that are under way included", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(poolOf([a, b]), scope)
      a.answer = "hangs"
      yield* until(2.1)
      yield* Scope.close(scope, Exit.void)
      const probes = a.probes + b.probes
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.drop(pool.changes, 1)), [])
      yield* until(100)
      assert.strictEqual(a.probes + b.probes, probes)
      assert.strictEqual(yield* pool.add({ id: "c", weight: 1, acquire: Effect.succeed(a) }), false)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-5: a round of black holes takes one probe time-out, and the next one begins on time", () =>
    Effect.gen(function* () {
      const nodes = [new Node("a", 10), new Node("b", 20), new Node("c", 30)] as const
      for (const node of nodes) node.answer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* until(1.1)
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Failed", "Failed", "Failed"]
      )
      yield* until(6.1)
      assert.deepStrictEqual(
        nodes.map(({ probes }) => probes),
        [4, 4, 4]
      )
    }).pipe(Effect.provide(quiet))
  )
})
