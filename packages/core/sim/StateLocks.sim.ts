/** Locks that processes share: what becomes of them when a process dies or stands still, and who comes when. */
import { Lock, StateStore } from "@holdfast/core"
import { Check, Suite } from "@holdfast/sim"
import { Effect, Exit, Result } from "effect"
import * as fc from "fast-check"
import { Hosts, type Life } from "./support/stateHosts.ts"
import { type Conditions, StateMachine } from "./support/stateMachine.ts"
import { describeConditions, healthy } from "./support/stateSteps.ts"
import {
  counter,
  describeWanting,
  instant,
  key,
  millisecond,
  Seen,
  type Wanting,
  wanting,
  wants
} from "./support/stateWanting.ts"
import { now, second, sleep, sleepUntil, words } from "./support/time.ts"

// ----------------------------------------------------------------------------
// Who dies
// ----------------------------------------------------------------------------

interface Death {
  readonly conditions: Conditions
  readonly holder: "lease" | "change" | "crowd"
  readonly killNanos: number
  readonly others: ReadonlyArray<Wanting>
}

/** Some that come and go, so that a death finds them at whatever they do. */
const crowd = (seen: Seen, owner: string) =>
  Effect.gen(function* () {
    const state = yield* counter
    const member = Effect.gen(function* () {
      yield* Lock.withLock(seen.section(owner, Effect.yieldNow), key)
      yield* Effect.ignore(Lock.withLock(Effect.void, key, { wait: 0 }))
      yield* Lock.isHeld(key)
      yield* state.update((n) => n + 1)
      yield* sleep(millisecond)
    })
    return yield* Effect.all([Effect.forever(member), Effect.forever(member)], { concurrency: 2 })
  })

const hold = (seen: Seen, { instance, owner }: Life, holder: Death["holder"]): Effect.Effect<unknown> =>
  Effect.gen(function* () {
    const state = yield* counter
    switch (holder) {
      case "lease":
        return yield* Lock.withLock(seen.section(owner, Effect.never), key)
      case "change":
        return yield* state.modifyEffect(() => seen.section(owner, Effect.never))
      case "crowd":
        return yield* crowd(seen, owner)
    }
  }).pipe(Effect.provideContext(instance), Effect.orDie)

const deaths = Suite.make({
  name: "State locks of the dead",
  guarantees: ["LK-1", "LK-3"],
  arbitrary: fc.record<Death>({
    conditions: healthy,
    holder: fc.constantFrom("lease", "change", "crowd"),
    killNanos: instant(80),
    others: fc.array(wanting([1, 2], 60), { minLength: 1, maxLength: 4 })
  }),
  describe: ({ conditions, holder, killNanos, others }) =>
    [
      describeConditions(conditions),
      `p0 has the key (${holder}), and is killed at ${words(killNanos)}`,
      ...others.map(describeWanting)
    ].join("\n"),
  reaches: ["somebody waits for the dead"],
  run: ({ conditions, holder, killNanos, others }) =>
    Effect.gen(function* () {
      const seen = new Seen()
      const machine = new StateMachine(conditions)
      const hosts = new Hosts(machine, (owner) => seen.died(owner))
      yield* hosts.start(0, (life) => hold(seen, life, holder))
      for (const process of [1, 2]) yield* hosts.start(process, (life) => wants(seen, others, process, life))
      yield* sleepUntil(killNanos)
      yield* hosts.kill(0)
      const { hadIt } = seen
      const isWaitedFor = seen.waiting.size > 0
      yield* Check.sometimes("somebody waits for the dead", isWaitedFor)
      if (isWaitedFor) {
        yield* Check.converges(
          "LK-3",
          "100 millis",
          Effect.sync(() => seen.hadIt > hadIt),
          () => `locked are ${Array.from(machine.locks.keys()).join("; ")}`
        )
      }
      yield* Check.endsWithin("LK-3", "10 seconds", hosts.ended)
    })
})

// ----------------------------------------------------------------------------
// Who stands still
// ----------------------------------------------------------------------------

interface Standstill {
  readonly conditions: Conditions
  readonly holdNanos: number
  readonly pauseNanos: number
  readonly others: ReadonlyArray<Wanting>
}

const standstill = fc.record<Standstill>({
  conditions: healthy,
  holdNanos: instant(60),
  pauseNanos: instant(80),
  others: fc.array(wanting([1, 2], 100), { minLength: 1, maxLength: 4 })
})

const describeStandstill = ({ conditions, holdNanos, others, pauseNanos }: Standstill): string =>
  [
    describeConditions(conditions),
    `p0 has the key until ${words(holdNanos)}; at ${words(pauseNanos)} somebody stands still`,
    ...others.map(describeWanting)
  ].join("\n")

/** Has the key for a while, and writes under its fence in the end. */
const faithful = (seen: Seen, { instance, owner }: Life, untilNanos: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const store = yield* StateStore.StateStore
    yield* Lock.withLease(key, ({ fence }) =>
      seen.section(
        owner,
        Effect.gen(function* () {
          yield* sleepUntil(untilNanos)
          const write = store.transact(
            key,
            (current) =>
              Result.succeed({
                _tag: "Write",
                value: current?.value ?? "0",
                schemaVersion: 1,
                result: undefined
              }),
            { fence }
          )
          const exit = yield* Effect.exit(write)
          yield* Check.always("LK-4", Exit.isSuccess(exit), () => `what the holder wrote ended with ${exit}`)
        })
      )
    )
    seen.hadIt++
  }).pipe(Effect.provideContext(instance), Effect.orDie)

const holders = Suite.make({
  name: "State locks of holders that stand still",
  guarantees: ["LK-1", "LK-4"],
  arbitrary: standstill,
  describe: describeStandstill,
  reaches: ["a holder stands still"],
  run: ({ conditions, holdNanos, others, pauseNanos }) =>
    Effect.gen(function* () {
      const seen = new Seen()
      const hosts = new Hosts(new StateMachine(conditions))
      yield* hosts.start(0, (life) => faithful(seen, life, holdNanos))
      for (const process of [1, 2]) yield* hosts.start(process, (life) => wants(seen, others, process, life))
      yield* sleepUntil(pauseNanos)
      yield* hosts.pause(0)
      const isHolder = seen.inside?.startsWith("p0") === true
      yield* Check.sometimes("a holder stands still", isHolder)
      const { hadIt } = seen
      yield* sleep(10 * second)
      if (isHolder) {
        yield* Check.always(
          "LK-4",
          seen.hadIt === hadIt,
          () => `${seen.hadIt - hadIt} had the key while its holder stood still`
        )
      }
      yield* hosts.resume(0)
      yield* Check.endsWithin("LK-4", "10 seconds", hosts.ended)
    })
})

const waiters = Suite.make({
  name: "State locks of waiters that stand still",
  guarantees: ["LK-1", "LK-4", "LK-6"],
  arbitrary: standstill,
  describe: describeStandstill,
  reaches: ["a waiter stands still"],
  run: ({ conditions, holdNanos, others, pauseNanos }) =>
    Effect.gen(function* () {
      const seen = new Seen()
      const machine = new StateMachine(conditions)
      const hosts = new Hosts(machine)
      yield* hosts.start(0, (life) => faithful(seen, life, holdNanos))
      for (const process of [1, 2]) yield* hosts.start(process, (life) => wants(seen, others, process, life))
      yield* sleepUntil(pauseNanos)
      const waits = Array.from(seen.waiting.keys()).some(({ process }) => process === 1)
      yield* hosts.pause(1)
      // Who has the key, or the document, is no waiter.
      const isInTheWay = Array.from(machine.locks).some(
        ([name, owner]) => owner.startsWith("p1") && (name === `lock:${key}` || name.startsWith("document"))
      )
      yield* Check.sometimes("a waiter stands still", waits && !isInTheWay)
      if (!isInTheWay) {
        const isLeft = () => Array.from(seen.waiting.keys()).some(({ process }) => process === 2)
        yield* sleepUntil(Math.max(yield* now, 100 * millisecond))
        yield* Check.converges(
          "LK-6",
          "2 seconds",
          Effect.sync(() => !isLeft()),
          () => `nobody has the key, and p2 waits: locked are ${Array.from(machine.locks.keys()).join("; ")}`
        )
      }
      yield* hosts.resume(1)
      yield* Check.endsWithin("LK-6", "10 seconds", hosts.ended)
    })
})

// ----------------------------------------------------------------------------
// Who comes when
// ----------------------------------------------------------------------------

interface Rush {
  readonly conditions: Conditions
  /** For each process, how many of its fibers want the key over and over. */
  readonly fibers: ReadonlyArray<number>
  readonly what: Wanting["what"]
  readonly workNanos: number
  /** How long each fiber waits before it wants the key once more. */
  readonly restNanos: number
}

const rounds = 48

/** Of the processes that poll, chance picks the next: being overtaken so often by each other one is one in millions. */
const mostOvertakes = 45

/** A process has a document for a slice of time at once, and changes it as often as it can meanwhile. */
const longestWait = 250 * millisecond

const rush = (others: Array<number>, process: number, { instance }: Life, plan: Rush) =>
  Effect.gen(function* () {
    const state = yield* counter
    /** Those of this process that want the key, in the order in which they came. */
    const queue: Array<number> = []
    let arrivals = 0
    const one = Effect.gen(function* () {
      for (let round = 0; round < rounds; round++) {
        const arrival = arrivals++
        const before = others[process] ?? 0
        const start = yield* now
        queue.push(arrival)
        const had = Effect.gen(function* () {
          const place = queue.indexOf(arrival)
          queue.splice(place, 1)
          const overtakes = (others[process] ?? 0) - before
          for (const other of others.keys()) if (other !== process) others[other] = (others[other] ?? 0) + 1
          yield* Check.always(
            "LK-6",
            place === 0,
            () => `${place} of p${process} were overtaken by a later one`
          )
          const waited = (yield* now) - start
          yield* Check.always(
            "LK-6",
            plan.what === "change" ? waited <= longestWait : overtakes <= mostOvertakes * (others.length - 1),
            () => `p${process} was overtaken ${overtakes} times, in ${words(waited)}`
          )
          yield* Check.sometimes("somebody is overtaken", overtakes > 0)
        })
        if (plan.what === "change")
          yield* Effect.andThen(
            state.update((n) => n + 1),
            had
          )
        else yield* Lock.withLock(Effect.andThen(had, sleep(plan.workNanos)), key)
        if (plan.restNanos > 0) yield* sleep(plan.restNanos)
      }
    })
    yield* Effect.all(
      Array.from({ length: plan.fibers[process] ?? 0 }, () => one),
      { concurrency: "unbounded" }
    )
  }).pipe(Effect.provideContext(instance), Effect.orDie)

const rushes = Suite.make({
  name: "State locks in a rush",
  guarantees: ["LK-6"],
  // Only there is the order in which fibers ask the one in which they stand in the queue.
  level: "realistic",
  arbitrary: fc.record<Rush>({
    conditions: healthy.map((conditions) => ({
      ...conditions,
      commitNanos: Math.max(conditions.commitNanos, 200_000),
      // An operating system needs no time to let go of a lock: who does would be the only one to find it free.
      unlockNanos: 0
    })),
    fibers: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 3 }),
    what: fc.constantFrom("section", "change"),
    workNanos: fc.constantFrom(100_000, millisecond, 5 * millisecond, 40 * millisecond),
    restNanos: fc.constantFrom(0, 0, 100_000, 3 * millisecond)
  }),
  describe: ({ conditions, fibers, restNanos, what, workNanos }) =>
    [
      describeConditions(conditions),
      `${fibers.length} processes, with ${fibers.join(", ")} fibers, want a ${what} for ${words(workNanos)}, ` +
        `and once more after ${words(restNanos)}`
    ].join("\n"),
  reaches: ["somebody is overtaken"],
  run: (plan) =>
    Effect.gen(function* () {
      const hosts = new Hosts(new StateMachine(plan.conditions))
      const others = plan.fibers.map(() => 0)
      for (const process of plan.fibers.keys()) {
        yield* hosts.start(process, (life) => rush(others, process, life, plan))
      }
      yield* Check.endsWithin("LK-6", "10 minutes", hosts.ended)
    })
})

export const suites: ReadonlyArray<Suite.Suite> = [deaths, holders, waiters, rushes]
