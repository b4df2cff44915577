/** Whether what was seen of a batch is what was promised. */

import type { Event, Outcome, Report } from "./fanOutBatch.ts"
import type { How, Log } from "./fanOutCalls.ts"
import { howOf } from "./fanOutCalls.ts"
import {
  type Batch,
  concurrencyOf,
  type Expected,
  type ExpectedAttempt,
  type ExpectedOutcome,
  endOf,
  predict
} from "./fanOutModel.ts"

/** A promise that does not hold. */
export interface Finding {
  readonly guarantee: string
  readonly problem: string
}

/** What a batch told while it ran. */
export interface Told {
  readonly outcome: Outcome
  /** From the start of the batch, like all times here. */
  readonly atNanos: number
}

export interface Observed {
  readonly batch: Batch
  readonly report: Report
  readonly returnedNanos: number
  /** Undefined when nobody listened. */
  readonly told: ReadonlyArray<Told> | undefined
  readonly log: Log
  readonly startNanos: number
}

const finding = (guarantee: string, problem: string): Finding => ({ guarantee, problem })

/** The first of several findings. */
export const first = (...looks: ReadonlyArray<() => Finding | undefined>): Finding | undefined => {
  for (const look of looks) {
    const found = look()
    if (found !== undefined) return found
  }
  return undefined
}

const millis = (nanos: number): number => nanos / 1e6

// ----------------------------------------------------------------------------
// One by one
// ----------------------------------------------------------------------------

/** It returned at the instant at which it ended, and that was not after its deadline. */
const isInTime = ({ batch, report, returnedNanos }: Observed): Finding | undefined => {
  const { endNanos, isInherited } = endOf(batch)
  const latest = Math.max(0, endNanos)
  if (returnedNanos > latest)
    return finding(isInherited ? "FO-11" : "FO-1", `it returned at ${returnedNanos} ns, after ${latest} ns`)
  if (millis(returnedNanos) !== report.elapsedMillis)
    return finding(
      "FO-1",
      `it ended at ${report.elapsedMillis} ms and returned at ${millis(returnedNanos)} ms`
    )
  return undefined
}

const listsOf = ({ answered, cancelled, failed, notStarted, timedOut }: Report) => [
  ...answered,
  ...failed,
  ...timedOut,
  ...notStarted,
  ...cancelled
]

/** One outcome for each target, and each in the list of its kind. */
export const isComplete = ({ batch, report }: Observed): Finding | undefined => {
  const { calls } = batch
  const { outcomes } = report
  if (outcomes.length !== calls.length || report.total !== calls.length || report.pending !== 0)
    return finding(
      "FO-3",
      `${outcomes.length} outcomes, ${report.pending} pending of ${report.total}, for ${calls.length} targets`
    )
  for (const [index, call] of calls.entries()) {
    const outcome = outcomes[index]
    if (outcome?.index !== index || outcome.target !== call)
      return finding("FO-3", `the outcome at ${index} is that of target ${outcome?.index}`)
    if (outcome._tag === "Answered" && outcome.value !== index)
      return finding("FO-3", `target ${index} has the answer of target ${outcome.value}`)
  }
  const lists = listsOf(report)
  const listed = new Set<Outcome>(lists)
  const isListed =
    lists.length === calls.length &&
    listed.size === calls.length &&
    outcomes.every((outcome) => listed.has(outcome))
  return isListed ? undefined : finding("FO-3", "the lists of a report are not its outcomes")
}

/** The first attempt at each target. */
const startsOf = ({ batch, log, startNanos }: Observed): ReadonlyArray<number | undefined> => {
  const starts = new Array<number | undefined>(batch.calls.length).fill(undefined)
  for (const entry of log.entries) starts[entry.index] ??= entry.startNanos - startNanos
  return starts
}

const isStarted = (outcome: Outcome): boolean =>
  outcome._tag === "Cancelled" ? outcome.started : outcome._tag !== "NotStarted"

/** Nothing was started at the deadline or later, nor after the batch had enough. */
export const isOver = (observed: Observed): Finding | undefined => {
  const { batch, log, report, startNanos } = observed
  const { endNanos } = endOf(batch)
  for (const entry of log.entries) {
    const at = entry.startNanos - startNanos
    if (at >= endNanos || millis(at) > report.elapsedMillis)
      return finding("FO-7", `target ${entry.index} was called at ${at} ns`)
    const outcome = report.outcomes[entry.index]
    if (outcome !== undefined && !isStarted(outcome))
      return finding("FO-7", `target ${entry.index} was called, and is ${outcome._tag}, not started`)
  }
  return undefined
}

/** Begins and ends of calls, in time. What ends comes first at each instant. */
const changesOf = (observed: Observed): ReadonlyArray<{ readonly atNanos: number; readonly by: 1 | -1 }> =>
  startsOf(observed)
    .flatMap((start, index) => {
      const endNanos = Math.round((observed.report.outcomes[index]?.elapsedMillis ?? 0) * 1e6)
      if (start === undefined) return []
      return [
        { atNanos: start, by: 1 as const },
        { atNanos: endNanos, by: -1 as const }
      ]
    })
    .sort((a, b) => a.atNanos - b.atNanos || a.by - b.by)

/** As many at once as allowed, and no more; and no fewer while a target waits. */
export const isWithinConcurrency = (observed: Observed): Finding | undefined => {
  const { batch, log, report } = observed
  const atOnce = concurrencyOf(batch)
  if (batch.policy === undefined && log.most > atOnce)
    return finding("FO-2", `${log.most} calls at once, of ${atOnce}`)
  const changes = changesOf(observed)
  const endNanos = Math.min(endOf(batch).endNanos, report.elapsedMillis * 1e6)
  let calls = 0
  let started = 0
  for (const [at, { atNanos, by }] of changes.entries()) {
    calls += by
    if (by === 1) started++
    if (changes[at + 1]?.atNanos === atNanos) continue
    if (calls > atOnce) return finding("FO-2", `${calls} calls at ${atNanos} ns, of ${atOnce} at once`)
    const isOpen = calls < atOnce && started < batch.calls.length && atNanos < Math.round(endNanos)
    if (isOpen) return finding("FO-2", `only ${calls} calls from ${atNanos} ns, of ${atOnce} at once`)
  }
  return undefined
}

const isResult = ({ _tag }: Outcome): boolean => _tag === "Answered" || _tag === "Failed"

/** What was told came in the order in which it happened. */
export const isInOrder = ({ report, told }: Pick<Observed, "report" | "told">): Finding | undefined => {
  if (told === undefined) return undefined
  if (new Set(told.map(({ outcome }) => outcome.index)).size !== told.length || told.length !== report.total)
    return finding("FO-3", `${told.length} outcomes were told, of ${report.total} targets`)
  const results = told.filter(({ outcome }) => isResult(outcome))
  const cut = told.slice(results.length)
  const listed = (tag: Outcome["_tag"]) =>
    results.flatMap(({ outcome }) => (outcome._tag === tag ? [outcome.index] : [])).join()
  const isAsReported =
    cut.every(({ outcome }) => !isResult(outcome)) &&
    listed("Answered") === report.answered.map(({ index }) => index).join() &&
    listed("Failed") === report.failed.map(({ index }) => index).join()
  return isAsReported ? undefined : finding("FO-4", "outcomes were told in another order than they came")
}

/** What was told came when it happened. */
const isPrompt = ({ told = [] }: Observed): Finding | undefined => {
  const late = told.find(({ atNanos, outcome }) => millis(atNanos) !== outcome.elapsedMillis)
  return (
    late &&
    finding(
      "FO-4",
      `target ${late.outcome.index} settled at ${late.outcome.elapsedMillis} ms, told at ${late.atNanos} ns`
    )
  )
}

/** Those that lost were interrupted as the batch ended; asked when nothing else happens at that instant. */
export const areLosersInterrupted = ({ log, report, startNanos }: Observed): Finding | undefined => {
  for (const { closedNanos, endNanos, index, one, startNanos: start } of log.entries) {
    if (one.holds) continue
    const isClosed = closedNanos !== undefined && millis(closedNanos - startNanos) <= report.elapsedMillis
    const isEnding = endNanos !== undefined || one.closingNanos > 0
    if (!isClosed || !isEnding)
      return finding("FO-8", `target ${index}, called at ${start - startNanos} ns, is not interrupted`)
  }
  return undefined
}

// ----------------------------------------------------------------------------
// Against the model
// ----------------------------------------------------------------------------

const attemptsOf = (outcome: Outcome) => (outcome._tag === "NotStarted" ? [] : outcome.attempts)

export const howsOf = (outcome: Outcome): ReadonlyArray<How> =>
  attemptsOf(outcome).map(({ cause }) => howOf(cause))

const sameAttempts = (outcome: Outcome, expected: ExpectedOutcome): boolean => {
  const attempts = attemptsOf(outcome)
  const isSame = attempts.every((attempt, at) => {
    const other = expected.attempts[at]
    return (
      other !== undefined &&
      attempt.attempt === at + 1 &&
      attempt.startedAfterMillis === millis(other.startNanos) &&
      attempt.durationMillis === millis(other.nanos) &&
      howOf(attempt.cause) === other.how
    )
  })
  if (!isSame || isResult(outcome)) return isSame && attempts.length === expected.attempts.length
  // What ended as the batch did may or may not have been seen.
  const leftNanos = expected.atNanos - (expected.startNanos ?? 0)
  const over = (isAtEnd: boolean) =>
    expected.attempts.filter(({ nanos, startNanos }: ExpectedAttempt) =>
      isAtEnd ? startNanos + nanos <= leftNanos : startNanos + nanos < leftNanos
    ).length
  return attempts.length >= over(false) && attempts.length <= over(true)
}

const compareOutcomes = (observed: Observed, expected: Expected): Finding | undefined => {
  const starts = startsOf(observed)
  for (const [index, outcome] of observed.report.outcomes.entries()) {
    const other = expected.outcomes[index]
    if (other === undefined) return finding("FO-3", `no outcome is expected for target ${index}`)
    const start = starts[index]
    // What was cut off as it began may not have come to call.
    const hasNotCalled = start === undefined && !isResult(outcome) && other.startNanos === expected.endNanos
    if (start !== other.startNanos && !hasNotCalled)
      return finding("FO-2", `target ${index} was called at ${start} ns instead of ${other.startNanos} ns`)
    const isSame =
      outcome._tag === other.tag &&
      outcome.elapsedMillis === millis(other.atNanos) &&
      isStarted(outcome) === (other.startNanos !== undefined) &&
      sameAttempts(outcome, other)
    if (!isSame)
      return finding(
        "FO-3",
        `target ${index} is ${outcome._tag} at ${outcome.elapsedMillis} ms after ${howsOf(outcome)}, instead of ${JSON.stringify(other)}`
      )
  }
  return undefined
}

const compare = (observed: Observed, expected: Expected): Finding | undefined => {
  const { report } = observed
  if (report.ended !== expected.ended || report.elapsedMillis !== millis(expected.endNanos)) {
    const { isInherited } = endOf(observed.batch)
    return finding(
      isInherited ? "FO-11" : expected.ended === "Deadline" ? "FO-1" : "FO-3",
      `it ended at ${report.elapsedMillis} ms by ${report.ended} instead of ${millis(expected.endNanos)} ms by ${expected.ended}`
    )
  }
  if (report.satisfied !== expected.isSatisfied)
    return finding(
      "FO-3",
      `it is ${report.satisfied ? "" : "not "}satisfied with ${report.answered.length} answers`
    )
  return compareOutcomes(observed, expected)
}

/** All orders in which answers and failures may have come, when only the order within each is known. */
const ordersOf = (
  answered: ReadonlyArray<Outcome>,
  failed: ReadonlyArray<Outcome>
): ReadonlyArray<ReadonlyArray<number>> => {
  const [a, ...answers] = answered
  const [f, ...failures] = failed
  if (a === undefined) return [failed.map(({ index }) => index)]
  if (f === undefined) return [answered.map(({ index }) => index)]
  const after = (outcome: Outcome, orders: ReadonlyArray<ReadonlyArray<number>>) =>
    orders.map((order) => [outcome.index, ...order])
  return [
    ...(a.elapsedMillis <= f.elapsedMillis ? after(a, ordersOf(answers, failed)) : []),
    ...(f.elapsedMillis <= a.elapsedMillis ? after(f, ordersOf(answered, failures)) : [])
  ]
}

/** It is what the model says, to the nanosecond. */
export const isAsPredicted = (observed: Observed): Finding | undefined => {
  const { batch, report, told } = observed
  const hows = report.outcomes.map(howsOf)
  const called = report.outcomes.filter(isStarted).length
  const orders =
    told === undefined
      ? ordersOf(report.answered, report.failed)
      : [told.flatMap(({ outcome }) => (isResult(outcome) ? [outcome.index] : []))]
  let found: Finding | undefined
  for (const order of orders) {
    const expected = predict(batch, { order, called, hows })
    const other = typeof expected === "string" ? finding("FO-3", expected) : compare(observed, expected)
    if (other === undefined) return undefined
    found ??= other
  }
  return found
}

/** All that can be asked of a batch that has returned. */
export const judge = (observed: Observed): Finding | undefined =>
  first(
    () => isInTime(observed),
    () => isComplete(observed),
    () => isOver(observed),
    () => isWithinConcurrency(observed),
    () => isInOrder(observed),
    () => isPrompt(observed),
    () => isAsPredicted(observed)
  )

/** What a report says of its outcomes, to see that it says so for ever. */
export const gist = ({ outcomes, ...report }: Report): string =>
  [
    report.pending,
    report.elapsedMillis,
    report.ended,
    report.satisfied,
    listsOf({ outcomes, ...report }).length,
    ...outcomes.map((outcome) => `${outcome._tag} ${outcome.elapsedMillis} ${attemptsOf(outcome).length}`)
  ].join()

/** A stream ends with the end of the batch. */
export const isEnded = (events: ReadonlyArray<Event>): Finding | undefined => {
  const last = events.at(-1)
  if (last?._tag === "Ended") return undefined
  return finding(last?._tag === "Started" ? "FO-7" : "FO-4", `the last event is ${last?._tag}`)
}
