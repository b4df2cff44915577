/** What a wallet does with its servers: ping them, download their list, push to them, check what they hold. */
import { Clock, Effect } from "effect"
import { at } from "../at.ts"
import { type Entry, targetsOfPush } from "./Entry.ts"
import { concurrency, Numbers } from "./Numbers.ts"
import { Check, ListDownload, Ping, Push } from "./operations.ts"
import {
  decide,
  type Outcome,
  type PushResult,
  pingResult,
  pushResult,
  reasonOf,
  verdict,
  wantsCheck
} from "./results.ts"
import { type Look, watch } from "./watch.ts"

export interface Options {
  readonly concurrency: number
}

const defaults: Options = { concurrency }

/** The results are in the order of the entries. */
export const pingAll = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  options: Options = defaults
) {
  const startMillis = yield* Clock.currentTimeMillis
  const watched = yield* watch({ title, entries, deadline: Numbers.ping.deadline, ...options }, (callbacks) =>
    Ping.run(entries, callbacks)
  ).pipe(Effect.provide(Ping.layer(options)))
  return { watched, results: watched.report.outcomes.map((outcome) => pingResult(outcome, startMillis)) }
})

/** The list of the first source that answers; empty when none does. */
export const downloadList = Effect.fnUntraced(function* (title: string, sources: ReadonlyArray<Entry>) {
  const watched = yield* watch(
    { title, entries: sources, deadline: Numbers.list.deadline, ...defaults },
    (callbacks) => ListDownload.run(sources, callbacks)
  ).pipe(Effect.provide(ListDownload.layer()))
  return { watched, entries: watched.report.answered[0]?.value ?? [] }
})

/** One batch, never repeated by itself. The results are in the order of the entries. */
export const pushAll = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  options: Options = defaults
) {
  const watched = yield* watch(
    {
      title,
      entries: targetsOfPush(entries).map(({ entry }) => entry),
      deadline: Numbers.push.deadline,
      lookOf: lookOfPush,
      ...options
    },
    (callbacks) => Push.run(entries, callbacks)
  ).pipe(Effect.provide(Push.layer(options)))
  const results = entries.map((): PushResult => ({ _tag: "Skipped" }))
  for (const outcome of watched.report.outcomes) results[outcome.target.index] = pushResult(outcome)
  return { watched, results }
})

/** Whether each server holds the transactions of its entry. */
export const checkAll = Effect.fnUntraced(function* (title: string, entries: ReadonlyArray<Entry>) {
  const watched = yield* watch(
    { title, entries, deadline: Numbers.check.deadline, lookOf: lookOfCheck, ...defaults },
    (callbacks) => Check.run(entries, callbacks)
  ).pipe(Effect.provide(Check.layer()))
  return { watched, verdicts: watched.report.outcomes.map(verdict) }
})

/** Decides by a check what a push left open: lost replies, and servers that say they held it before. */
export const decideByCheck = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  results: ReadonlyArray<PushResult>
) {
  const open = results.flatMap((result, index) => (wantsCheck(result) ? [index] : []))
  if (open.length === 0) return results
  const { verdicts } = yield* checkAll(
    title,
    open.map((index) => at(entries, index))
  )
  const verdictOf = new Map(open.map((index, position) => [index, at(verdicts, position)]))
  return results.map((result, index) => decide(result, verdictOf.get(index) ?? "NoAnswer"))
})

const lookOfCheck = (outcome: Outcome<boolean>): Look => {
  if (outcome._tag !== "Answered") return { tone: "bad", note: reasonOf(outcome) }
  return outcome.value ? { tone: "good", note: "holds it" } : { tone: "bad", note: "does not hold it" }
}

const lookOfPush = (outcome: Outcome<"Stored" | "AlreadyPresent">): Look => {
  const result = pushResult(outcome)
  if (result._tag === "Pushed") return { tone: "good", note: "pushed" }
  if (result._tag === "AlreadyPresent") {
    return {
      tone: "unknown",
      note: result.afterLostReply ? "already present, after a lost reply" : "already present"
    }
  }
  return { tone: wantsCheck(result) ? "unknown" : "bad", note: reasonOf(outcome) }
}
