/**
 * Row 24: in viem 2.57, a fallback is retried as a whole, and each transport may retry besides: what is meant as 4
 * attempts is 4 at each of 2 endpoints.
 * https://github.com/wevm/viem/blob/main/src/clients/transports/fallback.ts
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Failover } from "@holdfast/core"
import { Effect, Logger } from "effect"
import { timed } from "../utils/run.ts"

describe("row 24", () => {
  for (const [attempts, expected] of [
    [4, ["one", "two", "one", "two"]],
    [3, ["one", "two", "one"]],
    [undefined, ["one", "two"]]
  ] as const) {
    it.effect(
      `FV-11: ${attempts ?? "no number of"} attempts on two endpoints that fail are ${expected.length}`,
      () =>
        Effect.gen(function* () {
          // Given two endpoints that fail
          const asked: Array<string> = []
          const pool = yield* Failover.make({
            endpoints: [Failover.endpoint("one", "client"), Failover.endpoint("two", "client")],
            probe: () => Effect.void,
            classify: () => Failover.endpointFault,
            backoff: Backoff.constant("100 millis"),
            attempts
          })
          const ask = (_: string, id: string) =>
            Effect.suspend(() => {
              asked.push(id)
              return Effect.fail("refused")
            })
          // When a call has used up its attempts
          const { exit } = yield* timed(Effect.flip(pool.execute(ask)), "1 minute")
          // Then both were asked as often as it says, together
          assert.deepStrictEqual(asked, [...expected])
          const error = yield* exit
          assert.instanceOf(error, Failover.AllEndpointsFailed)
          assert.strictEqual(error.attempts, expected.length)
        }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
    )
  }
})
