/** Many callers of one server that is down for a while, with one budget for all their retries. */
import { Backoff, Deadline, Retry, RetryBudget } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as FlakyServer from "@holdfast/sim/FlakyServer"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { hour, lengthOf, now, second, sleepUntil, toDuration, words } from "./time.ts"

/** Callers that come at the same instant. */
interface Crowd {
  readonly atNanos: number
  readonly count: number
  readonly attempts: number
  readonly delayNanos: number
  /** The deadline of each of them. */
  readonly deadlineNanos: number
  /** How long after they came they are interrupted. */
  readonly patienceNanos: number | undefined
}

interface Outage {
  readonly ratio: number
  readonly minPerSecond: number
  readonly windowNanos: number
  readonly madeNanos: number
  /** Until when the server is up, and for how long it is down then. */
  readonly upNanos: number
  readonly downNanos: number
  readonly latencyNanos: number
  readonly crowds: ReadonlyArray<Crowd>
  /** When the wall clock is set back by an hour. */
  readonly setBackNanos: number | undefined
}

/** Whole units, since servers count in milliseconds. */
const whole = (unit: number): fc.Arbitrary<number> => fc.nat(8).map((units) => units * unit)

const crowdOf = (unit: number): fc.Arbitrary<Crowd> =>
  fc.record({
    atNanos: fc.oneof(lengthOf(unit), lengthOf(4 * unit)),
    count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 4, max: 12 })),
    attempts: fc.integer({ min: 2, max: 4 }),
    delayNanos: lengthOf(unit),
    deadlineNanos: fc.oneof(fc.constant(Infinity), lengthOf(unit)),
    patienceNanos: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: lengthOf(unit) }
    )
  })

export const outageOf = (unit: number): fc.Arbitrary<Outage> =>
  fc.record({
    ratio: fc.constantFrom(0.2, 0, 0.29, 0.5, 1, 3),
    minPerSecond: fc.constantFrom(0, 1, 0.3, 10).map((number) => (number * second) / unit),
    windowNanos: fc.constantFrom(unit, 3 * unit, 10 * unit, 7 * unit + 3),
    madeNanos: fc.constantFrom(0, unit, 5 * unit + 7),
    upNanos: fc.oneof(fc.constant(0), whole(unit)),
    downNanos: fc.oneof(fc.constant(100 * unit), whole(2 * unit)),
    latencyNanos: fc.oneof(fc.constant(0), whole(unit)),
    crowds: fc.array(crowdOf(unit), { minLength: 1, maxLength: 4 }),
    setBackNanos: fc.option(lengthOf(unit), { nil: undefined })
  })

const describeCrowd = ({
  atNanos,
  attempts,
  count,
  deadlineNanos,
  delayNanos,
  patienceNanos
}: Crowd): string =>
  `${count} callers at ${words(atNanos)}, each with ${attempts} attempts, ${words(delayNanos)} between them` +
  `${deadlineNanos === Infinity ? "" : `, within ${words(deadlineNanos)}`}` +
  `${patienceNanos === undefined ? "" : `, interrupted after ${words(patienceNanos)}`}`

export const describeOutage = (outage: Outage): string =>
  [
    `ratio ${outage.ratio}, ${outage.minPerSecond} per second, a window of ${words(outage.windowNanos)}`,
    `made at ${words(outage.madeNanos)}`,
    `a server that is up for ${words(outage.upNanos)}, then down for ${words(outage.downNanos)}`,
    `answers after ${words(outage.latencyNanos)}`,
    ...outage.crowds.map(describeCrowd),
    ...(outage.setBackNanos === undefined ? [] : [`the clock is set back at ${words(outage.setBackNanos)}`])
  ].join("; ")

// ----------------------------------------------------------------------------
// The books
// ----------------------------------------------------------------------------

/** What has happened at a budget: what has begun, and what has ended, at which instants. */
interface Books {
  readonly deposits: Array<number>
  /** Retries that were granted. */
  readonly grants: Array<number>
  /** Deposits and withdrawals that may have happened or not. */
  depositing: number
  withdrawing: number
}

const younger = (instants: ReadonlyArray<number>, ageNanos: number, nanos: number): number =>
  instants.filter((instant) => nanos - instant <= ageNanos).length

/** Floating point: see `RetryBudget`. */
const rounding = 1e-6

/** What the budget promises about its own answers, from the books before and after it gave one. */
const judgeAnswer = (outage: Outage, books: Books, before: Before, granted: boolean) =>
  Effect.gen(function* () {
    const { minPerSecond, ratio, windowNanos } = outage
    const nanos = yield* now
    const floor = (minPerSecond * windowNanos) / second
    // What is counted stays for one window at least, and for 1.1 windows at most.
    const longNanos = 11 * Math.ceil(windowNanos / 10)
    const grants = books.grants.length + (granted ? 1 : 0)
    const deposits = books.deposits.length + books.depositing
    const age = nanos - outage.madeNanos
    const bound = ratio * deposits + (minPerSecond * (age + windowNanos)) / second
    yield* Check.always(
      "RT-6",
      grants <= bound + rounding,
      () => `${grants} retries were granted after ${age} ns for ${deposits} calls, at most ${bound} may be`
    )
    const most =
      ratio * (younger(books.deposits, longNanos, nanos) + books.depositing) + floor - before.recentGrants
    yield* Check.always(
      "RT-6",
      !granted || most >= 1 - rounding,
      () => `a retry was granted where ${most} were left`
    )
    const pending = books.withdrawing - 1
    const least = ratio * before.recentDeposits + floor - younger(books.grants, longNanos, nanos) - pending
    yield* Check.always(
      "RT-6",
      granted || least < 1 + rounding,
      () => `a retry was refused where ${least} were left`
    )
    yield* Check.sometimes("a retry that is refused", !granted)
    yield* Check.sometimes("a retry that is granted after one was refused", granted && before.hasRefused)
  })

interface Before {
  readonly recentDeposits: number
  readonly recentGrants: number
  readonly hasRefused: boolean
}

/** The budget, with books. */
const audited = (outage: Outage, books: Books, budget: RetryBudget.RetryBudget): RetryBudget.RetryBudget => {
  let hasRefused = false
  return {
    available: budget.available,
    deposit: Effect.gen(function* () {
      const nanos = yield* now
      books.depositing++
      yield* budget.deposit
      books.depositing--
      books.deposits.push(nanos)
    }),
    withdraw: Effect.gen(function* () {
      const nanos = yield* now
      const before = {
        recentDeposits: younger(books.deposits, outage.windowNanos, nanos),
        recentGrants: younger(books.grants, outage.windowNanos, nanos),
        hasRefused
      }
      books.withdrawing++
      const granted = yield* budget.withdraw
      yield* judgeAnswer(outage, books, before, granted)
      books.withdrawing--
      if (granted) books.grants.push(nanos)
      else hasRefused = true
      return granted
    })
  }
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

/** How many calls and retries were sent. */
interface Sent {
  calls: number
  retries: number
}

const crowdComes = (crowd: Crowd, budget: RetryBudget.RetryBudget, send: Effect.Effect<void, unknown>) => {
  const { atNanos, attempts, count, deadlineNanos, delayNanos, patienceNanos } = crowd
  const policy = Retry.policy({ attempts, backoff: Backoff.constant(toDuration(delayNanos)), budget })
  const caller = send.pipe(Retry.run(policy), Deadline.within(toDuration(deadlineNanos)), Effect.exit)
  return Effect.gen(function* () {
    yield* sleepUntil(atNanos)
    const callers = yield* Effect.forEach(Array.from({ length: count }), () => Effect.forkChild(caller))
    if (patienceNanos !== undefined) {
      yield* sleepUntil(atNanos + patienceNanos)
      yield* Fiber.interruptAll(callers)
    }
    yield* Effect.forEach(callers, Fiber.await, { discard: true })
  })
}

const setBack = Effect.flatMap(Clock.currentTimeMillis, (millis) => TestClock.setTime(millis - hour / 1e6))

/** Each call pays in once, and each retry is paid out; what is interrupted may be paid for in vain. */
const judgeBooks = ({ crowds }: Outage, { deposits, grants }: Books, { calls, retries }: Sent) => {
  const isDisturbed = crowds.some(({ patienceNanos }) => patienceNanos !== undefined)
  const isRight = isDisturbed
    ? calls <= deposits.length && retries <= grants.length
    : calls === deposits.length && retries === grants.length
  const found = `${calls} calls and ${retries} retries for ${deposits.length} deposits and ${grants.length} grants`
  return Check.always("RT-6", isRight, found)
}

export const runOutage = (outage: Outage) =>
  Effect.gen(function* () {
    const { downNanos, latencyNanos, madeNanos, minPerSecond, ratio, setBackNanos, upNanos, windowNanos } =
      outage
    const latency = toDuration(latencyNanos)
    const script = FlakyServer.phases(
      [
        [FlakyServer.answer(latency), toDuration(upNanos)],
        [FlakyServer.refuse(latency), toDuration(downNanos)]
      ],
      FlakyServer.answer(latency)
    )
    const server = yield* FlakyServer.make("ledger", script, () => {})
    const books: Books = { deposits: [], grants: [], depositing: 0, withdrawing: 0 }
    const sent: Sent = { calls: 0, retries: 0 }
    const send = Effect.gen(function* () {
      if ((yield* Retry.CurrentAttempt) === 1) sent.calls++
      else sent.retries++
      yield* server.call("push")
    })
    yield* sleepUntil(madeNanos)
    const made = yield* RetryBudget.make({ ratio, minPerSecond, window: toDuration(windowNanos) })
    const budget = audited(outage, books, made)
    const settingBack =
      setBackNanos === undefined ? Effect.void : Effect.andThen(sleepUntil(setBackNanos), setBack)
    const coming = outage.crowds.map((crowd) => crowdComes(crowd, budget, send))
    yield* Effect.all([settingBack, ...coming], { concurrency: "unbounded", discard: true })
    yield* judgeBooks(outage, books, sent)
    yield* Check.sometimes(
      "an outage in which a crowd asks for more than there is",
      sent.retries < sent.calls / 2
    )
  })
