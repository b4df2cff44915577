import { assert, describe, it } from "@effect/vitest"
import { Host, Simulation } from "@holdfast/sim"
import {
  Cause,
  Clock,
  Context,
  Deferred,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Queue,
  Random,
  Scope
} from "effect"

const value = <A, E>(program: Effect.Effect<A, E>, options?: Simulation.Options): A => {
  const { exit } = Simulation.run(program, options)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))
}

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)

/** Counts up, once in 100 ms. */
const counting = (counts: Array<number>) =>
  Effect.gen(function* () {
    for (let count = 1; ; count++) {
      yield* Effect.sleep("100 millis")
      counts.push(count)
    }
  })

describe("Host", () => {
  it("runs its program, in a context that holds nothing of the test's", () => {
    class Secret extends Context.Service<Secret, string>()("test/Secret") {}
    const program = Effect.gen(function* () {
      const seen = yield* Deferred.make<boolean>()
      const name = yield* Deferred.make<string>()
      yield* Host.make(
        "db",
        Effect.gen(function* () {
          const context = yield* Effect.context<never>()
          yield* Deferred.succeed(seen, Context.getOrUndefined(context, Secret) !== undefined)
          yield* Deferred.succeed(name, yield* Host.current)
        })
      )
      return [yield* Deferred.await(seen), yield* Deferred.await(name), yield* Host.current]
    }).pipe(Effect.provideService(Secret, "of the test"))
    assert.deepStrictEqual(value(program), [false, "db", "main"])
  })

  it("SIM-5: a crash is a SIGKILL: no finalizer runs, and nothing wakes again", () => {
    for (const seed of seeds(200)) {
      const counts: Array<number> = []
      let finalized = 0
      const program = Effect.gen(function* () {
        const host = yield* Host.make(
          "db",
          Effect.gen(function* () {
            yield* Effect.addFinalizer(() =>
              Effect.sync(() => {
                finalized++
              })
            )
            yield* Effect.forkDetach(counting(counts))
            return yield* Effect.ensuring(
              counting([]),
              Effect.sync(() => {
                finalized++
              })
            )
          })
        )
        yield* Effect.sleep("350 millis")
        yield* host.crash
        yield* Effect.sleep("1 hour")
        return yield* host.exited
      })
      assert.deepStrictEqual(value(program, { seed }), { _tag: "Crashed" })
      assert.deepStrictEqual(counts, [1, 2, 3])
      assert.strictEqual(finalized, 0)
    }
  })

  it("SIM-5: a host that crashes itself stops there, and one that pauses itself stands still", () => {
    for (const level of ["anywhere", "realistic"] as const) {
      for (const seed of seeds(50)) {
        const ran: Array<string> = []
        const itself = (what: "crash" | "pause") =>
          Effect.gen(function* () {
            const self = yield* Deferred.make<Host.Host>()
            const host = yield* Host.make(
              what,
              Effect.gen(function* () {
                yield* Effect.addFinalizer(() => Effect.sync(() => ran.push("finalizer")))
                yield* (yield* Deferred.await(self))[what]
                ran.push(`after ${what}`)
                return yield* Effect.never
              })
            )
            yield* Deferred.succeed(self, host)
            yield* Effect.sleep(10)
          })
        value(Effect.andThen(itself("crash"), itself("pause")), { seed, level })
        assert.deepStrictEqual(ran, [])
      }
    }
  })

  it("an interruption of run arrives, however soon it comes", () => {
    for (const seed of seeds(300)) {
      let ran = false
      const program = Effect.gen(function* () {
        const host = yield* Host.make("db")
        const body = Effect.andThen(
          Effect.sleep(1),
          Effect.sync(() => {
            ran = true
          })
        )
        const fiber = yield* Effect.forkChild(host.run(body), { startImmediately: true })
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep(10)
      })
      value(program, { seed })
      assert.isFalse(ran)
    }
  })

  it("what comes during a pause runs after what was there before", () => {
    const program = Effect.gen(function* () {
      const order: Array<string> = []
      const host = yield* Host.make("db")
      const note = (name: string) =>
        Effect.forkChild(host.run(Effect.sync(() => order.push(name))), { startImmediately: true })
      yield* note("before")
      yield* host.pause
      yield* note("during")
      yield* host.resume
      yield* Effect.sleep(1)
      return order
    })
    assert.deepStrictEqual(value(program), ["before", "during"])
  })

  it("a host whose program fails is warned about, with the cause", () => {
    const { warnings } = Simulation.run(
      Effect.andThen(Host.make("db", Effect.fail("no disk")), Effect.sleep(1))
    )
    assert.match(warnings[0] ?? "", /the program of the host "db" failed: .*no disk/)
  })

  it("SIM-5: what resumes a fiber of a dead host from outside does not make it run", () => {
    for (const seed of seeds(300)) {
      let zombie = false
      const program = Effect.gen(function* () {
        const queue = yield* Queue.unbounded<number>()
        const deferred = yield* Deferred.make<void>()
        const mark = Effect.sync(() => {
          zombie = true
        })
        const host = yield* Host.make(
          "db",
          Effect.all(
            [Effect.andThen(Queue.take(queue), mark), Effect.ensuring(Deferred.await(deferred), mark)],
            {
              concurrency: "unbounded"
            }
          )
        )
        yield* Effect.sleep(1)
        yield* host.crash
        yield* Queue.offer(queue, 1)
        yield* Deferred.succeed(deferred, undefined)
        yield* Effect.sleep(1)
      })
      value(program, { seed })
      assert.isFalse(zombie)
    }
  })

  it("SIM-5: a paused host stands still, and goes on in order", () => {
    for (const seed of seeds(200)) {
      const program = Effect.gen(function* () {
        const log: Array<string> = []
        const at = (name: string, delay: Duration.Input) =>
          Effect.flatMap(Effect.delay(Clock.currentTimeMillis, delay), (now) =>
            Effect.sync(() => log.push(`${name}@${now}`))
          )
        const host = yield* Host.make(
          "db",
          Effect.all([at("a", 200), at("b", 300), at("c", 1500)], { concurrency: "unbounded" })
        )
        yield* Effect.sleep(100)
        yield* host.pause
        yield* Effect.sleep(900)
        assert.deepStrictEqual(log, [])
        yield* host.resume
        yield* host.exited
        return log
      })
      const log = value(program, { seed })
      assert.deepStrictEqual([...log].sort(), ["a@1000", "b@1000", "c@1500"])
    }
  })

  it("a restart begins the program again, as another incarnation with a fresh monotonic clock", () => {
    const program = Effect.gen(function* () {
      const starts: Array<readonly [number, bigint]> = []
      const host = yield* Host.make(
        "db",
        Effect.gen(function* () {
          const clock = yield* Clock.Clock
          starts.push([yield* clock.currentTimeMillis, yield* clock.monotonicTimeNanos])
          return yield* Effect.never
        })
      )
      yield* Effect.sleep(100)
      yield* host.restart
      yield* Effect.sleep(100)
      yield* host.crash
      yield* Effect.sleep(100)
      yield* host.restart
      yield* Effect.sleep(1)
      return { starts, incarnation: yield* host.incarnation }
    })
    assert.deepStrictEqual(value(program), {
      starts: [
        [0, 0n],
        [100, 0n],
        [300, 0n]
      ],
      incarnation: 2
    })
  })

  it("run gives back what an effect gives on the host, with its time and its name", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("db")
      const ran = yield* host.run(Effect.andThen(Effect.sleep(10), Host.current))
      const failed = yield* Effect.flip(host.run(Effect.fail("no")))
      const died = yield* Effect.exit(host.run(Effect.die("defect")))
      return [ran, failed, Exit.hasDies(died)]
    })
    assert.deepStrictEqual(value(program), ["db", "no", true])
  })

  it("run fails with HostDown when the host is down or crashes, and interrupts its effect with its caller", () => {
    const program = Effect.gen(function* () {
      let interrupted = false
      const host = yield* Host.make("db")
      const caller = yield* Effect.forkChild(
        host.run(
          Effect.onInterrupt(Effect.never, () =>
            Effect.sync(() => {
              interrupted = true
            })
          )
        )
      )
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(caller)
      yield* Effect.sleep(1)
      const running = yield* Effect.forkChild(Effect.flip(host.run(Effect.never)))
      yield* Effect.sleep(1)
      yield* host.crash
      const crashed = yield* Fiber.join(running)
      const down = yield* Effect.flip(host.run(Effect.void))
      return [interrupted, String(crashed), String(down)]
    })
    const message = '@holdfast/sim/Host/HostDown: the host "db" is down: it crashed and was not restarted'
    assert.deepStrictEqual(value(program), [true, message, message])
  })

  it("exited tells how a life ended, also when it had already", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("db", Effect.andThen(Effect.sleep(5), Effect.succeed("done")))
      const first = yield* host.exited
      return [first, yield* host.exited]
    })
    const ended: Host.Exited = { _tag: "Exited", exit: Exit.succeed("done") }
    assert.deepStrictEqual(value(program), [ended, ended])
  })

  it("a skewed clock runs at its own rate, and its wall clock jumps", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("fast")
      yield* host.skew({ offset: "1 hour", rate: 2 })
      const slept = yield* host.run(
        Effect.gen(function* () {
          const clock = yield* Clock.Clock
          const start = yield* clock.monotonicTimeNanos
          yield* Effect.sleep("1 second")
          return [(yield* clock.monotonicTimeNanos) - start, yield* clock.currentTimeMillis]
        })
      )
      return { slept, true: yield* Clock.currentTimeMillis }
    })
    assert.deepStrictEqual(value(program), { slept: [1_000_000_000n, 3_601_000], true: 500 })
  })

  it("memory that two hosts share is warned about, with both names", () => {
    const program = Effect.gen(function* () {
      const shared = yield* Deferred.make<void>()
      yield* Host.make("reader", Deferred.await(shared))
      const writer = yield* Host.make("writer")
      yield* Effect.sleep(1)
      yield* writer.run(Deferred.succeed(shared, undefined))
      yield* Effect.sleep(1)
    })
    const { warnings } = Simulation.run(program)
    assert.strictEqual(warnings.length, 1)
    assert.match(warnings[0] ?? "", /"writer".*"reader"/)
  })

  it("the test itself may share memory with its hosts", () => {
    const program = Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      yield* Host.make("db", Deferred.succeed(done, undefined))
      yield* Deferred.await(done)
    })
    assert.deepStrictEqual(Simulation.run(program, { seed: 1 }).warnings, [])
  })

  it("two hosts have layers of their own", () => {
    const program = Effect.gen(function* () {
      let built = 0
      class Id extends Context.Service<Id, number>()("test/Id") {}
      const IdLive = Layer.effect(
        Id,
        Effect.sync(() => ++built)
      )
      const a = yield* Host.make("a")
      const b = yield* Host.make("b")
      return [yield* a.run(Effect.provide(Id, IdLive)), yield* b.run(Effect.provide(Id, IdLive))]
    })
    assert.deepStrictEqual(value(program), [1, 2])
  })

  it("a name can be used once", () => {
    const twice = Effect.andThen(Host.make("db"), Host.make("db"))
    assert.isTrue(Exit.hasDies(Simulation.run(twice).exit))
    assert.isTrue(Exit.hasDies(Simulation.run(Host.make("main")).exit))
  })

  it("outside of a simulation there are no hosts, and the error says so", async () => {
    const exit = await Effect.runPromiseExit(Host.make("db"))
    assert.include(String(exit), "Host.make only exists in a simulation")
  })

  it("SIM-1: the same seed gives the same world", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make(
        "db",
        Effect.forever(Effect.flatMap(Random.nextIntBetween(1, 50), Effect.sleep))
      )
      yield* Effect.sleep(500)
      yield* host.restart
      yield* Effect.sleep(500)
      yield* Scope.make()
    })
    for (const seed of seeds(50)) {
      const first = Simulation.run(program, { seed })
      assert.strictEqual(Simulation.run(program, { seed }).hash, first.hash)
      assert.strictEqual(Simulation.run(program, { choices: first.choices }).hash, first.hash)
    }
  })
})
