/** Pushes to servers of every kind, seen from both sides; and fleets of thousands. */
import { Backoff, FanOut, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as FlakyServer from "@holdfast/sim/FlakyServer"
import * as Suite from "@holdfast/sim/Suite"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { concurrencyArbitrary } from "./support/fanOutBatch.ts"
import { callArbitrary } from "./support/fanOutCalls.ts"
import { type Finding, first } from "./support/fanOutJudge.ts"
import { concurrencyOf } from "./support/fanOutModel.ts"
import { describe, type Workload as Fleet, Lines, observe } from "./support/fanOutObserve.ts"
import { now, second } from "./support/time.ts"

// ----------------------------------------------------------------------------
// Servers
// ----------------------------------------------------------------------------

type Server = FlakyServer.FlakyServer<string, "stored" | "already present">
type Error = FlakyServer.Refused | FlakyServer.ServerError | Retry.AttemptTimeout
type Outcome = FanOut.Outcome<Server, string, Error>
type Report = FanOut.Report<Server, string, Error>

interface Workload {
  readonly scripts: ReadonlyArray<FlakyServer.Script>
  readonly concurrency: number | undefined
  readonly deadlineMillis: number
  readonly attempts: number
  readonly timeoutMillis: number
  readonly delayMillis: number
  readonly until: "all" | "first" | { readonly quorum: number }
}

/** The instants at which attempts begin and end, and those around them. */
const latencyMillis = fc
  .tuple(fc.constantFrom(0, 100, 500, 1000, 1100, 2000, 2500, 3000), fc.constantFrom(0, 0, -1, 1))
  .map(([millis, offset]) => Math.max(0, millis + offset))

const workloadArbitrary: fc.Arbitrary<Workload> = fc.record({
  scripts: fc.array(FlakyServer.arbitrary({ latencyMillis }), { maxLength: 4 }),
  concurrency: concurrencyArbitrary,
  deadlineMillis: fc.constantFrom(1000, 2000, 2100, 3000, 10_000),
  attempts: fc.integer({ min: 1, max: 3 }),
  timeoutMillis: fc.constantFrom(500, 1000, 2000),
  delayMillis: fc.constantFrom(0, 100, 500),
  until: fc.constantFrom<Workload["until"]>("all", "all", "first", { quorum: 2 })
})

const describeServers = ({ scripts, ...options }: Workload): string =>
  [JSON.stringify(options), ...scripts.map(FlakyServer.describe)].join("; ")

const makeServers = ({ scripts }: Workload): Effect.Effect<ReadonlyArray<Server>> =>
  Effect.forEach(scripts, (script, index) =>
    FlakyServer.make(
      `server ${index}`,
      script,
      (request: string, stored) =>
        stored.includes(request) ? ("already present" as const) : ("stored" as const),
      { changes: (request, stored) => !stored.includes(request) }
    )
  )

const push = (workload: Workload, servers: ReadonlyArray<Server>): Effect.Effect<Report> => {
  const { attempts, concurrency, deadlineMillis, delayMillis, timeoutMillis, until } = workload
  const retry = Retry.policy({
    attempts,
    attemptTimeout: timeoutMillis,
    backoff: Backoff.constant(delayMillis)
  })
  return FanOut.run(servers, (server) => server.call("tx"), {
    concurrency,
    deadline: deadlineMillis,
    retry,
    until
  })
}

/** What there is to know of one target, from both sides. */
interface Both {
  readonly outcome: Outcome
  readonly calls: ReadonlyArray<FlakyServer.Call<string>>
  readonly isStored: boolean
}

const isContacted = ({ outcome }: Both): boolean =>
  outcome._tag === "Cancelled" ? outcome.started : outcome._tag !== "NotStarted"

const isOver = (both: Both, deadlineMillis: number, { elapsedMillis }: Report): Finding | undefined => {
  const { calls, outcome } = both
  const late = calls.find(({ startMillis }) => startMillis >= deadlineMillis || startMillis > elapsedMillis)
  if (late !== undefined)
    return { guarantee: "FO-7", problem: `server ${outcome.index} was called at ${late.startMillis} ms` }
  if (calls.length > 0 && !isContacted(both))
    return { guarantee: "FO-7", problem: `server ${outcome.index} was called, and is ${outcome._tag}` }
  return undefined
}

/** As many calls as attempts, and one that was cut off when the batch ended. */
const isAccount = ({ calls, outcome }: Both): Finding | undefined => {
  const attempts = outcome._tag === "NotStarted" ? 0 : outcome.attempts.length
  const isResult = outcome._tag === "Answered" || outcome._tag === "Failed"
  const isGood = calls.length === attempts || (!isResult && calls.length === attempts + 1)
  return isGood
    ? undefined
    : {
        guarantee: "FO-3",
        problem: `server ${outcome.index} had ${calls.length} calls and has ${attempts} attempts`
      }
}

/** A request that may have been carried out is unknown, unless the server told of it. */
const isUnknownOrTold = ({ calls, isStored, outcome }: Both): Finding | undefined => {
  const isTold = outcome._tag === "Answered" || calls.some((call) => call.outcome === "Failed")
  return !isStored || isTold || FanOut.isUnknown(outcome)
    ? undefined
    : { guarantee: "FO-3", problem: `server ${outcome.index} has stored it, and is known as ${outcome._tag}` }
}

const isInterrupted = ({ calls, outcome }: Both, { elapsedMillis }: Report): Finding | undefined => {
  const left = calls.find(
    ({ behaviour, endMillis = Infinity }) => behaviour._tag !== "Uninterruptible" && endMillis > elapsedMillis
  )
  return (
    left && { guarantee: "FO-8", problem: `a call of server ${outcome.index} ended at ${left.endMillis} ms` }
  )
}

const isWithinConcurrency = (all: ReadonlyArray<Both>, workload: Workload): Finding | undefined => {
  const atOnce = concurrencyOf(workload)
  for (const { calls } of all) {
    const at = calls[0]?.startMillis ?? Infinity
    const others = all.filter(
      (one) => (one.calls[0]?.startMillis ?? Infinity) <= at && one.outcome.elapsedMillis > at
    )
    if (others.length > atOnce && at !== Infinity)
      return { guarantee: "FO-2", problem: `${others.length} servers at ${at} ms, of ${atOnce} at once` }
  }
  return undefined
}

const runServers = (workload: Workload) =>
  Effect.gen(function* () {
    const { deadlineMillis } = workload
    const servers = yield* makeServers(workload)
    const report = yield* new Lines().of(Check.endsWithin("FO-1", deadlineMillis, push(workload, servers)))
    yield* Check.always(
      "FO-1",
      report.elapsedMillis * 1e6 === (yield* now),
      "it returned later than it ended"
    )
    yield* Check.always(
      "FO-3",
      report.outcomes.length === servers.length,
      "the outcomes are not those of the targets"
    )
    yield* TestClock.adjust(0)
    // Whatever still takes effect.
    yield* Effect.sleep("20 seconds")
    const all: Array<Both> = []
    for (const [index, outcome] of report.outcomes.entries()) {
      const server = servers[index]
      if (server === undefined || outcome.target !== server)
        return yield* Check.violated("FO-3", `the outcome at ${index} is of another target`)
      all.push({ outcome, calls: yield* server.calls, isStored: (yield* server.committed).length > 0 })
    }
    yield* Check.judged(["FO-2"], isWithinConcurrency(all, workload))
    for (const both of all)
      yield* Check.judged(
        ["FO-3", "FO-7", "FO-8"],
        first(
          () => isOver(both, deadlineMillis, report),
          () => isAccount(both),
          () => isInterrupted(both, report),
          () => isUnknownOrTold(both)
        )
      )
    const isOf = (tag: Outcome["_tag"]) =>
      all.some(({ isStored, outcome }) => isStored && outcome._tag === tag)
    yield* Check.sometimes("stored and failed", isOf("Failed"))
    yield* Check.sometimes("stored and timed out", isOf("TimedOut"))
    yield* Check.sometimes("stored and cancelled", isOf("Cancelled"))
    yield* Check.sometimes(
      "already present",
      report.answered.some(({ value }) => value === "already present")
    )
    yield* Check.sometimes("never contacted", report.notStarted.length > 0)
  })

const servers = Suite.make({
  name: "FanOut servers",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-7", "FO-8"],
  arbitrary: workloadArbitrary,
  run: runServers,
  leaks: "FO-8",
  reaches: [
    "stored and failed",
    "stored and timed out",
    "stored and cancelled",
    "already present",
    "never contacted"
  ],
  describe: describeServers
})

// ----------------------------------------------------------------------------
// A fleet
// ----------------------------------------------------------------------------

/** Many targets of a few kinds, in turns. */
const fleetOf = (unit: number): fc.Arbitrary<Fleet> =>
  fc
    .record({
      kinds: fc.array(callArbitrary(unit), { minLength: 1, maxLength: 7 }),
      size: fc.oneof(
        { weight: 60, arbitrary: fc.integer({ min: 20, max: 100 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1000, max: 4000 }) }
      ),
      concurrency: fc.constantFrom(1, 7, 64, 333, Infinity),
      deadlineUnits: fc.constantFrom(3, 9, 30),
      until: fc.constantFrom(
        { when: "all" as const, count: 0 },
        { when: "quorum" as const, count: 50 },
        { when: "settled" as const, count: 900 }
      )
    })
    .map(({ concurrency, deadlineUnits, kinds, size, until }) => ({
      batch: {
        calls: Array.from({ length: size }, (_, index) => kinds[index % kinds.length]).filter(
          (kind) => kind !== undefined
        ),
        concurrency,
        deadlineNanos: deadlineUnits * unit,
        ambientNanos: Infinity,
        until,
        policy: undefined
      },
      manner: { via: "run" as const, isPolicyForEach: false, tickNanos: Infinity },
      callback: "returns" as const,
      sinceNanos: 0
    }))

const fleet = Suite.make({
  name: "FanOut fleet",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-6", "FO-7", "FO-8"],
  arbitrary: fc.oneof(fleetOf(1e6), fleetOf(second)),
  run: (workload) =>
    Effect.flatMap(observe(workload), (observed) =>
      Check.sometimes("thousands of targets", (observed?.report.total ?? 0) > 1000)
    ),
  leaks: "FO-8",
  reaches: ["thousands of targets"],
  describe: (workload) =>
    `${workload.batch.calls.length} targets; ${describe({ ...workload, batch: { ...workload.batch, calls: workload.batch.calls.slice(0, 7) } })}`
})

export const suites: ReadonlyArray<Suite.Suite> = [servers, fleet]
