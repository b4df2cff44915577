/**
 * Row 23: in viem 2.57, a fallback begins each request at its first transport, whatever became of those before: a dead
 * primary is tried on 10 of 10 calls.
 * https://github.com/wevm/viem/blob/main/src/clients/transports/fallback.ts
 */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"

describe("row 23", () => {
  it.effect("FV-2: a dead primary is tried by the first of ten calls, and by no other", () =>
    Effect.gen(function* () {
      // Given a primary that refuses, and of which nothing is known yet
      const asked: Array<string> = []
      const ask = (_: string, id: string) =>
        Effect.suspend(() => {
          asked.push(id)
          return id === "primary" ? Effect.fail("refused") : Effect.succeed(id)
        })
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("primary", "client"), Failover.endpoint("fallback", "client")],
        probe: (_, id) =>
          Effect.andThen(Effect.sleep("5 millis"), id === "primary" ? Effect.fail("refused") : Effect.void),
        classify: () => Failover.endpointFault
      })
      // When ten calls are made, over twenty seconds
      const answers = yield* Effect.forEach(Array.from({ length: 10 }), () =>
        Effect.tap(pool.execute(ask), TestClock.adjust("2 seconds"))
      )
      // Then only the first of them found out by itself
      assert.deepStrictEqual(
        answers,
        Array.from({ length: 10 }, () => "fallback")
      )
      assert.deepStrictEqual(asked, ["primary", ...answers])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )

  it.effect("FV-2: a dead primary that a probe has found is tried by no call at all", () =>
    Effect.gen(function* () {
      // Given a primary that hangs, and has been probed
      const asked: Array<string> = []
      const ask = (_: string, id: string) =>
        Effect.suspend(() => {
          asked.push(id)
          return id === "primary" ? Effect.never : Effect.succeed(id)
        })
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("primary", "client"), Failover.endpoint("fallback", "client")],
        probe: (_, id) => (id === "primary" ? Effect.never : Effect.void),
        classify: () => Failover.endpointFault
      })
      yield* TestClock.adjust("1 second")
      // When ten calls are made
      yield* Effect.forEach(Array.from({ length: 10 }), () => pool.execute(ask))
      // Then none of them waits for it
      assert.deepStrictEqual(
        asked,
        Array.from({ length: 10 }, () => "fallback")
      )
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
