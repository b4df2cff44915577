/**
 * What a batch must come to, worked out without running it.
 *
 * What happens at one instant may happen in any order. So the model does not say one order, but takes the one that was
 * seen, and says whether it could be, and what everything else must have been then.
 */
import type { FanOut } from "@holdfast/core"
import { type Call, type How, type Try, tryOf } from "./fanOutCalls.ts"

/** When a batch has enough. */
export interface Until {
  readonly when: "all" | "first" | "quorum" | "answered" | "settled" | "throws" | "wakes"
  /** How many it takes; a predicate that throws does so until that many have settled; one that wakes calls is not for the model. */
  readonly count: number
}

/** Time-outs and repetitions of the calls. */
export interface Policy {
  readonly attempts: number
  /** Infinite when there is none. */
  readonly timeoutNanos: number
  readonly delayNanos: number
  readonly onlyTimeouts: boolean
}

export interface Batch {
  readonly calls: ReadonlyArray<Call>
  /** As it is given: below 1, fractional, infinite or left out. */
  readonly concurrency: number | undefined
  /** Infinite when there is none. */
  readonly deadlineNanos: number
  /** The deadline around the batch, from its start; infinite when there is none. */
  readonly ambientNanos: number
  readonly until: Until
  readonly policy: Policy | undefined
}

// ----------------------------------------------------------------------------
// Rules
// ----------------------------------------------------------------------------

export const concurrencyOf = ({ concurrency = 8 }: Pick<Batch, "concurrency">): number =>
  Math.max(1, Math.floor(concurrency))

const tenMillis = 10e6

/** When a batch ends at the latest, and whose deadline that is. */
export const endOf = (
  batch: Pick<Batch, "ambientNanos" | "deadlineNanos">
): { readonly endNanos: number; readonly isInherited: boolean } => {
  const { ambientNanos, deadlineNanos } = batch
  if (ambientNanos === Infinity) return { endNanos: deadlineNanos, isInherited: false }
  const beforeAmbient = ambientNanos - Math.min(tenMillis, Math.trunc(ambientNanos / 10))
  return beforeAmbient < deadlineNanos
    ? { endNanos: beforeAmbient, isInherited: true }
    : { endNanos: deadlineNanos, isInherited: false }
}

/** Whether a batch has enough; at the beginning too. */
const holds = ({ count, when }: Until, answered: number, settled: number): boolean => {
  switch (when) {
    case "all":
      return false
    case "first":
      return answered > 0
    case "quorum":
    case "answered":
    case "wakes":
      return answered >= count
    case "settled":
    case "throws":
      return settled >= count
  }
}

// ----------------------------------------------------------------------------
// One call
// ----------------------------------------------------------------------------

export interface ExpectedAttempt {
  /** From the start of the call. */
  readonly startNanos: number
  readonly nanos: number
  readonly how: How
}

/** A call that is left alone until the end of its batch. */
export interface Course {
  readonly attempts: ReadonlyArray<ExpectedAttempt>
  /** Infinite when it does not end by then. */
  readonly endNanos: number
}

const once: Policy = { attempts: 1, timeoutNanos: Infinity, delayNanos: 0, onlyTimeouts: false }

/** Attempts after which no other follows: Retry gives up where the next could not start before the end. */
const isLast = (policy: Policy, number: number, how: How): boolean =>
  number >= policy.attempts ||
  (how !== "fails" && how !== "timed out") ||
  (policy.onlyTimeouts && how !== "timed out")

/**
 * What becomes of an attempt that hears of the end of the batch: its answer counts if it comes before the batch itself
 * has ended, but a failure because of the end is none.
 */
const cutOff = (one: Try, nanos: number, leftNanos: number, seen: How | undefined): How | undefined => {
  if (one.wait === "plain" || one.wait === "woken" || leftNanos === Infinity) return undefined
  const how = one.wait === "falls back" ? "answers" : "fails"
  // Where it ends by itself just then, it is as it was seen.
  const isCutOff =
    nanos > leftNanos || (nanos === leftNanos && nanos === one.nanos && seen === how && one.end !== how)
  return isCutOff ? how : undefined
}

/** Its course from an instant on; where an attempt ends as it times out, `seen` says which it was. */
export const courseOf = (
  { policy = once }: Batch,
  call: Call,
  startNanos: number,
  endNanos: number,
  seen: ReadonlyArray<How>
): Course => {
  const attempts: Array<ExpectedAttempt> = []
  let at = startNanos
  for (let number = 1; at <= endNanos; number++) {
    const one = tryOf(call, number)
    const isTie = one.nanos === policy.timeoutNanos && seen[number - 1] === "timed out"
    const how = one.nanos > policy.timeoutNanos || isTie ? "timed out" : one.end
    const nanos = Math.min(one.nanos, policy.timeoutNanos)
    const cut = cutOff(one, nanos, endNanos - at, seen[number - 1])
    if (cut !== undefined) {
      attempts.push({ startNanos: at - startNanos, nanos: endNanos - at, how: cut })
      return { attempts, endNanos: cut === "answers" ? endNanos : Infinity }
    }
    attempts.push({ startNanos: at - startNanos, nanos, how })
    at += nanos
    if (isLast(policy, number, how) || !(policy.delayNanos < endNanos - at)) return { attempts, endNanos: at }
    at += policy.delayNanos
  }
  return { attempts, endNanos: Infinity }
}

// ----------------------------------------------------------------------------
// The batch
// ----------------------------------------------------------------------------

export interface ExpectedOutcome {
  readonly tag: FanOut.Outcome<unknown, unknown, unknown>["_tag"]
  readonly atNanos: number
  /** Undefined for a target that was never contacted. */
  readonly startNanos: number | undefined
  readonly attempts: ReadonlyArray<ExpectedAttempt>
}

export interface Expected {
  readonly endNanos: number
  readonly ended: FanOut.Ended
  readonly isSatisfied: boolean
  /** In the order of the targets. */
  readonly outcomes: ReadonlyArray<ExpectedOutcome>
}

/** What was seen of a batch that the model cannot know. */
export interface Seen {
  /** The targets that answered or failed, in that order; any order when it is undefined. */
  readonly order: ReadonlyArray<number> | undefined
  /** How many targets were called. */
  readonly called: number
  /** How the attempts at each target ended, as far as they did. */
  readonly hows: ReadonlyArray<ReadonlyArray<How>>
}

interface InFlight {
  readonly call: Call
  readonly course: Course
  readonly startNanos: number
}

/** A batch on its way. */
class Progress {
  readonly outcomes: Array<ExpectedOutcome> = []
  ended: FanOut.Ended | undefined = undefined
  private readonly batch: Batch
  private readonly seen: Seen
  private readonly limit: { readonly endNanos: number; readonly isInherited: boolean }
  private readonly inFlight = new Map<number, InFlight>()
  /** How many end at an instant. */
  private readonly ending = new Map<number, number>()
  private next = 0
  private answered = 0
  private settled = 0
  private isOrderImpossible = false

  constructor(batch: Batch, seen: Seen) {
    this.batch = batch
    this.seen = seen
    this.limit = endOf(batch)
  }

  /** The order that was seen is impossible; says why. */
  run(): Expected | string {
    const { batch, limit } = this
    let at = 0
    if (holds(batch.until, 0, 0)) this.end("Until", 0)
    else if (batch.calls.length === 0) this.end("Complete", 0)
    else if (limit.endNanos <= 0) this.endByDeadline(0)
    while (this.ended === undefined) {
      this.fill(at)
      if (this.ended !== undefined) break
      at = this.nextNanos()
      if (at === Infinity) return "the batch should never end"
      const index = this.nextIndex(at)
      const done = index === undefined ? undefined : this.inFlight.get(index)
      if (index !== undefined && done?.course.endNanos === at) this.settle(index, at)
      else if (at === limit.endNanos) this.endByDeadline(at)
      else return `at ${at} ns something else should have settled than ${index}`
    }
    if (this.isOrderImpossible) return "what ends at once should have settled at once"
    if (this.settled !== (this.seen.order?.length ?? this.settled)) return "more targets settled than could"
    return this.expected(at, this.ended)
  }

  private expected(endNanos: number, ended: FanOut.Ended): Expected {
    const { batch, outcomes } = this
    const isSatisfied =
      batch.until.when === "all"
        ? this.answered === batch.calls.length
        : ended === "Until" || (ended === "Complete" && holds(batch.until, this.answered, this.settled))
    return { endNanos, ended, isSatisfied, outcomes }
  }

  /** Who settles next. */
  private nextIndex(at: number): number | undefined {
    if (this.seen.order !== undefined) return this.seen.order[this.settled]
    for (const [index, { course }] of this.inFlight) if (course.endNanos === at) return index
    return undefined
  }

  private nextNanos(): number {
    let next = this.limit.endNanos
    for (const endNanos of this.ending.keys()) next = Math.min(next, endNanos)
    return next
  }

  private count(endNanos: number, change: number): void {
    const count = (this.ending.get(endNanos) ?? 0) + change
    if (count === 0) this.ending.delete(endNanos)
    else this.ending.set(endNanos, count)
  }

  /** Starts what may start; what ends at once makes room at once. */
  private fill(at: number): void {
    const { batch, limit } = this
    const atOnce = concurrencyOf(batch)
    while (this.ended === undefined && this.next < batch.calls.length && at < limit.endNanos) {
      const call = batch.calls[this.next]
      if (call === undefined || this.inFlight.size >= atOnce) return
      // Whom a call has woken may end before the next is called, and the batch with it.
      if (this.next >= this.seen.called && this.settleAnother(at)) continue
      this.start(this.next++, call, at)
    }
  }

  /** Settles who did so next, if that was at this instant, and who is not `besides`. */
  private settleAnother(at: number, besides?: number): boolean {
    const index = this.seen.order?.[this.settled]
    if (index === undefined || index === besides || this.inFlight.get(index)?.course.endNanos !== at)
      return false
    this.settle(index, at)
    return true
  }

  private start(index: number, call: Call, at: number): void {
    const { batch, limit, seen } = this
    this.wake(at)
    const course = courseOf(batch, call, at, limit.endNanos, seen.hows[index] ?? [])
    this.inFlight.set(index, { call, course, startNanos: at })
    this.count(course.endNanos, 1)
    if (!call.isExit || batch.policy !== undefined || call.tries[0].nanos !== 0) return
    // Those that it has woken may have ended before it, and the batch with them.
    while (this.ended === undefined && this.settleAnother(at, index));
    if (this.ended === undefined) this.settle(index, at)
  }

  /** A call begins: those that waited for that end. */
  private wake(at: number): void {
    for (const [index, { call, course, startNanos }] of this.inFlight) {
      if (call.tries[0].wait !== "woken" || course.endNanos <= at) continue
      this.count(course.endNanos, -1)
      this.count(at, 1)
      const attempts = course.attempts.map((attempt) => ({ ...attempt, nanos: at - startNanos }))
      this.inFlight.set(index, { call, startNanos, course: { attempts, endNanos: at } })
    }
  }

  private settle(index: number, at: number): void {
    const { batch, seen } = this
    const done = this.inFlight.get(index)
    if (done === undefined) return
    this.inFlight.delete(index)
    this.count(done.course.endNanos, -1)
    if (seen.order !== undefined && seen.order[this.settled] !== index) this.isOrderImpossible = true
    const { attempts } = done.course
    const isAnswered = attempts.at(-1)?.how === "answers"
    const tag = isAnswered ? "Answered" : "Failed"
    this.outcomes[index] = { tag, atNanos: at, startNanos: done.startNanos, attempts }
    this.settled++
    if (isAnswered) this.answered++
    if (this.settled === batch.calls.length) this.end("Complete", at)
    else if (holds(batch.until, this.answered, this.settled)) this.end("Until", at)
  }

  private endByDeadline(at: number): void {
    this.end(this.limit.isInherited ? "InheritedDeadline" : "Deadline", at)
  }

  private end(ended: FanOut.Ended, at: number): void {
    this.ended = ended
    const isLate = ended === "Deadline" || ended === "InheritedDeadline"
    for (const [index, { course, startNanos }] of this.inFlight) {
      const attempts = this.batch.policy === undefined ? [] : course.attempts
      this.outcomes[index] = { tag: isLate ? "TimedOut" : "Cancelled", atNanos: at, startNanos, attempts }
    }
    for (let index = this.next; index < this.batch.calls.length; index++) {
      const tag = isLate ? "NotStarted" : "Cancelled"
      this.outcomes[index] = { tag, atNanos: at, startNanos: undefined, attempts: [] }
    }
  }
}

/** What a batch must have come to, given what was seen of it; a text when that could not be. */
export const predict = (batch: Batch, seen: Seen): Expected | string => new Progress(batch, seen).run()

/** When a batch ends that is left alone, which does not depend on any order. */
export const endNanosOf = (batch: Batch): number => {
  const expected = predict(batch, { order: undefined, called: batch.calls.length, hows: [] })
  return typeof expected === "string" ? Infinity : expected.endNanos
}
