/** What callers make of servers that fail. */
import { Cause, Clock, Effect, Exit, Fiber, Ref } from "effect"
import * as Check from "../../src/Check.ts"
import * as FlakyServer from "../../src/FlakyServer.ts"
import { millisUpTo, type Planted, together } from "./Planted.ts"

const saved = (save: (call: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const fails = (yield* millisUpTo(3)) === 3
    const script = FlakyServer.always(fails ? FlakyServer.error(1) : FlakyServer.answer(1))
    const server = yield* FlakyServer.make("store", script, (document: string) => document)
    const exit = yield* Effect.exit(save(server.call("draft")))
    const stored = yield* server.committed
    yield* Check.always(
      "what is reported as saved is saved",
      Exit.isFailure(exit) || stored.length === 1,
      "it was reported as saved, and is not there"
    )
  })

const lostError: Planted = {
  name: "lost error",
  bug: "the fiber that saves a document is waited for but not joined, and its failure is never seen",
  interleaving: false,
  program: saved((call) => Effect.flatMap(Effect.forkChild(call), Fiber.await)),
  correct: saved((call) => Effect.flatMap(Effect.forkChild(call), Fiber.join))
}

/** A job whose attempts are fibers of their own; who stops the job interrupts the present one. */
const stopped = (isWorthRetrying: (cause: Cause.Cause<unknown>) => boolean) =>
  Effect.gen(function* () {
    const script = FlakyServer.calls(
      Array.from({ length: 4 }, () => FlakyServer.error(5)),
      FlakyServer.answer(5)
    )
    const server = yield* FlakyServer.make("worker", script, (job: string) => job)
    const attempt = yield* Ref.make<Fiber.Fiber<unknown, unknown> | undefined>(undefined)
    const job = Effect.gen(function* () {
      for (let attempts = 0; attempts < 5; attempts++) {
        const fiber = yield* Effect.forkChild(Effect.delay(server.call("job"), 5))
        yield* Ref.set(attempt, fiber)
        const exit = yield* Fiber.await(fiber)
        if (Exit.isSuccess(exit) || !isWorthRetrying(exit.cause)) return
      }
    })
    const running = yield* Effect.forkChild(job)
    const stopMillis = (yield* millisUpTo(40)) + 0.5
    yield* Effect.sleep(stopMillis)
    const present = yield* Ref.get(attempt)
    if (present !== undefined) yield* Fiber.interrupt(present)
    yield* Fiber.await(running)
    const late = (yield* server.calls).filter(({ startMillis }) => startMillis > stopMillis)
    yield* Check.always(
      "a job that was stopped is not tried again",
      late.length === 0,
      `${late.length} attempts began later`
    )
  })

const retryAfterInterrupt: Planted = {
  name: "retry after interrupt",
  bug: "an attempt that was interrupted counts as one that failed, and is repeated",
  interleaving: false,
  program: stopped(() => true),
  correct: stopped((cause) => !Cause.hasInterrupts(cause))
}

/** A connection is replaced by another, while an answer on the first may still be on its way. */
const reconnected = (isStale: (answer: number, generation: number) => boolean) =>
  Effect.gen(function* () {
    const latencies = [yield* millisUpTo(20), yield* millisUpTo(20)]
    const script = FlakyServer.calls(
      latencies.map((latency) => FlakyServer.answer(latency)),
      FlakyServer.hang
    )
    const server = yield* FlakyServer.make("feed", script, (generation: number) => generation)
    const generation = yield* Ref.make(0)
    const state = yield* Ref.make(0)
    const connect = Effect.gen(function* () {
      const answer = yield* server.call(yield* Ref.updateAndGet(generation, (n) => n + 1))
      const present = yield* Ref.get(generation)
      if (!isStale(answer, present)) yield* Ref.set(state, answer)
    })
    yield* together(connect, Effect.delay(connect, 5))
    const seen = yield* Ref.get(state)
    yield* Check.always(
      "the state is that of the last connection",
      seen === 2,
      `it is that of connection ${seen}`
    )
  })

const staleGeneration: Planted = {
  name: "stale generation",
  bug: "an answer that comes on a connection which was replaced is applied all the same",
  interleaving: false,
  program: reconnected(() => false),
  correct: reconnected((answer, generation) => answer < generation)
}

/** A push to a server that may be slower than the caller is patient. */
const pushed = (onTimeout: "failed" | "unknown") =>
  Effect.gen(function* () {
    const latency = yield* millisUpTo(16)
    const server = yield* FlakyServer.make(
      "executor",
      FlakyServer.always(FlakyServer.answer(latency)),
      (transaction: string) => transaction
    )
    const reply = yield* Effect.timeoutOption(server.call("tx"), 8)
    const outcome = reply._tag === "Some" ? "pushed" : onTimeout
    yield* Effect.sleep(100)
    const stored = yield* server.committed
    yield* Check.always(
      "what is reported as failed was not done",
      outcome !== "failed" || stored.length === 0,
      "it was reported as failed, and took effect"
    )
  })

const loserCommits: Planted = {
  name: "loser of a time-out commits",
  bug: "a call that lost against its time-out is reported as failed, and takes effect later",
  interleaving: false,
  program: pushed("failed"),
  correct: pushed("unknown")
}

/** Three payments; the reply to one is lost. */
const paid = (knowsRepeats: boolean) =>
  Effect.gen(function* () {
    const lost = yield* millisUpTo(5)
    const script = FlakyServer.calls(
      Array.from({ length: lost + 1 }, (_, n) =>
        n === lost ? FlakyServer.loseReply(1) : FlakyServer.answer(1)
      ),
      FlakyServer.answer(1)
    )
    const bank = yield* FlakyServer.make("bank", script, () => "paid", {
      changes: (payment: string, before) => !knowsRepeats || !before.includes(payment)
    })
    for (const payment of ["a", "b", "c"]) {
      yield* Effect.retry(Effect.timeout(bank.call(payment), 10), { times: 2 })
    }
    const done = yield* bank.committed
    yield* Check.always("a payment is made once", done.join() === "a,b,c", `made were ${done.join(", ")}`)
  })

const repeatedPayment: Planted = {
  name: "repeat after a lost reply",
  bug: "a payment whose reply was lost is made again, and the bank does not know that it is the same",
  interleaving: false,
  program: paid(false),
  correct: paid(true)
}

/** A lease of 10 ms is given on when it is over; its holder writes for as long as it takes itself for the holder. */
const leased = (holds: (nowMillis: number, endMillis: number) => boolean) =>
  Effect.gen(function* () {
    const endMillis = (yield* Clock.currentTimeMillis) + 10
    const writes: Array<number> = []
    const holder = Effect.gen(function* () {
      yield* Effect.sleep(yield* millisUpTo(20))
      const now = yield* Clock.currentTimeMillis
      if (holds(now, endMillis)) writes.push(now)
    })
    const next = Effect.as(Effect.sleep(10), endMillis)
    yield* together(holder, next)
    const late = writes.filter((millis) => millis >= endMillis)
    yield* Check.always("at each instant there is one holder", late.length === 0, `two wrote at ${late} ms`)
  })

const offByOne: Planted = {
  name: "deadline off by one",
  bug: "a holder takes its lease to be valid at the very instant at which it ends, when the next one has it",
  interleaving: false,
  program: leased((now, end) => now <= end),
  correct: leased((now, end) => now < end)
}

interface Lease {
  readonly token: number
  readonly endMillis: number
}

const ttlMillis = 10

/** Locks that end by themselves; a holder may work for longer than that. */
const lockService = (checksOwner: boolean) => {
  let lease: Lease | undefined
  let tokens = 0
  /** What an observer knows: the leases that are neither over nor given back by their own holder. */
  const valid = new Map<number, number>()
  const tryAcquire = (nowMillis: number) => {
    if (lease !== undefined && nowMillis < lease.endMillis) return undefined
    lease = { token: ++tokens, endMillis: nowMillis + ttlMillis }
    valid.set(lease.token, lease.endMillis)
    return lease.token
  }
  return {
    acquire: Effect.gen(function* () {
      for (;;) {
        const token = tryAcquire(yield* Clock.currentTimeMillis)
        if (token !== undefined) return token
        yield* Effect.sleep(1)
      }
    }),
    release: (token: number) =>
      Effect.sync(() => {
        valid.delete(token)
        if (!checksOwner || lease?.token === token) lease = undefined
      }),
    holders: Effect.map(
      Clock.currentTimeMillis,
      (now) => Array.from(valid.values()).filter((end) => now < end).length
    )
  }
}

const released = (checksOwner: boolean) =>
  Effect.gen(function* () {
    const locks = lockService(checksOwner)
    const client = Effect.gen(function* () {
      const token = yield* locks.acquire
      const holders = yield* locks.holders
      yield* Check.always("a lock has one holder", holders === 1, `it has ${holders}`)
      yield* Effect.sleep(yield* millisUpTo(2 * ttlMillis))
      yield* locks.release(token)
    })
    yield* together(client, client, client)
  })

const abaRelease: Planted = {
  name: "ABA release",
  bug: "a holder whose lease was over gives back the lock, which is another's by now",
  interleaving: false,
  program: released(false),
  correct: released(true)
}

export const servers: ReadonlyArray<Planted> = [
  lostError,
  retryAfterInterrupt,
  staleGeneration,
  loserCommits,
  repeatedPayment,
  offByOne,
  abaRelease
]
