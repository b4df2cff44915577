/** Submissions that fail in every way, are interrupted, and arrive late, at a ledger that keeps the books. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Exit, Fiber, Schema } from "effect"
import * as fc from "fast-check"
import { AccountBusy, NonceOpen, Nonces, type Verdict } from "../src/gateway/Nonces.ts"

/** What becomes of one thing that is sent. */
interface Fate {
  readonly how: "applied" | "not sent" | "answer lost" | "request lost" | "applied late" | "defect"
  readonly thereMillis: number
  readonly backMillis: number
  /** How long after its sender knows no more it arrives, if late. */
  readonly lateMillis: number
}

interface Submission {
  readonly account: string
  readonly atMillis: number
  /** Of each time that it is sent. */
  readonly fates: ReadonlyArray<Fate>
  /** How long after it came it is interrupted. */
  readonly patienceMillis: number | undefined
}

interface Workload {
  readonly submissions: ReadonlyArray<Submission>
  readonly waitMillis: number
  readonly askMillis: number
  readonly askTimeoutMillis: number
}

const short = fc.integer({ min: 0, max: 5 })

const fate: fc.Arbitrary<Fate> = fc.record({
  how: fc.constantFrom<Fate["how"]>(
    "applied",
    "applied",
    "not sent",
    "answer lost",
    "request lost",
    "applied late",
    "defect"
  ),
  thereMillis: short,
  backMillis: short,
  lateMillis: fc.integer({ min: 0, max: 20 })
})

const submission: fc.Arbitrary<Submission> = fc.record({
  account: fc.constantFrom("ada", "ada", "bob"),
  atMillis: fc.integer({ min: 0, max: 20 }),
  fates: fc.array(fate, { minLength: 3, maxLength: 3 }),
  patienceMillis: fc.option(fc.integer({ min: 0, max: 15 }), { nil: undefined })
})

const workload: fc.Arbitrary<Workload> = fc.record({
  submissions: fc.array(submission, { minLength: 1, maxLength: 8 }),
  waitMillis: fc.constantFrom(1000, 5, 10),
  askMillis: short,
  askTimeoutMillis: fc.constantFrom(1000, 3)
})

class Failed extends Schema.TaggedError<Failed>("sim/Failed")("Failed", {
  verdict: Schema.Literals(["NotUsed", "Refused", "Unknown"])
}) {}

const verdictOf = ({ verdict }: Failed): Verdict => verdict

const fail = (verdict: Verdict) => Effect.fail(new Failed({ verdict }))

/** As the real one: it refuses what is used and what leaves a gap. */
class Books {
  readonly accounts = new Map<string, Array<number>>()
  /** Whether something happened after which a nonce may be refused. */
  readonly blurred = new Set<string>()

  of(account: string): Array<number> {
    const known = this.accounts.get(account) ?? []
    this.accounts.set(account, known)
    return known
  }

  timesApplied(id: number): number {
    return [...this.accounts.values()].flat().filter((one) => one === id).length
  }
}

const apply = (books: Books, account: string, nonce: number, id: number) =>
  Effect.gen(function* () {
    const known = books.of(account)
    if (nonce === known.length) return void known.push(id)
    yield* Check.always("nonces-gapless", nonce < known.length, `a gap: ${nonce} after ${known.length}`)
    yield* Check.always(
      "nonces-unique",
      books.blurred.has(account),
      `${nonce} was used, and nothing was unknown before`
    )
    yield* Check.reachable("a submission that is refused for its nonce")
    return yield* fail("Refused")
  })

const sendAs = (books: Books, id: number, { account }: Submission, fate: Fate, nonce: number) =>
  Effect.gen(function* () {
    const blur = Effect.sync(() => books.blurred.add(account))
    yield* Effect.sleep(fate.thereMillis)
    switch (fate.how) {
      case "not sent":
        return yield* fail("NotUsed")
      case "defect":
        yield* blur
        return yield* Effect.die("a bug")
      case "request lost":
        yield* blur
        return yield* fail("Unknown")
      case "applied late": {
        yield* blur
        const arrives = Effect.andThen(Effect.sleep(fate.lateMillis), apply(books, account, nonce, id))
        yield* Effect.forkDetach(Effect.ignore(arrives))
        return yield* fail("Unknown")
      }
      case "answer lost":
        yield* blur
        yield* Effect.ignore(apply(books, account, nonce, id))
        return yield* fail("Unknown")
      case "applied":
        yield* apply(books, account, nonce, id)
        yield* Effect.sleep(fate.backMillis)
    }
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => books.blurred.add(account))))

/** What the sender knows is true: success is once, certain failure is never, and anything else is once at most. */
const judge = (books: Books, id: number, exit: Exit.Exit<void, Failed | NonceOpen | AccountBusy>) => {
  const times = books.timesApplied(id)
  const error =
    Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error : undefined
  const isCertain =
    error instanceof AccountBusy ||
    error instanceof NonceOpen ||
    (error instanceof Failed && error.verdict !== "Unknown")
  return Check.always(
    "nonces-honest",
    Exit.isSuccess(exit) ? times === 1 : isCertain ? times === 0 : times <= 1,
    () => `submission ${id} was applied ${times} times, and ended with ${String(exit)}`
  )
}

const run = ({ askMillis, askTimeoutMillis, submissions, waitMillis }: Workload) => {
  const books = new Books()
  const layer = Nonces.layer({
    ask: (account) =>
      Effect.andThen(
        Effect.sleep(askMillis),
        Effect.sync(() => books.of(account).length)
      ),
    askTimeout: askTimeoutMillis,
    wait: waitMillis,
    attempts: 3
  })
  const submit = (submission: Submission, id: number) =>
    Effect.gen(function* () {
      const nonces = yield* Nonces
      let sent = 0
      const { account, fates, patienceMillis } = submission
      yield* Effect.sleep(submission.atMillis)
      const fiber = yield* Effect.forkChild(
        nonces.use(
          account,
          (nonce) => Effect.suspend(() => sendAs(books, id, submission, fates[sent++] ?? healthy, nonce)),
          verdictOf
        )
      )
      if (patienceMillis !== undefined) {
        yield* Effect.sleep(patienceMillis)
        yield* Fiber.interrupt(fiber)
      }
      return yield* Fiber.await(fiber)
    })
  return Effect.gen(function* () {
    const exits = yield* Effect.forEach(submissions, submit, { concurrency: "unbounded" })
    // Whatever is late has arrived.
    yield* Effect.sleep("1 second")
    yield* Effect.forEach(exits, (exit, id) => judge(books, id, exit))
    for (const account of books.accounts.keys()) {
      const length = books.of(account).length
      const last = { account, atMillis: 0, fates: [healthy], patienceMillis: undefined }
      const exit = yield* submit(last, submissions.length)
      const isSlow = askMillis >= askTimeoutMillis
      yield* Check.always(
        "nonces-live",
        isSlow || (Exit.isSuccess(exit) && books.of(account).length === length + 1),
        () => `the last submission of ${account} ended with ${String(exit)}`
      )
    }
  }).pipe(Effect.provide(layer))
}

const healthy: Fate = { how: "applied", thereMillis: 0, backMillis: 0, lateMillis: 0 }

const nonces = Suite.make({
  name: "Nonces",
  guarantees: ["nonces-gapless", "nonces-unique", "nonces-honest", "nonces-live"],
  arbitrary: workload,
  run,
  reaches: ["a submission that is refused for its nonce"]
})

export const suites: ReadonlyArray<Suite.Suite> = [nonces]
