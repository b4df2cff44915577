/** What a template provider lives through with its node, with the times at which everything happens. */
import { Backoff, Reconnect } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Effect, Exit, Fiber, Logger, Option, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { now, sleepUntil } from "./support/time.ts"

const seconds = Effect.map(now, (nanos) => nanos / 1e9)

/** Ends at a second of the scenario, after everything else that happens at it. */
const until = (second: number) => Effect.andThen(sleepUntil(second * 1e9), TestClock.adjust(0))

const doubling = Backoff.exponential({ base: "1 second", cap: "32 seconds", jitter: "none" })

class Gone {
  readonly _tag = "Gone"
}

const isGone = (error: unknown): error is Gone => error instanceof Gone

const same = (guarantee: string, found: ReadonlyArray<unknown>, expected: ReadonlyArray<unknown>) =>
  Check.always(
    guarantee,
    JSON.stringify(found) === JSON.stringify(expected),
    () => `${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`
  )

/** A node that is up at some times, and whoever is connected when it goes down finds out by asking. */
const nodeOf = (isUp: (second: number) => boolean) => {
  const attempts: Array<number> = []
  const connect = Effect.gen(function* () {
    const begun = yield* seconds
    attempts.push(begun)
    if (!isUp(begun)) return yield* Effect.fail(new Gone())
    let isAlive = true
    const ask = Effect.flatMap(seconds, (second) => {
      isAlive = isAlive && isUp(second)
      return isAlive ? Effect.succeed(second) : Effect.fail(new Gone())
    })
    return { ask }
  })
  return { attempts, connect }
}

/** Nobody listens until 20. */
const absent = Effect.gen(function* () {
  const { attempts, connect } = nodeOf((second) => second >= 20)
  const session = yield* Reconnect.make({ connect, isLost: isGone, backoff: doubling })
  const first = yield* Effect.forkChild(Effect.andThen(session.awaitConnected(), seconds))
  yield* until(100)
  yield* same("RC-5", attempts, [0, 1, 3, 7, 15, 31])
  yield* same("RC-5", [yield* Fiber.join(first)], [31])
})

/** Killed at 10, and back at 13. A probe asks once in a second. */
const killed = Effect.gen(function* () {
  const { attempts, connect } = nodeOf((second) => second < 10 || second >= 13)
  let lostAt = 0
  const session = yield* Reconnect.make({
    connect,
    isLost: isGone,
    backoff: doubling,
    stableAfter: "5 seconds",
    onLost: () =>
      Effect.map(seconds, (second) => {
        lostAt = second
      }),
    probe: { check: ({ ask }) => ask }
  })
  // Both pools wait for what comes next.
  const pools = yield* Effect.forEach(["a", "b"], () =>
    Effect.forkChild(
      Stream.runCollect(
        Stream.take(
          session.stream(({ ask }) => Stream.concat(Stream.fromEffect(ask), Stream.never)),
          3
        )
      )
    )
  )
  yield* until(20)
  yield* Check.always("RC-9", lostAt > 10 - 1e-9 && lostAt <= 11, () => `the loss was seen at ${lostAt}`)
  yield* same("RC-1", attempts, [0, lostAt, lostAt + 1, lostAt + 3])
  for (const pool of pools) {
    const items = yield* Fiber.join(pool)
    const words = items.map((item) =>
      item._tag === "Value"
        ? [item.generation, item.value]
        : [item.gap.from, item.gap.to, item.gap.disconnectedMillis]
    )
    yield* same("RC-1", words, [
      [1, 0],
      [1, 2, 3000],
      [2, lostAt + 3]
    ])
  }
})

/** A long-poll that always comes back with nothing at once; all is closed after so many seconds. */
const emptyUntil = Effect.fnUntraced(function* (end: number, expected: ReadonlyArray<number>) {
  const scope = yield* Scope.make()
  const session = yield* Scope.provide(
    Reconnect.make({ connect: Effect.succeed("node"), isLost: isGone }),
    scope
  )
  const calls: Array<number> = []
  const poll = Effect.map(seconds, (second) => {
    calls.push(second)
    return Option.none<number>()
  })
  const polling = yield* Effect.forkChild(
    Effect.exit(Stream.runDrain(session.longPoll(() => poll, { pollTimeout: "30 seconds" })))
  )
  yield* until(0.35)
  yield* same("RC-5", calls, [0, 0.1, 0.3])
  yield* until(end)
  yield* Check.takes("RC-7", 0, Scope.close(scope, Exit.void))
  yield* Check.takes("RC-7", 0, Fiber.join(polling))
  yield* until(100)
  yield* same("RC-7", calls, expected)
})

const empty = emptyUntil(5.2, [0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5, 4.5])

/** Thirteen calls in ten seconds. */
const emptyForLong = emptyUntil(10, [0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5])

/** The node synchronises until 3: it is asked once in a second until it has, and after a reconnect once more. */
const synchronising = Effect.gen(function* () {
  const checks: Array<number> = []
  const isReady = Effect.map(seconds, (second) => {
    checks.push(second)
    return second >= 3
  })
  const waitUntilReady: Effect.Effect<void> = Effect.flatMap(isReady, (ready) =>
    ready ? Effect.void : Effect.andThen(Effect.sleep("1 second"), waitUntilReady)
  )
  const session = yield* Reconnect.make({
    connect: Effect.succeed("node"),
    isLost: isGone,
    onConnect: () => waitUntilReady
  })
  yield* until(3)
  yield* Check.always("RC-4", yield* session.connected, "it is not connected at 3")
  yield* until(3600)
  yield* same("RC-4", checks, [0, 1, 2, 3])
  yield* session.lose(1, Cause.fail("restarted"))
  yield* until(7200)
  yield* same("RC-4", checks, [0, 1, 2, 3, 3600])
})

/** Two long-polls wait for news when all is closed, twice: each is interrupted once, and nobody waits. */
const shutdown = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const session = yield* Scope.provide(
    Reconnect.make({ connect: Effect.succeed("node"), isLost: isGone }),
    scope
  )
  let interrupts = 0
  const waiting = Effect.onInterrupt(Effect.never, () =>
    Effect.sync(() => {
      interrupts++
    })
  )
  const polls = yield* Effect.forEach([1, 2], () => Effect.forkChild(Effect.exit(session.use(() => waiting))))
  yield* until(4)
  yield* Check.takes("RC-7", 0, Scope.close(scope, Exit.void))
  yield* Check.takes("RC-7", 0, Scope.close(scope, Exit.void))
  yield* Check.takes("RC-7", 0, Fiber.interruptAll(polls))
  // Those who waited are told at once; what they did ends at the same instant.
  yield* until(4)
  yield* same("RC-7", [interrupts], [2])
})

/** It accepts and dies after 10 ms, again and again. */
const flapping = Effect.gen(function* () {
  const attempts: Array<number> = []
  const session = yield* Reconnect.make({
    connect: Effect.map(seconds, (second) => void attempts.push(second)),
    isLost: isGone,
    backoff: doubling,
    stableAfter: "10 seconds"
  })
  const dying = Effect.flatMap(session.awaitConnected(), (generation) =>
    Effect.andThen(Effect.sleep("10 millis"), session.lose(generation, Cause.fail("died")))
  )
  yield* Effect.forkChild(Effect.forever(dying))
  yield* until(40)
  yield* same("RC-5", attempts, [0, 1.01, 3.02, 7.03, 15.04, 31.05])
})

const scenarios = { absent, killed, empty, emptyForLong, synchronising, shutdown, flapping }

const names = ["absent", "killed", "empty", "emptyForLong", "synchronising", "shutdown", "flapping"] as const

export const suites: ReadonlyArray<Suite.Suite> = [
  Suite.make({
    name: "Reconnect scenarios",
    guarantees: ["RC-1", "RC-4", "RC-5", "RC-7", "RC-9", "RC-10"],
    arbitrary: fc.constantFrom(...names),
    run: (name) =>
      Effect.scoped(scenarios[name]).pipe(
        Effect.andThen(Check.reachable(name)),
        Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())
      ),
    leaks: "RC-10",
    reaches: names,
    describe: (name) => `the scenario "${name}"`
  })
]
