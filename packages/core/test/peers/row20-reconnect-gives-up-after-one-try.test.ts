/** Row 20: in viem 2.57, a socket that reconnects gives up when its first try fails. */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Reconnect } from "@holdfast/core"
import { Cause, Effect, Logger } from "effect"
import { TestClock } from "effect/testing"

describe("row 20", () => {
  it.effect("a reconnect whose tries fail goes on until one succeeds", () =>
    Effect.gen(function* () {
      // Given a connection that was up
      let tries = 0
      const session = yield* Reconnect.make({
        connect: Effect.suspend(() =>
          ++tries > 1 && tries < 50 ? Effect.fail("refused") : Effect.succeed(tries)
        ),
        isLost: () => false,
        backoff: Backoff.constant("1 second")
      })
      yield* session.awaitConnected()
      // When it is lost, and the next 48 tries fail
      yield* session.lose(1, Cause.fail("closed"))
      yield* TestClock.adjust("1 minute")
      // Then the 49th connects
      assert.strictEqual(yield* session.awaitConnected({ wait: 0 }), 2)
      assert.strictEqual(tries, 50)
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
