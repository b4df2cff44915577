import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Failover, OutcomeUnknown, Retry, RetryBudget } from "@holdfast/core"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { left } from "../utils/active.ts"
import { timed } from "../utils/run.ts"
import { elapsedMillis } from "../utils/time.ts"
import { call, Invalid, Node, poolOf, quiet, Refused, Reset } from "./nodes.ts"

const trio = () => [new Node("a", 10), new Node("b", 20), new Node("c", 30)] as const

/** What a call fails with. */
const failureOf = <A, E>(exit: Exit.Exit<A, E>): E => {
  if (Exit.isSuccess(exit)) return assert.fail(`it succeeded with ${exit.value}`)
  const reason = exit.cause.reasons.find(Cause.isFailReason)
  return reason === undefined ? assert.fail(String(exit.cause)) : reason.error
}

const isAllFailed = <E>(error: unknown): error is Failover.AllEndpointsFailed<E> =>
  error instanceof Failover.AllEndpointsFailed

const callsOf = (nodes: ReadonlyArray<Node>) => nodes.map(({ calls }) => calls)

describe("Failover.execute", () => {
  it.effect("asks the route alone when that answers", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const pool = yield* poolOf([...nodes])
      const { exit, elapsedMillis } = yield* timed(pool.execute(call), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("a"))
      assert.strictEqual(elapsedMillis, 10)
      assert.deepStrictEqual(callsOf(nodes), [1, 0, 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("tells which endpoint it is", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([...trio()])
      assert.strictEqual(yield* pool.execute((_, endpoint) => Effect.succeed(endpoint)), "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("goes on at the others, the best first, when the endpoint did not do it", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a, b, c] = nodes
      const pool = yield* poolOf([...nodes])
      b.latencyMillis = 40
      yield* TestClock.adjust(1000)
      a.callAnswer = "refuses"
      c.callAnswer = "refuses"
      const { exit, elapsedMillis } = yield* timed(pool.execute(call), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("b"))
      assert.strictEqual(elapsedMillis, 40)
      assert.deepStrictEqual(callsOf(nodes), [1, 1, 1])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-9: ends with what is the caller's fault, which counts against nobody", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a] = nodes
      const pool = yield* poolOf([...nodes])
      a.callAnswer = "disagrees"
      for (let n = 0; n < 10; n++) {
        const { exit } = yield* timed(pool.execute(call), "100 millis")
        assert.instanceOf(failureOf(exit), Invalid)
      }
      assert.deepStrictEqual(callsOf(nodes), [10, 0, 0])
      assert.strictEqual((yield* pool.active).id, "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-7: ends when the outcome is unknown, and it may not be done twice", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a] = nodes
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      a.callAnswer = "resets"
      const { exit } = yield* timed(pool.execute(call), "100 millis")
      const error = failureOf(exit)
      assert.instanceOf(error, OutcomeUnknown)
      assert.strictEqual(error.label, "ledger")
      assert.deepInclude(error, { elapsedMillis: 10, cause: new Reset({ node: "a" }) })
      assert.deepStrictEqual(callsOf(nodes), [1, 0, 0])
      assert.strictEqual((yield* pool.active).id, "b")
    }).pipe(Effect.provide(quiet))
  )

  it.effect("goes on when the outcome is unknown, and it may be done twice", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a] = nodes
      const pool = yield* poolOf([...nodes])
      a.callAnswer = "resets"
      const { exit } = yield* timed(pool.execute(call, { idempotent: true }), "100 millis")
      assert.deepStrictEqual(exit, Exit.succeed("b"))
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an attempt that runs out of its time has an unknown outcome", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a] = nodes
      a.callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const once = yield* timed(pool.execute(call), "10 seconds")
      const error = failureOf(once.exit)
      assert.instanceOf(error, OutcomeUnknown)
      assert.instanceOf(error.cause, Retry.AttemptTimeout)
      assert.strictEqual(once.elapsedMillis, 3500)
      assert.strictEqual(a.interrupted, 1)
      yield* pool.remove("b")
      yield* pool.remove("c")
      yield* pool.add(Failover.endpoint("d", new Node("d", 70)))
      const twice = yield* timed(
        pool.execute(call, { idempotent: true, attemptTimeout: "1 second" }),
        "10 seconds"
      )
      assert.deepStrictEqual(twice.exit, Exit.succeed("d"))
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an idempotent call is moved as soon as a probe finds its endpoint dead", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a, b] = nodes
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(1900)
      a.answer = "hangs"
      const reading = yield* Effect.forkChild(
        Effect.andThen(pool.execute(call, { idempotent: true }), elapsedMillis),
        { startImmediately: true }
      )
      const writing = yield* Effect.forkChild(Effect.exit(pool.execute(call)), { startImmediately: true })
      yield* TestClock.adjust(1200)
      assert.strictEqual(yield* Fiber.join(reading), 3020)
      assert.strictEqual(a.interrupted, 1)
      assert.strictEqual(b.calls, 1)
      yield* TestClock.adjust(4000)
      assert.instanceOf(failureOf(yield* Fiber.join(writing)), OutcomeUnknown)
      assert.deepStrictEqual(callsOf(nodes), [2, 1, 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an idempotent call stays at a dead endpoint when there is no better one", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(100)
      b.answer = "refuses"
      yield* TestClock.adjust(1900)
      a.callAnswer = "hangs"
      a.answer = "refuses"
      const reading = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
        startImmediately: true
      })
      yield* TestClock.adjust(3000)
      assert.strictEqual(a.interrupted, 0)
      yield* Fiber.interrupt(reading)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an idempotent call stays at a dead endpoint when all others were tried", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 10), new Node("b", 20)]
      const pool = yield* poolOf([a, b])
      yield* TestClock.adjust(1900)
      a.callAnswer = "refuses"
      b.callLatencyMillis = 3000
      const reading = yield* Effect.forkChild(
        Effect.andThen(pool.execute(call, { idempotent: true }), elapsedMillis),
        { startImmediately: true }
      )
      assert.strictEqual(b.calls, 1)
      yield* TestClock.adjust(1000)
      b.answer = "refuses"
      yield* TestClock.adjust(1500)
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health }) => health),
        ["Healthy", "Failed"]
      )
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* Fiber.join(reading), 4900)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("when all fail, the error has the cause of each, and how long it took", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a, b, c] = nodes
      a.callAnswer = "hangs"
      b.callAnswer = "resets"
      c.callAnswer = "refuses"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const { exit, elapsedMillis } = yield* timed(pool.execute(call, { idempotent: true }), "10 seconds")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.strictEqual(elapsedMillis, 3520)
      assert.deepInclude(error, { label: "ledger", limit: "Endpoints", attempts: 3, elapsedMillis: 3520 })
      assert.deepStrictEqual(
        error.failures.map(({ cause, elapsedMillis, endpoint }) => [
          endpoint,
          cause === undefined ? undefined : Cause.squash(cause),
          elapsedMillis
        ]),
        [
          [
            "a",
            new Retry.AttemptTimeout({
              label: "ledger at a",
              attempt: 1,
              timeoutMillis: 3500,
              elapsedMillis: 3500
            }),
            3500
          ],
          ["b", new Reset({ node: "b" }), 20],
          ["c", new Refused({ node: "c" }), 0]
        ]
      )
      assert.match(
        error.message,
        /^"ledger" got no answer, every endpoint has failed \(a: .*; b: .*; c: .*\)$/
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("FV-2: known-bad endpoints are asked last", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a, b, c] = nodes
      a.answer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(1500)
      b.callAnswer = "refuses"
      c.callAnswer = "refuses"
      const { exit, elapsedMillis } = yield* timed(pool.execute(call), "10 seconds")
      assert.instanceOf(failureOf(exit), OutcomeUnknown)
      assert.strictEqual(elapsedMillis, 3500)
      assert.deepStrictEqual(callsOf(nodes), [1, 1, 1])
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "FV-11: attempts count over all endpoints, and the backoff is waited for when all were tried",
    () =>
      Effect.gen(function* () {
        const nodes = trio()
        for (const node of nodes) node.callAnswer = "refuses"
        const pool = yield* poolOf([...nodes], {
          attempts: 7,
          backoff: Backoff.exponential({ base: "100 millis", jitter: "none" })
        })
        const { exit, elapsedMillis } = yield* timed(pool.execute(call), "10 seconds")
        const error = failureOf(exit)
        if (!isAllFailed(error)) return assert.fail(String(error))
        assert.deepInclude(error, { limit: "Attempts", attempts: 7 })
        assert.strictEqual(error.failures.length, 3)
        assert.strictEqual(elapsedMillis, 300)
        assert.deepStrictEqual(
          callsOf(nodes).reduce((sum, calls) => sum + calls, 0),
          7
        )
      }).pipe(Effect.provide(quiet))
  )

  it.effect("fewer attempts than endpoints leave some untried", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "refuses"
      const pool = yield* poolOf([...nodes], { attempts: 2 })
      const { exit } = yield* timed(pool.execute(call), "10 seconds")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Attempts", attempts: 2 })
      assert.deepStrictEqual(
        error.failures.map(({ cause }) => cause === undefined),
        [false, false, true]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a backoff that is a schedule ends the call with its end", () =>
    Effect.gen(function* () {
      const [a] = [new Node("a", 10)]
      a.callAnswer = "refuses"
      const pool = yield* poolOf([a], { attempts: Infinity, backoff: Schedule.recurs(2) })
      const { exit } = yield* timed(pool.execute(call), "10 seconds")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Attempts", attempts: 3 })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a budget pays for every attempt after the first", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "refuses"
      const budget = yield* RetryBudget.make({ ratio: 1, minPerSecond: 0 })
      const pool = yield* poolOf([...nodes], { budget })
      const { exit } = yield* timed(pool.execute(call), "10 seconds")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Budget", attempts: 2 })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a budget pays for the rounds after the first, too", () =>
    Effect.gen(function* () {
      const [a] = [new Node("a", 10)]
      a.callAnswer = "refuses"
      const budget = yield* RetryBudget.make({ ratio: 1, minPerSecond: 0 })
      const pool = yield* poolOf([a], { budget, attempts: 10, backoff: Backoff.none })
      const { exit } = yield* timed(pool.execute(call), "10 seconds")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Budget", attempts: 2 })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a further round begins at the route", () =>
    Effect.gen(function* () {
      const [a, b] = [new Node("a", 30), new Node("b", 10)]
      const pool = yield* poolOf([a, b], { feed: "probes", attempts: 4, backoff: Backoff.none })
      yield* TestClock.adjust(100)
      const order: Array<string> = []
      const refuse = (_: Node, endpoint: string) => {
        order.push(endpoint)
        return Effect.fail(new Refused({ node: endpoint }))
      }
      yield* timed(pool.execute(refuse), 10)
      assert.deepStrictEqual(order, ["a", "b", "a", "b"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("numbers its attempts for those who ask", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([...trio()])
      const numbers: Array<number> = []
      const exit = yield* Effect.exit(
        pool.execute((_, endpoint) =>
          Effect.flatMap(Retry.CurrentAttempt, (number) => {
            numbers.push(number)
            return Effect.fail(new Refused({ node: endpoint }))
          })
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(numbers, [1, 2, 3])
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.execute within a deadline", () => {
  it.effect("FV-6: of its own, ends at it, with what it knows of each endpoint", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const { exit, elapsedMillis } = yield* timed(
        pool.execute(call, { idempotent: true, deadline: "4 seconds" }),
        "10 seconds"
      )
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.strictEqual(elapsedMillis, 4000)
      assert.deepInclude(error, { limit: "Deadline", attempts: 2, elapsedMillis: 4000 })
      assert.deepStrictEqual(
        error.failures.map(({ cause, elapsedMillis, endpoint }) => [
          endpoint,
          cause === undefined,
          elapsedMillis
        ]),
        [
          ["a", false, 3500],
          ["b", false, 500],
          ["c", true, 0]
        ]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("that comes while something was sent that must not be sent twice, the outcome is unknown", () =>
    Effect.gen(function* () {
      const nodes = trio()
      nodes[0].callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const { exit, elapsedMillis } = yield* timed(pool.execute(call, { deadline: "1 second" }), "10 seconds")
      assert.instanceOf(failureOf(exit), OutcomeUnknown)
      assert.strictEqual(elapsedMillis, 1000)
      assert.strictEqual((yield* pool.active).id, "a")
    }).pipe(Effect.provide(quiet))
  )

  it.effect(
    "FV-9: as long as an attempt may take, it is the deadline that is over, for which nobody is blamed",
    () =>
      Effect.gen(function* () {
        const nodes = trio()
        nodes[0].callAnswer = "hangs"
        const pool = yield* poolOf([...nodes])
        yield* TestClock.adjust(100)
        const { exit } = yield* timed(
          pool.execute(call, { idempotent: true, deadline: "3500 millis" }),
          "10 seconds"
        )
        const error = failureOf(exit)
        if (!isAllFailed(error)) return assert.fail(String(error))
        assert.deepInclude(error, { limit: "Deadline", attempts: 1 })
        assert.strictEqual((yield* pool.active).id, "a")
      }).pipe(Effect.provide(quiet))
  )

  it.effect("of zero, sends nothing", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const pool = yield* poolOf([...nodes])
      const error = yield* Effect.flip(pool.execute(call, { deadline: 0 }))
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Deadline", attempts: 0 })
      assert.deepStrictEqual(callsOf(nodes), [0, 0, 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("that is inherited, its owner says that it is over, when nobody else handles it", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const plain = yield* timed(
        pool.execute(call, { idempotent: true }).pipe(Deadline.within("1 second", { label: "own" })),
        "5 seconds"
      )
      assert.deepInclude(failureOf(plain.exit), { _tag: "DeadlineExceeded", label: "own", inherited: false })
      assert.strictEqual(plain.elapsedMillis, 1000)
      const handled = yield* timed(
        pool.execute(call, { idempotent: true }).pipe(
          Effect.catchTag("AllEndpointsFailed", ({ limit }) => Effect.succeed(limit)),
          Deadline.within("1 second")
        ),
        "5 seconds"
      )
      assert.deepStrictEqual(handled.exit, Exit.succeed("InheritedDeadline"))
    }).pipe(Effect.provide(quiet))
  )

  it.effect("that is inherited, what may have been done is told, rather than that it is late", () =>
    Effect.gen(function* () {
      const nodes = trio()
      nodes[0].callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const { elapsedMillis, exit } = yield* timed(
        pool.execute(call, { operationId: "tx-1" }).pipe(Deadline.within("1 second")),
        "5 seconds"
      )
      assert.strictEqual(elapsedMillis, 1000)
      const error = failureOf(exit)
      assert.deepInclude(error, { _tag: "OutcomeUnknown", endpoint: "a", operationId: "tx-1" })
      assert.strictEqual(error.message, 'whether "ledger" has done "tx-1" at a is unknown, after 1000 ms')
    }).pipe(Effect.provide(quiet))
  )

  it.effect("does not wait for a backoff that ends after it", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "refuses"
      const pool = yield* poolOf([...nodes], {
        attempts: 10,
        backoff: Backoff.constant("1 second", { jitter: "none" })
      })
      const own = yield* timed(pool.execute(call, { deadline: "1500 millis" }), "10 seconds")
      const error = failureOf(own.exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Deadline", attempts: 6 })
      assert.strictEqual(own.elapsedMillis, 1000)
      const ambient = yield* timed(Deadline.within(pool.execute(call), "500 millis"), "10 seconds")
      const inherited = failureOf(ambient.exit)
      if (!isAllFailed(inherited)) return assert.fail(String(inherited))
      assert.deepInclude(inherited, { limit: "InheritedDeadline", attempts: 3 })
      assert.strictEqual(ambient.elapsedMillis, 0)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("returns over work that cannot be interrupted, which is abandoned and still in flight", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([new Node("a", 10), new Node("b", 20)])
      yield* TestClock.adjust(100)
      const stubborn = Effect.uninterruptible(Effect.as(Effect.sleep("1 minute"), "late"))
      const { exit, elapsedMillis } = yield* timed(
        pool.execute((_, endpoint) => (endpoint === "a" ? stubborn : Effect.succeed(endpoint)), {
          idempotent: true
        }),
        "10 seconds"
      )
      assert.deepStrictEqual(exit, Exit.succeed("b"))
      assert.strictEqual(elapsedMillis, 3500)
      const inFlight = Effect.map(pool.status, (all) => all.map(({ inFlight }) => inFlight))
      assert.deepStrictEqual(yield* inFlight, [1, 0])
      assert.deepStrictEqual(
        (yield* Deadline.abandoned).map(({ label }) => label),
        ["ledger"]
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* inFlight, [0, 0])
      // What comes so late is no news.
      assert.strictEqual((yield* pool.status)[0]?.callMillis, undefined)
    }).pipe(Effect.provide(Layer.merge(quiet, Deadline.layerAbandoned())))
  )
})

describe("Failover.execute and what is nobody's fault", () => {
  it.effect("an interruption interrupts the attempt, and nothing else is sent", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const [a] = nodes
      a.callAnswer = "hangs"
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const fiber = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
        startImmediately: true
      })
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(a.interrupted, 1)
      assert.deepStrictEqual(callsOf(nodes), [1, 0, 0])
      const [first] = yield* pool.status
      assert.deepInclude(first, { health: "Healthy", inFlight: 0 })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a defect comes out, also of a classification", () =>
    Effect.gen(function* () {
      const nodes = trio()
      const pool = yield* poolOf([...nodes])
      yield* TestClock.adjust(100)
      const died = yield* Effect.exit(pool.execute(() => Effect.die("bug"), { idempotent: true }))
      assert.deepStrictEqual(died, Exit.die("bug"))
      const bug = new Error("bug")
      const threw = yield* Effect.exit(
        pool.execute((_, endpoint) => Effect.fail(new Refused({ node: endpoint })), {
          classify: () => {
            throw bug
          }
        })
      )
      assert.deepStrictEqual(threw, Exit.die(bug))
      assert.deepStrictEqual(
        (yield* pool.status).map(({ health, inFlight }) => [health, inFlight]),
        [
          ["Healthy", 0],
          ["Healthy", 0],
          ["Healthy", 0]
        ]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a failure whose finalizer dies is a bug, too", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([...trio()])
      const exit = yield* Effect.exit(
        pool.execute((_, endpoint) =>
          Effect.ensuring(Effect.fail(new Refused({ node: endpoint })), Effect.die("bug"))
        )
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause) && !Cause.hasFails(exit.cause))
      const both = Cause.combine(Cause.fail(new Refused({ node: "a" })), Cause.die("bug"))
      assert.deepStrictEqual(yield* Effect.exit(pool.execute(() => Effect.failCause(both))), Exit.die("bug"))
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a call classifies its errors itself, if it wants to", () =>
    Effect.gen(function* () {
      const nodes = trio()
      nodes[0].callAnswer = "disagrees"
      const pool = yield* poolOf([...nodes])
      const { exit } = yield* timed(
        pool.execute(call, { classify: () => Failover.endpointFault }),
        "1 second"
      )
      assert.deepStrictEqual(exit, Exit.succeed("b"))
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.execute with a hedge", () => {
  const hedging = (options: Partial<Failover.Options<Node>> = {}) =>
    Effect.gen(function* () {
      const nodes = trio()
      const pool = yield* poolOf([...nodes], { hedge: { budget: 1 }, ...options })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), "50 millis")
      return { nodes, pool }
    })

  it.effect("sends a slow call to a second endpoint, and interrupts the one that loses", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      nodes[0].callLatencyMillis = 400
      const { exit, elapsedMillis } = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("b"))
      assert.strictEqual(elapsedMillis, 30)
      assert.deepStrictEqual(callsOf(nodes), [17, 1, 0])
      assert.strictEqual(nodes[0].interrupted, 1)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("sends nothing twice that may not be done twice, nor what is as fast as usual", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      nodes[0].callLatencyMillis = 400
      yield* timed(pool.execute(call), "1 second")
      assert.deepStrictEqual(callsOf(nodes), [18, 0, 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("waits for the first when the second fails, and for the second when the first fails", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      const [a, b, c] = nodes
      a.callLatencyMillis = 400
      b.callAnswer = "refuses"
      c.callAnswer = "refuses"
      const first = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      assert.deepStrictEqual(first.exit, Exit.succeed("a"))
      assert.strictEqual(first.elapsedMillis, 400)
      yield* TestClock.adjust("20 seconds")
      a.callAnswer = "resets"
      a.callLatencyMillis = 50
      b.callAnswer = "fine"
      b.callLatencyMillis = 100
      const second = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      assert.deepStrictEqual(second.exit, Exit.succeed("b"))
      assert.isAtMost(second.elapsedMillis, 150)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("sends no more than its budget", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging({ hedge: { budget: 0.1 } })
      nodes[0].callLatencyMillis = 100
      for (let n = 0; n < 24; n++) yield* timed(pool.execute(call, { idempotent: true }), "200 millis")
      assert.isAtLeast(nodes[1].calls, 1)
      assert.isAtMost(nodes[1].calls, 4)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is not sent to an endpoint that is dead, or has no client", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      const [a, b, c] = nodes
      b.answer = "refuses"
      c.answer = "refuses"
      yield* pool.add(Failover.endpointScoped("d", Effect.as(Effect.never, a)))
      yield* TestClock.adjust("2 seconds")
      a.callLatencyMillis = 400
      const { exit, elapsedMillis } = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("a"))
      assert.strictEqual(elapsedMillis, 400)
      assert.deepStrictEqual(callsOf([b, c]), [0, 0])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("that its budget refuses leaves its endpoint for when the first fails", () =>
    Effect.gen(function* () {
      const nodes = [new Node("a", 10), new Node("b", 20)] as const
      const [a] = nodes
      const pool = yield* poolOf([...nodes], { hedge: { budget: 0 } })
      yield* TestClock.adjust(100)
      for (let n = 0; n < 16; n++) yield* timed(pool.execute(call, { idempotent: true }), "50 millis")
      a.callAnswer = "resets"
      a.callLatencyMillis = 50
      const { exit } = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      assert.deepStrictEqual(exit, Exit.succeed("b"))
    }).pipe(Effect.provide(quiet))
  )

  it.live("leaves no timer and no fiber when it was not needed", () =>
    Effect.gen(function* () {
      const pool = yield* poolOf([new Node("a", 0), new Node("b", 0)], {
        hedge: { percentile: 1 },
        interval: "1 hour"
      })
      const ask = pool.execute((_, endpoint) => Effect.as(Effect.yieldNow, endpoint), { idempotent: true })
      for (let n = 0; n < 16; n++) yield* ask
      assert.deepStrictEqual(yield* left(ask), { fibers: 0, timers: 0 })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is interrupted with its caller, on both sides", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      const [a, b] = nodes
      a.callAnswer = "hangs"
      b.callAnswer = "hangs"
      const fiber = yield* Effect.forkChild(pool.execute(call, { idempotent: true }), {
        startImmediately: true
      })
      yield* TestClock.adjust(100)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual([a.interrupted, b.interrupted], [1, 1])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("all fail when both sides have nothing more to try", () =>
    Effect.gen(function* () {
      const { nodes, pool } = yield* hedging()
      for (const node of nodes) {
        node.callAnswer = "resets"
        node.callLatencyMillis = 50
      }
      const { exit } = yield* timed(pool.execute(call, { idempotent: true }), "1 second")
      const error = failureOf(exit)
      if (!isAllFailed(error)) return assert.fail(String(error))
      assert.deepInclude(error, { limit: "Endpoints", attempts: 3 })
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.worstCase", () => {
  it.effect("is what a call takes when every attempt runs out of its time", () =>
    Effect.gen(function* () {
      const nodes = trio()
      for (const node of nodes) node.callAnswer = "hangs"
      for (const options of [
        {},
        { attempts: 2 },
        { attempts: 7, backoff: Backoff.exponential({ base: "100 millis", jitter: "none" }) },
        {
          attemptTimeout: "1 second",
          attempts: 4,
          backoff: Backoff.constant("300 millis", { jitter: "none" })
        }
      ] as const) {
        const pool = yield* poolOf([...nodes], options)
        const { elapsedMillis } = yield* timed(pool.execute(call, { idempotent: true }), "1 minute")
        assert.strictEqual(elapsedMillis, Duration.toMillis(Failover.worstCase(3, options)))
      }
    }).pipe(Effect.provide(quiet))
  )

  it("is the deadline at most, and infinite when nothing bounds it", () => {
    assert.strictEqual(Duration.toMillis(Failover.worstCase(2, { deadline: "4 seconds" })), 4000)
    assert.strictEqual(Duration.toMillis(Failover.worstCase(2, { deadline: -1 })), 0)
    assert.strictEqual(Duration.isFinite(Failover.worstCase(2, { attempts: Infinity })), false)
    assert.strictEqual(
      Duration.isFinite(Failover.worstCase(2, { attempts: 3, backoff: Schedule.forever })),
      false
    )
    assert.strictEqual(
      Duration.toMillis(Failover.worstCase(2, { attempts: 2, backoff: Schedule.forever })),
      7000
    )
  })
})
