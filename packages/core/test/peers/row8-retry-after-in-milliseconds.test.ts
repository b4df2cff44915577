/**
 * Row 8 of the defects of peer libraries: `Retry-After: 2` is taken as 2 ms.
 *
 * ethers 6, `FetchRequest`: the number in the header, which counts seconds, goes into a timer, which counts milliseconds.
 * A server that asks for two seconds of peace is asked again after two milliseconds, until the attempts are used up.
 * https://github.com/ethers-io/ethers.js/blob/main/src.ts/utils/fetch.ts
 */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Failover, Retry } from "@holdfast/core"
import { Duration, Effect, Exit, Logger } from "effect"
import { HttpClient, type HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { timed } from "../utils/run.ts"
import { elapsedMillis } from "../utils/time.ts"

/** A server that is too busy for the first request, and says until when. */
const busyOnce = (retryAfter: string) => {
  const asked: Array<number> = []
  const client = HttpClient.make((request) =>
    Effect.map(elapsedMillis, (now) => {
      asked.push(now)
      return HttpClientResponse.fromWeb(
        request,
        asked.length === 1
          ? new Response("busy", { status: 429, headers: { "retry-after": retryAfter } })
          : new Response("welcome")
      )
    })
  )
  return { asked, client: HttpClient.filterStatusOk(client) }
}

const hint = (error: HttpClientError.HttpClientError) => {
  const header = error.response?.headers["retry-after"]
  return header === undefined ? undefined : Retry.parseRetryAfter(header)
}

const policy = Retry.policy({
  attempts: 3,
  backoff: Backoff.constant("100 millis"),
  maxRetryAfter: "1 minute",
  retryAfter: hint
})

describe("row 8: a server that answers 429", () => {
  for (const [header, expected] of [
    ["2", 2000],
    ["30", 30_000],
    ["Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["600", 60_000],
    ["soon", 100]
  ] as const) {
    it.effect(`RT-7: with Retry-After: ${header} is asked again after ${expected} ms`, () =>
      Effect.gen(function* () {
        // Given a server that says when to come again
        yield* TestClock.setTime(Date.UTC(2026, 0, 1))
        const { asked, client } = busyOnce(header)
        // When a request is retried
        const { elapsedMillis, exit } = yield* timed(
          Retry.run(client.get("http://ledger.example/"), policy),
          "1 hour"
        )
        // Then it is then, up to the longest hint that the policy honours, and the answer is there
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(elapsedMillis, expected)
        assert.strictEqual(asked.length, 2)
      })
    )
  }

  it.effect("FV-11: is asked again by a pool after the 2 seconds that the header said", () =>
    Effect.gen(function* () {
      // Given a pool of one such server, whose backoff is what it has said
      const { asked, client } = busyOnce("2")
      const said = Retry.parseRetryAfter("2")
      assert.isTrue(Duration.isDuration(said))
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("one", client)],
        probe: () => Effect.void,
        classify: () => Failover.endpointFault,
        attempts: 2,
        backoff: Backoff.constant(Duration.isDuration(said) ? said : 0)
      })
      // When a request is made
      const call = pool.execute((one) => one.get("http://ledger.example/"))
      const { elapsedMillis, exit } = yield* timed(call, "1 hour")
      // Then it is asked for the second time when it wants to be
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(elapsedMillis, 2000)
      assert.deepStrictEqual(asked, [0, 2000])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
