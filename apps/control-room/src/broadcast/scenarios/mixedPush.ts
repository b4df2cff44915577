/** Every kind of server in one push, and a check for whatever the push could not know. */
import { Effect } from "effect"
import { at } from "../../at.ts"
import { exactly, type Promised } from "../../Promised.ts"
import type { Entry } from "../Entry.ts"
import { Numbers } from "../Numbers.ts"
import { requestsOf } from "../observed.ts"
import type { PushResult } from "../results.ts"
import { type Scenario, transaction } from "../Scenario.ts"
import { transactionId } from "../servers/protocol.ts"
import type { Behaviour, SeenServer } from "../servers/Wire.ts"
import { decideByCheck, pushAll } from "../wallet.ts"

/** A server, what must become of its push after the checks, and how many push requests it must have seen. */
interface Case {
  readonly name: string
  readonly behaviour: Behaviour
  readonly becomes: string
  readonly pushes: number
}

const cases: ReadonlyArray<Case> = [
  // Its two requests are those of two entries.
  { name: "answering", behaviour: { _tag: "Answering" }, becomes: "pushed (reply)", pushes: 2 },
  { name: "slow", behaviour: { _tag: "Slow", delayMillis: 1000 }, becomes: "pushed (reply)", pushes: 1 },
  { name: "refusing", behaviour: { _tag: "Refusing" }, becomes: "failed", pushes: 0 },
  { name: "failing", behaviour: { _tag: "Failing" }, becomes: "failed", pushes: 1 },
  {
    name: "not what was agreed",
    behaviour: { _tag: "Garbage", reply: "json" },
    becomes: "failed",
    pushes: 1
  },
  // The check is answered in the same way, so this one stays open.
  { name: "not http", behaviour: { _tag: "Garbage", reply: "http" }, becomes: "unknown", pushes: 1 },
  {
    name: "stores, stalls once",
    behaviour: { _tag: "CommitThenStall", stalls: "first" },
    becomes: "pushed (check)",
    pushes: 2
  },
  {
    name: "stores, never replies",
    behaviour: { _tag: "CommitThenStall", stalls: "every" },
    becomes: "pushed (check)",
    pushes: Numbers.push.attempts
  },
  {
    name: "never replies",
    behaviour: { _tag: "Stalling", only: ["push"] },
    becomes: "failed",
    pushes: Numbers.push.attempts
  },
  {
    name: "trickling",
    behaviour: { _tag: "Trickling", part: "body", only: ["push"] },
    becomes: "failed",
    pushes: Numbers.push.attempts
  },
  {
    name: "has it already",
    behaviour: { _tag: "AlreadyPresent", holds: true },
    becomes: "already present (verified)",
    pushes: 1
  },
  {
    name: "claims to have it",
    behaviour: { _tag: "AlreadyPresent", holds: false },
    becomes: "failed",
    pushes: 1
  },
  { name: "empty transactions", behaviour: { _tag: "Answering" }, becomes: "pushed (reply)", pushes: 1 },
  { name: "no transactions", behaviour: { _tag: "Answering" }, becomes: "skipped", pushes: 0 }
]

const place = (name: string): number => cases.findIndex((one) => one.name === name)

export const mixedPush: Scenario = {
  id: "mixed-push",
  pace: "patient",
  servers: cases.map(({ behaviour, name }) => ({ name, behaviour })),
  run: Effect.fnUntraced(function* (stage) {
    const entries = transactionsFor(stage.entries)
    const { results: before } = yield* pushAll("push: every kind of server", entries)
    const after = yield* decideByCheck("check: what it left open", entries, before)
    const seen = yield* stage.seenIdle
    return [...perCase(after, seen), ...unknowns(before, after, seen), ...entryByEntry(entries, after, seen)]
  })
}

/** And two more entries for the first server, under the same name: one to push, and one without transactions. */
const transactionsFor = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> => [
  ...entries.map((entry, index) => {
    if (entry.name === "no transactions") return entry
    return { ...entry, txs: entry.name === "empty transactions" ? [] : [transaction(`mixed-${index}`)] }
  }),
  { ...at(entries, 0), txs: [transaction("mixed-second")] },
  at(entries, 0)
]

const pushesOf = (seen: ReadonlyArray<SeenServer>, index: number): number =>
  requestsOf(at(seen, index), "push").length

const perCase = (
  results: ReadonlyArray<PushResult>,
  seen: ReadonlyArray<SeenServer>
): ReadonlyArray<Promised> => [
  allAsExpected(
    "mixed-push/results",
    "Every kind of server ends as it must",
    cases.map(({ becomes, name }, index) => [name, becomes, describe(at(results, index))])
  ),
  allAsExpected(
    "mixed-push/retries",
    "Only time-outs are retried: pushes that each server saw",
    cases.map(({ name, pushes }, index) => [name, String(pushes), String(pushesOf(seen, index))])
  )
]

const unknowns = (
  before: ReadonlyArray<PushResult>,
  after: ReadonlyArray<PushResult>,
  seen: ReadonlyArray<SeenServer>
): ReadonlyArray<Promised> => {
  const once = place("stores, stalls once")
  return [
    exactly({
      id: "mixed-push/commit-then-stall",
      text: 'Stored, reply stalled, then "already present", then a check: pushed, stored once',
      bound: "pushed (check), stored 1 of 2 pushes",
      measured: `${describe(at(after, once))}, stored ${at(seen, once).stored.length} of ${pushesOf(seen, once)} pushes`,
      unit: ""
    }),
    exactly({
      id: "mixed-push/unknown",
      text: "Lost replies are unknown, until a check answers: unknown before / after",
      bound: "4 / 1",
      measured: `${countUnknown(before)} / ${countUnknown(after)}`,
      unit: "servers"
    })
  ]
}

const entryByEntry = (
  entries: ReadonlyArray<Entry>,
  results: ReadonlyArray<PushResult>,
  seen: ReadonlyArray<SeenServer>
): ReadonlyArray<Promised> => {
  const ofFirst = entries.flatMap(({ url }, index) => (url === at(entries, 0).url ? [index] : []))
  const pushed = ofFirst.flatMap((index) => at(entries, index).txs ?? [])
  const held = pushed.filter((tx) => at(seen, 0).stored.includes(transactionId(tx)))
  return [
    exactly({
      id: "mixed-push/presence",
      text: "The field decides: pushes to entries with empty transactions / without any",
      bound: "1 / 0",
      measured: `${pushesOf(seen, place("empty transactions"))} / ${pushesOf(seen, place("no transactions"))}`,
      unit: "pushes"
    }),
    exactly({
      id: "mixed-push/same-server",
      text: "Three entries of one server keep their results apart, and it holds what two of them push",
      bound: "pushed (reply), pushed (reply), skipped; holds 2",
      measured: `${ofFirst.map((index) => describe(at(results, index))).join(", ")}; holds ${held.length}`,
      unit: ""
    })
  ]
}

const countUnknown = (results: ReadonlyArray<PushResult>): number =>
  results.filter((result) => result._tag === "Unknown").length

const describe = (result: PushResult): string => {
  switch (result._tag) {
    case "Pushed":
      return `pushed (${result.confirmedBy})`
    case "AlreadyPresent":
      return `already present (${result.verified ? "" : "not "}verified)`
    case "Failed":
      return "failed"
    case "Unknown":
      return "unknown"
    case "NeverContacted":
      return "never contacted"
    case "Skipped":
      return "skipped"
  }
}

/** How many cases came out as they must; the others are named. */
const allAsExpected = (
  id: string,
  text: string,
  rows: ReadonlyArray<readonly [name: string, expected: string, actual: string]>
): Promised => {
  const wrong = rows.filter(([, expected, actual]) => expected !== actual)
  const measured = [
    `${rows.length - wrong.length} of ${rows.length}`,
    ...wrong.map(([name, expected, actual]) => `${name}: ${actual}, not ${expected}`)
  ]
  return exactly({
    id,
    text,
    bound: `${rows.length} of ${rows.length}`,
    measured: measured.join("; "),
    unit: ""
  })
}
