import { assert, describe, it } from "@effect/vitest"
import { Deadline, InvalidOptions, Lock } from "@holdfast/core"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { timed } from "./utils/run.ts"

const test = (name: string, body: Effect.Effect<void, unknown, Lock.Lock>) =>
  it.effect(name, () => Effect.provide(body, Lock.layerMemory))

/** Holds a key until it is told to let go. */
const hold = (key: string, options?: Lock.Options) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(Lock.withLock(Deferred.await(gate), key, options), {
      startImmediately: true
    })
    return { fiber, letGo: Deferred.succeed(gate, undefined) }
  })

describe("Lock", () => {
  test(
    "LK-1: one at a time has a key, and keys do not wait for each other",
    Effect.gen(function* () {
      let inside = 0
      let most = 0
      const section = Effect.gen(function* () {
        most = Math.max(most, ++inside)
        yield* Effect.sleep(10)
        inside--
      })
      const all = Effect.forEach(
        ["a", "a", "a", "b"],
        (key) => (key === "a" ? Lock.withLock(section, key) : Lock.withLock(Effect.sleep(10), key)),
        { concurrency: "unbounded" }
      )
      const { elapsedMillis } = yield* timed(all, "1 second")
      assert.strictEqual(most, 1)
      assert.strictEqual(elapsedMillis, 30)
    })
  )

  test(
    "LK-2: every lease has a higher fence than those before it, however they ended",
    Effect.gen(function* () {
      const fences: Array<number> = []
      const note = (lease: Lock.Lease) => Effect.sync(() => fences.push(lease.fence))
      yield* Lock.withLease("a", note)
      yield* Effect.exit(Lock.withLease("a", (lease) => Effect.andThen(note(lease), Effect.die("bug"))))
      const hung = yield* Effect.forkChild(
        Lock.withLease("a", (lease) => Effect.andThen(note(lease), Effect.never)),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(hung)
      yield* Lock.withLease("a", note)
      assert.deepStrictEqual(
        fences,
        [...fences].sort((one, other) => one - other)
      )
      assert.strictEqual(new Set(fences).size, 4)
    })
  )

  test(
    "LK-6: waiters come in the order of their arrival",
    Effect.gen(function* () {
      const { letGo } = yield* hold("a")
      const order: Array<number> = []
      for (let n = 0; n < 5; n++) {
        yield* Effect.forkChild(
          Lock.withLock(
            Effect.sync(() => order.push(n)),
            "a"
          ),
          { startImmediately: true }
        )
      }
      yield* letGo
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4])
    })
  )

  test(
    "LK-1: a waiter that is interrupted leaves nothing, be it the next",
    Effect.gen(function* () {
      const { letGo } = yield* hold("a")
      const next = yield* Effect.forkChild(Lock.withLock(Effect.void, "a"), { startImmediately: true })
      const other = yield* Effect.forkChild(Lock.withLock(Effect.succeed("other"), "a"), {
        startImmediately: true
      })
      yield* Fiber.interrupt(next)
      yield* letGo
      assert.strictEqual(yield* Fiber.join(other), "other")
      assert.strictEqual(yield* Lock.withLock(Effect.succeed("free"), "a", { wait: 0 }), "free")
    })
  )

  test(
    "who runs out of time is told who holds it, and has done nothing",
    Effect.gen(function* () {
      const { letGo } = yield* hold("a", { label: "report" })
      let ran = false
      const section = Effect.sync(() => {
        ran = true
      })
      const { elapsedMillis, exit } = yield* timed(
        Effect.flip(Lock.withLock(section, "a", { wait: "2 seconds" })),
        "10 seconds"
      )
      assert.strictEqual(elapsedMillis, 2000)
      if (Exit.isFailure(exit)) return assert.fail("it has not failed")
      assert.deepInclude(exit.value, { _tag: "LockTimeout", key: "a", limit: "Wait", holder: "report" })
      assert.strictEqual(exit.value.message, 'the lock of "a" was not free within 2000 ms: "report" holds it')
      yield* letGo
      yield* TestClock.adjust(0)
      assert.strictEqual(ran, false)
    })
  )

  test(
    "a wait of nothing tries once, and an ambient deadline bounds any other",
    Effect.gen(function* () {
      assert.strictEqual(yield* Lock.withLock(Effect.succeed(1), "a", { wait: 0 }), 1)
      assert.strictEqual(yield* Deadline.within(Lock.withLock(Effect.succeed(1), "a"), "1 second"), 1)
      yield* hold("a")
      const once = yield* timed(Effect.flip(Lock.withLock(Effect.void, "a", { wait: 0 })), 10)
      assert.strictEqual(once.elapsedMillis, 0)
      const told = Effect.catchTag(Lock.withLock(Effect.void, "a"), "LockTimeout", ({ limit }) =>
        Effect.succeed(limit)
      )
      const ambient = yield* timed(Deadline.within(told, "1 second"), "5 seconds")
      assert.deepStrictEqual(ambient.exit, Exit.succeed("InheritedDeadline"))
      const untold = yield* timed(
        Effect.flip(Deadline.within(Lock.withLock(Effect.void, "a"), "1 second", { label: "own" })),
        "5 seconds"
      )
      assert.isTrue(Exit.isSuccess(untold.exit))
      if (Exit.isSuccess(untold.exit)) assert.strictEqual(untold.exit.value._tag, "DeadlineExceeded")
    })
  )

  test(
    "a section that is abandoned keeps the lock until it has really ended",
    Effect.gen(function* () {
      const stubborn = Effect.uninterruptible(Effect.sleep("5 seconds"))
      const section = Deadline.within(Lock.withLock(stubborn, "a"), "1 second")
      const { elapsedMillis } = yield* timed(Effect.exit(section), "2 seconds")
      assert.strictEqual(elapsedMillis, 1000)
      const before = yield* Effect.exit(Lock.withLock(Effect.void, "a", { wait: 0 }))
      assert.isTrue(Exit.isFailure(before))
      yield* TestClock.adjust("3 seconds")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Lock.withLock(Effect.void, "a", { wait: 0 }))))
    })
  )

  test(
    "acquire holds for as long as the scope lasts",
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const lease = yield* Scope.provide(Lock.acquire("a"), scope)
      assert.strictEqual(lease.key, "a")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Lock.withLock(Effect.void, "a", { wait: 0 }))))
      yield* Scope.close(scope, Exit.void)
      yield* Lock.withLock(Effect.void, "a", { wait: 0 })
    })
  )

  test(
    "a look says whether anybody has a key",
    Effect.gen(function* () {
      assert.strictEqual(yield* Lock.isHeld("a"), false)
      const { letGo } = yield* hold("a")
      assert.strictEqual(yield* Lock.isHeld("a"), true)
      assert.strictEqual(yield* Lock.isHeld("b"), false)
      yield* letGo
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* Lock.isHeld("a"), false)
    })
  )

  it.effect("a lease that is lost interrupts its section", () =>
    Effect.gen(function* () {
      const lost = yield* Deferred.make<Lock.Fenced>()
      let interrupted = false
      const fragile = Layer.succeed(Lock.Lock)({
        acquire: (key) =>
          Effect.map(
            Effect.provide(Lock.acquire(key), Lock.layerMemory),
            (lease): Lock.Lease => ({ ...lease, lost: Deferred.await(lost) })
          ),
        isHeld: () => Effect.succeed(true)
      })
      const section = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        })
      )
      const fiber = yield* Effect.forkChild(
        Effect.flip(Effect.provide(Lock.withLock(section, "a"), fragile)),
        {
          startImmediately: true
        }
      )
      yield* Deferred.succeed(lost, new Lock.Fenced({ key: "a", fence: 1, current: 2 }))
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "Fenced")
      assert.match(error.message, /^the lease 1 of "a" is lost, as 2 is known/)
      assert.strictEqual(interrupted, true)
    })
  )

  test(
    "a wait without a meaning is refused where it is written",
    Effect.sync(() => {
      assert.throws(() => Lock.withLock(Effect.void, "a", { wait: Number.NaN }), InvalidOptions)
    })
  )
})
