/**
 * What can be known about the endpoints of a pool, from what they were asked and what they said.
 *
 * At one instant several things happen, in an order that nobody sees. So each piece of evidence is certain or possible,
 * and so is what follows from it: a promise is broken only when it is in every order.
 */
import { type Call, verdictFor } from "./failoverCalls.ts"
import type { Settings } from "./failoverPool.ts"
import type { Diary, Plan, Request } from "./failoverWorld.ts"

export interface Member {
  readonly id: string
  readonly plan: Plan
  readonly addedNanos: number
  removedNanos: number | undefined
  /** It was there from the start. */
  readonly isFirst: boolean
}

export type Evidence =
  /** Its client is there. */
  | { readonly kind: "built"; readonly atNanos: number }
  | {
      readonly kind: "answered"
      readonly atNanos: number
      readonly startNanos: number
      readonly isCertain: boolean
    }
  /** A probe has lasted longer than the threshold. */
  | { readonly kind: "overdue"; readonly atNanos: number; readonly startNanos: number }
  | {
      readonly kind: "failed"
      readonly atNanos: number
      readonly startNanos: number
      readonly by: "probe" | "call" | "client"
      readonly isCertain: boolean
    }
  /** A call was answered: whatever failed before is not in a row with what fails later. */
  | { readonly kind: "served"; readonly atNanos: number }

// ----------------------------------------------------------------------------
// Where it comes from
// ----------------------------------------------------------------------------

export interface Observed {
  readonly settings: Settings
  readonly diary: Diary
  readonly calls: ReadonlyArray<Call>
  readonly members: ReadonlyArray<Member>
  readonly openNanos: number
  /** When closing began. */
  readonly closeNanos: number
}

const fromProbe = (request: Request, { closeNanos, settings }: Observed): ReadonlyArray<Evidence> => {
  const { endNanos = Infinity, ending, startNanos } = request
  const cutNanos = startNanos + settings.probeTimeoutNanos
  const atNanos = Math.min(endNanos, cutNanos)
  const overdueNanos = startNanos + settings.thresholdNanos + 1
  const found: Array<Evidence> = []
  if (atNanos >= overdueNanos && overdueNanos <= closeNanos) {
    found.push({ kind: "overdue", atNanos: overdueNanos, startNanos })
  }
  if (atNanos > closeNanos) return found
  const isTie = endNanos === cutNanos || atNanos === closeNanos
  if (ending === "answered" && endNanos <= cutNanos) {
    found.push({ kind: "answered", atNanos, startNanos, isCertain: !isTie })
  }
  if (ending !== "answered" || endNanos >= cutNanos) {
    // What was cut before its time was cut by the end of all.
    found.push({
      kind: "failed",
      atNanos,
      startNanos,
      by: "probe",
      isCertain: atNanos < closeNanos && !isTie
    })
  }
  return found
}

export const attemptTimeoutOf = ({ caller }: Call, { attemptTimeoutNanos }: Settings): number =>
  caller.attemptTimeoutNanos ?? attemptTimeoutNanos

/** When nobody waits for an attempt any more, if it is not hedged. */
export const leftNanos = (call: Call, index: number): number =>
  call.attempts[index + 1]?.startNanos ?? call.endNanos ?? Infinity

/** An instant at which something else may have ended the call or the attempt. */
export const endsOtherwise = (call: Call, nanos: number): boolean =>
  call.deadlineNanos <= nanos ||
  call.ambientNanos <= nanos ||
  (call.interruptedNanos !== undefined && call.interruptedNanos <= nanos)

const fromAttempt = (call: Call, index: number, observed: Observed): ReadonlyArray<Evidence> => {
  const attempt = call.attempts[index]
  const { settings } = observed
  if (attempt === undefined || settings.feed === "probes") return []
  const { endNanos = Infinity, ending, startNanos } = attempt
  const isHedged = settings.hedge !== undefined && call.caller.idempotent
  const cutNanos = startNanos + attemptTimeoutOf(call, settings)
  const left = isHedged ? (call.endNanos ?? Infinity) : leftNanos(call, index)
  const found: Array<Evidence> = []
  if (endNanos <= cutNanos && endNanos <= left) {
    const isClear = endNanos < cutNanos && !endsOtherwise(call, endNanos) && !isHedged
    if (ending === "answered" || ending === "rejected") found.push({ kind: "served", atNanos: endNanos })
    else if (ending === "refused" || ending === "erred") {
      const verdict = verdictFor(call.caller, ending)
      if (verdict === "fault" || verdict === "unknown") {
        found.push({ kind: "failed", atNanos: endNanos, startNanos, by: "call", isCertain: isClear })
      }
    }
  }
  // It has waited for its client before, and so its time may have been over earlier.
  const hasWaited = observed.diary.lives.some(
    (life) => life.endpoint === attempt.endpoint && life.endNanos === startNanos
  )
  const overNanos = Math.min(endNanos, left)
  if (hasWaited && ending !== "answered" && overNanos < cutNanos) {
    found.push({ kind: "failed", atNanos: overNanos, startNanos, by: "call", isCertain: false })
  }
  const lasts = endNanos >= cutNanos && left >= cutNanos
  const isOver =
    call.deadlineNanos < cutNanos ||
    call.ambientNanos < cutNanos ||
    (call.interruptedNanos !== undefined && call.interruptedNanos < cutNanos)
  if (lasts && !isOver) {
    // What holds may have been left earlier, when a probe found its endpoint dead.
    const wasLeft = attempt.holds && call.caller.idempotent
    const isClear =
      !endsOtherwise(call, cutNanos) && !isHedged && !wasLeft && (endNanos > cutNanos || ending === "cut")
    found.push({ kind: "failed", atNanos: cutNanos, startNanos, by: "call", isCertain: isClear })
  }
  return found
}

const fromClient = (member: Member, observed: Observed): ReadonlyArray<Evidence> => {
  if (member.plan.scoped === undefined) return [{ kind: "built", atNanos: member.addedNanos }]
  const { attemptTimeoutNanos } = observed.settings
  return observed.diary.lives
    .filter(({ endpoint }) => endpoint === member.id)
    .flatMap(({ endNanos = Infinity, ending, startNanos }): ReadonlyArray<Evidence> => {
      const cutNanos = startNanos + attemptTimeoutNanos
      const atNanos = Math.min(endNanos, cutNanos)
      const found: Array<Evidence> = []
      // Calls that could not wait for it may have found it dead before it was there.
      if (ending === "given" && endNanos < cutNanos) {
        found.push({ kind: "built", atNanos })
        found.push({ kind: "failed", atNanos: atNanos - 1, startNanos, by: "client", isCertain: false })
      }
      if (ending !== "given" || endNanos >= cutNanos) {
        found.push({ kind: "failed", atNanos, startNanos, by: "client", isCertain: false })
      }
      return found
    })
}

/** All evidence about a member, by time. */
export const evidenceOf = (member: Member, observed: Observed): ReadonlyArray<Evidence> => {
  const probes = observed.diary.probes
    .filter(({ endpoint }) => endpoint === member.id)
    .flatMap((request) => fromProbe(request, observed))
  const attempts = observed.calls.flatMap((call) =>
    call.attempts.flatMap((attempt, index) =>
      attempt.endpoint === member.id ? fromAttempt(call, index, observed) : []
    )
  )
  return [...fromClient(member, observed), ...probes, ...attempts]
    .filter(({ atNanos }) => atNanos <= observed.closeNanos)
    .sort((one, other) => one.atNanos - other.atNanos)
}

// ----------------------------------------------------------------------------
// What follows from it
// ----------------------------------------------------------------------------

/** When a probe began that has ended. */
const heardOf = (event: Evidence): number =>
  event.kind === "answered" || (event.kind === "failed" && event.by === "probe")
    ? event.startNanos
    : -Infinity

/** What is known about one endpoint, after all that happened until some instant. */
export class Knowledge {
  readonly member: Member
  private readonly settings: Settings
  /** A probe has found it dead at the present instant, for certain. */
  isFoundDead = false
  /** When the latest of those probes began that have ended. */
  private heardNanos = -Infinity
  /** Since when its client is there for certain. */
  builtNanos = Infinity
  /** The last instants at which it may have failed, and certainly has. */
  failurePossibleNanos = -Infinity
  private failureCertainNanos = -Infinity
  /** The same, before the present instant. */
  private failureBeforeNanos = -Infinity
  /** When a probe last found it alive that was dead, both for certain. */
  private recoveredCertainNanos = -Infinity
  /** The last instant at which a probe may have found it alive. */
  private answerPossibleNanos = -Infinity
  /** A probe that began after whatever failure found it alive. */
  private isProven = false
  private wasBadPossibly = false
  private wasBadCertainly = false
  private streakPossible = 0
  private streakCertain = 0
  isHealthyCertainly = false
  private isHealthyPossibly = false
  isSlowCertainly = false
  isSlowPossibly = false
  /** Since when it may be healthy. */
  healthySinceNanos = Infinity
  /** What its round trip may be thought to be. */
  roundTrips: Array<number> = []
  /** The latest of those in a row. */
  private recent: Array<number> = []
  /** So many more have to be certain, until that is. */
  private unsure = 0
  /** Calls in a row that may have failed by its fault. */
  private faultsPossible = 0
  private outUntilNanos: number | undefined = undefined

  constructor(member: Member, settings: Settings) {
    this.member = member
    this.settings = settings
    // Attempts that wait for a client are not seen, and count.
    if (member.plan.scoped !== undefined) {
      this.outUntilNanos = Infinity
      this.faultsPossible = settings.ejection.consecutive
    }
  }

  /** What is known now. */
  get snapshot(): Knowledge {
    const copy = Object.assign(new Knowledge(this.member, this.settings), this)
    copy.roundTrips = [...this.roundTrips]
    copy.recent = [...this.recent]
    return copy
  }

  /** What happened at one instant, all of it. */
  learn(nanos: number, all: ReadonlyArray<Evidence>): void {
    this.failureBeforeNanos = this.failureCertainNanos
    const events = all.filter((event) => !this.isOld(event))
    const isLonely = events.filter(({ kind }) => kind !== "built" && kind !== "served").length === 1
    const latest = Math.max(...events.map(heardOf))
    this.isFoundDead = false
    for (const event of events) if (event.kind === "built") this.built(nanos)
    for (const event of events) if (event.kind === "failed") this.failed(nanos, event, latest)
    for (const event of events) {
      if (event.kind === "overdue") this.slow(event, this.settings.thresholdNanos + 1, isLonely)
    }
    for (const event of events) if (event.kind === "answered") this.answered(nanos, event, isLonely)
    const served = events.some(({ kind }) => kind === "served")
    if (served && !events.some(({ kind }) => kind === "failed")) this.faultsPossible = 0
    this.heardNanos = Math.max(this.heardNanos, latest)
  }

  /** Where two probes are under way, what the older one says is nothing when the younger one has ended. */
  private isOld(event: Evidence): boolean {
    const isProbe =
      event.kind === "answered" ||
      event.kind === "overdue" ||
      (event.kind === "failed" && event.by === "probe")
    return isProbe && event.startNanos < this.heardNanos
  }

  private built(nanos: number): void {
    this.builtNanos = Math.min(this.builtNanos, nanos)
    if (this.member.plan.scoped !== undefined) {
      this.outUntilNanos = nanos + 10 * this.settings.ejection.baseNanos
    }
  }

  private failed(nanos: number, event: Evidence & { kind: "failed" }, latestNanos: number): void {
    const { ejection } = this.settings
    // What began before it recovered is no news.
    if (
      event.by === "call" &&
      event.startNanos < this.recoveredCertainNanos &&
      this.recoveredCertainNanos < nanos
    )
      return
    const isStale =
      event.by === "call" &&
      this.answerPossibleNanos >= event.startNanos &&
      this.failurePossibleNanos > -Infinity
    const isYoungest = event.by !== "probe" || event.startNanos === latestNanos
    const isCertain = event.isCertain && !isStale && isYoungest
    if (isCertain && event.by === "probe") this.isFoundDead = true
    this.failurePossibleNanos = nanos
    this.isProven = false
    this.wasBadPossibly = true
    this.streakCertain = 0
    this.isHealthyCertainly = false
    this.recent.length = 0
    this.unsure = isCertain ? 0 : this.settings.consecutive
    if (isCertain) {
      this.failureCertainNanos = nanos
      this.healthySinceNanos = Infinity
      this.wasBadCertainly = true
      this.streakPossible = 0
      this.isHealthyPossibly = false
    }
    if (event.by === "call") this.faultsPossible++
    if (this.faultsPossible >= ejection.consecutive && ejection.maxEjected > 0) {
      this.outUntilNanos = Math.max(this.outUntilNanos ?? 0, nanos + 10 * ejection.baseNanos)
    }
  }

  /** A probe that is answered ends a time out that is over. */
  private isAsked(nanos: number): void {
    if (this.outUntilNanos === undefined || nanos <= this.outUntilNanos) return
    this.outUntilNanos = undefined
    this.wasBadPossibly = true
    this.streakCertain = 0
  }

  private slow({ startNanos }: { startNanos: number }, took: number, isLonely: boolean): void {
    if (startNanos < this.failureBeforeNanos) return
    const isCertain = isLonely && startNanos > this.failurePossibleNanos
    this.wasBadPossibly = true
    this.streakCertain = 0
    this.isHealthyCertainly = false
    this.isSlowPossibly = true
    if (isCertain) {
      this.wasBadCertainly = true
      this.streakPossible = 0
      this.isHealthyPossibly = false
      this.healthySinceNanos = Infinity
      this.isSlowCertainly = true
      this.roundTrips = [took]
    } else this.roundTrips.push(took)
  }

  private answered(nanos: number, event: Evidence & { kind: "answered" }, isLonely: boolean): void {
    const { consecutive, thresholdNanos } = this.settings
    const took = nanos - event.startNanos
    this.isAsked(nanos)
    // What began before it failed says nothing about the time after it.
    if (event.startNanos < this.failureBeforeNanos) return
    const wasDead = this.failureBeforeNanos > this.answerPossibleNanos
    this.answerPossibleNanos = nanos
    const isCertain = event.isCertain && event.startNanos > this.failurePossibleNanos
    if (isCertain && isLonely && wasDead) this.recoveredCertainNanos = nanos
    if (isCertain) this.isProven = true
    this.unsure = isCertain && isLonely ? Math.max(0, this.unsure - 1) : consecutive
    this.recent.push(took)
    if (this.recent.length > consecutive) this.recent.shift()
    if (took > thresholdNanos) return this.slow(event, took, isLonely && isCertain)
    this.isHealthyPossibly = true
    this.healthySinceNanos = Math.min(this.healthySinceNanos, nanos)
    this.streakPossible++
    if (isCertain && isLonely) {
      this.isHealthyCertainly = true
      this.isSlowCertainly = false
      this.isSlowPossibly = false
      this.streakCertain++
      this.roundTrips = [took]
    } else {
      this.isSlowCertainly = false
      this.roundTrips.push(took)
    }
  }

  // --- At an instant that is over ----------------------------------------------------------------------------

  isGone(nanos: number): boolean {
    return this.member.removedNanos !== undefined && this.member.removedNanos <= nanos
  }

  isIn(nanos: number): boolean {
    return this.member.addedNanos <= nanos && !this.isGone(nanos)
  }

  isDeadCertainly(nanos: number): boolean {
    return this.isGone(nanos) || this.failureCertainNanos > this.answerPossibleNanos
  }

  isDeadPossibly(nanos: number): boolean {
    return (
      this.isGone(nanos) ||
      this.outUntilNanos !== undefined ||
      (this.failurePossibleNanos > -Infinity && !this.isProven)
    )
  }

  /** An answer can be expected from it, for certain. */
  isAliveCertainly(nanos: number): boolean {
    return this.isIn(nanos) && this.builtNanos <= nanos && !this.isDeadPossibly(nanos)
  }

  get isOutPossibly(): boolean {
    return this.outUntilNanos !== undefined
  }

  get hasFailedPossibly(): boolean {
    return this.failurePossibleNanos > -Infinity
  }

  isTrustedCertainly(nanos: number): boolean {
    const { consecutive } = this.settings
    return (
      this.isAliveCertainly(nanos) &&
      this.isHealthyCertainly &&
      (!this.wasBadPossibly || this.streakCertain >= consecutive)
    )
  }

  isTrustedPossibly(nanos: number): boolean {
    const { consecutive } = this.settings
    return (
      this.isHealthyPossibly &&
      this.member.addedNanos <= nanos &&
      (!this.wasBadCertainly || this.streakPossible >= consecutive)
    )
  }

  /** Whether it may have been faster than another one in each of the latest probes of both. */
  wasFasterPossibly(other: Knowledge): boolean {
    const { consecutive, marginNanos } = this.settings
    if (this.unsure > 0 || other.unsure > 0) return true
    if (this.recent.length < consecutive || other.recent.length < consecutive) return false
    const most = Math.max(...this.recent)
    const least = Math.min(...other.recent)
    return most < least && most + marginNanos <= least
  }
}
