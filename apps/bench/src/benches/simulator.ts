/** What simulating costs, beside Effect's own test clock and beside a fixed piece of work. */
import { Check, Simulation, Strategy, Suite } from "@holdfast/sim"
import { Array as Arr, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import type { Bench, MemoryCase } from "../Bench.ts"
import type { Group, Subject } from "../harness.ts"
import { workFor } from "../loops.ts"

/** As simlab runs its suites. */
const preload = new URL("../../../simlab/src/preload.ts", import.meta.url)

/** No two runs of a process have the same seed, so that what is measured is a search. */
let seeds = 0

// ----------------------------------------------------------------------------
// Time
// ----------------------------------------------------------------------------

const heart = Effect.forkChild(Effect.forever(Effect.sleep("1 second")))

/** One fiber beats once a second, beside a long sleep. A call is a virtual second. */
const beats = (seconds: number): Effect.Effect<unknown> =>
  Effect.gen(function* () {
    const fiber = yield* heart
    yield* Effect.sleep(seconds * 1000)
    return yield* Fiber.interrupt(fiber)
  })

const beatsByHand = (seconds: number): Effect.Effect<unknown> =>
  Effect.gen(function* () {
    const fiber = yield* heart
    const sleeper = yield* Effect.forkChild(Effect.sleep(seconds * 1000))
    yield* TestClock.adjust(seconds * 1000)
    yield* Fiber.join(sleeper)
    return yield* Fiber.interrupt(fiber)
  })

const testClock = "TestClock.adjust"

const heartbeats = (strategy: Strategy.Strategy) => async (seconds: number) =>
  succeeded(Simulation.run(beats(seconds), { seed: seeds++, strategy }))

const succeeded = ({ exit }: Simulation.Result<unknown, unknown>): void => {
  if (exit._tag === "Failure") throw new Error("the run failed", { cause: exit.cause })
}

const heartbeat: Group = {
  name: "heartbeat",
  title: "a heartbeat once a second beside a long sleep, for each virtual second",
  peer: testClock,
  by: "total",
  multiple: 100,
  subjects: [
    {
      name: testClock,
      run: (seconds) => Effect.runPromise(Effect.provide(beatsByHand(seconds), TestClock.layer()))
    },
    {
      name: "Simulation.run, preemption within 16 operations",
      run: heartbeats(Strategy.walk({ gap: 16 })),
      target: 0.33
    },
    { name: "Simulation.run, no preemption", run: heartbeats(Strategy.fifo), target: 0.22 }
  ]
}

// ----------------------------------------------------------------------------
// Whole runs
// ----------------------------------------------------------------------------

const fixedName = "20 µs of fixed work"

const fixedWork = async (calls: number): Promise<void> => {
  for (let call = 0; call < calls; call++) workFor(20, call)
}

const runs = (program: Effect.Effect<unknown>) => async (calls: number) => {
  for (let call = 0; call < calls; call++) succeeded(Simulation.run(program, { seed: seeds++ }))
}

/** Some jobs at once, each of which is slow and fails a few times, under everything that a suite can check. */
const suite = Suite.make({
  name: "jobs",
  guarantees: ["ONCE", "IN-TIME", "CLEAN"],
  arbitrary: fc.array(
    fc.record({ millis: fc.integer({ min: 0, max: 50 }), failures: fc.integer({ min: 0, max: 2 }) }),
    { minLength: 1, maxLength: 5 }
  ),
  leaks: "CLEAN",
  reaches: ["a job is tried again"],
  run: (jobs) =>
    Effect.gen(function* () {
      const once = yield* Check.exactlyOnce("ONCE")
      const attempt = (millis: number, left: { failures: number }) =>
        Effect.gen(function* () {
          yield* Effect.sleep(millis)
          if (left.failures-- <= 0) return
          yield* Check.reachable("a job is tried again")
          return yield* Effect.fail("not yet")
        })
      const all = Effect.forEach(
        jobs,
        ({ failures, millis }, id) =>
          attempt(millis, { failures }).pipe(
            Effect.retry({ times: 3, schedule: Schedule.spaced("10 millis") }),
            Effect.andThen(once.happened(id))
          ),
        { concurrency: "unbounded", discard: true }
      )
      yield* Check.endsWithin("IN-TIME", "1 second", all)
      yield* once.complete(jobs.keys())
    })
})

const campaign = async (calls: number): Promise<void> => {
  const [failure] = Suite.check(suite, { runs: calls, seed: seeds++ }).failures
  if (failure !== undefined) throw new Error(failure.message)
}

const small: ReadonlyArray<Subject> = [
  { name: fixedName, run: fixedWork },
  { name: "Simulation.run of Effect.void", run: runs(Effect.void), target: 1, note: "50,000 per second" },
  {
    name: "Simulation.run of Effect.sleep",
    run: runs(Effect.sleep("10 millis")),
    target: 1,
    note: "50,000 per second"
  },
  {
    name: "Suite.check, some jobs with their oracles",
    run: campaign,
    target: 10,
    note: "5,000 per second"
  }
]

const smallRuns: Group = {
  name: "runs",
  title: "whole runs, each with a seed of its own",
  peer: fixedName,
  by: "total",
  subjects: small
}

// ----------------------------------------------------------------------------
// Many fibers
// ----------------------------------------------------------------------------

const counts = [10, 100, 1_000, 10_000] as const

const fewest = `${counts[0]} fibers`

/** So many events in all, an equal number for each fiber. A fiber's events are so many milliseconds apart. */
const amongFibers =
  (fibers: number, periodMillis: (fiber: number) => number) =>
  async (events: number): Promise<void> => {
    const beat = (fiber: number) => {
      let left = events / fibers
      return Effect.whileLoop({
        while: () => left-- > 0,
        body: () => Effect.sleep(periodMillis(fiber)),
        step: () => {}
      })
    }
    const program = Effect.forEach(Arr.range(1, fibers), beat, { concurrency: "unbounded", discard: true })
    succeeded(Simulation.run(program, { seed: seeds++, strategy: Strategy.walk({ gap: 16 }) }))
  }

const fibers = (name: string, title: string, periodMillis: (fiber: number) => number): Group => ({
  name,
  title,
  peer: fewest,
  by: "total",
  multiple: 100_000,
  subjects: counts.map((count) => ({
    name: `${count.toLocaleString("en")} fibers`,
    run: amongFibers(count, periodMillis),
    ...(count === counts.at(-1) ? { target: 6 } : {})
  }))
})

// ----------------------------------------------------------------------------
// The heap
// ----------------------------------------------------------------------------

const growth = (name: string, title: string, run: MemoryCase["run"]): MemoryCase => ({
  name,
  title,
  measure: "growth",
  unit: "runs",
  run,
  limitMiB: 5
})

export const simulator: Bench = {
  name: "simulator",
  summary: "Simulation.run beside TestClock.adjust, and its cost by the run, by the fiber and in memory",
  groups: [
    heartbeat,
    { ...heartbeat, name: "heartbeat-simlab", title: `${heartbeat.title}, as simlab runs it`, preload },
    smallRuns,
    { ...smallRuns, name: "runs-simlab", title: `${smallRuns.title}, as simlab makes them`, preload },
    fibers(
      "apart",
      "an event of one of many fibers, each at an instant of its own",
      (fiber) => 1_000 + fiber
    ),
    fibers("together", "an event of one of many fibers, all at the same instant", () => 1_000)
  ],
  memory: [
    growth("heap-sleep", "Simulation.run of Effect.sleep", runs(Effect.sleep("10 millis"))),
    growth("heap-suite", "Suite.check, some jobs with their oracles", campaign)
  ]
}
