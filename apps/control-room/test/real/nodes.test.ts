import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Layer } from "effect"
import { HttpClient } from "effect/http"
import { at } from "../../src/at.ts"
import { start } from "../../src/gateway/Nodes.ts"
import { classify, nodeClient, transactionOf } from "../../src/gateway/nodeClient.ts"
import { timeout } from "./demoProcess.ts"

const world = Layer.merge(NodeServices.layer, NodeHttpClient.layerNodeHttp)

/** Two nodes with one ledger, and clients of them. */
const twoNodes = Effect.gen(function* () {
  const http = yield* HttpClient.HttpClient
  const nodes = yield* start(http, [[0, 0]])
  const set = at(nodes.sets, 0)
  const [first, second] = set.urls.map((url) => nodeClient(http, url))
  if (first === undefined || second === undefined) return yield* Effect.die("two nodes")
  return { nodes, set, first, second }
})

const transaction = (id: string, nonce: number) => transactionOf({ id, account: "ada", amount: 10 }, nonce)

/** Forks a call, and waits until the first node has read that many requests. */
const until = Effect.fnUntraced(function* (
  { set }: Effect.Success<typeof twoNodes>,
  count: number,
  call: Effect.Effect<unknown, unknown>
) {
  const fiber = yield* Effect.forkChild(Effect.exit(call), { startImmediately: true })
  const requests = Effect.map(set.seen, (seen) => seen.nodes[0]?.requests.length ?? 0)
  yield* Effect.repeat(requests, { until: (seen) => seen >= count })
  return fiber
})

describe("the nodes of the gateway", { timeout }, () => {
  it.live("share a ledger, and say what is wrong with a nonce", () =>
    Effect.gen(function* () {
      const { first, second, set } = yield* twoNodes
      assert.strictEqual(yield* first.getHealth(), "ok")
      const one = transaction("one", 0)
      assert.deepStrictEqual(yield* first.submit([one]), { hash: one.hash, known: false })
      assert.deepStrictEqual(yield* second.submit([one]), { hash: one.hash, known: true })
      assert.strictEqual(yield* second.getNonce(["ada"]), 1)
      assert.deepStrictEqual(yield* second.getTransaction([one.hash]), one)
      assert.isNull(yield* second.getTransaction(["none"]))
      const used = yield* Effect.flip(second.submit([transaction("two", 0)]))
      assert.deepInclude(used, { code: -32001, data: { expected: 1 } })
      assert.deepInclude(classify(used), { _tag: "CallerFault" })
      const gap = yield* Effect.flip(second.submit([transaction("two", 2)]))
      assert.deepInclude(gap, { code: -32002, data: { expected: 1 } })
      const { applied, nodes, refused } = yield* set.seenIdle
      assert.deepStrictEqual(applied, [one])
      assert.deepStrictEqual(refused, { used: 1, gap: 1 })
      assert.deepStrictEqual(
        nodes.map(({ requests }) => requests.map(({ end, method }) => `${method} ${end}`)),
        [
          ["getHealth answered", "submit answered"],
          [
            "submit answered",
            "getNonce answered",
            "getTransaction answered",
            "getTransaction answered",
            "submit answered",
            "submit answered"
          ]
        ]
      )
    }).pipe(Effect.provide(world))
  )

  it.live("a slow node has applied a transaction long before it says so", () =>
    Effect.gen(function* () {
      const all = yield* twoNodes
      yield* all.set.behave(0, { _tag: "Answering", latencyMillis: 60_000 })
      const one = transaction("one", 0)
      const fiber = yield* until(all, 1, all.first.submit([one]))
      assert.deepStrictEqual(yield* all.second.getTransaction([one.hash]), one)
      yield* Fiber.interrupt(fiber)
      const { nodes } = yield* all.set.seenIdle
      assert.strictEqual(nodes[0]?.requests[0]?.end, "dropped")
    }).pipe(Effect.provide(world))
  )

  it.live("a black hole answers nothing, and applies every second transaction", () =>
    Effect.gen(function* () {
      const all = yield* twoNodes
      yield* all.set.behave(0, { _tag: "BlackHole" })
      const calls = [
        all.first.submit([transaction("one", 0)]),
        all.first.getHealth(),
        all.first.submit([transaction("two", 1)]),
        all.first.submit([transaction("three", 1)])
      ]
      const fibers = yield* Effect.forEach(calls, (call, index) => until(all, index + 1, call))
      const { applied } = yield* all.set.seen
      assert.deepStrictEqual(
        applied.map(({ payment }) => payment),
        ["one", "three"]
      )
      assert.isTrue(fibers.every((fiber) => fiber.pollUnsafe() === undefined))
      yield* Fiber.interruptAll(fibers)
    }).pipe(Effect.provide(world))
  )

  it.live("a dead node resets what was in flight and refuses what comes, and lives again where it was", () =>
    Effect.gen(function* () {
      const all = yield* twoNodes
      yield* all.set.behave(0, { _tag: "Answering", latencyMillis: 60_000 })
      const fiber = yield* until(all, 1, all.first.getHealth())
      yield* all.set.behave(0, { _tag: "Dead" })
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
      const refused = yield* Effect.flip(all.first.getHealth())
      assert.strictEqual(classify(refused)._tag, "EndpointFault")
      assert.strictEqual(yield* all.second.getHealth(), "ok")
      yield* all.set.behave(0, { _tag: "Answering", latencyMillis: 0 })
      assert.strictEqual(yield* all.first.getHealth(), "ok")
    }).pipe(Effect.provide(world))
  )

  it.live("errors of a node are unknown outcomes, and nothing was applied", () =>
    Effect.gen(function* () {
      const { first, set } = yield* twoNodes
      for (const how of ["HTTP 500", "internal error"] as const) {
        yield* set.behave(0, { _tag: "Failing", how })
        const error = yield* Effect.flip(first.submit([transaction("one", 0)]))
        assert.strictEqual(classify(error)._tag, "Unknown")
      }
      assert.deepStrictEqual((yield* set.seen).applied, [])
    }).pipe(Effect.provide(world))
  )

  it.live("one that takes turns begins with the first latency, and goes on to the next by itself", () =>
    Effect.gen(function* () {
      const { first, set } = yield* twoNodes
      yield* set.behave(0, { _tag: "Alternating", latenciesMillis: [0, 60_000], everyMillis: 300 })
      const startMillis = yield* Clock.currentTimeMillis
      const slow = yield* Effect.repeat(Effect.exit(Effect.timeout(first.getHealth(), "2 seconds")), {
        until: Exit.isFailure
      })
      assert.isTrue(Exit.isFailure(slow) && Cause.isTimeoutError(Cause.squash(slow.cause)))
      assert.isAtLeast((yield* Clock.currentTimeMillis) - startMillis, 300)
    }).pipe(Effect.provide(world))
  )
})
