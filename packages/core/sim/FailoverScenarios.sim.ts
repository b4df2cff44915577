/** What a pool of ledger nodes lives through, with the times at which everything happens. */
import { Failover } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Array as Arr, Cause, Effect, Exit, Fiber, Logger, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { now, sleepUntil } from "./support/time.ts"

const seconds = Effect.map(now, (nanos) => nanos / 1e9)

/** Ends at a second of the scenario, after everything else that happens at it. */
const until = (second: number) => Effect.andThen(sleepUntil(Math.round(second * 1e9)), TestClock.adjust(0))

class Refused extends Schema.TaggedError<Refused>("sim/NodeRefused")("NodeRefused", {
  node: Schema.String
}) {}

class Invalid extends Schema.TaggedError<Invalid>("sim/NodeInvalid")("NodeInvalid", {
  node: Schema.String
}) {}

type Way = number | "refuses" | "hangs" | "disagrees"

/** A node, and how it is at each second: how many milliseconds it takes, or what it does instead. */
class Node {
  readonly id: string
  private readonly wayAt: (second: number) => Way
  private readonly callWayAt: (second: number) => Way
  /** When it was asked. */
  readonly probes: Array<number> = []
  readonly calls: Array<number> = []

  constructor(id: string, wayAt: (second: number) => Way, callWayAt: (second: number) => Way = wayAt) {
    this.id = id
    this.wayAt = wayAt
    this.callWayAt = callWayAt
  }

  private answer(asked: Array<number>, wayAt: (second: number) => Way) {
    return Effect.flatMap(seconds, (second): Effect.Effect<string, Refused | Invalid> => {
      asked.push(second)
      const way = wayAt(second)
      if (way === "refuses") return Effect.fail(new Refused({ node: this.id }))
      if (way === "disagrees") return Effect.fail(new Invalid({ node: this.id }))
      return way === "hangs" ? Effect.never : Effect.as(Effect.sleep(way), this.id)
    })
  }

  readonly probe = Effect.suspend(() => this.answer(this.probes, this.wayAt))
  readonly call = Effect.suspend(() => this.answer(this.calls, this.callWayAt))
}

const classify = <E>(error: E): Failover.Verdict<E> => {
  if (error instanceof Refused) return Failover.endpointFault
  return error instanceof Invalid ? Failover.callerFault(error) : Failover.unknown
}

type Nodes = Arr.NonEmptyReadonlyArray<Node>

/** A pool with everything by default, but for its rounds: they are at 0, 2, 4 … seconds. */
const poolOf = (nodes: Nodes, options: Partial<Failover.Options<Node>> = {}) =>
  Failover.make<Node>({
    endpoints: Arr.map(nodes, (node) => Failover.endpoint(node.id, node)),
    probe: ({ probe }) => probe,
    classify,
    jitter: "none",
    ...options
  })

const ask = ({ call }: Node) => call

/** `primary`, and two others of 80 and 40 milliseconds. */
const three = (primary: (second: number) => Way, calls?: (second: number) => Way): Nodes => [
  new Node("a", primary, calls),
  new Node("b", () => 80),
  new Node("c", () => 40)
]

const same = (guarantee: string, found: unknown, expected: unknown) =>
  Check.always(
    guarantee,
    JSON.stringify(found) === JSON.stringify(expected),
    () => `${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`
  )

/** All changes until the pool ends, and when. */
const changesOf = (pool: Failover.Failover<Node>) =>
  Effect.gen(function* () {
    const found: Array<readonly [to: string, reason: string, second: number]> = []
    const note = (change: Failover.Change) =>
      Effect.map(seconds, (second) => {
        if (change.reason !== "Initial") found.push([change.to, change.reason, second])
      })
    yield* Effect.forkChild(Stream.runForEach(pool.changes, note), { startImmediately: true })
    return found
  })

/** A call each tenth of a second, and how long each took. */
const asking = (pool: Failover.Failover<Node>, fromSecond: number, toSecond: number) =>
  Effect.gen(function* () {
    const took: Array<number> = []
    const count = Math.round((toSecond - fromSecond) * 10)
    const one = Effect.gen(function* () {
      const start = yield* seconds
      yield* pool.execute(ask, { idempotent: true })
      took.push((yield* seconds) - start)
    })
    for (let index = 0; index < count; index++) {
      yield* until(fromSecond + index / 10)
      yield* Effect.forkChild(one)
    }
    return took
  })

// ----------------------------------------------------------------------------
// A primary that gets worse
// ----------------------------------------------------------------------------

/** 50 ms, and from 10 on 600 ms: its probe is over the threshold at 10.5. */
const slow = Effect.gen(function* () {
  const pool = yield* poolOf(three((second) => (second < 10 ? 50 : 600)))
  const changes = yield* changesOf(pool)
  const took = yield* asking(pool, 0, 20)
  yield* until(30)
  yield* same("FV-1", changes, [["c", "Slow", 10.500000001]])
  const longest = Math.max(...took)
  yield* Check.always(
    "FV-1",
    took.length === 200 && longest <= 0.6 + 1e-9,
    () => `${took.length} calls, of up to ${longest} s`
  )
})

/** It refuses from 10.1 on, and nobody calls: the next round finds out. */
const refusing = Effect.gen(function* () {
  const pool = yield* poolOf(three((second) => (second < 10.1 ? 50 : "refuses")))
  const changes = yield* changesOf(pool)
  yield* until(30)
  yield* same("FV-1", changes, [["c", "Failed", 12]])
})

/** The same, and somebody calls at 11: the first failed call finds out, and is answered. */
const refusingCalls = Effect.gen(function* () {
  const pool = yield* poolOf(three((second) => (second < 10.1 ? 50 : "refuses")))
  const changes = yield* changesOf(pool)
  yield* until(11)
  const answer = yield* Check.takes("FV-1", "40 millis", pool.execute(ask))
  yield* same("FV-1", answer, "c")
  yield* until(30)
  yield* same("FV-1", changes, [["c", "Failed", 11]])
})

/** It says nothing from 10.1 on: it is slow at 12.5, and dead at 13, when a call of 11 goes on elsewhere. */
const blackHole = Effect.gen(function* () {
  const nodes = three((second) => (second < 10.1 ? 50 : "hangs"))
  const pool = yield* poolOf(nodes)
  const changes = yield* changesOf(pool)
  yield* until(11)
  const reading = pool.execute(ask, { idempotent: true })
  yield* same("FV-2", yield* Check.takes("FV-2", "2040 millis", reading), "c")
  yield* until(14.5)
  yield* same("FV-2", yield* Check.takes("FV-2", "40 millis", pool.execute(ask)), "c")
  yield* same("FV-1", changes, [["c", "Slow", 12.500000001]])
  yield* same("FV-2", nodes[0].calls, [11])
})

/** 500 milliseconds are healthy, and a nanosecond more is not. */
const threshold = Effect.gen(function* () {
  const pool = yield* poolOf(three((second) => (second < 20 ? 500 : 500.000001)))
  const changes = yield* changesOf(pool)
  yield* until(30)
  yield* same("FV-1", changes, [["c", "Slow", 20.500000001]])
})

// ----------------------------------------------------------------------------
// Turns
// ----------------------------------------------------------------------------

/** Two nodes of 490 and 510 ms that take turns for ten minutes: they are not worth a change. */
const alternating = Effect.gen(function* () {
  const turns = (first: number, other: number) => (second: number) =>
    Math.floor(second / 14) % 2 === 0 ? first : other
  const pool = yield* poolOf([new Node("a", turns(490, 510)), new Node("b", turns(510, 490))])
  const changes = yield* changesOf(pool)
  yield* until(600)
  yield* same("FV-3", changes, [])
})

/**
 * The same without a margin. Who was slow has to be healthy in three probes in a row, and each change has to wait for
 * ten seconds: it changes once in each turn, and not more.
 */
const alternatingWithoutMargin = Effect.gen(function* () {
  const turns = (first: number, other: number) => (second: number) =>
    Math.floor(second / 14) % 2 === 0 ? first : other
  const nodes: Nodes = [new Node("a", turns(490, 510)), new Node("b", turns(510, 490))]
  const pool = yield* poolOf(nodes, { hysteresis: { margin: 0 } })
  const changes = yield* changesOf(pool)
  yield* until(600)
  const times = changes.map(([, , second]) => second)
  const gaps = times.slice(1).map((second, index) => second - (times[index] ?? 0))
  yield* Check.always(
    "FV-3",
    times.length > 20 && times.length <= 1 + 600 / 10 && gaps.every((gap) => gap >= 10),
    () => `changes at ${times.join(", ")}`
  )
})

/** The primary is dead from 10 to 20, and healthy for a minute at 80.05. */
const failback = Effect.gen(function* () {
  const pool = yield* poolOf(three((second) => (second >= 10 && second < 20 ? "refuses" : 50)))
  const changes = yield* changesOf(pool)
  yield* until(200)
  yield* same("FV-8", changes, [
    ["c", "Failed", 10],
    ["a", "Failback", 80.05]
  ])
})

const noFailback = Effect.gen(function* () {
  const nodes = three((second) => (second >= 10 && second < 20 ? "refuses" : 50))
  const pool = yield* poolOf(nodes, { failback: "never" })
  const changes = yield* changesOf(pool)
  yield* until(200)
  yield* same("FV-3", changes, [["c", "Failed", 10]])
  yield* same("FV-8", (yield* pool.status)[0]?.health, "Healthy")
})

// ----------------------------------------------------------------------------
// All of them
// ----------------------------------------------------------------------------

const dead = (id: string, recovers = Infinity) =>
  new Node(id, (second) => (second < 10 || second >= recovers ? 50 : "hangs"))

/** All say nothing from 10 on; `b` answers again at 30. */
const allDead = Effect.gen(function* () {
  const pool = yield* poolOf([dead("a"), dead("b", 30), dead("c")])
  yield* until(11)
  const failing = Effect.exit(pool.execute(ask, { idempotent: true, deadline: "20 seconds" }))
  const exit = yield* Check.takes("FV-6", "10.5 seconds", failing)
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  yield* Check.always("FV-6", error instanceof Failover.AllEndpointsFailed, () => String(exit))
  if (error instanceof Failover.AllEndpointsFailed) {
    const each = error.failures.map(({ cause, endpoint }) => [endpoint, cause !== undefined])
    yield* same("FV-11", [error.limit, error.attempts, each.length], ["Endpoints", 3, 3])
    yield* Check.always(
      "FV-11",
      each.every(([, has]) => has === true),
      () => JSON.stringify(each)
    )
  }
  yield* until(23)
  const late = Effect.exit(pool.execute(ask, { idempotent: true, deadline: "5 seconds" }))
  yield* Check.takes("FV-6", "5 seconds", late)
  yield* until(30.05)
  yield* same("FV-8", (yield* pool.active).id, "b")
  yield* same("FV-8", yield* Check.takes("FV-8", "50 millis", pool.execute(ask)), "b")
})

/** Two black holes among three: rounds are as often as ever, and each takes one probe time-out. */
const twoBlackHoles = Effect.gen(function* () {
  const nodes: Nodes = [new Node("a", () => "hangs"), new Node("b", () => "hangs"), new Node("c", () => 40)]
  const pool = yield* poolOf(nodes)
  const changes = yield* changesOf(pool)
  yield* until(9)
  for (const { probes } of nodes) yield* same("FV-5", probes, [0, 2, 4, 6, 8])
  yield* same("FV-1", changes, [["c", "Slow", 0.500000001]])
})

// ----------------------------------------------------------------------------
// Calls
// ----------------------------------------------------------------------------

/** Its probes are fine, and what is submitted is never answered: nobody knows whether it was done. */
const submission = Effect.gen(function* () {
  const nodes = three(
    () => 50,
    () => "hangs"
  )
  const pool = yield* poolOf(nodes)
  yield* until(1)
  const exit = yield* Check.takes("FV-7", "3.5 seconds", Effect.exit(pool.execute(ask)))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const tag = typeof error === "object" && error !== null ? Reflect.get(error, "_tag") : undefined
  yield* same("FV-7", tag, "OutcomeUnknown")
  yield* same("FV-7", [nodes[0].calls.length, nodes[1]?.calls, nodes[2]?.calls], [1, [], []])
})

/** What is asked is wrong: each node would say the same. */
const clientError = Effect.gen(function* () {
  const nodes = three(
    () => 50,
    () => "disagrees"
  )
  const pool = yield* poolOf(nodes, { ejection: { consecutive: 1, maxEjected: 1 } })
  const changes = yield* changesOf(pool)
  yield* until(1)
  for (let call = 0; call < 10; call++) {
    const error = yield* Effect.flip(pool.execute(ask))
    yield* Check.always("FV-9", error instanceof Invalid, () => String(error))
  }
  yield* same("FV-9", [changes, (yield* pool.status)[0]?.health, nodes[2]?.calls], [[], "Healthy", []])
})

// ----------------------------------------------------------------------------
// Start and stop
// ----------------------------------------------------------------------------

/** Stopped and started again during a slow probe: nothing of the first monitor is left. */
const restarted = Effect.gen(function* () {
  const node = new Node("a", () => "hangs")
  const scope = yield* Scope.make()
  const pool = yield* Scope.provide(poolOf([node]), scope)
  const reading = yield* Effect.forkChild(Stream.runDrain(pool.changes))
  yield* until(2.5)
  yield* Check.takes("FV-4", 0, Scope.close(scope, Exit.void))
  yield* Check.takes("FV-4", 0, Scope.close(scope, Exit.void))
  yield* Check.takes("FV-4", 0, Fiber.join(reading))
  const again = yield* Scope.make()
  yield* Scope.provide(poolOf([node]), again)
  yield* until(7)
  yield* Check.takes("FV-4", 0, Scope.close(again, Exit.void))
  yield* until(60)
  yield* same("FV-4", node.probes, [0, 2, 2.5, 4.5, 6.5])
})

const scenarios: { readonly [name: string]: Effect.Effect<void, unknown, Scope.Scope> } = {
  slow,
  refusing,
  refusingCalls,
  blackHole,
  threshold,
  alternating,
  alternatingWithoutMargin,
  failback,
  noFailback,
  allDead,
  twoBlackHoles,
  submission,
  clientError,
  restarted
}

const names = Object.keys(scenarios)

export const suites: ReadonlyArray<Suite.Suite> = [
  Suite.make({
    name: "Failover scenarios",
    guarantees: ["FV-1", "FV-2", "FV-3", "FV-4", "FV-5", "FV-6", "FV-7", "FV-8", "FV-9", "FV-11"],
    arbitrary: fc.constantFrom(...names),
    run: (name) =>
      Effect.scoped(scenarios[name] ?? Effect.void).pipe(
        Effect.andThen(Check.reachable(name)),
        Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())
      ),
    leaks: "FV-4",
    reaches: names,
    describe: (name) => `the scenario "${name}"`
  })
]
