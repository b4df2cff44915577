import { assert, describe, it } from "@effect/vitest"
import { Check, Host, Linearizability, Simulation, SimulationError } from "@holdfast/sim"
import { Clock, Duration, Effect, Exit, Fiber } from "effect"

const problemOf = (program: Effect.Effect<unknown, unknown>): string | undefined => {
  const { exit } = Simulation.run(program)
  if (Exit.isSuccess(exit)) return undefined
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" && reason.error instanceof SimulationError.Violation
    ? reason.error.message
    : String(exit.cause)
}

describe("Check", () => {
  describe("always", () => {
    it("is silent when it holds", () => {
      assert.isUndefined(problemOf(Check.always("X-1", true, "never said")))
    })

    it("ends the run at once, whatever the program does with errors", () => {
      let after = false
      const program = Check.always("X-1", false, () => "two of them").pipe(
        Effect.ignoreCause,
        Effect.ensuring(
          Effect.sync(() => {
            after = true
          })
        )
      )
      assert.strictEqual(problemOf(program), "X-1 does not hold: two of them")
      assert.isFalse(after)
    })

    it.each([
      [
        "throws",
        () => {
          throw new Error("a bug of the message")
        }
      ],
      ["gives nothing", () => JSON.parse("{}").none]
    ] as const)("breaks the promise also when the message %s", (_, message) => {
      for (const broken of [
        Check.always("X-1", false, message),
        Effect.forkChild(Check.always("X-1", false, message)),
        Effect.ignoreCause(Check.always("X-1", false, message))
      ]) {
        assert.include(problemOf(Effect.andThen(broken, Effect.sleep(1))), "X-1 does not hold")
      }
    })

    it("ends the run from a fiber that nobody waits for, and from another host", () => {
      const detached = Effect.andThen(
        Effect.forkDetach(Effect.andThen(Effect.sleep(1), Check.always("X-1", false, "detached"))),
        Effect.sleep(2)
      )
      assert.strictEqual(problemOf(detached), "X-1 does not hold: detached")
      const remote = Effect.andThen(Host.make("db", Check.always("X-1", false, "remote")), Effect.sleep(1))
      assert.strictEqual(problemOf(remote), "X-1 does not hold: remote")
    })

    it("of several violations the first is told", () => {
      const both = Effect.all([Check.violated("X-1", "first"), Check.violated("X-2", "second")], {
        concurrency: "unbounded"
      })
      assert.strictEqual(problemOf(both), "X-1 does not hold: first")
    })

    it("outside of a run it dies", async () => {
      const exit = await Effect.runPromiseExit(Check.always("X-1", false, "live"))
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(exit), "X-1 does not hold: live")
    })
  })

  describe("endsWithin", () => {
    it("accepts what ends at the very instant of the bound, and nothing later", () => {
      assert.isUndefined(problemOf(Check.endsWithin("X-1", "1 second", Effect.sleep("1 second"))))
      assert.strictEqual(
        problemOf(Check.endsWithin("X-1", "1 second", Effect.sleep("1000.001 millis"))),
        "X-1 does not hold: work had not ended after 1s"
      )
    })

    it("finds work that never ends, and work that cannot be interrupted", () => {
      assert.isDefined(problemOf(Check.endsWithin("X-1", "1 second", Effect.never)))
      assert.isDefined(
        problemOf(Check.endsWithin("X-1", "1 second", Effect.uninterruptible(Effect.sleep("2 seconds"))))
      )
    })

    it("gives the result, an error too, and leaves nothing behind", () => {
      const { exit, leaks } = Simulation.run(Check.endsWithin("X-1", "1 second", Effect.fail("no")))
      assert.deepStrictEqual(exit, Exit.fail("no"))
      assert.deepStrictEqual(leaks, { fibers: [], timers: 0, scopes: 0 })
    })
  })

  it("endsWithin leaves to its caller what the effect acquires", () => {
    const program = Effect.gen(function* () {
      let open = false
      const resource = Effect.acquireRelease(
        Effect.sync(() => {
          open = true
        }),
        () =>
          Effect.sync(() => {
            open = false
          })
      )
      yield* Effect.scoped(
        Effect.andThen(
          Check.endsWithin("X-1", "1 second", resource),
          Effect.suspend(() => Check.always("X-1", open, "it was released"))
        )
      )
      yield* Check.always("X-1", !open, "it was not released")
    })
    assert.isUndefined(problemOf(program))
  })

  it("takes accepts exactly a duration, also of what fails", () => {
    const second = Effect.andThen(Effect.sleep("1 second"), Effect.fail("no"))
    assert.isUndefined(problemOf(Effect.ignore(Check.takes("X-1", "1 second", second))))
    assert.strictEqual(
      problemOf(Effect.ignore(Check.takes("X-1", "1500 millis", second))),
      "X-1 does not hold: work took 1s instead of 1s 500ms"
    )
  })

  describe("converges", () => {
    it("waits until the condition holds", () => {
      const program = Effect.gen(function* () {
        let up = false
        yield* Effect.forkChild(
          Effect.delay(
            Effect.sync(() => {
              up = true
            }),
            "700 millis"
          )
        )
        yield* Check.converges(
          "X-1",
          "1 second",
          Effect.sync(() => up)
        )
      })
      assert.isUndefined(problemOf(program))
    })

    const isAfter = (duration: Duration.Input, each: Duration.Input = 0) =>
      Effect.andThen(
        Effect.sleep(each),
        Effect.map(
          Clock.currentTimeMillis,
          (now) => now >= Duration.toMillis(Duration.fromInputUnsafe(duration))
        )
      )

    it("has a bound also for a condition that takes its time", () => {
      assert.isUndefined(problemOf(Check.converges("X-1", "1 second", isAfter("1 second"))))
      for (const condition of [
        isAfter("2 hours", "3 hours"),
        isAfter("90 seconds", "1 second"),
        Effect.never
      ])
        assert.strictEqual(
          problemOf(Check.converges("X-1", "1 second", condition)),
          "X-1 does not hold: it had not come true after 1s"
        )
    })

    it("takes any bound, from nanoseconds to infinity", () => {
      assert.isUndefined(problemOf(Check.converges("X-1", "50 nanos", isAfter("50 nanos"))))
      assert.isUndefined(problemOf(Check.converges("X-1", "Infinity", isAfter("1 hour"))))
    })

    it("breaks the promise when it never does", () => {
      assert.strictEqual(
        problemOf(Check.converges("X-1", "1 second", Effect.succeed(false))),
        "X-1 does not hold: it had not come true after 1s"
      )
    })
  })

  describe("exactlyOnce", () => {
    const once = (happened: ReadonlyArray<number>, expected: ReadonlyArray<number>) =>
      problemOf(
        Effect.gen(function* () {
          const ledger = yield* Check.exactlyOnce("X-1")
          const fibers = yield* Effect.forEach(happened, (id) => Effect.forkChild(ledger.happened(id)))
          yield* Effect.forEach(fibers, Fiber.join)
          yield* ledger.complete(expected)
        })
      )

    it("accepts each once, in any order", () => {
      assert.isUndefined(once([2, 1], [1, 2]))
    })

    it("finds what happened twice, never, or to nobody who asked", () => {
      assert.strictEqual(once([1, 1], [1]), "X-1 does not hold: it happened twice for 1")
      assert.strictEqual(once([1], [1, 2, 3]), "X-1 does not hold: it never happened for 2, 3")
      assert.strictEqual(once([1, 4], [1]), "X-1 does not hold: it happened for 4, which nobody asked for")
    })
  })

  it("of each guarantee on linearizability a verdict must be seen", () => {
    const history = [
      {
        client: "a",
        input: { _tag: "Read" as const },
        start: { seq: 0, nanos: 0 },
        end: { seq: 1, nanos: 1, output: 99 }
      }
    ]
    const program = Effect.andThen(
      Check.linearizable("X-1", Linearizability.check(Linearizability.register(0), [])),
      Check.linearizable("X-2", Linearizability.check(Linearizability.register(0), history, { budget: 0 }))
    )
    assert.deepStrictEqual(Array.from(Simulation.run(program).reached.values()), [true, false])
  })

  it("sometimes and reachable are told with the result, and held once is held", () => {
    const program = Effect.all([
      Check.sometimes("held", true),
      Check.sometimes("held", false),
      Check.sometimes("not held", false),
      Check.reachable("a place")
    ])
    assert.deepStrictEqual(
      Simulation.run(program).reached,
      new Map([
        ["held", true],
        ["not held", false],
        ["a place", true]
      ])
    )
  })
})
