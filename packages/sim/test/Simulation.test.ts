import { assert, describe, it } from "@effect/vitest"
import { Simulation, Strategy } from "@holdfast/sim"
import {
  Cause,
  Clock,
  Console,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  HashMap,
  Latch,
  Queue,
  Random,
  Scope,
  Semaphore
} from "effect"
import { SecureRandom } from "effect/crypto"
import { TestClock } from "effect/testing"

/** What a program gives; its failure is the test's. */
const value = <A, E>(program: Effect.Effect<A, E>, options?: Simulation.Options): A => {
  const { exit } = Simulation.run(program, options)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))
}

/** The error of a run that could not go on. */
const error = (program: Effect.Effect<unknown, unknown>, options?: Simulation.Options) => {
  const { exit } = Simulation.run(program, options)
  if (Exit.isSuccess(exit)) return assert.fail(`expected a failure, but it succeeded with ${exit.value}`)
  const [reason] = exit.cause.reasons
  const failed = reason?._tag === "Fail" ? reason.error : undefined
  if (failed instanceof Error && "_tag" in failed)
    return { _tag: String(failed._tag), message: failed.message }
  return assert.fail(Cause.pretty(exit.cause))
}

/** Reads and writes with nothing in between that waits. */
const lostUpdate = (writers: number) =>
  Effect.gen(function* () {
    let count = 0
    const increment = Effect.flatMap(
      Effect.sync(() => count),
      (read) =>
        Effect.sync(() => {
          count = read + 1
        })
    )
    const fibers = yield* Effect.forEach(Array.from({ length: writers }), () => Effect.forkChild(increment))
    yield* Effect.forEach(fibers, Fiber.join)
    return count
  })

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)

describe("Simulation", () => {
  describe("time", () => {
    it("SIM-2: a year of sleep takes one call", () => {
      const result = Simulation.run(Effect.sleep("365 days"))
      assert.strictEqual(result.virtualMillis, Duration.toMillis("365 days"))
    })

    it("moves on by itself, to the next timer", () => {
      const program = Effect.gen(function* () {
        const order: Array<string> = []
        const at = (name: string, delay: Duration.Input) =>
          Effect.delay(
            Effect.sync(() => order.push(name)),
            delay
          )
        yield* Effect.all([at("late", "2 hours"), at("early", "1 nanos"), at("middle", "1 minute")], {
          concurrency: "unbounded"
        })
        return { order, millis: yield* Clock.currentTimeMillis }
      })
      assert.deepStrictEqual(value(program), { order: ["early", "middle", "late"], millis: 7_200_000 })
    })

    it("is exact to the nanosecond", () => {
      const program = Effect.gen(function* () {
        const clock = yield* Clock.Clock
        yield* Effect.sleep(Duration.nanos(1n))
        yield* Effect.sleep("0.3 millis")
        yield* Effect.sleep("10 days")
        return yield* clock.monotonicTimeNanos
      })
      assert.strictEqual(value(program), 864_000_000_300_001n)
    })

    it("a sleep of nothing yields, and an infinite one never ends", () => {
      const program = Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.sleep(Duration.infinity))
        yield* Effect.sleep(0)
        yield* Effect.sleep("100 days")
        return fiber.pollUnsafe()
      })
      assert.strictEqual(value(program), undefined)
    })

    it("an interrupted sleep leaves no timer", () => {
      const { leaks, virtualMillis } = Simulation.run(
        Effect.timeoutOption(Effect.sleep("1 hour"), "1 second")
      )
      assert.strictEqual(virtualMillis, 1000)
      assert.deepStrictEqual(leaks, { fibers: [], timers: 0, scopes: 0 })
    })
  })

  describe("TestClock", () => {
    it("adjust lets everything up to its instant happen first", () => {
      for (const seed of seeds(200)) {
        const program = Effect.gen(function* () {
          let ran = 0
          const count = Effect.sync(() => {
            ran++
          })
          yield* Effect.forkChild(Effect.delay(count, "1 second"))
          yield* Effect.forkChild(Effect.delay(Effect.andThen(Effect.yieldNow, count), "1 second"))
          yield* Effect.forkChild(Effect.delay(count, "1001 millis"))
          yield* TestClock.adjust("1 second")
          return [ran, yield* Clock.currentTimeMillis]
        })
        assert.deepStrictEqual(value(program, { seed }), [2, 1000])
      }
    })

    it("setTime forward passes the time, backward only turns the wall clock", () => {
      const program = Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const fiber = yield* Effect.forkChild(Effect.sleep("1 minute"))
        yield* TestClock.setTime(50_000)
        const before = fiber.pollUnsafe()
        yield* TestClock.setTime(10_000)
        const wall = yield* clock.currentTimeMillis
        const monotonic = yield* clock.monotonicTimeNanos
        yield* Fiber.join(fiber)
        return { before, wall, monotonic, after: yield* clock.currentTimeMillis }
      })
      assert.deepStrictEqual(value(program), {
        before: undefined,
        wall: 10_000,
        monotonic: 50_000_000_000n,
        after: 20_000
      })
    })

    it("withLive cannot let real time pass in a synchronous call, and says so", () => {
      const failed = error(TestClock.withLive(Effect.sleep(1)))
      assert.strictEqual(failed._tag, "AmbientUse")
      assert.match(failed.message, /setTimeout .*runPromise/s)
    })
  })

  describe("schedules", () => {
    it("SIM-1: the same seed gives the same run, step by step", () => {
      for (const seed of seeds(100)) {
        const first = Simulation.run(lostUpdate(4), { seed, trace: true })
        const second = Simulation.run(lostUpdate(4), { seed, trace: true })
        assert.strictEqual(first.hash, second.hash)
        assert.deepStrictEqual(first.trace, second.trace)
      }
    })

    it("SIM-1: a recording repeats the run that it was made of, with a trace or without", () => {
      for (const level of ["anywhere", "realistic"] as const) {
        for (const seed of seeds(200)) {
          const original = Simulation.run(lostUpdate(3), { seed, level })
          const again = Simulation.run(lostUpdate(3), { choices: original.choices, level, trace: true })
          assert.strictEqual(again.hash, original.hash)
          assert.deepStrictEqual(again.choices, original.choices)
        }
      }
    })

    it("SIM-1: what the first run builds for all of them, with fibers of its own, does not show in the hash", () => {
      let built: number | undefined
      const lazily = Effect.sync(() => {
        built ??= Effect.runSync(Effect.map(Effect.succeed(1), (n) => n + 1))
      })
      const program = Effect.gen(function* () {
        yield* Effect.sleep(1)
        yield* lazily
        assert.strictEqual(built, 2)
        yield* Effect.forkChild(Effect.sleep(1))
        yield* Effect.sleep(5)
      })
      const hashes = [1, 1, 1].map((seed) => Simulation.run(program, { seed }).hash)
      assert.strictEqual(new Set(hashes).size, 1)
    })

    it("different seeds give different runs", () => {
      const hashes = new Set(seeds(100).map((seed) => Simulation.run(lostUpdate(4), { seed }).hash))
      assert.isAbove(hashes.size, 50)
    })

    it("without a seed the run is calm", () => {
      const { choices, exit } = Simulation.run(lostUpdate(4))
      assert.deepStrictEqual(exit, Exit.succeed(4))
      assert.deepStrictEqual(choices, { gap: [], pick: [], fault: [], random: [] })
    })

    it("preemption finds an update that is lost between a read and a write", () => {
      const lost = seeds(2000).filter((seed) => value(lostUpdate(3), { seed }) !== 3)
      assert.isAbove(lost.length, 20)
    })

    it.each([Strategy.walk({ gap: 8 }), Strategy.pct({ depth: 3, horizon: 60 })])(
      "so does each strategy on its own: $_tag",
      (strategy) => {
        assert.isTrue(seeds(2000).some((seed) => value(lostUpdate(3), { seed, strategy }) !== 3))
      }
    )

    it("the calm strategy never does, and neither does the stock scheduler", () => {
      for (const seed of seeds(500)) {
        assert.strictEqual(value(lostUpdate(3), { seed, strategy: Strategy.fifo }), 3)
        assert.strictEqual(value(lostUpdate(3), { seed, level: "realistic" }), 3)
      }
    })

    it("timers of one instant race, unless the stock scheduler keeps their order", () => {
      const order = (first: Duration.Input, second: Duration.Input) =>
        Effect.gen(function* () {
          const ended: Array<string> = []
          const sleeper = (name: string, delay: Duration.Input) =>
            Effect.delay(
              Effect.sync(() => ended.push(name)),
              delay
            )
          const a = yield* Effect.forkChild(sleeper("a", first), { startImmediately: true })
          yield* Effect.sleep("1 second")
          const b = yield* Effect.forkChild(sleeper("b", second), { startImmediately: true })
          yield* Fiber.join(a)
          yield* Fiber.join(b)
          return ended.join("")
        })
      const orders = (program: Effect.Effect<string>, level: Simulation.Level) =>
        new Set(seeds(200).map((seed) => value(program, { seed, level })))
      assert.deepStrictEqual(orders(order("3 seconds", "2 seconds"), "realistic"), new Set(["ab", "ba"]))
      assert.deepStrictEqual(orders(order("3 seconds", "2 seconds"), "anywhere"), new Set(["ab", "ba"]))
    })

    it("at the level realistic, timers that were set for the same time keep their order", () => {
      const program = Effect.gen(function* () {
        const ended: Array<number> = []
        yield* Effect.forEach(
          [0, 1, 2, 3],
          (n) =>
            Effect.delay(
              Effect.sync(() => ended.push(n)),
              "1 second"
            ),
          { concurrency: "unbounded" }
        )
        return ended.join("")
      })
      for (const seed of seeds(300)) assert.strictEqual(value(program, { seed, level: "realistic" }), "0123")
      assert.isTrue(seeds(300).some((seed) => value(program, { seed }) !== "0123"))
    })

    it("a fiber that is started at once runs up to its first wait at the level realistic", () => {
      const program = Effect.gen(function* () {
        const latch = yield* Latch.make()
        let waits = false
        yield* Effect.forkChild(
          Effect.andThen(
            Effect.sync(() => {
              waits = true
            }),
            latch.await
          ),
          { startImmediately: true }
        )
        const seen = waits
        yield* latch.open
        return seen
      })
      for (const seed of seeds(300)) assert.isTrue(value(program, { seed, level: "realistic" }))
    })

    it("a chain of 5,000 wake-ups arrives", () => {
      const program = Effect.gen(function* () {
        const links = yield* Effect.forEach(Array.from({ length: 5001 }), () => Deferred.make<void>())
        for (let i = 0; i < 5000; i++) {
          const [from, to] = [links[i], links[i + 1]]
          if (from === undefined || to === undefined) return assert.fail("out of range")
          yield* Effect.forkChild(Effect.andThen(Deferred.await(from), Deferred.succeed(to, undefined)), {
            startImmediately: true
          })
        }
        const [first, last] = [links[0], links[5000]]
        if (first === undefined || last === undefined) return assert.fail("out of range")
        yield* Deferred.succeed(first, undefined)
        yield* Deferred.await(last)
        return "arrived"
      })
      for (const level of ["anywhere", "realistic"] as const)
        assert.strictEqual(value(program, { seed: 1, level }), "arrived")
    })

    it("at the level realistic, a fiber's own tasks run by their priority", () => {
      const order = (priority: number) =>
        Effect.gen(function* () {
          const order: Array<string> = []
          const child = yield* Effect.forkChild(Effect.sync(() => order.push("child")))
          yield* Effect.yieldNowWith(priority)
          order.push("parent")
          yield* Fiber.join(child)
          return order.join()
        })
      for (const seed of seeds(50)) {
        assert.strictEqual(value(order(10), { seed, level: "realistic" }), "child,parent")
        assert.strictEqual(value(order(-1), { seed, level: "realistic" }), "parent,child")
      }
    })

    it("at the level realistic, fibers take turns as on the stock scheduler", async () => {
      const program = Effect.gen(function* () {
        const order: Array<string> = []
        const note = (name: string) => Effect.sync(() => order.push(name))
        const fibers = [
          yield* Effect.forkChild(note("1")),
          yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, note("X")), { startImmediately: true }),
          yield* Effect.forkChild(note("2"))
        ]
        yield* Effect.forEach(fibers, Fiber.await)
        return order.join("")
      })
      const stock = await Effect.runPromise(program)
      for (const seed of seeds(50)) assert.strictEqual(value(program, { seed, level: "realistic" }), stock)
    })

    it("at the level realistic, all of 1,000 waiters wake in order", () => {
      const program = Effect.gen(function* () {
        const deferred = yield* Deferred.make<void>()
        let woken = 0
        const waiter = Effect.andThen(
          Deferred.await(deferred),
          Effect.sync(() => {
            woken++
          })
        )
        yield* Effect.forEach(seeds(1000), () => Effect.forkChild(waiter, { startImmediately: true }))
        yield* Deferred.succeed(deferred, undefined)
        return woken
      })
      assert.strictEqual(value(program, { seed: 1, level: "realistic" }), 1000)
    })
  })

  describe("chance", () => {
    it("Random draws from the seed", () => {
      const program = Effect.all([Random.next, Random.nextInt, Random.nextBoolean])
      assert.deepStrictEqual(value(program, { seed: 3 }), value(program, { seed: 3 }))
      assert.notDeepEqual(value(program, { seed: 3 }), value(program, { seed: 4 }))
    })

    it("calm numbers are all different, so that identifiers made of them are", () => {
      const drawn = value(Effect.forEach(Array.from({ length: 1000 }), () => Random.nextInt))
      assert.strictEqual(new Set(drawn).size, 1000)
    })

    it("a search meets both ends of the range", () => {
      const drawn = seeds(500).map((seed) => value(Random.next, { seed }))
      assert.isTrue(drawn.includes(0))
      assert.isTrue(drawn.includes(1 - 2 ** -53))
      assert.isTrue(drawn.every((one) => one >= 0 && one < 1))
    })

    it("SecureRandom gives identifiers that are the same for a seed, and all different", () => {
      const ids = Effect.gen(function* () {
        const { uuidV4 } = yield* SecureRandom.SecureRandom
        return yield* Effect.forEach(Array.from({ length: 200 }), () => uuidV4())
      }).pipe(Effect.provide(Simulation.layerSecureRandom))
      for (const options of [{}, { seed: 1 }, { seed: 2 }]) {
        const drawn = value(ids, options)
        assert.strictEqual(new Set(drawn).size, 200)
        assert.deepStrictEqual(value(ids, options), drawn)
      }
      assert.notDeepEqual(value(ids, { seed: 1 }), value(ids, { seed: 2 }))
    })

    it("spans have identifiers that count", () => {
      const id = Effect.map(Effect.currentSpan, ({ spanId, traceId }) => [spanId, traceId])
      const program = Effect.withSpan(id, "outer")
      assert.deepStrictEqual(value(program, { seed: 1 }), value(program, { seed: 2 }))
    })
  })

  describe("sealing", () => {
    const uses: ReadonlyArray<readonly [string, () => unknown]> = [
      ["Date.now", () => Date.now()],
      ["new Date()", () => new Date()],
      ["Date()", () => Date()],
      ["Math.random", () => Math.random()],
      ["performance.now", () => performance.now()],
      ["process.hrtime.bigint", () => process.hrtime.bigint()],
      ["process.hrtime", () => process.hrtime()],
      ["new Date()", () => Reflect.construct(new Date(5).constructor, [])],
      ["Intl.DateTimeFormat.format()", () => new Intl.DateTimeFormat("en").format()],
      ["Intl.DateTimeFormat.format()", () => Intl.DateTimeFormat("en").formatToParts()],
      ["setTimeout", () => setTimeout(() => {}, 0)],
      ["setInterval", () => setInterval(() => {}, 0)],
      ["setImmediate", () => setImmediate(() => {})],
      ["queueMicrotask", () => queueMicrotask(() => {})],
      ["process.nextTick", () => process.nextTick(() => {})],
      ["crypto.randomUUID", () => crypto.randomUUID()],
      ["crypto.getRandomValues", () => crypto.getRandomValues(new Uint8Array(1))],
      ["AbortSignal.timeout", () => AbortSignal.timeout(1)],
      ["MessageChannel", () => new MessageChannel()],
      ["fetch", () => fetch("http://127.0.0.1")],
      ["a native promise", () => Promise.resolve().then(() => {})]
    ]

    it.each(uses)("%s fails the run, whatever the program does with the error", (what, use) => {
      const failed = error(Effect.ignoreCause(Effect.sync(use)))
      assert.strictEqual(failed._tag, "AmbientUse")
      assert.include(failed.message, `${what} was used`)
      assert.include(failed.message, "Simulation.test.ts")
    })

    it("a web Response fails the run, and leaves nothing behind that would end the process", async () => {
      const failed = error(Effect.sync(() => new Response("text")))
      assert.strictEqual(failed._tag, "AmbientUse")
      await new Promise((resolve) => setImmediate(resolve))
    })

    it("is undone after the run, also after one that failed", () => {
      const globals = () => [
        Date,
        new Date(5).constructor,
        Intl.DateTimeFormat,
        Math.random,
        process.hrtime,
        setTimeout,
        performance.now,
        Promise.prototype.then
      ]
      const before = globals()
      Simulation.run(Effect.sync(() => Date.now()))
      assert.deepStrictEqual(globals(), before)
      assert.isNumber(Date.now())
    })

    it("dates can be made of numbers, and are dates outside too", () => {
      const date = value(Effect.sync(() => [new Date(5), new Date(7) instanceof Date] as const))
      assert.deepStrictEqual(date, [new Date(5), true])
      assert.instanceOf(date[0], Date)
    })

    it("a date that is given can be formatted, by a formatter that goes on working after the run", () => {
      const formatter = value(Effect.sync(() => new Intl.DateTimeFormat("en", { timeZone: "UTC" })))
      assert.strictEqual(value(Effect.sync(() => formatter.format(new Date(0)))), "1/1/1970")
      assert.isString(formatter.format())
    })

    it("DateTime takes the time of the run", () => {
      assert.strictEqual(
        value(Effect.andThen(Effect.sleep(5), Effect.map(DateTime.now, DateTime.toEpochMillis))),
        5
      )
    })

    it("a HashMap with functions as keys works", () => {
      const key = () => 1
      assert.deepStrictEqual(value(Effect.sync(() => HashMap.get(HashMap.make([key, 1]), key)._tag)), "Some")
    })

    it("what a program prints goes into the trace", () => {
      const program = Effect.andThen(
        Effect.sync(() => console.log("global", 1)),
        Effect.andThen(Console.log("of Effect"), Effect.logError("logged", Cause.fail("why")))
      )
      const { exit, trace } = Simulation.run(program, { trace: true })
      assert.isTrue(Exit.isSuccess(exit))
      const logs = trace.filter(({ kind }) => kind === "log").map(({ text }) => text.split("\n")[0])
      assert.deepStrictEqual(logs.slice(0, 2), ["global 1", "of Effect"])
      assert.match(logs[2] ?? "", /^Error: logged .*why/)
    })

    it("Effect.runSync of a program that yields is no native promise", () => {
      const inner = Effect.sync(() => Effect.runSync(Effect.as(Effect.yieldNow, "inner")))
      assert.strictEqual(value(inner), "inner")
    })

    it("an async function that uses ambient time leaves no unhandled rejection", async () => {
      assert.strictEqual(error(Effect.promise(async () => Date.now()))._tag, "AmbientUse")
      await new Promise((resolve) => setImmediate(resolve))
    })

    it("a run within a run has seals and an end of its own", () => {
      const inner = Effect.sync(
        () => Simulation.run(Effect.andThen(Effect.sleep(5), Effect.succeed("inner"))).exit
      )
      assert.deepStrictEqual(value(inner), Exit.succeed("inner"))
      const outer = Effect.sync(() => {
        Simulation.run(Effect.sync(() => Math.random()))
        return "outer"
      })
      assert.strictEqual(value(outer), "outer")
    })
  })

  describe("a run that cannot go on", () => {
    const waits: ReadonlyArray<readonly [string, Effect.Effect<unknown>]> = [
      ["a Deferred", Effect.flatMap(Deferred.make<void>(), Deferred.await)],
      ["a Latch", Effect.flatMap(Latch.make(), (latch) => latch.await)],
      ["a permit of a Semaphore", Effect.flatMap(Semaphore.make(0), (semaphore) => semaphore.take(1))],
      ["an item of a Queue", Effect.flatMap(Queue.unbounded<number>(), Queue.take)],
      [
        "room in a Queue",
        Effect.flatMap(Queue.bounded<number>(1), (queue) =>
          Effect.andThen(Queue.offer(queue, 1), Queue.offer(queue, 2))
        )
      ],
      ["Effect.never", Effect.never]
    ]

    it.each(waits)("a deadlock names what its fibers wait for: %s", (what, wait) => {
      const failed = error(Effect.asVoid(wait))
      assert.strictEqual(failed._tag, "Deadlock")
      assert.include(failed.message, `waits for ${what}`)
    })

    it("a deadlock names the functions that its fibers are in", () => {
      const take = Effect.fn("takeBoth")(function* (first: Semaphore.Semaphore, second: Semaphore.Semaphore) {
        yield* first.withPermits(1)(Effect.andThen(Effect.sleep(1), second.withPermits(1)(Effect.void)))
      })
      const program = Effect.gen(function* () {
        const a = yield* Semaphore.make(1)
        const b = yield* Semaphore.make(1)
        yield* Effect.all([take(a, b), take(b, a)], { concurrency: "unbounded" })
      })
      const { message } = error(program)
      assert.strictEqual(message.match(/\(takeBoth\) on main waits for a permit of a Semaphore/g)?.length, 2)
    })

    it("a native promise that is awaited is found as a deadlock, with its likely cause", () => {
      const failed = error(Effect.promise(async () => await new Promise(() => {})))
      assert.include(["Deadlock", "AmbientUse"], failed._tag)
      assert.match(failed.message, /native promise/)
    })

    it.each([
      ["yielding", Effect.forever(Effect.yieldNow)],
      ["busy", Effect.forever(Effect.void)],
      ["sleeping for nothing", Effect.forever(Effect.sleep(0))]
    ] as const)("a livelock is an error: %s", (_, program) => {
      assert.strictEqual(error(program, { maxStepsPerInstant: 10_000 })._tag, "Livelock")
    })

    it("what a task throws outside of any fiber ends the run, as it ends a process", async () => {
      const thrown = new Error("thrown by a task")
      const program = Effect.withFiber((fiber) => {
        fiber.currentDispatcher.scheduleTask(() => {
          throw thrown
        }, 0)
        return Effect.sleep("1 second")
      })
      assert.deepStrictEqual(Simulation.run(program).exit, Exit.die(thrown))
      assert.deepStrictEqual((await Simulation.runPromise(program)).exit, Exit.die(thrown))
      // Nothing is sealed any more.
      assert.isNumber(Date.now())
    })

    it("steps and time have a limit", () => {
      const program = Effect.forever(Effect.sleep("1 second"))
      assert.match(error(program, { maxSteps: 1000 }).message, /maxSteps/)
      assert.match(error(program, { maxTime: "1 hour" }).message, /3600000 ms.*maxTime/s)
    })

    it("what is no limit, or no seed, is refused by its name", async () => {
      const refused: ReadonlyArray<readonly [Simulation.AsyncOptions, RegExp]> = [
        [{ maxSteps: Number.NaN }, /^maxSteps must be a number of at least 0, but is NaN$/],
        [{ maxSteps: -1 }, /^maxSteps /],
        [{ maxStepsPerInstant: Number.NaN }, /^maxStepsPerInstant /],
        [{ maxTime: Number.NaN }, /^maxTime /],
        [{ maxTime: "-5 seconds" }, /^maxTime /],
        [{ seed: 0.5 }, /^seed must be a whole number, but is 0.5$/],
        [{ seed: Number.NaN }, /^seed /],
        [{ seed: 2 ** 53 }, /^seed /]
      ]
      for (const [options, message] of refused) {
        assert.throws(() => Simulation.run(Effect.void, options), RangeError, message)
        const rejected = await Simulation.runPromise(Effect.void, options).catch((cause: unknown) => cause)
        assert.instanceOf(rejected, RangeError)
      }
      for (const options of [{ maxRuns: Number.NaN }, { preemptions: -1 }]) {
        assert.throws(() => Simulation.explore(Effect.void, options), RangeError)
      }
      const impatient = Simulation.runPromise(Effect.void, { patienceMillis: Number.NaN })
      assert.instanceOf(await impatient.catch((cause: unknown) => cause), RangeError)
      assert.strictEqual(value(Effect.succeed(1), { maxSteps: Infinity, maxTime: Infinity, seed: -1 }), 1)
    })
  })

  describe("leaks", () => {
    it("a fiber that outlives its program is named, with its timer", () => {
      const { leaks } = Simulation.run(Effect.forkDetach(Effect.sleep("1 hour"), { startImmediately: true }))
      assert.strictEqual(leaks.fibers.length, 1)
      assert.isFalse(leaks.fibers[0]?.interrupted)
      assert.strictEqual(leaks.timers, 1)
    })

    it("work that was interrupted and goes on is told apart", () => {
      const program = Effect.gen(function* () {
        const fiber = yield* Effect.forkDetach(Effect.uninterruptible(Effect.sleep("1 hour")), {
          startImmediately: true
        })
        fiber.interruptUnsafe()
      })
      assert.isTrue(Simulation.run(program).leaks.fibers[0]?.interrupted)
    })

    it("a scope that was never closed is counted", () => {
      const inScope = (scope: Scope.Scope) =>
        Effect.addFinalizer(() => Effect.void).pipe(
          Effect.andThen(Effect.forkChild(Effect.void)),
          Effect.provideService(Scope.Scope, scope)
        )
      const forgotten = Effect.flatMap(Scope.make(), inScope)
      const closed = Effect.scoped(Effect.flatMap(Effect.scope, inScope))
      assert.strictEqual(Simulation.run(forgotten).leaks.scopes, 1)
      assert.strictEqual(Simulation.run(closed).leaks.scopes, 0)
    })

    it("what ends in the instant of the program's end is no leak", () => {
      const program = Effect.forkDetach(Effect.andThen(Effect.yieldNow, Effect.yieldNow))
      assert.deepStrictEqual(Simulation.run(program).leaks, { fibers: [], timers: 0, scopes: 0 })
    })
  })
})

describe("Simulation.explore", () => {
  const isLost = (writers: number) => (result: Simulation.Result<number, never>) =>
    Exit.isSuccess(result.exit) && result.exit.value !== writers

  it("finds what one preemption breaks, and gives the schedule", () => {
    const { bad, complete } = Simulation.explore(lostUpdate(2), { preemptions: 1, isBad: isLost(2) })
    assert.isFalse(complete)
    assert.strictEqual(bad?.choices.gap.length, 1)
    assert.strictEqual(Simulation.run(lostUpdate(2), { choices: bad?.choices }).hash, bad?.hash)
  })

  it("says that there is nothing to find when it has seen all", () => {
    assert.isTrue(Simulation.explore(lostUpdate(2), { preemptions: 0, isBad: isLost(2) }).complete)
    const correct = Effect.gen(function* () {
      let count = 0
      const increment = Effect.sync(() => {
        count++
      })
      const fibers = yield* Effect.forEach([1, 2], () => Effect.forkChild(increment))
      yield* Effect.forEach(fibers, Fiber.join)
      return count
    })
    const explored = Simulation.explore(correct, { isBad: isLost(2) })
    assert.isTrue(explored.complete)
    assert.isAbove(explored.runs, 100)
  })

  it("tries every order of what is ready", () => {
    const orders = new Set<string>()
    const program = Effect.gen(function* () {
      const order: Array<number> = []
      const fibers = yield* Effect.forEach([0, 1, 2], (n) =>
        Effect.forkChild(Effect.sync(() => order.push(n)))
      )
      yield* Effect.forEach(fibers, Fiber.join)
      orders.add(order.join(""))
    })
    assert.isTrue(Simulation.explore(program, { preemptions: 0 }).complete)
    assert.deepStrictEqual(orders, new Set(["012", "021", "102", "120", "201", "210"]))
  })

  it("does not claim to have seen all of a long program", () => {
    const long = Effect.gen(function* () {
      const other = yield* Effect.forkChild(Effect.void)
      for (let i = 0; i < 400; i++) yield* Effect.andThen(Effect.void, Effect.void)
      yield* Fiber.join(other)
    })
    assert.isFalse(Simulation.explore(long, { preemptions: 1 }).complete)
  })

  it("gives up where it was told to", () => {
    const { complete, runs } = Simulation.explore(lostUpdate(3), { preemptions: 2, maxRuns: 10 })
    assert.deepStrictEqual([complete, runs], [false, 10])
  })
})
