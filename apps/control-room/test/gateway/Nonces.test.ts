import { assert, describe, it } from "@effect/vitest"
import { it as suiteOf } from "@holdfast/sim/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, type Layer } from "effect"
import { TestClock } from "effect/testing"
import { suites } from "../../sim/Nonces.sim.ts"
import { Nonces, type Verdict } from "../../src/gateway/Nonces.ts"

/** What the ledger says comes next, and how often it was asked. */
const ledgerOf = (next: Record<string, number> = {}) => {
  const asked: Array<string> = []
  const ask = (account: string): Effect.Effect<number, string> =>
    Effect.sync(() => {
      asked.push(account)
      return next[account] ?? 0
    })
  return { asked, ask, next }
}

const layerOf = (ask: (account: string) => Effect.Effect<number, string>): Layer.Layer<Nonces> =>
  Nonces.layer({ ask, askTimeout: "2 seconds", wait: "10 seconds", attempts: 3 })

const verdictOf = (error: Verdict): Verdict => error

/** Submits something that goes well, and tells its nonce. */
const submit = (account = "ada") =>
  Nonces.use((nonces) => nonces.use(account, (nonce) => Effect.succeed(nonce), verdictOf))

/** Submits something that ends like that. */
const submitting = <A>(send: (nonce: number) => Effect.Effect<A, Verdict>, account = "ada") =>
  Nonces.use((nonces) => nonces.use(account, send, verdictOf))

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

const errorOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("Nonces", () => {
  it.effect("the ledger is asked once, and from then on each submission has the next nonce", () => {
    const ledger = ledgerOf({ ada: 7 })
    return Effect.gen(function* () {
      assert.deepStrictEqual([yield* submit(), yield* submit(), yield* submit()], [7, 8, 9])
      assert.deepStrictEqual(ledger.asked, ["ada"])
    }).pipe(Effect.provide(layerOf(ledger.ask)))
  })

  it.effect("submissions that come at once have a nonce each, without a gap, one after the other", () => {
    let inFlight = 0
    const send = (nonce: number) =>
      Effect.gen(function* () {
        assert.strictEqual(++inFlight, 1)
        yield* Effect.sleep("1 second")
        inFlight--
        return nonce
      })
    return Effect.gen(function* () {
      const all = yield* Effect.forkChild(
        Effect.forEach([0, 1, 2, 3], () => submitting(send), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* Fiber.join(all), [0, 1, 2, 3])
    }).pipe(Effect.provide(layerOf(ledgerOf().ask)))
  })

  it.effect("accounts do not wait for each other", () =>
    Effect.gen(function* () {
      yield* fork(submitting(() => Effect.never, "bob"))
      assert.strictEqual(yield* submit("ada"), 0)
    }).pipe(Effect.provide(layerOf(ledgerOf().ask)))
  )

  it.effect("a nonce that was certainly not used is given back, and the ledger is not asked again", () => {
    const ledger = ledgerOf()
    return Effect.gen(function* () {
      assert.strictEqual(yield* submit(), 0)
      assert.strictEqual(yield* Effect.flip(submitting(() => Effect.fail("NotUsed"))), "NotUsed")
      assert.strictEqual(yield* submit(), 1)
      assert.strictEqual(ledger.asked.length, 1)
    }).pipe(Effect.provide(layerOf(ledger.ask)))
  })

  it.effect("after an unknown outcome the ledger says what comes next", () => {
    const ledger = ledgerOf()
    return Effect.gen(function* () {
      for (const applied of [1, 1, 2]) {
        ledger.next.ada = applied
        assert.strictEqual(yield* Effect.flip(submitting(() => Effect.fail("Unknown"))), "Unknown")
      }
      assert.strictEqual(yield* submit(), 2)
      assert.strictEqual(ledger.asked.length, 4)
    }).pipe(Effect.provide(layerOf(ledger.ask)))
  })

  it.effect("so it does after an interrupt and after a defect, and neither keeps the others waiting", () => {
    const ledger = ledgerOf()
    return Effect.gen(function* () {
      const sent = yield* Deferred.make<void>()
      const interrupted = yield* fork(
        submitting(() => Effect.andThen(Deferred.succeed(sent, undefined), Effect.never))
      )
      yield* Deferred.await(sent)
      const waiting = yield* fork(submit())
      ledger.next.ada = 1
      yield* Fiber.interrupt(interrupted)
      assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed(1))
      yield* Effect.exit(submitting(() => Effect.die("a bug")))
      ledger.next.ada = 5
      assert.strictEqual(yield* submit(), 5)
      assert.strictEqual(ledger.asked.length, 3)
    }).pipe(Effect.provide(layerOf(ledger.ask)))
  })

  it.effect("refused for its nonce, a submission is sent again with the one that the ledger says", () => {
    const ledger = ledgerOf()
    const sent: Array<number> = []
    return Effect.gen(function* () {
      const nonce = yield* submitting((nonce) => {
        sent.push(nonce)
        ledger.next.ada = 4
        return nonce < 4 ? Effect.fail("Refused") : Effect.succeed(nonce)
      })
      assert.strictEqual(nonce, 4)
      assert.deepStrictEqual(sent, [0, 4])
      assert.strictEqual(yield* submit(), 5)
    }).pipe(Effect.provide(layerOf(ledger.ask)))
  })

  it.effect("refused three times for its nonce, a submission fails with that", () => {
    let sent = 0
    const refuse = () =>
      Effect.suspend(() => {
        sent++
        return Effect.fail<Verdict>("Refused")
      })
    return Effect.gen(function* () {
      assert.strictEqual(yield* Effect.flip(submitting(refuse)), "Refused")
      assert.strictEqual(sent, 3)
      assert.strictEqual(yield* submit(), 0)
    }).pipe(Effect.provide(layerOf(ledgerOf().ask)))
  })

  it.effect("when the ledger fails, or does not say in time, nothing is sent", () => {
    let sent = 0
    const send = (nonce: number) => Effect.sync(() => sent++ + nonce)
    return Effect.gen(function* () {
      const failing = yield* Effect.exit(submitting(send)).pipe(
        Effect.provide(layerOf(() => Effect.fail("refused")))
      )
      assert.propertyVal(errorOf(failing), "_tag", "NonceOpen")
      const silent = yield* fork(
        Effect.provide(
          submitting(send),
          layerOf(() => Effect.never)
        )
      )
      yield* TestClock.adjust("2 seconds")
      assert.propertyVal(errorOf(yield* Fiber.join(silent)), "_tag", "NonceOpen")
      assert.strictEqual(sent, 0)
    })
  })

  it.effect(
    "whoever waits for longer than it may fails without being sent, and the next one's turn comes",
    () => {
      let sent = 0
      return Effect.gen(function* () {
        const stuck = yield* fork(submitting(() => Effect.never))
        const waiting = yield* fork(submitting((nonce) => Effect.sync(() => sent++ + nonce)))
        yield* TestClock.adjust("10 seconds")
        assert.propertyVal(errorOf(yield* Fiber.join(waiting)), "_tag", "AccountBusy")
        yield* Fiber.interrupt(stuck)
        assert.strictEqual(yield* submit(), 0)
        assert.strictEqual(sent, 0)
      }).pipe(Effect.provide(layerOf(ledgerOf().ask)))
    }
  )
})

describe("Nonces, searched", () => {
  for (const suite of suites) suiteOf.sim(suite.name, suite, { runs: 1000 })
})
