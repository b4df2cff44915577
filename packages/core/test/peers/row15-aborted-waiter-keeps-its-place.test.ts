/**
 * Row 15: in the bulkhead of cockatiel a waiter that is aborted keeps its place in the queue, and whoever comes at the
 * right moment takes the place of one who has waited.
 */
import { assert, describe, it } from "@effect/vitest"
import { Lock, StateStore } from "@holdfast/core"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

const locks = { "Lock.layerMemory": Lock.layerMemory, "StateStore.layerMemory": StateStore.layerMemory }

/** Starts, and waits for the lock or has it. */
const start = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(effect, { startImmediately: true })

for (const [name, layer] of Object.entries(locks)) {
  describe(`row 15, ${name}`, () => {
    it.effect("LK-1: a waiter that is interrupted, or runs out of time, gives its place back", () =>
      Effect.gen(function* () {
        // Given a holder, and three who wait
        const gate = yield* Deferred.make<void>()
        const order: Array<string> = []
        const section = (who: string) =>
          Lock.withLock(
            Effect.sync(() => order.push(who)),
            "a"
          )
        yield* start(Lock.withLock(Deferred.await(gate), "a"))
        const aborted = yield* start(section("aborted"))
        const late = yield* start(
          Effect.exit(
            Lock.withLock(
              Effect.sync(() => order.push("late")),
              "a",
              { wait: "1 second" }
            )
          )
        )
        const patient = yield* start(section("patient"))

        // When one gives up, and one is out of time, before the holder lets go
        yield* Fiber.interrupt(aborted)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(late)
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust(0)

        // Then the third has it at once, and nobody is left
        yield* Fiber.join(patient)
        assert.deepStrictEqual(order, ["patient"])
        assert.strictEqual(yield* Lock.withLock(Effect.succeed("free"), "a", { wait: 0 }), "free")
      }).pipe(Effect.provide(layer))
    )

    it.effect(
      "LK-6: who comes when the lock becomes free comes after those who wait, who come in their order",
      () =>
        Effect.gen(function* () {
          // Given a holder, and two who wait
          const order: Array<string> = []
          const section = (who: string) =>
            Lock.withLock(
              Effect.sync(() => order.push(who)),
              "a"
            )
          const gate = yield* Deferred.make<void>()
          const holder = yield* start(
            Effect.andThen(Lock.withLock(Deferred.await(gate), "a"), section("newcomer"))
          )
          const waiters = [yield* start(section("first")), yield* start(section("second"))]

          // When the holder lets go, and comes again in the same step
          yield* Deferred.succeed(gate, undefined)
          yield* TestClock.adjust(0)

          // Then it comes last
          yield* Fiber.joinAll(waiters)
          yield* Fiber.join(holder)
          assert.deepStrictEqual(order, ["first", "second", "newcomer"])
        }).pipe(Effect.provide(layer))
    )

    it.effect("LK-1: a place that was given back just as it came up goes to the next one", () =>
      Effect.gen(function* () {
        // Given a holder, and two who wait
        const gate = yield* Deferred.make<void>()
        yield* start(Lock.withLock(Deferred.await(gate), "a"))
        const first = yield* start(Lock.withLock(Effect.never, "a"))
        const second = yield* start(Lock.withLock(Effect.succeed("second"), "a"))

        // When the first is interrupted in the step in which it is its turn
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust(0)

        // Then nothing is stuck
        assert.strictEqual(yield* Fiber.join(second), "second")
      }).pipe(Effect.provide(layer))
    )
  })
}
