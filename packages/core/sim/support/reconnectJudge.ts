/** What a supervised connection has promised, and what the diary of its backend shows. */

import * as Check from "@holdfast/sim/Check"
import type { Effect } from "effect"
import type { Backend, Entry, Kind } from "./reconnectBackend.ts"

export interface Finding {
  readonly guarantee: string
  readonly problem: string
}

export interface Settings {
  readonly baseNanos: number
  readonly capNanos: number
  readonly stableAfterNanos: number
  readonly attemptTimeoutNanos: number
  readonly releaseTimeoutNanos: number
  readonly probe: { readonly intervalNanos: number; readonly timeoutNanos: number } | undefined
}

const at = (diary: ReadonlyArray<Entry>, kind: Kind, attempt: number): number | undefined =>
  diary.find((entry) => entry.kind === kind && entry.attempt === attempt)?.atNanos

/** Each generation is prepared once, and lost once, and has an attempt of its own. */
const isOnce = (backend: Backend): Finding | undefined => {
  for (const [kind, guarantee] of [
    ["preparing", "RC-4"],
    ["lost", "RC-1"]
  ] as const) {
    const generations = backend.of(kind).map(({ generation }) => generation)
    if (new Set(generations).size !== generations.length)
      return { guarantee, problem: `${kind}: ${generations.join(", ")}` }
  }
  const numbers = backend.of("preparing").map(({ generation }) => generation)
  return numbers.every((generation, index) => generation === index + 1)
    ? undefined
    : { guarantee: "RC-1", problem: `generations are ${numbers.join(", ")}` }
}

/** One attempt at a time: the next begins when the last has failed or was given up, or its life was lost. */
const isOneByOne = (backend: Backend, { attemptTimeoutNanos }: Settings): Finding | undefined => {
  const attempts = backend.of("attempt")
  for (const [index, { atNanos, attempt }] of attempts.slice(1).entries()) {
    const before = attempts[index]
    if (before === undefined) continue
    const connected = at(backend.diary, "connected", before.attempt)
    // What came too late was given up.
    const isLife = connected !== undefined && at(backend.diary, "preparing", before.attempt) !== undefined
    const lost = at(backend.diary, "lost", before.attempt)
    if (isLife && (lost === undefined || lost > atNanos))
      return { guarantee: "RC-1", problem: `attempt ${attempt} began before ${before.attempt} was lost` }
    const released = at(backend.diary, "releasing", before.attempt)
    const isOver =
      atNanos - before.atNanos >= attemptTimeoutNanos || released !== undefined || lost !== undefined
    const hasOpened = at(backend.diary, "open", before.attempt) !== undefined
    if (hasOpened && !isOver)
      return { guarantee: "RC-1", problem: `attempt ${attempt} began while ${before.attempt} went on` }
  }
  return undefined
}

/** A generation is lost for a reason of its own: it was dead, or was not prepared. */
const hasOwnReason = (backend: Backend): Finding | undefined => {
  for (const { atNanos, attempt, generation } of backend.of("lost")) {
    const died = backend.deaths.get(attempt) ?? Infinity
    const unprepared = at(backend.diary, "unprepared", attempt) ?? Infinity
    if (Math.min(died, unprepared) > atNanos)
      return {
        guarantee: "RC-2",
        problem: `generation ${generation} was lost at ${atNanos} ns, and was well until ${Math.min(died, unprepared)} ns`
      }
  }
  return undefined
}

/** When a generation is prepared, nothing of earlier attempts is left, but what takes longer than it may. */
const isReleasedFirst = (
  backend: Backend,
  { attemptTimeoutNanos, releaseTimeoutNanos }: Settings
): Finding | undefined => {
  for (const { atNanos, attempt } of backend.of("preparing"))
    for (const open of backend.of("open")) {
      const begun = at(backend.diary, "attempt", open.attempt) ?? 0
      // What an attempt opens that was given up is nobody's.
      if (open.attempt >= attempt || open.atNanos - begun >= attemptTimeoutNanos) continue
      const releasing = at(backend.diary, "releasing", open.attempt)
      const released = at(backend.diary, "released", open.attempt)
      const isGone = released !== undefined && released <= atNanos
      if (!isGone && (releasing === undefined || releasing + releaseTimeoutNanos > atNanos))
        return {
          guarantee: "RC-3",
          problem: `attempt ${attempt} is prepared at ${atNanos} ns, and ${open.attempt} is not released`
        }
    }
  return undefined
}

const isPreparedFirst = (backend: Backend): Finding | undefined => {
  for (const { atNanos, attempt, generation } of backend.of("use")) {
    const prepared = at(backend.diary, "prepared", attempt)
    if (prepared === undefined || prepared > atNanos)
      return {
        guarantee: "RC-4",
        problem: `generation ${generation} is used at ${atNanos} ns, prepared at ${prepared}`
      }
  }
  return undefined
}

/** The delay that follows the k-th failure in a row. */
export const delayAfter = ({ baseNanos, capNanos }: Settings, failures: number): number =>
  Math.min(baseNanos * 2 ** (failures - 1), capNanos)

/** How each attempt ended, when that was known, and whether the backoff goes on. */
const endOf = (backend: Backend, settings: Settings, { atNanos, attempt }: Entry) => {
  const lost = at(backend.diary, "lost", attempt)
  if (lost !== undefined) {
    const prepared = at(backend.diary, "prepared", attempt)
    const lasted = prepared === undefined ? -1 : lost - prepared
    return { nanos: lost, isStable: prepared !== undefined && lasted >= settings.stableAfterNanos }
  }
  const { dial, dialNanos } = backend.life(attempt)
  const ends = dial === "hangs" ? Infinity : 2 * dialNanos
  return { nanos: atNanos + Math.min(ends, settings.attemptTimeoutNanos), isStable: false }
}

/** Each attempt follows the one before by its delay, and by as long as releases may take. */
const isPaced = (backend: Backend, settings: Settings): Finding | undefined => {
  let failures = 0
  const attempts = backend.of("attempt")
  for (const [index, next] of attempts.slice(1).entries()) {
    const before = attempts[index]
    if (before === undefined) continue
    const { isStable, nanos } = endOf(backend, settings, before)
    failures = isStable ? 0 : failures + 1
    const delay = isStable ? 0 : delayAfter(settings, failures)
    const earliest = nanos + delay
    const latest = earliest + 2 * settings.releaseTimeoutNanos
    if (next.atNanos < earliest)
      return {
        guarantee: "RC-5",
        problem: `attempt ${next.attempt} began at ${next.atNanos} ns, before ${earliest} ns`
      }
    if (next.atNanos > latest)
      return {
        guarantee: "RC-6",
        problem: `attempt ${next.attempt} began at ${next.atNanos} ns, after ${latest} ns`
      }
  }
  return undefined
}

/** A silence is found by the probe, which begins anew when the last has been answered. */
const isHeard = (backend: Backend, { probe }: Settings, endNanos: number): Finding | undefined => {
  if (probe === undefined) return undefined
  for (const { atNanos, attempt, generation } of backend.of("preparing")) {
    const died = Math.max(backend.deaths.get(attempt) ?? Infinity, atNanos)
    const latest = died + probe.intervalNanos + probe.timeoutNanos
    const lost = at(backend.diary, "lost", attempt) ?? Infinity
    if (lost > latest && latest < endNanos)
      return {
        guarantee: "RC-9",
        problem: `generation ${generation} died at ${died} ns, and was lost at ${lost} ns`
      }
  }
  return undefined
}

/** What was well when it was closed is released when all uses have ended, but for what takes longer than it may. */
const isJoinedFirst = (
  { deaths, diary }: Backend,
  { releaseTimeoutNanos }: Settings,
  endNanos: number
): Finding | undefined => {
  for (const [index, { atNanos, attempt, kind }] of diary.entries()) {
    if (kind !== "releasing" || (deaths.get(attempt) ?? 0) <= endNanos) continue
    const before = diary.slice(0, index).filter((entry) => entry.attempt === attempt)
    const count = (of: Kind): number => before.filter((entry) => entry.kind === of).length
    if (count("used") < count("use") && atNanos < endNanos + releaseTimeoutNanos)
      return {
        guarantee: "RC-7",
        problem: `the connection of attempt ${attempt} was released before its last use had ended`
      }
  }
  return undefined
}

/** All that the diary shows until `endNanos`, when the connection was closed. */
export const judge = (backend: Backend, settings: Settings, endNanos: number): Effect.Effect<void> =>
  Check.judged(
    ["RC-1", "RC-2", "RC-3", "RC-4", "RC-5", "RC-6", "RC-7", "RC-9"],
    isOnce(backend) ??
      isOneByOne(backend, settings) ??
      hasOwnReason(backend) ??
      isReleasedFirst(backend, settings) ??
      isPreparedFirst(backend) ??
      isPaced(backend, settings) ??
      isHeard(backend, settings, endNanos) ??
      isJoinedFirst(backend, settings, endNanos)
  )
