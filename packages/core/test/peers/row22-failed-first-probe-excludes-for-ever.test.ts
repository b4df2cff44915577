/**
 * Row 22: in ethers 6, a provider that fails as the FallbackProvider asks it for the first time is never asked again, as
 * the error that is kept from then keeps it out.
 * https://github.com/ethers-io/ethers.js/blob/main/src.ts/providers/provider-fallback.ts
 */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"

/** A node that can be taken down and up. */
const nodeOf = (name: string) => {
  let isUp = true
  const ask = Effect.suspend(() => (isUp ? Effect.succeed(name) : Effect.fail("refused")))
  return {
    ask,
    set: (up: boolean) => {
      isUp = up
    }
  }
}

describe("row 22", () => {
  it.effect("FV-8: an endpoint whose first probe failed is used again, once it has recovered", () =>
    Effect.gen(function* () {
      // Given a primary that is down as the pool begins
      const [primary, fallback] = [nodeOf("primary"), nodeOf("fallback")]
      primary.set(false)
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("primary", primary), Failover.endpoint("fallback", fallback)],
        probe: ({ ask }) => ask,
        classify: () => Failover.endpointFault,
        failback: "never"
      })
      const call = pool.execute(({ ask }) => ask)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* call, "fallback")
      // When it is up again, and the other one goes down
      primary.set(true)
      yield* TestClock.adjust("2 seconds")
      fallback.set(false)
      // Then it serves
      assert.strictEqual(yield* call, "primary")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* pool.active).id, "primary")
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )

  it.effect(
    "FV-8: a primary whose first probe failed is the route again, after it was well for as long as failback says",
    () =>
      Effect.gen(function* () {
        // Given a primary that is down as the pool begins, and a pool that goes back after a minute
        const [primary, fallback] = [nodeOf("primary"), nodeOf("fallback")]
        primary.set(false)
        const pool = yield* Failover.make({
          endpoints: [Failover.endpoint("primary", primary), Failover.endpoint("fallback", fallback)],
          probe: ({ ask }) => ask,
          classify: () => Failover.endpointFault,
          jitter: "none",
          failback: "1 minute"
        })
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* pool.active).id, "fallback")
        // When it has recovered, and a minute has passed
        primary.set(true)
        yield* TestClock.adjust("64 seconds")
        // Then calls go to it
        assert.strictEqual((yield* pool.active).id, "primary")
        assert.strictEqual(yield* pool.execute(({ ask }) => ask), "primary")
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
