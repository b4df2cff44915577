import { assert, describe, it } from "@effect/vitest"
import { JsonRpc } from "@holdfast/core"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { naiveRoute } from "../../src/gateway/naive.ts"
import { codes } from "../../src/gateway/node/Wire.ts"
import type { NodeClient, NodeError } from "../../src/gateway/nodeClient.ts"

const refusal = (code: number) =>
  new JsonRpc.JsonRpcError({ method: "getNonce", code, message: "no", status: 200 })

/** A node of which only the nonce is asked. */
const node = (name: string, asked: Array<string>, answer: Effect.Effect<number, NodeError>): NodeClient =>
  ({
    getNonce: () =>
      Effect.suspend(() => {
        asked.push(name)
        return answer
      })
  }) as unknown as NodeClient

const askNonce = (client: NodeClient) => client.getNonce(["ada"])

const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

describe("the naive client", () => {
  it.effect("waits for 3.5 seconds before it tries the next node, each time anew", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const route = naiveRoute([node("A", asked, Effect.never), node("B", asked, Effect.succeed(7))])
      for (const seconds of [3.5, 7]) {
        const answer = yield* fork(
          Effect.andThen(
            route.ask(askNonce),
            Effect.map(Clock.currentTimeMillis, (now) => now / 1000)
          )
        )
        yield* TestClock.adjust("3499 millis")
        assert.isUndefined(answer.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(answer), seconds)
      }
      assert.deepStrictEqual(asked, ["A", "B", "A", "B"])
    })
  )

  it.effect("an error that every node would give ends the request", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const error = refusal(codes.invalidParams)
      const route = naiveRoute([node("A", asked, Effect.fail(error)), node("B", asked, Effect.succeed(7))])
      assert.strictEqual(yield* Effect.flip(route.ask(askNonce)), error)
      assert.deepStrictEqual(asked, ["A"])
    })
  )

  it.effect("when no node answers, it tells every cause, and whether one may have done it", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const internal = refusal(codes.internal)
      const route = naiveRoute([
        node("A", asked, Effect.fail(internal)),
        node("B", asked, Effect.fail(internal))
      ])
      const error = yield* Effect.flip(route.ask(askNonce))
      assert.propertyVal(error, "_tag", "NoneAnswered")
      assert.deepInclude(error, { causes: [internal, internal], mayHaveArrived: true })
    })
  )
})
