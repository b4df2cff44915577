import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Reconnect } from "@holdfast/core"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type Behaviour, backend, Refused } from "./backend.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

type Options = Parameters<typeof Reconnect.establish>[1]

const establishing = (behaviour: Behaviour, options: Partial<Options>) =>
  Effect.gen(function* () {
    const node = backend(behaviour)
    const scope = yield* Scope.make()
    // The worst that can be: an attempt that is given up goes on to its end.
    const call = Reconnect.establish(Effect.uninterruptible(node.connect), {
      label: "peer",
      deadline: "10 seconds",
      attempts: 5,
      backoff: Backoff.constant("1 second"),
      ...options
    })
    return { node, scope, call: Scope.provide(call, scope) }
  })

const refused: Behaviour = (attempt) => Effect.fail(new Refused({ attempt }))

describe("Reconnect.establish", () => {
  it.effect("gives the connection, which belongs to the caller's scope; failed attempts are released", () =>
    Effect.gen(function* () {
      const { call, node, scope } = yield* establishing(
        (attempt) => (attempt < 3 ? refused(attempt) : Effect.void),
        {}
      )
      const fiber = yield* fork(call)
      yield* TestClock.adjust("2 seconds")
      const { attempts, connection, elapsedMillis } = yield* Effect.flatten(Fiber.join(fiber))
      assert.deepStrictEqual([attempts, connection.number, elapsedMillis], [3, 3, 2000])
      assert.deepStrictEqual(node.events, ["release 1", "release 2", "connect 3"])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(node.events.at(-1), "release 3")
    })
  )

  const ends: ReadonlyArray<
    readonly [string, Behaviour, Partial<Options>, Partial<Reconnect.EstablishFailed>, number]
  > = [
    [
      "its attempts",
      refused,
      { attempts: 3 },
      { limit: "Attempts", attempts: 3, cause: new Refused({ attempt: 3 }) },
      2000
    ],
    [
      "its attempts, when they die",
      () => Effect.die("bug"),
      { attempts: 2 },
      { limit: "Attempts", attempts: 2, cause: "bug" },
      1000
    ],
    ["its time", () => Effect.never, {}, { limit: "Deadline", attempts: 1 }, 10_000],
    [
      "its time, when it cannot be interrupted",
      () => Effect.uninterruptible(Effect.never),
      {},
      { limit: "Deadline" },
      10_000
    ],
    [
      "its time, of many attempts",
      () => Effect.never,
      { attemptTimeout: "3 seconds" },
      { limit: "Deadline", attempts: 3 },
      10_000
    ],
    [
      "too little time for another delay",
      refused,
      { backoff: Backoff.constant("4 seconds") },
      { limit: "Deadline", attempts: 3 },
      8000
    ]
  ]
  it.effect.each(ends)("ends with %s, whichever comes first", ([, behaviour, options, expected, atMillis]) =>
    Effect.gen(function* () {
      const { call } = yield* establishing(behaviour, options)
      const fiber = yield* fork(Effect.flip(call))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Effect.flatten(Fiber.join(fiber)), {
        _tag: "EstablishFailed",
        label: "peer",
        elapsedMillis: atMillis,
        ...expected
      })
    })
  )

  it.effect("an inherited deadline that is nearer is told as such", () =>
    Effect.gen(function* () {
      const { call } = yield* establishing(() => Effect.never, {})
      const told = Effect.catchTag(call, "EstablishFailed", Effect.succeed)
      const fiber = yield* fork(Deadline.within(told, "2 seconds"))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* Effect.flatten(Fiber.join(fiber)), {
        limit: "InheritedDeadline",
        elapsedMillis: 2000
      })
    })
  )

  it.effect("a deadline of nothing starts nothing", () =>
    Effect.gen(function* () {
      const { call, node } = yield* establishing(() => Effect.void, { deadline: 0 })
      assert.deepInclude(yield* Effect.flip(call), { limit: "Deadline", attempts: 0 })
      assert.strictEqual(node.attempts.length, 0)
    })
  )

  it.effect("what comes after its attempt was given up is released at once", () =>
    Effect.gen(function* () {
      const slow: Behaviour = (attempt) =>
        Effect.uninterruptible(Effect.sleep(attempt === 1 ? "3 seconds" : 0))
      const { call, node, scope } = yield* establishing(slow, { attemptTimeout: "1 second" })
      const fiber = yield* fork(call)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Effect.flatten(Fiber.join(fiber))).connection.number, 2)
      assert.deepStrictEqual(node.events, ["connect 2", "connect 1", "release 1"])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(node.events.at(-1), "release 2")
    })
  )

  it.effect("an interruption ends it at once during a delay, and leaves nothing", () =>
    Effect.gen(function* () {
      const { call, node } = yield* establishing(refused, {
        deadline: "1 hour",
        backoff: Backoff.constant("1 minute")
      })
      const fiber = yield* fork(call)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(node.attempts.length, 1)
    })
  )
})
