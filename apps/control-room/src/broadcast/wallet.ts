/** What a wallet does with its servers: ping them, download their list, push to them, check what they hold. */
import { Duration, Effect, Layer } from "effect"
import { at } from "../at.ts"
import { type Entry, isPushable, targetsOf } from "./Entry.ts"
import { Numbers } from "./Numbers.ts"
import { Check, Fleet, ListDownload, Ping, Push } from "./operations.ts"
import {
  decide,
  type PingResult,
  type PushResult,
  pingResult,
  pushResult,
  reasonOf,
  verdict,
  wantsCheck
} from "./results.ts"
import { type Verdict as Look, watch } from "./watch.ts"

export interface Options {
  /** How many servers at the same time, when it is not the default. */
  readonly concurrency?: number
}

const fleetOf = (entries: ReadonlyArray<Entry>) => Layer.succeed(Fleet)({ entries: Effect.succeed(entries) })

/** The results are in the order of the entries. */
export const pingAll = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  options: Options = {}
) {
  const watched = yield* watch(
    { title, targets: targetsOf(entries), deadlineMillis: Duration.toMillis(Numbers.ping.deadline) },
    Ping.stream()
  ).pipe(Effect.provide(Layer.provide(Ping.layer(options), fleetOf(entries))))
  const results: ReadonlyArray<PingResult> = watched.report.outcomes.map((outcome) =>
    pingResult(outcome, at(watched.settledAtMillis, outcome.index))
  )
  return { watched, results }
})

/** The list of the first source that answers; empty when none does. */
export const downloadList = Effect.fnUntraced(function* (title: string, sources: ReadonlyArray<Entry>) {
  const watched = yield* watch(
    { title, targets: targetsOf(sources), deadlineMillis: Duration.toMillis(Numbers.list.deadline) },
    ListDownload.stream()
  ).pipe(Effect.provide(Layer.provide(ListDownload.layer(), fleetOf(sources))))
  return { watched, entries: watched.report.answered[0]?.value ?? [] }
})

/** One batch, never repeated by itself. The results are in the order of the entries. */
export const pushAll = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  options: Options = {}
) {
  const targets = targetsOf(entries).filter(({ entry }) => isPushable(entry))
  const watched = yield* watch(
    {
      title,
      targets,
      deadlineMillis: Duration.toMillis(Numbers.push.deadline),
      say: (outcome) => lookOf(pushResult(outcome))
    },
    Push.stream()
  ).pipe(Effect.provide(Layer.provide(Push.layer(options), fleetOf(entries))))
  const results: Array<PushResult> = entries.map(() => ({ _tag: "Skipped" }))
  for (const outcome of watched.report.outcomes) results[outcome.target.index] = pushResult(outcome)
  return { watched, results: results as ReadonlyArray<PushResult> }
})

/** Whether each server holds the transactions of its entry. */
export const checkAll = Effect.fnUntraced(function* (title: string, entries: ReadonlyArray<Entry>) {
  const watched = yield* watch(
    {
      title,
      targets: targetsOf(entries),
      deadlineMillis: Duration.toMillis(Numbers.check.deadline),
      say: (outcome) =>
        outcome._tag === "Answered"
          ? { tone: outcome.value ? "good" : "bad", note: outcome.value ? "holds it" : "does not hold it" }
          : { tone: "bad", note: reasonOf(outcome) }
    },
    Check.stream()
  ).pipe(Effect.provide(Layer.provide(Check.layer(), fleetOf(entries))))
  return { watched, verdicts: watched.report.outcomes.map(verdict) }
})

/** Decides by a check what a push left open: lost replies, and servers that say they held it before. */
export const decideByCheck = Effect.fnUntraced(function* (
  title: string,
  entries: ReadonlyArray<Entry>,
  results: ReadonlyArray<PushResult>
) {
  const open = targetsOf(entries).filter(({ index }) => wantsCheck(at(results, index)))
  if (open.length === 0) return results
  const { verdicts } = yield* checkAll(
    title,
    open.map(({ entry }) => entry)
  )
  const verdictOf = new Map(open.map(({ index }, position) => [index, at(verdicts, position)]))
  return results.map((result, index) => decide(result, verdictOf.get(index) ?? "NoAnswer"))
})

const lookOf = (result: PushResult): Look => {
  switch (result._tag) {
    case "Pushed":
      return { tone: "good", note: "pushed" }
    case "AlreadyPresent":
      return {
        tone: "unknown",
        note: result.afterLostReply ? "already present, after a lost reply" : "already present"
      }
    case "Failed":
      return { tone: "bad", note: result.reason }
    case "Unknown":
      return { tone: "unknown", note: result.reason }
    case "NeverContacted":
      return { tone: "bad", note: "never contacted" }
    case "Skipped":
      return { tone: "good", note: "nothing to push" }
  }
}
