import { assert, describe, it } from "@effect/vitest"
import { Deadline, Failover } from "@holdfast/core"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"
import { call, Node, poolOf, quiet } from "./nodes.ts"

const isAllFailed = <E>(error: unknown): error is Failover.AllEndpointsFailed<E> =>
  error instanceof Failover.AllEndpointsFailed

describe("Failover: clients that have to be built", () => {
  it.effect("waits for a client that is being built, unless another endpoint has one", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const slowly = Failover.endpointScoped("a", Effect.delay(Effect.succeed(a), "300 millis"))
      const alone = yield* poolOf([a], { endpoints: [slowly] })
      const { exit, elapsedMillis } = yield* timed(alone.execute(call), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("a"))
      assert.strictEqual(elapsedMillis, 310)
      const both = yield* poolOf([a], { endpoints: [slowly, Failover.endpoint("b", b)] })
      const other = yield* timed(both.execute(call), "1 second")
      assert.deepStrictEqual(other.exit, Exit.succeed("b"))
      assert.strictEqual((yield* both.active).id, "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("one that cannot be built was not sent anything, and is built later", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      let tries = 0
      const atLast = Effect.suspend(() => (++tries < 3 ? Effect.fail("no route") : Effect.succeed(a)))
      const pool = yield* poolOf([a], { endpoints: [Failover.endpointScoped("a", atLast)] })
      yield* TestClock.adjust(1)
      const error = yield* Effect.flip(pool.execute(call))
      if (!isAllFailed(error)) return assert.fail(String(error))
      const [failure] = error.failures
      const unavailable = failure.cause === undefined ? undefined : Cause.squash(failure.cause)
      assert.deepInclude(unavailable, { _tag: "EndpointUnavailable", endpoint: "a", cause: "no route" })
      assert.match(error.message, /there is no client for the endpoint "a": no route/)
      assert.strictEqual((yield* pool.active).client, undefined)
      yield* pool.add(Failover.endpoint("b", b))
      assert.strictEqual((yield* pool.active).id, "b")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(tries, 3)
      yield* TestClock.adjust("90 seconds")
      assert.deepInclude(yield* pool.active, { id: "a", client: a })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("one that is not built in time was not sent anything either", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([new Node("a", 10)], {
        endpoints: [Failover.endpointScoped("a", Effect.never)]
      })
      const { exit, elapsedMillis } = yield* timed(pool.execute(call), "10 seconds")
      assert.isTrue(Exit.isFailure(exit) && isAllFailed(Cause.squash(exit.cause)))
      assert.strictEqual(elapsedMillis, 3500)
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "what is acquired is released: when it is removed, after what is under way there, and with the pool",
    () =>
      Effect.gen(function* () {
        const released: Array<string> = []
        const endpointOf = (node: Node) =>
          Failover.endpointScoped(
            node.id,
            Effect.acquireRelease(Effect.succeed(node), () => Effect.sync(() => released.push(node.id)))
          )
        const [a, b] = [new Node("a", 10), new Node("b", 20)]
        const gate = yield* Deferred.make<void>()
        yield* Effect.scoped(
          Effect.gen(function* () {
            const pool = yield* poolOf([a], { endpoints: [endpointOf(a), endpointOf(b)] })
            yield* TestClock.adjust(100)
            yield* Effect.forkChild(
              pool.execute(() => Deferred.await(gate)),
              { startImmediately: true }
            )
            const removing = yield* Effect.forkChild(pool.remove("a"), { startImmediately: true })
            yield* TestClock.adjust(1000)
            assert.deepStrictEqual(released, [])
            yield* Deferred.succeed(gate, undefined)
            assert.strictEqual(yield* Fiber.join(removing), "Removed")
            assert.deepStrictEqual(released, ["a"])
          })
        )
        assert.deepStrictEqual(released, ["a", "b"])
      }).pipe(Effect.provide(quiet))
  )

  it.effect("nothing is sent to a client that was released with its pool", () =>
    Effect.gen(function* () {
      const a = new Node("a", 0)
      const pool = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* poolOf([a], { endpoints: [Failover.endpointScoped("a", Effect.succeed(a))] })
          assert.strictEqual(yield* pool.execute(call), "a")
          const slow = yield* poolOf([a], {
            endpoints: [Failover.endpointScoped("a", Effect.delay(Effect.succeed(a), 1))]
          })
          yield* TestClock.adjust(10)
          return slow
        })
      )
      const error = yield* Effect.flip(pool.execute(call))
      assert.match(error.message, /there is no client/)
      assert.strictEqual(a.calls, 1)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("what was acquired by an attempt to build that failed is released at once", () =>
    Effect.gen(function* () {
      const released: Array<string> = []
      const half = Effect.andThen(
        Effect.acquireRelease(Effect.void, () => Effect.sync(() => released.push("half"))),
        Effect.fail("no route")
      )
      yield* poolOf([new Node("a", 10)], { endpoints: [Failover.endpointScoped("a", half)] })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(released, ["half"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "one that is removed while it is built is not built any more, and what it has acquired is released",
    () =>
      Effect.gen(function* () {
        const [a, b] = [new Node("a", 10), new Node("b", 20)]
        const log: Array<string> = []
        const slowly = Effect.acquireRelease(
          Effect.delay(
            Effect.sync(() => {
              log.push("acquired")
              return b
            }),
            300
          ),
          () => Effect.sync(() => log.push("released"))
        )
        const pool = yield* poolOf([a], {
          endpoints: [Failover.endpoint("a", a), Failover.endpointScoped("b", slowly)]
        })
        yield* TestClock.adjust(100)
        yield* pool.remove("b")
        yield* TestClock.adjust(10_000)
        assert.deepStrictEqual(log, ["acquired", "released"])
        assert.strictEqual(b.probes, 0)
      }).pipe(Effect.provide(quiet))
  )

  it.effect("closing waits for what cannot be interrupted, and releases what comes of it", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const log: Array<string> = []
      // Acquisitions cannot be interrupted.
      const slowly = Effect.acquireRelease(Effect.delay(Effect.succeed(b), 1000), () =>
        Effect.sync(() => log.push("released"))
      )
      const scope = yield* Scope.make()
      yield* Scope.provide(
        poolOf([a], { endpoints: [Failover.endpoint("a", a), Failover.endpointScoped("b", slowly)] }),
        scope
      )
      yield* TestClock.adjust(100)
      const { elapsedMillis } = yield* timed(Scope.close(scope, Exit.void), "10 seconds")
      assert.strictEqual(elapsedMillis, 900)
      assert.deepStrictEqual(log, ["released"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("closing waits for a release that hangs no longer than it should", () =>
    Effect.gen(function* () {
      const a = new Node("a", 10)
      const hanging = Effect.acquireRelease(Effect.succeed(a), () => Effect.never)
      const scope = yield* Scope.make()
      yield* Scope.provide(
        poolOf([a], { endpoints: [Failover.endpointScoped("a", hanging)], releaseTimeout: "2 seconds" }),
        scope
      )
      yield* TestClock.adjust(100)
      const { elapsedMillis } = yield* timed(Scope.close(scope, Exit.void), "10 seconds")
      assert.strictEqual(elapsedMillis, 2000)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a client lives without the deadline of its building", () =>
    Effect.gen(function* () {
      const a = new Node("a", 10)
      let left = Duration.zero
      const acquired = Effect.acquireRelease(Effect.succeed(a), () =>
        Effect.map(Deadline.remaining, (remaining) => {
          left = remaining
        })
      )
      yield* Effect.scoped(
        Effect.andThen(
          poolOf([a], { endpoints: [Failover.endpointScoped("a", acquired)] }),
          TestClock.adjust("1 minute")
        )
      )
      assert.strictEqual(Duration.isFinite(left), false)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("what a probe acquires is released when it ends", () =>
    Effect.gen(function* () {
      const a = new Node("a", 10)
      let open = 0
      const scoped = Effect.acquireRelease(
        Effect.sync(() => {
          open++
        }),
        () =>
          Effect.sync(() => {
            open--
          })
      )
      const make = Failover.make({
        endpoints: [Failover.endpoint("a", a)],
        probe: (node) => Effect.andThen(scoped, node.probe),
        classify: () => Failover.unknown,
        jitter: "none"
      })
      yield* make
      yield* TestClock.adjust(5)
      assert.strictEqual(open, 1)
      yield* TestClock.adjust(1000)
      assert.strictEqual(open, 0)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a probe that ends after the pool was closed says nothing", () =>
    Effect.gen(function* () {
      const a = new Node("a", 10)
      const scope = yield* Scope.make()
      const pool = yield* Scope.provide(
        poolOf([a], {
          probe: () => Effect.uninterruptible(Effect.andThen(Effect.sleep(700), Effect.fail("late"))),
          releaseTimeout: 0
        }),
        scope
      )
      yield* TestClock.adjust(100)
      yield* timed(Scope.close(scope, Exit.void), 1000)
      assert.strictEqual((yield* pool.status)[0]?.lastCause, undefined)
    }).pipe(Effect.provide(quiet))
  )
})
