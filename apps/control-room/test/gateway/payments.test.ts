import { assert, describe, it } from "@effect/vitest"
import { JsonRpc, OutcomeUnknown } from "@holdfast/core"
import { Context, Effect, Exit, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Nonces } from "../../src/gateway/Nonces.ts"
import { isRefusal, Ledger } from "../../src/gateway/node/Ledger.ts"
import { codes, type Receipt, type Transaction } from "../../src/gateway/node/Wire.ts"
import type { NodeClient } from "../../src/gateway/nodeClient.ts"
import { pay, type Settled } from "../../src/gateway/payments.ts"
import { NoneAnswered, type Route } from "../../src/gateway/Route.ts"

const unknown = new OutcomeUnknown({ label: "ledger", elapsedMillis: 3500, cause: "no answer" })

const submitTo = (ledger: Ledger, transaction: Transaction): Effect.Effect<Receipt, JsonRpc.JsonRpcError> =>
  Effect.suspend(() => {
    const answer = ledger.submit(transaction)
    return isRefusal(answer)
      ? Effect.fail(new JsonRpc.JsonRpcError({ method: "submit", status: 200, ...answer }))
      : Effect.succeed(answer)
  })

/** A ledger at hand; what becomes of a transaction that is sent for the first time, the test decides. */
const world = Effect.fnUntraced(function* (
  send: (ledger: Ledger, transaction: Transaction) => ReturnType<Route["send"]>,
  isReachable: () => boolean = () => true,
  sendAgain: (ledger: Ledger, transaction: Transaction) => ReturnType<Route["sendAgain"]> = submitTo
) {
  const ledger = new Ledger()
  const node = {
    getNonce: ([account]: readonly [string]) => Effect.sync(() => ledger.nextNonce(account)),
    getTransaction: ([hash]: readonly [string]) => Effect.sync(() => ledger.find(hash) ?? null)
  } as unknown as NodeClient
  const reached = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E | NoneAnswered> =>
    Effect.suspend(
      (): Effect.Effect<A, E | NoneAnswered> =>
        isReachable() ? self : Effect.fail(new NoneAnswered({ causes: [], mayHaveArrived: false }))
    )
  const route: Route = {
    ask: (call) => reached(Effect.orDie(call(node))),
    send: (transaction) => send(ledger, transaction),
    sendAgain: (transaction) => reached(sendAgain(ledger, transaction))
  }
  const layer = Nonces.layer({
    ask: (account) => route.ask((node) => node.getNonce([account])),
    askTimeout: "1 second",
    wait: "1 minute",
    attempts: 3
  })
  const nonces = Context.get(yield* Layer.build(layer), Nonces)
  const settled: Settled = { found: 0, sentAgain: 0, open: 0 }
  const payOnce = (id: string) => pay({ id, account: "ada", amount: 1 }, { nonces, route, settled })
  const books = () => ledger.applied.map(({ nonce, payment }) => `${nonce} ${payment}`)
  return { books, ledger, payOnce, settled }
})

describe("payments of the gateway", () => {
  it.effect("one whose answer was lost is found on the ledger, and not sent again", () =>
    Effect.gen(function* () {
      const { books, payOnce, settled } = yield* world((ledger, transaction) =>
        Effect.andThen(submitTo(ledger, transaction), Effect.fail(unknown))
      )
      yield* payOnce("one")
      yield* payOnce("two")
      assert.deepStrictEqual(books(), ["0 one", "1 two"])
      assert.deepStrictEqual(settled, { found: 2, sentAgain: 0, open: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect("one that was lost is sent again, the same, with the same nonce", () =>
    Effect.gen(function* () {
      const { books, payOnce, settled } = yield* world(() => Effect.fail(unknown))
      yield* payOnce("one")
      yield* payOnce("two")
      assert.deepStrictEqual(books(), ["0 one", "1 two"])
      assert.deepStrictEqual(settled, { found: 0, sentAgain: 2, open: 0 })
    }).pipe(Effect.scoped)
  )

  it.effect("one that was lost, and whose nonce another has taken, gets a new nonce", () =>
    Effect.gen(function* () {
      let isFirst = true
      const { books, payOnce } = yield* world((ledger, transaction) => {
        if (!isFirst) return submitTo(ledger, transaction)
        isFirst = false
        const other = { ...transaction, payment: "somebody else's", hash: "another" }
        return Effect.andThen(submitTo(ledger, other), Effect.fail(unknown))
      })
      yield* payOnce("one")
      assert.deepStrictEqual(books(), ["0 somebody else's", "1 one"])
    }).pipe(Effect.scoped)
  )

  it.effect.each([codes.invalidParams, codes.nonceGap])(
    "refused with %s when it is sent again, it may still be on its way: it stays unknown",
    (code) =>
      Effect.gen(function* () {
        const refusal = new JsonRpc.JsonRpcError({ method: "submit", code, message: "no", status: 200 })
        const { payOnce, settled } = yield* world(
          () => Effect.fail(unknown),
          () => true,
          () => Effect.fail(refusal)
        )
        const paying = yield* Effect.forkChild(Effect.flip(payOnce("one")), { startImmediately: true })
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual(yield* Fiber.join(paying), unknown)
        assert.strictEqual(settled.open, 1)
      }).pipe(Effect.scoped)
  )

  it.effect("the ledger is asked until it can be reached", () =>
    Effect.gen(function* () {
      let isReachable = false
      const { books, payOnce, settled } = yield* world(
        (ledger, transaction) => Effect.andThen(submitTo(ledger, transaction), Effect.fail(unknown)),
        () => isReachable
      )
      // The first nonce is to be known.
      isReachable = true
      yield* payOnce("one")
      isReachable = false
      const paying = yield* Effect.forkChild(payOnce("two"), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")
      assert.isUndefined(paying.pollUnsafe())
      isReachable = true
      yield* TestClock.adjust("250 millis")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(paying)))
      assert.deepStrictEqual(books(), ["0 one", "1 two"])
      assert.strictEqual(settled.found, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("after 15 seconds it stays unknown, and the next payment asks for its nonce", () =>
    Effect.gen(function* () {
      let isReachable = true
      let isLost = true
      const { books, payOnce, settled } = yield* world(
        (ledger, transaction) => {
          if (!isLost) return submitTo(ledger, transaction)
          isReachable = false
          return Effect.andThen(submitTo(ledger, transaction), Effect.fail(unknown))
        },
        () => isReachable
      )
      const paying = yield* Effect.forkChild(Effect.flip(payOnce("one")), { startImmediately: true })
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* Fiber.join(paying), unknown)
      assert.strictEqual(settled.open, 1)
      isReachable = true
      isLost = false
      yield* payOnce("two")
      assert.deepStrictEqual(books(), ["0 one", "1 two"])
    }).pipe(Effect.scoped)
  )
})
