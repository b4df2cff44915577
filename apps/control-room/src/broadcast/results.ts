/** What became of each server, in the words of a wallet. Pure: outcomes of a fan-out in, results out. */
import { FanOut, Retry } from "@holdfast/core"
import { Cause } from "effect"
import { describeError } from "../cause.ts"
import { type Info, ReplyLost } from "./calls.ts"
import type { Entry } from "./Entry.ts"

/** What became of one server, whoever was asked, and whatever went wrong. */
export type Outcome<A> = FanOut.Outcome<unknown, A, unknown>

// ---------------------------------------------------------------------------------------------------------- ping

export type PingResult =
  | {
      readonly status: 200
      readonly baseFee: number
      readonly address: string
      readonly info: string
      readonly lastContactMillis: number
    }
  | { readonly status: "KO"; readonly reason: string; readonly lastContactMillis: number }
  /** The deadline came before its turn. It is not known to be down, and it has not been contacted. */
  | { readonly status: "never contacted" }

export const pingResult = (outcome: Outcome<Info>, batchStartMillis: number): PingResult => {
  if (!wasContacted(outcome)) return { status: "never contacted" }
  const lastContactMillis = batchStartMillis + outcome.elapsedMillis
  if (outcome._tag !== "Answered") return { status: "KO", reason: reasonOf(outcome), lastContactMillis }
  const { address, base_fee: baseFee, info } = outcome.value
  return { status: 200, baseFee, address, info, lastContactMillis }
}

/** The wall clock, which tells when a contact was, need not run as fast as the one that times a batch. */
const clockSlackMillis = 500

/** How many servers were last contacted in this time. */
export const contactsBetween = (
  results: ReadonlyArray<PingResult>,
  fromMillis: number,
  toMillis: number
): number =>
  results.filter(
    (result) =>
      result.status !== "never contacted" &&
      result.lastContactMillis >= fromMillis - clockSlackMillis &&
      result.lastContactMillis <= toMillis + clockSlackMillis
  ).length

// ---------------------------------------------------------------------------------------------------------- push

export type PushResult =
  /** The server acknowledged it, or a check found it there after a reply that was lost. */
  | { readonly _tag: "Pushed"; readonly confirmedBy: "reply" | "check" }
  /** The server held it before; `verified` by a check. After a lost reply, it may well be ours. */
  | { readonly _tag: "AlreadyPresent"; readonly afterLostReply: boolean; readonly verified: boolean }
  /** Certainly not stored, as far as the server can be believed. */
  | { readonly _tag: "Failed"; readonly reason: string }
  /** It may have been stored: the reply was lost, and no check has said. */
  | { readonly _tag: "Unknown"; readonly reason: string }
  | { readonly _tag: "NeverContacted" }
  /** Nothing to push: the entry carries no transactions, or is known to be delivered. */
  | { readonly _tag: "Skipped" }

/** What a check says of an entry. */
export type Verdict = "Held" | "NotHeld" | "NoAnswer"

export const pushResult = (outcome: Outcome<"Stored" | "AlreadyPresent">): PushResult => {
  if (!wasContacted(outcome)) return { _tag: "NeverContacted" }
  if (outcome._tag === "Answered") {
    return outcome.value === "Stored"
      ? { _tag: "Pushed", confirmedBy: "reply" }
      : { _tag: "AlreadyPresent", afterLostReply: outcome.attempts.length > 1, verified: false }
  }
  const lost = FanOut.isUnknown(outcome) || isReplyLost(outcome)
  return { _tag: lost ? "Unknown" : "Failed", reason: reasonOf(outcome) }
}

/** Whether only a check can tell what happened. */
export const wantsCheck = (result: PushResult): boolean =>
  result._tag === "Unknown" || (result._tag === "AlreadyPresent" && !result.verified)

/** The same result after a check. Where the check does not answer, nothing has been learned. */
export const decide = (result: PushResult, verdict: Verdict): PushResult => {
  if (verdict === "NoAnswer") return result
  switch (result._tag) {
    case "Unknown":
      return verdict === "Held"
        ? { _tag: "Pushed", confirmedBy: "check" }
        : { _tag: "Failed", reason: `${result.reason}; a check says that it was not stored` }
    case "AlreadyPresent":
      if (verdict === "NotHeld")
        return { _tag: "Failed", reason: "says it was present before, and does not hold it" }
      return result.afterLostReply ? { _tag: "Pushed", confirmedBy: "check" } : { ...result, verified: true }
    default:
      return result
  }
}

export const verdict = (outcome: Outcome<boolean>): Verdict =>
  outcome._tag === "Answered" ? (outcome.value ? "Held" : "NotHeld") : "NoAnswer"

/** The entries as they are to be kept: what is certainly there is never pushed again. */
export const remember = (
  entries: ReadonlyArray<Entry>,
  results: ReadonlyArray<PushResult>
): ReadonlyArray<Entry> =>
  entries.map((entry, index) => (isDelivered(results[index]) ? { ...entry, delivered: true } : entry))

const isDelivered = (result: PushResult | undefined): boolean =>
  result?._tag === "Pushed" || (result?._tag === "AlreadyPresent" && result.verified)

// -------------------------------------------------------------------------------------------------------- common

const wasContacted = (outcome: Outcome<unknown>): boolean =>
  outcome._tag !== "NotStarted" && !(outcome._tag === "Cancelled" && !outcome.started)

const isReplyLost = (outcome: Outcome<unknown>): boolean =>
  outcome._tag === "Failed" && Cause.squash(outcome.cause) instanceof ReplyLost

/** Why there is no answer, in a few words. */
export const reasonOf = (outcome: Outcome<unknown>): string => {
  switch (outcome._tag) {
    case "Answered":
      return "answered"
    case "Failed":
      return failureOf(outcome.cause, outcome.attempts.length)
    case "TimedOut":
      return `still in flight at the deadline, attempt ${outcome.attempts.length + 1}`
    case "NotStarted":
      return "never contacted"
    case "Cancelled":
      return outcome.started ? "no longer needed, dropped" : "no longer needed, never contacted"
  }
}

const failureOf = (cause: Cause.Cause<unknown>, attempts: number): string => {
  const error = Cause.squash(cause)
  if (Retry.isAttemptTimeout(error)) {
    return attempts === 1 ? `no reply in ${error.timeoutMillis / 1000} s` : `no reply in ${attempts} attempts`
  }
  return describeError(error)
}
