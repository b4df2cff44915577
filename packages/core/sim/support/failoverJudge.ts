/** What a pool of endpoints has promised about its route, and what was seen of it. */
import type { Failover } from "@holdfast/core"
import type { Call } from "./failoverCalls.ts"
import {
  attemptTimeoutOf,
  type Evidence,
  evidenceOf,
  Knowledge,
  leftNanos,
  type Observed
} from "./failoverEvidence.ts"
import type { Request } from "./failoverWorld.ts"

/** A promise that does not hold. */
export interface Finding {
  readonly guarantee: string
  readonly problem: string
}

export interface Step {
  readonly change: Failover.Change
  readonly atNanos: number
}

export interface Sample {
  readonly atNanos: number
  readonly active: { readonly id: string; readonly sinceMillis: number }
  readonly status: ReadonlyArray<Failover.EndpointStatus>
}

/** One life of a pool. */
export interface Watched extends Observed {
  readonly route: ReadonlyArray<Step>
  readonly samples: ReadonlyArray<Sample>
  /** When the stream of changes ended. */
  readonly routeEndNanos: number | undefined
  readonly closedNanos: number
}

export const finding = (guarantee: string, problem: string): Finding => ({ guarantee, problem })

const isForDeath = ({ reason }: Failover.Change): boolean =>
  reason === "Failed" || reason === "Ejected" || reason === "Removed"

interface Begun {
  readonly call: Call
  readonly index: number
  readonly attempt: Request
}

/** All that happens at one instant. */
interface Instant {
  readonly nanos: number
  readonly evidence: Map<Knowledge, Array<Evidence>>
  readonly steps: Array<Step>
  readonly begun: Array<Begun>
  readonly samples: Array<Sample>
}

/** What was certain of each endpoint before an instant. */
type Before = ReadonlyMap<string, { readonly isDead: boolean; readonly isAlive: boolean }>

/** Goes through the history, instant by instant. */
class Sweep {
  private readonly watched: Watched
  private readonly known = new Map<string, Knowledge>()
  private readonly instants = new Map<number, Instant>()
  /** What was known before the present instant, where that is something else. */
  private readonly earlier = new Map<Knowledge, Knowledge>()
  private route: string
  private changedNanos = -Infinity

  constructor(watched: Watched) {
    this.watched = watched
    this.route = watched.members[0]?.id ?? ""
    for (const member of watched.members) {
      const knowledge = new Knowledge(member, watched.settings)
      this.known.set(member.id, knowledge)
      for (const event of evidenceOf(member, watched)) {
        const { evidence } = this.at(event.atNanos)
        evidence.set(knowledge, [...(evidence.get(knowledge) ?? []), event])
      }
      if (member.removedNanos !== undefined) this.at(member.removedNanos)
    }
    for (const step of watched.route) this.at(step.atNanos).steps.push(step)
    for (const sample of watched.samples) this.at(sample.atNanos).samples.push(sample)
    for (const call of watched.calls) {
      for (const [index, attempt] of call.attempts.entries()) {
        if (attempt.startNanos < watched.closeNanos) {
          this.at(attempt.startNanos).begun.push({ call, index, attempt })
        }
      }
    }
  }

  private at(nanos: number): Instant {
    const known = this.instants.get(nanos)
    if (known !== undefined) return known
    const instant: Instant = { nanos, evidence: new Map(), steps: [], begun: [], samples: [] }
    this.instants.set(nanos, instant)
    return instant
  }

  run(): Finding | undefined {
    const { closeNanos } = this.watched
    const all = Array.from(this.instants.values()).sort((one, other) => one.nanos - other.nanos)
    for (const instant of all) {
      if (instant.nanos > closeNanos) return undefined
      const found = this.pass(instant)
      if (found !== undefined) return found
    }
    return undefined
  }

  private pass(instant: Instant): Finding | undefined {
    const { begun, evidence, nanos, samples, steps } = instant
    const before = new Map<string, { readonly isDead: boolean; readonly isAlive: boolean }>()
    for (const [id, knowledge] of this.known) {
      before.set(id, {
        isDead: knowledge.isDeadCertainly(nanos - 1),
        isAlive: knowledge.isAliveCertainly(nanos - 1)
      })
    }
    const wasProven = new Set<string>()
    for (const [id, knowledge] of this.known) {
      if (knowledge.isAliveCertainly(nanos - 1) && !evidence.has(knowledge)) wasProven.add(id)
    }
    this.earlier.clear()
    for (const [knowledge, events] of evidence) {
      if (steps.length > 0) this.earlier.set(knowledge, knowledge.snapshot)
      knowledge.learn(nanos, events)
    }
    const routes = new Set([this.route])
    for (const step of steps) {
      const found = this.changes(step, wasProven, before)
      if (found !== undefined) return found
      routes.add(this.route)
    }
    for (const one of begun) {
      const found = this.begins(one, nanos, before, routes)
      if (found !== undefined) return found
    }
    if (nanos === this.watched.closeNanos) return undefined
    for (const sample of samples) {
      const found = this.shows(sample)
      if (found !== undefined) return found
    }
    return this.stays(nanos, evidence) ?? this.waits(nanos, before)
  }

  private of(id: string): Knowledge | undefined {
    return this.known.get(id)
  }

  // --- The route ---------------------------------------------------------------------------------------------

  /** A change has a reason, and leads to where it may. */
  private changes(
    { atNanos, change }: Step,
    wasProven: ReadonlySet<string>,
    before: Before
  ): Finding | undefined {
    const { from, reason, to } = change
    if (reason === "Initial") {
      return atNanos === this.watched.openNanos && to === this.route
        ? undefined
        : finding("FV-3", `the first route is ${to}, since ${atNanos} ns`)
    }
    if (change === this.watched.route[0]?.change && atNanos === this.watched.openNanos) {
      // Whoever reads begins with the last one.
      this.route = to
      this.changedNanos = atNanos
      return undefined
    }
    const text = `the route goes from ${from} to ${to} at ${atNanos} ns (${reason})`
    if (from !== this.route || from === to) return finding("FV-3", `${text}, and was ${this.route}`)
    const left = this.of(from)
    const taken = this.of(to)
    if (left === undefined || taken === undefined) return finding("FV-3", `${text}: nobody knows these`)
    const { settings } = this.watched
    const sinceNanos = atNanos - this.changedNanos
    if (!isForDeath(change) && sinceNanos < settings.dwellNanos) {
      return finding("FV-3", `${text}, ${sinceNanos} ns after the last change`)
    }
    if (reason === "Failed" && wasProven.has(from)) {
      return finding("FV-9", `${text}, and ${from} had not failed`)
    }
    if (reason === "Ejected" && !this.variantsOf(left).some(({ isOutPossibly }) => isOutPossibly)) {
      return finding("FV-9", `${text}, and too few of its calls had failed`)
    }
    if (reason === "Removed" && !left.isGone(atNanos)) return finding("FV-3", `${text}, and is still there`)
    const wasDead = before.get(to)?.isDead === true && taken.isDeadCertainly(atNanos)
    if (reason !== "Removed" && wasDead) return finding("FV-3", `${text}, which has failed`)
    // Something of what happens at this instant may have been known, and something not.
    const problems = this.variantsOf(left).flatMap((one) =>
      this.variantsOf(taken).map((other) => this.isUnearned(change, one, other, atNanos))
    )
    const problem = problems.includes(undefined) ? undefined : problems[0]
    if (problem !== undefined) return finding("FV-3", `${text}: ${problem}`)
    this.route = to
    this.changedNanos = atNanos
    return undefined
  }

  private variantsOf(knowledge: Knowledge): ReadonlyArray<Knowledge> {
    const earlier = this.earlier.get(knowledge)
    return earlier === undefined ? [knowledge] : [knowledge, earlier]
  }

  /** What is not for a death has to be earned. */
  private isUnearned(
    change: Failover.Change,
    left: Knowledge,
    taken: Knowledge,
    nanos: number
  ): string | undefined {
    if (isForDeath(change)) return undefined
    const { consecutive, failbackNanos, marginNanos, select } = this.watched.settings
    if (!taken.isTrustedPossibly(nanos)) return `${taken.member.id} is not trusted`
    switch (change.reason) {
      case "Slow": {
        const isFaster = taken.roundTrips.some((fast) =>
          left.roundTrips.some((slow) => fast + marginNanos <= slow)
        )
        if (!left.isSlowPossibly) return `${left.member.id} is not slow`
        return isFaster ? undefined : "it is not faster by the margin"
      }
      case "Faster": {
        if (select !== "fastest") return "nobody asked for it"
        return taken.wasFasterPossibly(left) ? undefined : `it was not faster in ${consecutive} probes`
      }
      default:
        if (
          taken.member !== this.watched.members.find(({ removedNanos }) => (removedNanos ?? Infinity) > nanos)
        ) {
          return "it is not the primary"
        }
        return nanos - taken.healthySinceNanos >= failbackNanos
          ? undefined
          : `it is healthy since ${taken.healthySinceNanos} ns`
    }
  }

  /** What the route may not be, when all that happens at an instant has happened. */
  private stays(
    nanos: number,
    evidence: ReadonlyMap<Knowledge, ReadonlyArray<Evidence>>
  ): Finding | undefined {
    const active = this.of(this.route)
    if (active === undefined) return finding("FV-1", `${this.route} is the route at ${nanos} ns`)
    const others = Array.from(this.known.values()).filter((other) => other !== active)
    if (active.isDeadCertainly(nanos)) {
      const better = others.find((other) => other.isAliveCertainly(nanos))
      if (better !== undefined) {
        return finding(
          "FV-1",
          `${this.route} is dead, and ${better.member.id} is not the route at ${nanos} ns`
        )
      }
    }
    const { dwellNanos, marginNanos } = this.watched.settings
    const isFree = nanos - this.changedNanos >= dwellNanos
    const isNews =
      evidence.get(active)?.some(({ kind }) => kind === "answered" || kind === "overdue") === true
    if (!active.isSlowCertainly || active.isDeadPossibly(nanos) || !isFree || !isNews) return undefined
    const slow = Math.min(...active.roundTrips)
    const better = others.find(
      (other) => other.isTrustedCertainly(nanos) && Math.max(...other.roundTrips) + marginNanos <= slow
    )
    return better === undefined
      ? undefined
      : finding("FV-1", `${this.route} is slow, and ${better.member.id} is not the route at ${nanos} ns`)
  }

  // --- Calls -------------------------------------------------------------------------------------------------

  private begins(
    { attempt, call, index }: Begun,
    nanos: number,
    before: Before,
    routes: ReadonlySet<string>
  ): Finding | undefined {
    const { ejection, hedge, select } = this.watched.settings
    const chosen = this.of(attempt.endpoint)
    if (chosen === undefined) return finding("FV-2", `an attempt at ${attempt.endpoint}, which nobody knows`)
    const isFree = select === "leastLoaded" || select === "weighted"
    const isFirst = index === 0 || (hedge !== undefined && call.startNanos === nanos)
    const isPanic = isFree && ejection.panicBelow > 0 && isFirst
    const isDead = before.get(attempt.endpoint)?.isDead === true && chosen.isDeadCertainly(nanos)
    // Of two legs at one instant the second may be noted first, and the first not at all.
    const isHedged = hedge !== undefined && call.caller.idempotent
    if (isDead && !isPanic && !(isHedged && call.endNanos === nanos)) {
      const better = this.untried(call, attempt, nanos, before)
      if (better !== undefined) {
        return finding(
          "FV-2",
          `attempt ${index + 1} begins at ${attempt.endpoint} at ${nanos} ns, which is dead; ${better.member.id} is not`
        )
      }
    }
    if (index > 0 || isFree || isHedged || call.startNanos !== nanos) return undefined
    // One that was cut off before it was noted.
    const isCut = Array.from(routes).some((id) => this.isFailing(id, nanos))
    if (isCut || call.numbers[0] !== 1 || call.interruptedNanos === nanos) return undefined
    const hasRoute = Array.from(routes).every((id) => (this.of(id)?.builtNanos ?? Infinity) < nanos)
    if (hasRoute && !routes.has(attempt.endpoint)) {
      return finding("FV-1", `a call at ${nanos} ns begins at ${attempt.endpoint}, and not at ${this.route}`)
    }
    return undefined
  }

  /** A probe may find it dead at this very instant. */
  private isFailing(id: string, nanos: number): boolean {
    const known = this.of(id)
    const events = known === undefined ? undefined : this.instants.get(nanos)?.evidence.get(known)
    return events?.some(({ kind }) => kind === "failed") === true
  }

  /** An endpoint that is left to a call, and alive for certain. */
  private untried(call: Call, attempt: Request, nanos: number, before: Before): Knowledge | undefined {
    const tried = new Set(
      call.attempts.filter(({ startNanos }) => startNanos <= nanos).map(({ endpoint }) => endpoint)
    )
    tried.add(attempt.endpoint)
    return Array.from(this.known.values()).find(
      (other) =>
        !tried.has(other.member.id) &&
        before.get(other.member.id)?.isAlive === true &&
        other.isAliveCertainly(nanos)
    )
  }

  /** No idempotent call waits for what a probe finds dead at this instant. */
  private waits(nanos: number, before: Before): Finding | undefined {
    const { calls, settings } = this.watched
    if (settings.hedge !== undefined) return undefined
    const instant = this.instants.get(nanos)
    if (instant === undefined) return undefined
    for (const knowledge of instant.evidence.keys()) {
      if (!knowledge.isFoundDead) continue
      const { id } = knowledge.member
      for (const call of calls) {
        if (!call.caller.idempotent) continue
        const index = call.attempts.findLastIndex(({ startNanos }) => startNanos <= nanos)
        const attempt = call.attempts[index]
        if (attempt === undefined || attempt.endpoint !== id || attempt.startNanos === nanos) continue
        // Attempts that wait for a client are not seen, and count.
        const isSeen = this.watched.members.every(({ plan }) => plan.scoped === undefined)
        const { attempts = Infinity } = settings
        if (attempts < Infinity && (!isSeen || call.attempts.length >= attempts)) continue
        const overNanos = attempt.startNanos + attemptTimeoutOf(call, settings)
        const untilNanos = Math.min(leftNanos(call, index), attempt.endNanos ?? Infinity, overNanos)
        if (untilNanos <= nanos || (call.endNanos ?? Infinity) <= nanos || endsBy(call, nanos)) continue
        const better = this.untried(call, attempt, nanos, before)
        if (better !== undefined) {
          return finding(
            "FV-2",
            `a call waits for ${id}, found dead at ${nanos} ns; ${better.member.id} is left`
          )
        }
      }
    }
    return undefined
  }

  // --- What is shown -----------------------------------------------------------------------------------------

  private shows({ active, atNanos, status }: Sample): Finding | undefined {
    if (active.id !== this.route) {
      return finding("FV-1", `${active.id} is active at ${atNanos} ns, and the route is ${this.route}`)
    }
    for (const { health, id } of status) {
      const known = this.of(id)
      if (known === undefined || known.isGone(atNanos)) {
        return finding("FV-2", `${id} is there at ${atNanos} ns`)
      }
      const isBad = health === "Failed" || health === "Ejected"
      if (isBad && known.isAliveCertainly(atNanos)) {
        return finding(
          known.hasFailedPossibly ? "FV-8" : "FV-9",
          `${id} is ${health} at ${atNanos} ns, and answers`
        )
      }
      if (health === "Healthy" && known.isDeadCertainly(atNanos)) {
        return finding("FV-3", `${id} is healthy at ${atNanos} ns, and has failed`)
      }
    }
    return undefined
  }
}

const endsBy = (call: Call, nanos: number): boolean =>
  call.deadlineNanos <= nanos || call.ambientNanos <= nanos || (call.interruptedNanos ?? Infinity) <= nanos

/** The route, and where calls went, by all that was known. */
export const judgeRoute = (watched: Watched): Finding | undefined => new Sweep(watched).run()
