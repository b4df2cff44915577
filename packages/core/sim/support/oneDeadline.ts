/** One deadline over work of every kind, interrupted or not. */
import { Deadline } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Cause, Effect, Exit, Fiber, Latch } from "effect"
import * as fc from "fast-check"
import { interruptAt, lengthOf, longest, now, sleep, sleepUntil, toDuration, words } from "./time.ts"
import {
  describeWork,
  endsOnTimer,
  lengthOfWork,
  lengthWhenInterrupted,
  type Outcome,
  outcomeOf,
  outcomeOfWork,
  outcomeWhenInterrupted,
  perform,
  type Work,
  workOf
} from "./work.ts"

interface Call {
  readonly budgetNanos: number
  readonly work: Work
  /** When the caller is interrupted. */
  readonly interruptNanos: number | undefined
  /** The caller cannot be interrupted. */
  readonly isMasked: boolean
  /** How long the end of the application waits for abandoned work. */
  readonly joinNanos: number
  /** The application stays until abandoned work has ended, and looks at the list. */
  readonly stays: boolean
}

const budgetOf = (unit: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 6, arbitrary: lengthOf(unit) },
    { weight: 6, arbitrary: lengthOf(3 * unit) },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, -unit, Infinity, -Infinity) }
  )

/** What happens at the same instant as something else. */
type Meeting = "none" | "interruption and deadline" | "interruption and end"

const meet = (call: Call, meeting: Meeting): Call => {
  const instant = meeting === "interruption and deadline" ? call.budgetNanos : lengthOfWork(call.work)
  return meeting === "none" || instant < 1 || instant === Infinity
    ? call
    : { ...call, interruptNanos: instant }
}

export const callOf = (unit: number): fc.Arbitrary<Call> =>
  fc
    .record({
      budgetNanos: budgetOf(unit),
      work: workOf(unit),
      // Not at the beginning, where it is open whether there is a call yet.
      interruptNanos: fc.option(
        lengthOf(unit).map((nanos) => Math.max(1, nanos)),
        { freq: 2, nil: undefined }
      ),
      isMasked: fc.constantFrom(false, false, true),
      joinNanos: lengthOf(unit),
      stays: fc.boolean(),
      meeting: fc.constantFrom<Meeting>(
        "none",
        "none",
        "none",
        "none",
        "none",
        "interruption and deadline",
        "interruption and end"
      )
    })
    .map(({ meeting, ...drawn }) => {
      const call = meet(drawn, meeting)
      // Something has to end it.
      const isEndless = call.budgetNanos === Infinity && lengthOfWork(call.work) === Infinity
      return isEndless ? { ...call, budgetNanos: 9 * unit } : call
    })

export const describeCall = (call: Call): string =>
  [
    `within ${words(call.budgetNanos)}, work that ${describeWork(call.work)}`,
    ...(call.isMasked ? ["the caller cannot be interrupted"] : []),
    ...(call.interruptNanos === undefined ? [] : [`interrupted at ${words(call.interruptNanos)}`]),
    call.stays ? "the application stays" : `joined for ${words(call.joinNanos)}`
  ].join("; ")

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

interface Returned {
  readonly outcome: Outcome | "exceeded"
  readonly atNanos: number
}

/** When and how a call returns, if its caller is interrupted at an instant at which nothing else happens. */
const predict = ({ budgetNanos, isMasked, work }: Call, interruptNanos: number | undefined): Returned => {
  if (budgetNanos <= 0) return { outcome: "exceeded", atNanos: 0 }
  const length = lengthOfWork(work)
  if (!isMasked && interruptNanos !== undefined && interruptNanos < Math.min(length, budgetNanos)) {
    const ends = lengthWhenInterrupted(work, interruptNanos)
    // Without any limit it is the work itself that the caller waits for, and nobody else.
    const outcome = budgetNanos === Infinity ? outcomeWhenInterrupted(work, interruptNanos) : "interrupted"
    return { outcome, atNanos: Math.min(ends, budgetNanos) }
  }
  if (length <= budgetNanos) return { outcome: outcomeOfWork(work), atNanos: length }
  return { outcome: "exceeded", atNanos: budgetNanos }
}

/** Nothing but the work itself ends it, and just at its deadline. */
const endsAtInstant = ({ budgetNanos, interruptNanos, isMasked, work }: Call): boolean =>
  lengthOfWork(work) === budgetNanos && (isMasked || (interruptNanos ?? budgetNanos) >= budgetNanos)

/** At one instant an interruption may come before or after what else happens: just before it, or just after. */
const possible = (call: Call): ReadonlyArray<Returned> => {
  const { interruptNanos } = call
  if (interruptNanos === undefined) return [predict(call, undefined)]
  return [predict(call, interruptNanos - 0.5), predict(call, interruptNanos + 0.5)]
}

const latestOf = (call: Call): number => Math.ceil(Math.max(...possible(call).map(({ atNanos }) => atNanos)))

/** When work ends that nobody waits for any longer; at the boundary of two of its parts, either may be it. */
const possibleEnds = (
  { budgetNanos, interruptNanos, work }: Call,
  { outcome }: Returned
): ReadonlyArray<number> => {
  const cutNanos = outcome === "interrupted" && interruptNanos !== undefined ? interruptNanos : budgetNanos
  return [cutNanos - 0.5, cutNanos + 0.5].map((nanos) => lengthWhenInterrupted(work, nanos))
}

const isNear = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= 0.5

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

/** What a run has seen of a call. */
interface Seen {
  started: boolean
  returned: Returned | undefined
  workEndNanos: number | undefined
}

const outcomeOfCall = (exit: Exit.Exit<unknown, unknown>): Returned["outcome"] =>
  Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Deadline.DeadlineExceeded
    ? "exceeded"
    : outcomeOf(exit)

/** The call in a fiber of its own, which is interrupted when its time has come. */
const start = (call: Call, seen: Seen, released: Latch.Latch) =>
  Effect.gen(function* () {
    const work = Effect.suspend(() => {
      seen.started = true
      return perform(call.work, released)
    }).pipe(
      Effect.onExit(() =>
        Effect.map(now, (nanos) => {
          seen.workEndNanos = nanos
        })
      )
    )
    const bounded = Deadline.within(work, toDuration(call.budgetNanos)).pipe(
      Effect.onExit((exit) =>
        Effect.map(now, (atNanos) => {
          seen.returned = { outcome: outcomeOfCall(exit), atNanos }
        })
      )
    )
    const fiber = yield* Effect.forkChild(
      Effect.exit(call.isMasked ? Effect.uninterruptible(bounded) : bounded)
    )
    yield* Effect.forkChild(interruptAt(fiber, call.interruptNanos))
  })

const judgeReturn = (call: Call, seen: Seen, isStock: boolean) => {
  const { budgetNanos, work } = call
  const expected = possible(call)
  const { returned } = seen
  const found = () => `${returned?.outcome} at ${returned?.atNanos} instead of ${JSON.stringify(expected)}`
  if (budgetNanos <= 0) {
    return Check.always(
      "DL-6",
      !seen.started && returned?.outcome === "exceeded" && returned.atNanos === 0,
      found
    )
  }
  const promise = expected.every(({ outcome }) => outcome === "interrupted") ? "DL-4" : "DL-1"
  if (returned === undefined) {
    return Check.violated(latestOf(call) + 1 > budgetNanos ? "DL-1" : promise, found())
  }
  const isExpected = expected.some(
    ({ atNanos, outcome }) => outcome === returned.outcome && isNear(atNanos, returned.atNanos)
  )
  const isLate = returned.atNanos > budgetNanos
  const isTie = !isLate && endsAtInstant(call) && returned.outcome === "exceeded"
  // Whoever must go through the queue once more at the instant, by a pause or a preemption, is not ready yet.
  const isReady = isStock && endsOnTimer(work) && endsAtInstant(call)
  return Effect.gen(function* () {
    yield* Check.always("DL-1", !isLate, found)
    if (isReady) yield* Check.always("DL-3", isExpected || !isTie, found)
    yield* Check.always(promise, isExpected || isTie, found)
  })
}

/** Abandoned work is in the list until it ends, and nothing else is. */
const judgeList = (seen: Seen) =>
  Effect.gen(function* () {
    const { length } = yield* Deadline.abandoned
    const { started, workEndNanos } = seen
    // Of what ends just now, either is right.
    if (workEndNanos === (yield* now)) return
    yield* Check.always(
      "DL-1",
      length === (started && workEndNanos === undefined ? 1 : 0),
      () => `${length} works are listed, and the work ended at ${workEndNanos}`
    )
  })

/** Waits until abandoned work has ended, which must be when it listens to its interruption, or has been released. */
const outlive = (seen: Seen, ends: ReadonlyArray<number>, released: Latch.Latch) =>
  Effect.gen(function* () {
    const latest = Math.ceil(Math.max(...ends))
    if (latest === Infinity) yield* released.open
    yield* latest === Infinity ? sleep(longest) : sleepUntil(latest + 1)
    const { workEndNanos } = seen
    yield* Check.always(
      "DL-1",
      workEndNanos !== undefined && (latest === Infinity || ends.some((end) => isNear(end, workEndNanos))),
      () => `abandoned work ended at ${workEndNanos} instead of ${ends.join(" or ")}`
    )
  })

/** Releases work that cannot end without that, when all have given it up. */
const releaseAfter = (nanos: number, ends: ReadonlyArray<number>, released: Latch.Latch) =>
  ends.includes(Infinity)
    ? Effect.asVoid(Effect.forkChild(Effect.andThen(sleep(nanos), released.open)))
    : Effect.void

/** The end of the application waits for abandoned work, for its join time-out at most. */
const judgeJoin = ({ joinNanos }: Call, leftNanos: number, ends: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const nanos = yield* now
    const expected = ends.map((end) => Math.min(Math.max(end, leftNanos), leftNanos + joinNanos))
    yield* Check.always(
      "DL-1",
      expected.some((end) => isNear(end, nanos)),
      () => `the application ended at ${nanos} instead of ${expected.join(" or ")}`
    )
    return nanos - leftNanos
  })

const notice = (call: Call, { returned, workEndNanos }: Seen) =>
  Effect.gen(function* () {
    const { budgetNanos, interruptNanos, work } = call
    const outcome = returned?.outcome
    yield* Check.sometimes("an interruption at the instant", interruptNanos === budgetNanos && !call.isMasked)
    yield* Check.sometimes("an early success", outcome === "succeeds" && lengthOfWork(work) < budgetNanos)
    yield* Check.sometimes("abandoned work", outcome === "exceeded" && workEndNanos === undefined)
    yield* Check.sometimes(
      "an interrupted caller that waits no longer",
      outcome === "interrupted" && returned?.atNanos === budgetNanos && workEndNanos === undefined
    )
  })

const noticeAtInstant = ({ budgetNanos, work }: Call, { returned }: Seen) =>
  Check.sometimes(
    "a result that is ready at the instant",
    lengthOfWork(work) === budgetNanos && endsOnTimer(work) && returned?.outcome === outcomeOfWork(work)
  )

/** With `isStock`, nothing is preempted, so that what is ready at the instant is known. */
export const runCall = (isStock: boolean) => (call: Call) =>
  Effect.gen(function* () {
    const released = yield* Latch.make()
    const seen: Seen = { started: false, returned: undefined, workEndNanos: undefined }
    /** When the work may end that was left behind, if any was. */
    let ends: ReadonlyArray<number> = []
    const application = Effect.gen(function* () {
      yield* start(call, seen, released)
      yield* sleepUntil(latestOf(call) + 1)
      yield* judgeReturn(call, seen, isStock)
      yield* isStock ? noticeAtInstant(call, seen) : notice(call, seen)
      yield* judgeList(seen)
      if (seen.returned === undefined || !seen.started || seen.workEndNanos !== undefined) return
      ends = possibleEnds(call, seen.returned)
      // So that a join without an end is a late one.
      if (!call.stays) return yield* releaseAfter(call.joinNanos + 1, ends, released)
      yield* outlive(seen, ends, released)
      yield* judgeList(seen)
    })
    yield* Effect.provide(application, Deadline.layerAbandoned({ joinTimeout: toDuration(call.joinNanos) }))
    if (call.stays || ends.length === 0) return
    const joinedNanos = yield* judgeJoin(call, latestOf(call) + 1, ends)
    if (!isStock) {
      const isWhole = joinedNanos === call.joinNanos
      yield* Check.sometimes("abandoned work is joined", joinedNanos > 0 && !isWhole)
      yield* Check.sometimes("abandoned work is not waited for any longer", joinedNanos > 0 && isWhole)
    }
    yield* outlive(seen, ends, released)
  })

// ----------------------------------------------------------------------------
// One wait
// ----------------------------------------------------------------------------

/** Work that is nothing but one wait, among others that end at the same instant. */
interface Wait {
  readonly budgetNanos: number
  readonly waitNanos: number
  readonly others: number
}

export const waitOf = (unit: number): fc.Arbitrary<Wait> =>
  fc
    .record({
      waitNanos: lengthOf(unit).map((nanos) => Math.max(1, nanos)),
      offset: fc.constantFrom(0, 0, 0, 0, 1, -1),
      others: fc.nat(3)
    })
    .map(({ offset, others, waitNanos }) => ({ waitNanos, others, budgetNanos: waitNanos + offset }))

export const describeWait = ({ budgetNanos, others, waitNanos }: Wait): string =>
  `within ${words(budgetNanos)}, a wait of ${words(waitNanos)}, beside ${others} more`

export const runWait = ({ budgetNanos, others, waitNanos }: Wait) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.replicateEffect(Effect.forkChild(sleep(waitNanos)), others)
    const exit = yield* Effect.exit(Deadline.within(sleep(waitNanos), toDuration(budgetNanos)))
    const isDone = budgetNanos > 0 && waitNanos <= budgetNanos
    const found = outcomeOfCall(exit)
    yield* Check.always(
      "DL-3",
      found === (isDone ? "succeeds" : "exceeded"),
      `it ${found}, and its result is ready at ${waitNanos}`
    )
    yield* Effect.forEach(fibers, Fiber.await, { discard: true })
    yield* Check.sometimes("a wait until the instant", waitNanos === budgetNanos && others > 0)
  })
