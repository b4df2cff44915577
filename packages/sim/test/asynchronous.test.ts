import { setTimeout as wait } from "node:timers/promises"
import { assert, describe, it, layer } from "@effect/vitest"
import { Check, Simulation } from "@holdfast/sim"
import { Cause, Clock, Deferred, Effect, Exit, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"

const value = async <A, E>(program: Effect.Effect<A, E>, options?: Simulation.AsyncOptions): Promise<A> => {
  const { exit } = await Simulation.runPromise(program, options)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))
}

const failure = async (program: Effect.Effect<unknown, unknown>, options?: Simulation.AsyncOptions) => {
  const { exit } = await Simulation.runPromise(program, options)
  return Exit.isFailure(exit) ? Cause.pretty(exit.cause) : assert.fail("expected a failure")
}

/** A chain of promises that only wait for each other. */
const chained = async (links: number): Promise<number> => {
  for (let i = 0; i < links; i++) await Promise.resolve()
  return links
}

describe("Simulation.runPromise", () => {
  it("time is virtual, and promises settle before it moves on", async () => {
    const program = Effect.gen(function* () {
      const links = yield* Effect.promise(() => chained(100)).pipe(Effect.timeout("1 nanos"))
      yield* Effect.sleep("1 hour")
      return [links, yield* Clock.currentTimeMillis]
    })
    assert.deepStrictEqual(await value(program), [100, 3_600_000])
  })

  it("a synchronous run within it is sealed as any other", async () => {
    const inner = Effect.sync(() => Simulation.run(Effect.sync(() => setTimeout(() => {}, 0))).exit)
    const exit = await value(inner)
    assert.match(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", /setTimeout was used/)
    // What the outer run does not seal works again.
    await value(Effect.sync(() => clearTimeout(setTimeout(() => {}, 0))))
  })

  it("what Simulation.promise evaluates may use real time, as fetch does; what follows may not", async () => {
    const real = Simulation.promise(async () => performance.now())
    assert.isNumber(await value(real))
    assert.match(await failure(Effect.tap(real, () => Effect.sync(() => Date.now()))), /Date.now was used/)
  })

  it("virtual time waits for Simulation.promise, as long as it takes", async () => {
    const program = Effect.gen(function* () {
      const waited = yield* Simulation.promise(() => wait(20, "read")).pipe(Effect.timeout("1 millis"))
      return [waited, yield* Clock.currentTimeMillis]
    })
    assert.deepStrictEqual(await value(program), ["read", 0])
  })

  it("Simulation.promise fails with what the promise was rejected with as its cause, and aborts when it is interrupted", async () => {
    let aborted = false
    const program = Effect.gen(function* () {
      const refused = yield* Effect.flip(Simulation.promise(() => Promise.reject(new Error("refused"))))
      const fiber = yield* Effect.forkChild(
        Simulation.promise(
          (signal) =>
            new Promise(() => {
              signal.addEventListener("abort", () => {
                aborted = true
              })
            })
        ),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      return String(refused.cause)
    })
    assert.strictEqual(await value(program), "Error: refused")
    assert.isTrue(aborted)
  })

  it("results of promises that settle in one turn arrive in an order that the schedule decides", async () => {
    const program = Effect.gen(function* () {
      const order: Array<number> = []
      yield* Effect.forEach(
        [0, 1, 2],
        (n) =>
          Effect.tap(
            Simulation.promise(() => chained(1)),
            () => Effect.sync(() => order.push(n))
          ),
        { concurrency: "unbounded" }
      )
      return order.join("")
    })
    const orders = new Set<string>()
    for (let seed = 0; seed < 60; seed++) orders.add(await value(program, { seed }))
    assert.isAbove(orders.size, 1)
    assert.strictEqual(await value(program, { seed: 7 }), await value(program, { seed: 7 }))
  })

  it("withLive lets real time pass, while virtual time stands", async () => {
    const program = Effect.gen(function* () {
      const before = yield* TestClock.withLive(Clock.monotonicTimeNanos)
      yield* TestClock.withLive(Effect.sleep("5 millis"))
      const after = yield* TestClock.withLive(Clock.monotonicTimeNanos)
      return [after - before >= 4_000_000n, yield* Clock.currentTimeMillis]
    })
    assert.deepStrictEqual(await value(program), [true, 0])
  })

  it("SIM-1: the same seed gives the same hash", async () => {
    const program = Effect.gen(function* () {
      yield* Effect.forEach(
        [1, 2, 3],
        (n) =>
          Effect.andThen(
            Effect.sleep(n),
            Simulation.promise(() => chained(n))
          ),
        {
          concurrency: "unbounded"
        }
      )
      return yield* Random.nextInt
    })
    const first = await Simulation.runPromise(program, { seed: 5 })
    const second = await Simulation.runPromise(program, { seed: 5 })
    const replayed = await Simulation.runPromise(program, { choices: first.choices })
    assert.strictEqual(second.hash, first.hash)
    assert.strictEqual(replayed.hash, first.hash)
  })

  it("ambient time and chance are sealed here too", async () => {
    assert.match(await failure(Effect.sync(() => Date.now())), /Date\.now was used/)
    assert.match(await failure(Effect.ignoreCause(Effect.sync(() => Math.random()))), /Math\.random was used/)
  })

  it("a deadlock is found when no promise comes", async () => {
    const program = Effect.flatMap(Deferred.make<void>(), Deferred.await)
    assert.match(await failure(program, { patienceMillis: 20 }), /deadlock/)
  })

  it("limits and oracles end the run", async () => {
    assert.match(await failure(Effect.forever(Effect.yieldNow), { maxStepsPerInstant: 1000 }), /livelock/)
    assert.match(await failure(Effect.forever(Effect.sleep(1)), { maxSteps: 1000 }), /maxSteps/)
    assert.match(
      await failure(Effect.ignoreCause(Check.always("X-1", false, "never"))),
      /X-1 does not hold: never/
    )
  })
})

describe("Simulation.layer", () => {
  layer(Simulation.layer({ seed: 3 }), { excludeTestServices: true })((it) => {
    it.effect("time moves on by itself", () =>
      Effect.gen(function* () {
        const start = yield* Clock.currentTimeMillis
        yield* Effect.sleep("1 hour")
        assert.strictEqual((yield* Clock.currentTimeMillis) - start, 3_600_000)
      })
    )

    it.effect("TestClock works unchanged", () =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.as(Effect.sleep("1 minute"), "done"))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed("done"))
      })
    )

    it.effect("withLive lets real time pass", () => TestClock.withLive(Effect.sleep(2)))
  })

  it.effect("can be provided to one program", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("1 day")
      return yield* Random.next
    }).pipe(Effect.provide(Simulation.layer({ seed: 1 })))
  )
})
