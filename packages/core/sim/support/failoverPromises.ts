/** What a pool of endpoints has promised about its calls, its monitor and its clients, and what was seen of them. */
import { Cause } from "effect"
import { allFailedOf, type Call, toldOf, verdictFor } from "./failoverCalls.ts"
import { attemptTimeoutOf, endsOtherwise, type Member } from "./failoverEvidence.ts"
import { type Finding, finding, type Watched } from "./failoverJudge.ts"
import { type Life, type Request, Trouble } from "./failoverWorld.ts"

const nameOf = ({ startNanos }: Call): string => `the call of ${startNanos} ns`

const isHedged = (call: Call, { settings }: Watched): boolean =>
  settings.hedge !== undefined && call.caller.idempotent

// ----------------------------------------------------------------------------
// Deadlines
// ----------------------------------------------------------------------------

/** How long an interrupted call may wait for an attempt that cannot be interrupted. */
const isInTime = (call: Call, watched: Watched): Finding | undefined => {
  const { ambientNanos, attempts, deadlineNanos, endNanos, interruptedNanos } = call
  const latest = Math.max(call.startNanos, Math.min(deadlineNanos, ambientNanos))
  if (endNanos === undefined) return finding("FV-6", `${nameOf(call)} has not ended`)
  if (endNanos > latest) {
    return finding("FV-6", `${nameOf(call)} ended at ${endNanos} ns, after ${latest} ns: ${toldOf(call)}`)
  }
  if (toldOf(call) === "deadline" && endNanos < ambientNanos) {
    return finding(
      "FV-6",
      `${nameOf(call)} ended at ${endNanos} ns, before its deadline at ${ambientNanos} ns`
    )
  }
  if (call.firmNanos !== undefined && call.firmNanos > latest) {
    return finding("FV-6", `${nameOf(call)} went on until ${call.firmNanos} ns, after ${latest} ns`)
  }
  const limit = attemptTimeoutOf(call, watched.settings)
  for (const [index, attempt] of attempts.entries()) {
    const { holds, startNanos } = attempt
    const attemptEnd = attempt.endNanos ?? Infinity
    if (!holds && attemptEnd > startNanos + limit) {
      return finding("FV-6", `attempt ${index + 1} of ${nameOf(call)} took ${attemptEnd - startNanos} ns`)
    }
    if (!holds && attemptEnd > endNanos) {
      return finding("FV-6", `attempt ${index + 1} of ${nameOf(call)} went on until ${attemptEnd} ns`)
    }
    if (startNanos > endNanos || startNanos > latest) {
      return finding(
        "FV-6",
        `attempt ${index + 1} of ${nameOf(call)} began at ${startNanos} ns, after its end`
      )
    }
  }
  // What cannot be interrupted is waited for, until its time is over.
  const untilNanos = attempts.map(({ holds, startNanos }) => (holds ? startNanos + limit : -Infinity))
  if (interruptedNanos !== undefined && endNanos > Math.max(interruptedNanos, ...untilNanos)) {
    return finding(
      "FV-6",
      `${nameOf(call)} was interrupted at ${interruptedNanos} ns, and ended at ${endNanos} ns`
    )
  }
  return undefined
}

// ----------------------------------------------------------------------------
// Once
// ----------------------------------------------------------------------------

/** What an attempt says about whether it was done. */
const wasRefused = ({ caller }: Call, { ending }: Request): boolean =>
  (ending === "refused" || ending === "erred") && verdictFor(caller, ending) === "fault"

const isOnce = (call: Call): Finding | undefined => {
  const { attempts, caller } = call
  const told = toldOf(call)
  if (caller.idempotent) {
    return told === "unknown"
      ? finding("FV-7", `${nameOf(call)} may be done twice, and is told as unknown`)
      : undefined
  }
  for (const [index, attempt] of attempts.entries()) {
    const next = attempts[index + 1]
    if (next === undefined) continue
    if (!wasRefused(call, attempt) || (attempt.endNanos ?? Infinity) > next.startNanos) {
      return finding(
        "FV-7",
        `${nameOf(call)} is sent again after it was ${attempt.ending} at ${attempt.endpoint}`
      )
    }
  }
  const last = attempts.at(-1)
  if (told === "all failed" && last !== undefined && !wasRefused(call, last)) {
    return finding("FV-7", `${nameOf(call)} was ${last.ending} at ${last.endpoint}, and is told as failed`)
  }
  if (told === "unknown" && (last === undefined || wasRefused(call, last) || last.ending === "answered")) {
    const isLate =
      last !== undefined &&
      last.endNanos !== undefined &&
      call.endNanos !== undefined &&
      last.endNanos >= call.endNanos
    if (!isLate) return finding("FV-7", `${nameOf(call)} was ${last?.ending}, and is told as unknown`)
  }
  return undefined
}

// ----------------------------------------------------------------------------
// Attempts
// ----------------------------------------------------------------------------

const membersDuring = ({ endNanos = Infinity, startNanos }: Call, members: ReadonlyArray<Member>) =>
  members.filter(
    ({ addedNanos, removedNanos = Infinity }) => addedNanos <= endNanos && removedNanos >= startNanos
  )

const isCounted = (call: Call, watched: Watched): Finding | undefined => {
  const { attempts, numbers } = call
  const { settings } = watched
  const members = membersDuring(call, watched.members)
  const most = settings.attempts ?? members.length
  if (attempts.length > most) {
    return finding("FV-11", `${nameOf(call)} made ${attempts.length} attempts, ${most} are allowed`)
  }
  if (
    settings.attempts === undefined &&
    new Set(attempts.map(({ endpoint }) => endpoint)).size < attempts.length
  ) {
    return finding("FV-11", `${nameOf(call)} was at ${attempts.map(({ endpoint }) => endpoint).join(", ")}`)
  }
  const isGiven = members.every(({ plan }) => plan.scoped === undefined)
  const isWhole = numbers.every((number, index) => number === index + 1)
  // What is idempotent may be cut off before anybody sees that it has begun.
  if (isGiven && !call.caller.idempotent && !isWhole) {
    return finding("FV-11", `attempts of ${nameOf(call)} are told that they are ${numbers.join(", ")}`)
  }
  if (numbers.some((number) => number > most)) {
    return finding("FV-11", `${nameOf(call)} made attempt ${Math.max(...numbers)}, ${most} are allowed`)
  }
  const isSeen = isGiven && isWhole
  return (
    (isSeen ? isInRounds(call, watched, members) : undefined) ?? isAccounted(call, watched, members, isSeen)
  )
}

/** An endpoint is asked once more only when all were asked, and after the delay. */
const isInRounds = (call: Call, watched: Watched, members: ReadonlyArray<Member>): Finding | undefined => {
  const { settings } = watched
  const isSteady = members.every(
    ({ isFirst, plan, removedNanos }) => isFirst && removedNanos === undefined && plan.scoped === undefined
  )
  if (!isSteady || isHedged(call, watched)) return undefined
  for (const [index, attempt] of call.attempts.entries()) {
    const round = Math.floor(index / members.length) * members.length
    const before = call.attempts.slice(round, index)
    if (before.some(({ endpoint }) => endpoint === attempt.endpoint)) {
      return finding(
        "FV-11",
        `attempt ${index + 1} of ${nameOf(call)} is at ${attempt.endpoint} again, before all were asked`
      )
    }
    const last = call.attempts[index - 1]
    if (index === round && last !== undefined) {
      const least = (last.holds ? last.startNanos : (last.endNanos ?? Infinity)) + settings.delayNanos
      if (attempt.startNanos < least) {
        return finding(
          "FV-11",
          `attempt ${index + 1} of ${nameOf(call)} came at ${attempt.startNanos} ns, before ${least} ns`
        )
      }
    }
  }
  return undefined
}

/** The error tells of all attempts, and of each endpoint's own cause. */
const isAccounted = (
  call: Call,
  watched: Watched,
  members: ReadonlyArray<Member>,
  isSeen: boolean
): Finding | undefined => {
  const error = allFailedOf(call)
  if (error === undefined) return undefined
  const { attempts } = call
  const isExact = isSeen && !call.caller.idempotent
  const isRight = isExact ? error.attempts === attempts.length : error.attempts >= attempts.length
  if (!isRight)
    return finding(
      "FV-11",
      `${nameOf(call)} tells of ${error.attempts} attempts, and made ${attempts.length}`
    )
  const ids = error.failures.map(({ endpoint }) => endpoint)
  if (new Set(ids).size < ids.length) return finding("FV-11", `${nameOf(call)} tells of ${ids.join(", ")}`)
  for (const { cause, endpoint } of error.failures) {
    const asked = attempts.filter((attempt) => attempt.endpoint === endpoint)
    if (asked.length > 0 !== (cause !== undefined) && isExact) {
      return finding(
        "FV-11",
        `${nameOf(call)} tells ${cause === undefined ? "nothing" : "something"} of ${endpoint}`
      )
    }
    const squashed = cause === undefined ? undefined : Cause.squash(cause)
    if (squashed instanceof Trouble && squashed.endpoint !== endpoint) {
      return finding("FV-11", `${nameOf(call)} tells of ${squashed.endpoint} as ${endpoint}`)
    }
  }
  if (error.limit === "Attempts" && settingsAllow(watched, error.attempts)) {
    return finding("FV-11", `${nameOf(call)} gave up after ${error.attempts} attempts`)
  }
  const untried = members.filter(
    ({ addedNanos, id, removedNanos }) =>
      addedNanos < call.startNanos &&
      removedNanos === undefined &&
      !ids.some((other, index) => other === id && error.failures[index]?.cause !== undefined)
  )
  return error.limit === "Endpoints" && untried.length > 0 && !isHedged(call, watched)
    ? finding("FV-11", `${nameOf(call)} gave up, and ${untried.map(({ id }) => id).join(", ")} were left`)
    : undefined
}

const settingsAllow = ({ settings }: Watched, attempts: number): boolean =>
  attempts < (settings.attempts ?? Infinity)

/** What is under way is cut off for something better, and not for nothing. */
const isCutForBetter = (call: Call, watched: Watched): Finding | undefined => {
  const attempt = call.attempts.at(-1)
  if (attempt === undefined || !call.caller.idempotent || isHedged(call, watched)) return undefined
  const { endNanos = Infinity, ending, endpoint, startNanos } = attempt
  const isOwn =
    endNanos >= startNanos + attemptTimeoutOf(call, watched.settings) || endsOtherwise(call, endNanos)
  const hasWaited = watched.diary.lives.some((life) => life.endpoint === endpoint)
  const isCut = ending === "cut" && !isOwn && !hasWaited && endNanos === call.endNanos
  return isCut && toldOf(call) === "all failed"
    ? finding("FV-2", `${nameOf(call)} is cut off at ${endpoint} at ${endNanos} ns, and nothing is left`)
    : undefined
}

// ----------------------------------------------------------------------------
// The monitor
// ----------------------------------------------------------------------------

/** When nobody waits for a probe any more. */
const heardNanos = ({ endNanos = Infinity, startNanos }: Request, { settings }: Watched): number =>
  Math.min(endNanos, startNanos + settings.probeTimeoutNanos)

/** Rounding of drawn delays. */
const tolerance = 2

const isInRound = (member: Member, rounds: ReadonlyArray<number>, watched: Watched): Finding | undefined => {
  const { closeNanos, diary } = watched
  const untilNanos = Math.min(member.removedNanos ?? Infinity, closeNanos)
  const starts = diary.probes
    .filter(({ endpoint }) => endpoint === member.id)
    .map(({ startNanos }) => startNanos)
  const missing = rounds.find((nanos) => nanos < untilNanos && !starts.includes(nanos))
  if (missing !== undefined) {
    return finding("FV-5", `${member.id} is not probed with the others at ${missing} ns`)
  }
  const extra = starts.find((nanos) => !rounds.includes(nanos))
  return extra === undefined ? undefined : finding("FV-5", `${member.id} is probed at ${extra} ns, alone`)
}

/** Rounds follow one another, each of one probe time-out at most. */
const areRounds = (watched: Watched): Finding | undefined => {
  const { closeNanos, diary, members, openNanos, settings } = watched
  const steady = members.filter(({ isFirst, plan }) => isFirst && plan.scoped === undefined)
  const ids = new Set(steady.map(({ id }) => id))
  if (steady.length === 0) return undefined
  const probes = diary.probes.filter(({ endpoint }) => ids.has(endpoint))
  const rounds = Array.from(new Set(probes.map(({ startNanos }) => startNanos))).sort(
    (one, other) => one - other
  )
  for (const member of steady) {
    const found = isInRound(member, rounds, watched)
    if (found !== undefined) return found
  }
  const isGone = steady.every(({ removedNanos }) => removedNanos !== undefined)
  const { intervalNanos, jitter, probeTimeoutNanos } = settings
  const leastNanos = jitter === "none" ? intervalNanos : jitter === "equal" ? intervalNanos / 2 : 0
  const mostNanos = Math.max(intervalNanos, probeTimeoutNanos)
  if (closeNanos === openNanos || (isGone && rounds.length === 0)) return undefined
  if (rounds[0] !== openNanos) return finding("FV-5", `the first round is at ${rounds[0]} ns`)
  for (const [index, nanos] of rounds.entries()) {
    const next = rounds[index + 1]
    if (next === undefined && isGone) continue
    const gapNanos = (next ?? closeNanos) - nanos
    if (gapNanos > mostNanos + tolerance) {
      return finding("FV-5", `${gapNanos} ns after the round at ${nanos} ns there was no other`)
    }
    if (next === undefined) continue
    const overNanos = Math.max(
      ...probes.filter(({ startNanos }) => startNanos === nanos).map((probe) => heardNanos(probe, watched))
    )
    if (gapNanos < leastNanos - tolerance || next < overNanos) {
      return finding(
        "FV-4",
        `a round begins at ${next} ns, while that of ${nanos} ns goes on until ${overNanos} ns`
      )
    }
  }
  return undefined
}

/** When the scope closes, all ends at once. */
const isClosed = (watched: Watched): Finding | undefined => {
  const { closeNanos, closedNanos, diary, routeEndNanos, settings } = watched
  for (const { endNanos = Infinity, endpoint, holds, startNanos } of diary.probes) {
    if (startNanos > closeNanos)
      return finding("FV-4", `${endpoint} is probed at ${startNanos} ns, after the end`)
    const latest = Math.min(closeNanos, startNanos + settings.probeTimeoutNanos)
    if (!holds && endNanos > latest)
      return finding("FV-4", `a probe of ${endpoint} went on until ${endNanos} ns`)
  }
  if (routeEndNanos !== closeNanos) return finding("FV-4", `the changes ended at ${routeEndNanos} ns`)
  const isHeld = [...diary.probes, ...diary.lives].some(
    ({ endNanos = Infinity, holds, startNanos }) => holds && startNanos <= closeNanos && endNanos > closeNanos
  )
  // What was not given to anybody is released by whoever builds.
  const isGivenUp = diary.lives.some(
    ({ ending, endNanos = Infinity, openNanos, releasedNanos = Infinity, releasingNanos = Infinity }) =>
      openNanos !== undefined &&
      (ending !== "given" || endNanos >= closeNanos || releasingNanos <= closeNanos) &&
      releasedNanos > closeNanos
  )
  const isReleasing = diary.lives.some(
    ({ openNanos, releasedNanos = Infinity }) => openNanos !== undefined && releasedNanos > closeNanos
  )
  const releaseNanos = Math.max(1, settings.releaseTimeoutNanos)
  const latest = closeNanos + (isHeld || isGivenUp ? releaseNanos : 0) + (isReleasing ? releaseNanos : 0)
  return closedNanos > latest
    ? finding("FV-4", `what was closed at ${closeNanos} ns ended at ${closedNanos} ns, after ${latest} ns`)
    : undefined
}

// ----------------------------------------------------------------------------
// Clients
// ----------------------------------------------------------------------------

const isLifeRight = (life: Life, member: Member | undefined, watched: Watched): Finding | undefined => {
  const { closeNanos, settings } = watched
  const { endpoint, openNanos, releases, releasingNanos, startNanos } = life
  if (startNanos > closeNanos)
    return finding("FV-4", `a client of ${endpoint} is built at ${startNanos} ns, after the end`)
  if (releases > 1) return finding("FV-4", `a client of ${endpoint} is released ${releases} times`)
  if (openNanos !== undefined && releases === 0)
    return finding("FV-4", `a client of ${endpoint} is never released`)
  const isGiven =
    life.ending === "given" && (life.endNanos ?? Infinity) < startNanos + settings.attemptTimeoutNanos
  const endNanos = Math.min(member?.removedNanos ?? Infinity, closeNanos)
  if (isGiven && (life.endNanos ?? 0) < endNanos && (releasingNanos ?? Infinity) < endNanos) {
    return finding("FV-8", `a client of ${endpoint} is released at ${releasingNanos} ns, while it is there`)
  }
  return undefined
}

/** What is under way at an endpoint that is removed may end, before its client is released. */
const isIdleFirst = (life: Life, member: Member, watched: Watched): Finding | undefined => {
  const { calls, closeNanos, settings } = watched
  const { endpoint, releasingNanos = Infinity } = life
  const latest = (member.removedNanos ?? Infinity) + Math.max(1, settings.releaseTimeoutNanos)
  if (life.ending !== "given" || releasingNanos >= Math.min(latest, closeNanos)) return undefined
  const isInFlight = calls.some(({ attempts }) =>
    attempts.some(
      (attempt) =>
        attempt.endpoint === endpoint &&
        attempt.startNanos < releasingNanos &&
        (attempt.endNanos ?? Infinity) > releasingNanos
    )
  )
  return isInFlight
    ? finding("FV-4", `the client of ${endpoint} is released at ${releasingNanos} ns, while it is in use`)
    : undefined
}

/** A client is built until it is there, at most an interval after the last time. */
const areBuilt = (member: Member, watched: Watched): Finding | undefined => {
  const { closeNanos, diary, settings } = watched
  const lives = diary.lives.filter(({ endpoint }) => endpoint === member.id)
  const untilNanos = Math.min(member.removedNanos ?? Infinity, closeNanos)
  for (const [index, life] of lives.entries()) {
    const overNanos = Math.min(life.endNanos ?? Infinity, life.startNanos + settings.attemptTimeoutNanos)
    const next = lives[index + 1]
    // Whether that was in time, nobody can tell.
    if (life.endNanos === life.startNanos + settings.attemptTimeoutNanos) continue
    if (
      life.ending === "given" &&
      (life.endNanos ?? Infinity) < life.startNanos + settings.attemptTimeoutNanos
    ) {
      if (next !== undefined) return finding("FV-8", `${member.id} is built again at ${next.startNanos} ns`)
      continue
    }
    // What a failed one holds is released first.
    const latest = overNanos + Math.max(1, settings.releaseTimeoutNanos) + settings.intervalNanos + tolerance
    if ((next?.startNanos ?? Infinity) > latest && latest < untilNanos) {
      return finding("FV-8", `${member.id} is not built again by ${latest} ns`)
    }
  }
  return undefined
}

const areClients = (watched: Watched): Finding | undefined => {
  for (const life of watched.diary.lives) {
    const member = watched.members.find(({ id }) => id === life.endpoint)
    const found =
      isLifeRight(life, member, watched) ??
      (member === undefined ? undefined : isIdleFirst(life, member, watched))
    if (found !== undefined) return found
  }
  for (const member of watched.members) {
    const found = member.plan.scoped === undefined ? undefined : areBuilt(member, watched)
    if (found !== undefined) return found
  }
  return undefined
}

// ----------------------------------------------------------------------------
// All of it
// ----------------------------------------------------------------------------

export const judgeCalls = (watched: Watched): Finding | undefined => {
  for (const call of watched.calls) {
    const found =
      isOnce(call) ?? isInTime(call, watched) ?? isCounted(call, watched) ?? isCutForBetter(call, watched)
    if (found !== undefined) return found
  }
  return undefined
}

export const judgeMonitor = (watched: Watched): Finding | undefined =>
  areRounds(watched) ?? isClosed(watched) ?? areClients(watched)
