/**
 * Row 14: opossum gives a permit back when a call runs out of time, while its work still runs: ten at once where two may.
 * A section that is abandoned at its deadline, as it cannot be interrupted, keeps the lock until it has really ended.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deadline, Lock, StateStore } from "@holdfast/core"
import { Array as Arr, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

const locks = { "Lock.layerMemory": Lock.layerMemory, "StateStore.layerMemory": StateStore.layerMemory }

describe("row 14", () => {
  for (const [name, layer] of Object.entries(locks)) {
    it.effect(`LK-1: work that is abandoned at its deadline keeps the lock until it has ended: ${name}`, () =>
      Effect.gen(function* () {
        // Given ten callers whose work takes longer than all of them wait, and cannot be interrupted
        let running = 0
        let most = 0
        let done = 0
        const work = Effect.uninterruptible(
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            yield* Effect.sleep("1 minute")
            running--
            done++
          })
        )
        const call = Effect.exit(Deadline.within(Lock.withLock(work, "a"), "1 second"))

        // When the time of each is up, and the next one comes
        const calls = Effect.forEach(Arr.range(1, 10), () => call)
        const fiber = yield* Effect.forkChild(calls, { startImmediately: true })
        yield* TestClock.adjust("10 seconds")
        const exits = yield* Fiber.join(fiber)

        // Then all were told in time, and at no moment two of them were at work
        assert.isTrue(exits.every(Exit.isFailure))
        assert.deepStrictEqual({ done, most, running }, { done: 0, most: 1, running: 1 })

        // And when the first is done, the lock is free
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual({ done, most, running }, { done: 1, most: 1, running: 0 })
        assert.strictEqual(yield* Lock.withLock(Effect.succeed("free"), "a", { wait: 0 }), "free")
      }).pipe(Effect.provide(layer))
    )
  }
})
