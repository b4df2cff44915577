/**
 * The scenarios of a broadcast to executors, with their virtual times as they are written down. Which schedule it is must
 * not matter: all of them give the same.
 */
import { FanOut, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as FlakyServer from "@holdfast/sim/FlakyServer"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Duration, Effect } from "effect"
import * as fc from "fast-check"
import {
  after,
  check,
  historical,
  list,
  ping,
  push,
  same,
  seconds,
  taken
} from "./support/fanOutBroadcast.ts"
import { Lines } from "./support/fanOutObserve.ts"

const targets = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

const tags = (report: FanOut.Report<unknown, unknown, unknown>) => report.outcomes.map(({ _tag }) => _tag)

/** 1, 2, … `last`. */
const upTo = (last: number): ReadonlyArray<number> => Array.from({ length: last }, (_, index) => index + 1)

// ----------------------------------------------------------------------------
// Numbers
// ----------------------------------------------------------------------------

const numbers = Effect.gen(function* () {
  for (const [operation, each] of [
    [ping, 5],
    [push, 26],
    [check, 17],
    [list, 21],
    [historical, 140]
  ] as const) {
    yield* same("FO-9", Duration.toSeconds(Retry.worstCase(operation.retry)), each)
    const inThreeRounds = { targets: 17, retry: operation.retry }
    yield* same("FO-9", Duration.toSeconds(FanOut.worstCase(inThreeRounds)), 3 * each)
    const { deadline } = operation
    const capped = Math.min(3 * each, deadline === undefined ? Infinity : Number.parseInt(deadline, 10))
    yield* same("FO-9", Duration.toSeconds(FanOut.worstCase({ ...inThreeRounds, deadline })), capped)
  }
})

// ----------------------------------------------------------------------------
// Scenarios
// ----------------------------------------------------------------------------

const fastAndDead = Effect.gen(function* () {
  const attempts: Array<number> = []
  const dead = Effect.andThen(
    Effect.map(seconds, (at) => attempts.push(at)),
    Effect.never
  )
  const { callbacks, minutes } = yield* taken<string>()
  const call = (target: string) => (target === "fast" ? after(200) : dead)
  const report = yield* FanOut.run(["dead", "fast"], call, { ...push, ...callbacks })
  yield* same("FO-1", yield* seconds, 26)
  yield* same("FO-3", tags(report), ["Failed", "Answered"])
  yield* same("FO-3", attempts, [0, 9, 18])
  const causes = report.failed[0]?.attempts.map(({ cause }) => cause && Cause.squash(cause))
  yield* Check.always(
    "FO-3",
    causes?.length === 3 && causes.every(Retry.isAttemptTimeout),
    "the reason of a failure is lost"
  )
  yield* same("FO-4", minutes.results, [
    [0.2, "fast"],
    [26, "dead"]
  ])
  yield* same("FO-3", minutes.timeOuts, [])
  // One more may come at the very end.
  yield* same("FO-5", minutes.ticks, upTo(Math.min(26, Math.max(25, minutes.ticks.length))))
  yield* same("FO-5", minutes.lines.slice(0, 2), ["1/2 (1s / 30s)", "1/2 (2s / 30s)"])
  yield* Check.always("FO-4", minutes.isOnCaller, "it was told on another fiber")
})

const uninterruptible = Effect.gen(function* () {
  const { callbacks, minutes } = yield* taken<string>(1)
  const report = yield* FanOut.run(["stubborn"], () => Effect.uninterruptible(after(10_000)), {
    deadline: "1 second",
    ...callbacks
  })
  yield* same("FO-1", yield* seconds, 1)
  const before = JSON.stringify([report, minutes])
  yield* same("FO-3", minutes.timeOuts, [[1, "stubborn"]])
  yield* Effect.sleep("10 seconds")
  yield* same("FO-4", JSON.stringify([report, minutes]), before)
})

const twentyDead = Effect.gen(function* () {
  const contacted: Array<number> = []
  const call = (target: number) =>
    Effect.andThen(
      Effect.sync(() => contacted.push(target)),
      Effect.never
    )
  const { callbacks, minutes } = yield* taken<number>()
  const report = yield* FanOut.run(targets(20), call, { ...push, ...callbacks })
  yield* same("FO-1", yield* seconds, 30)
  yield* same("FO-3", tags(report), [
    ...new Array(8).fill("Failed"),
    ...new Array(8).fill("TimedOut"),
    ...new Array(4).fill("NotStarted")
  ])
  yield* same(
    "FO-3",
    report.failed.map(({ attempts, elapsedMillis }) => [attempts.length, elapsedMillis]),
    new Array(8).fill([3, 26_000])
  )
  yield* same("FO-7", Math.max(...contacted), 15)
  yield* same("FO-3", [minutes.results.length, minutes.timeOuts.length, minutes.notStarted.length], [8, 8, 4])
  yield* Check.always(
    "FO-4",
    minutes.timeOuts.every(([at]) => at === 30),
    "a time-out was told before the deadline"
  )
  const line = minutes.lines.at(26)
  yield* Check.always(
    "FO-5",
    minutes.ticks.length >= 29 && line === "8/20 (27s / 30s)",
    () => `at 27 s it was ${line}`
  )
})

const storedOnce = Effect.gen(function* () {
  const server = yield* FlakyServer.make(
    "executor",
    FlakyServer.calls([FlakyServer.loseReply("50 millis")], FlakyServer.answer("200 millis")),
    (request: string, stored) => (stored.includes(request) ? "already present" : "stored"),
    { changes: (request, stored) => request.startsWith("push") && !stored.includes(request) }
  )
  const pushed = yield* FanOut.run([server], ({ call }) => call("push tx"), push)
  yield* same(
    "FO-3",
    pushed.answered.map(({ attempts, value }) => [value, attempts.length]),
    [["already present", 2]]
  )
  yield* same("FO-1", yield* seconds, 9.2)
  const isStored = Effect.flatMap(server.committed, (stored) =>
    Effect.as(server.call("check tx"), stored.includes("push tx"))
  )
  const checked = yield* FanOut.run([server], () => isStored, check)
  yield* same(
    "FO-3",
    checked.answered.map(({ value }) => value),
    [true]
  )
  yield* same("FO-1", yield* seconds, 9.4)
  yield* same("FO-3", yield* server.committed, ["push tx"])
})

/** A push whose reply is lost at every attempt may have been stored, and one that was refused was not. */
const lostReply = Effect.gen(function* () {
  const make = (name: string, script: FlakyServer.Script) =>
    FlakyServer.make(name, script, () => "stored" as const)
  const silent = yield* make("silent", FlakyServer.always(FlakyServer.loseReply("1 second")))
  const closed = yield* make("closed", FlakyServer.always(FlakyServer.refuse("100 millis")))
  const slow = yield* make("slow", FlakyServer.always(FlakyServer.answer("7 seconds")))
  const report = yield* FanOut.run([silent, closed, slow, slow], ({ call }) => call("tx"), {
    ...push,
    deadline: "4 seconds",
    concurrency: 3
  })
  yield* same("FO-3", tags(report), ["TimedOut", "Failed", "TimedOut", "TimedOut"])
  yield* same("FO-3", report.outcomes.map(FanOut.isUnknown), [true, false, true, true])
  // Nothing but a time-out is repeated.
  yield* same("FO-3", [(yield* closed.calls).length, report.failed[0]?.elapsedMillis], [1, 100])
  yield* Effect.sleep("10 seconds")
  // The one that took the place of the closed one was called at 0.1 s.
  yield* same("FO-3", [(yield* silent.committed).length, (yield* slow.committed).length], [1, 2])
})

const stalled = (concurrency: number, expectedSeconds: number) =>
  Effect.gen(function* () {
    const report = yield* FanOut.run(targets(20), () => Effect.never, { ...ping, concurrency })
    yield* same("FO-1", yield* seconds, expectedSeconds)
    yield* same("FO-3", tags(report), new Array(20).fill("Failed"))
    yield* same(
      "FO-3",
      report.failed.map(({ attempts }) => attempts.length),
      new Array(20).fill(1)
    )
  })

// ----------------------------------------------------------------------------
// Required behaviour
// ----------------------------------------------------------------------------

const workers = (
  concurrency: number | undefined,
  count: number,
  expectedMost: number,
  expectedSeconds: number
) =>
  Effect.gen(function* () {
    let calls = 0
    let most = 0
    const call = Effect.acquireUseRelease(
      Effect.sync(() => {
        most = Math.max(most, ++calls)
      }),
      () => after(500),
      () => Effect.sync(() => calls--)
    )
    yield* FanOut.run(targets(count), () => call, { concurrency })
    yield* same("FO-2", most, expectedMost)
    yield* same("FO-2", yield* seconds, expectedSeconds)
  })

/** Ticks are every second, whatever callbacks do: a slow one makes one late, and skips some. */
const ticks = Effect.gen(function* () {
  const at: Array<number> = []
  const onTick = () =>
    Effect.flatMap(seconds, (now) => (at.push(now) === 3 ? Effect.sleep("2500 millis") : Effect.void))
  yield* FanOut.run([10_500], after, { onTick })
  yield* same("FO-5", at, [1, 2, 3, 5.5, 6, 7, 8, 9, 10])
  yield* Effect.sleep("10 seconds")
  yield* same("FO-4", at.length, 9)
})

/** One callback for each target: of its result, or of its time-out. */
const oneEach = Effect.gen(function* () {
  const { callbacks, minutes } = yield* taken<number>(2)
  yield* FanOut.run([1500, 300, 5000, 900, 300, 1999], after, {
    deadline: "2 seconds",
    concurrency: 6,
    ...callbacks
  })
  yield* same("FO-4", minutes.results, [
    [0.3, 300],
    [0.3, 300],
    [0.9, 900],
    [1.5, 1500],
    [1.999, 1999]
  ])
  yield* same("FO-3", minutes.timeOuts, [[2, 5000]])
})

const deaths = Effect.gen(function* () {
  const lines = new Lines()
  const told: Array<number> = []
  const call = (target: number) =>
    target === 20 ? Effect.andThen(after(20), Effect.die("a bug of a worker")) : after(target)
  const onOutcome = ({ target }: { readonly target: number }) => {
    told.push(target)
    if (target === 10) throw new Error("a bug of a callback")
    return target === 30 ? Effect.die("another") : Effect.void
  }
  const report = yield* lines.of(FanOut.run([10, 20, 30, 40], call, { onOutcome }))
  yield* same("FO-6", tags(report), ["Answered", "Failed", "Answered", "Answered"])
  yield* same("FO-6", told, [10, 20, 30, 40])
  yield* same("FO-6", [lines.withText("a call died"), lines.withText("a callback died")], [1, 2])
})

const noDeadline = Effect.gen(function* () {
  yield* FanOut.run([1000, 3_600_000], after)
  yield* same("FO-1", yield* seconds, 3600)
  const { callbacks, minutes } = yield* taken<number>()
  const report = yield* FanOut.run([], after, callbacks)
  yield* same("FO-3", [report.outcomes, report.ended, minutes.ticks], [[], "Complete", []])
  yield* same("FO-1", yield* seconds, 3600)
})

// ----------------------------------------------------------------------------
// The suite
// ----------------------------------------------------------------------------

const scenarios = {
  "the table of numbers": numbers,
  "a fast server and a dead one under push": fastAndDead,
  "a worker of 10 s that cannot be interrupted, under a deadline of 1 s": uninterruptible,
  "20 dead servers under push": twentyDead,
  "a push that is stored at the first attempt, whose reply is lost": storedOnce,
  "a push whose reply never comes": lostReply,
  "20 stalled servers under ping, 20 at once": stalled(20, 5),
  "20 stalled servers under ping, 8 at once": stalled(8, 15),
  "8 servers of 0.5 s, 8 at once": workers(undefined, 8, 8, 0.5),
  "8 servers of 0.5 s, 3 at once": workers(3, 8, 3, 1.5),
  "8 servers of 0.5 s, one after the other": workers(1, 8, 1, 4),
  "no workers are one": workers(0, 8, 1, 4),
  "more workers than servers": workers(50, 3, 3, 0.5),
  "20 servers of 0.5 s, as many at once as by default": workers(undefined, 20, 8, 1.5),
  "ticks every second": ticks,
  "one callback for each target": oneEach,
  "a worker and callbacks that die": deaths,
  "no deadline, and no targets": noDeadline
} satisfies Record<string, Effect.Effect<void>>

type Name = keyof typeof scenarios

const isName = (text: string): text is Name => text in scenarios

const suite = Suite.make({
  name: "FanOut scenarios",
  guarantees: ["FO-1", "FO-2", "FO-3", "FO-4", "FO-5", "FO-6", "FO-7", "FO-9"],
  arbitrary: fc.constantFrom(...Object.keys(scenarios).filter(isName)),
  run: (name: Name) =>
    Effect.catchDefect(scenarios[name], (defect) => Check.violated("FO-6", `it died: ${defect}`)).pipe(
      Effect.andThen(Check.reachable(name))
    ),
  reaches: Object.keys(scenarios),
  describe: (name) => name
})

export const suites: ReadonlyArray<Suite.Suite> = [suite]
