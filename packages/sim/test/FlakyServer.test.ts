import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as FlakyServer from "../src/FlakyServer.ts"
import * as Host from "../src/Host.ts"
import * as Simulation from "../src/Simulation.ts"

const { always, answer, calls, die, error, flap, hang, loseReply, phases, refuse, uninterruptible } =
  FlakyServer

const echo = (script: FlakyServer.Script) => FlakyServer.make("echo", script, (request: string) => request)

/** The value of a run that must succeed, and the run. */
const simulated = <A, E>(program: Effect.Effect<A, E>, options?: Simulation.Options) => {
  const result = Simulation.run(program, options)
  if (Exit.isFailure(result.exit)) return assert.fail(String(Cause.squash(result.exit.cause)))
  return { ...result, value: result.exit.value }
}

const faultsOf = (result: { readonly faults: ReadonlyMap<string, number> }) =>
  Object.fromEntries(result.faults)

describe("FlakyServer behaviours", () => {
  it("a server that answers does so after its latency, and the request takes effect then", () => {
    const { value, virtualMillis, faults } = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(answer("20 millis")))
        const reply = yield* server.call("a")
        return { reply, committed: yield* server.committed, calls: yield* server.calls }
      })
    )
    assert.strictEqual(virtualMillis, 20)
    assert.strictEqual(faults.size, 0)
    assert.deepStrictEqual(value, {
      reply: "a",
      committed: ["a"],
      calls: [
        {
          request: "a",
          behaviour: { _tag: "Answer", latencyMillis: 20 },
          startMillis: 0,
          endMillis: 20,
          outcome: "Answered",
          committedMillis: 20
        }
      ]
    })
  })

  it("a server that hangs never answers, and nothing is done", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(hang))
        const exit = yield* Effect.exit(Effect.timeout(server.call("a"), "1 hour"))
        const [call] = yield* server.calls
        return { isFailure: Exit.isFailure(exit), call, committed: yield* server.committed }
      })
    )
    assert.isTrue(result.value.isFailure)
    assert.strictEqual(result.value.call?.outcome, "Interrupted")
    assert.strictEqual(result.value.call?.endMillis, 3_600_000)
    assert.deepStrictEqual(result.value.committed, [])
    assert.deepStrictEqual(faultsOf(result), { "server.hang": 1 })
  })

  it("a server that refuses fails with Refused, and nothing is done", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(refuse("3 millis")))
        const failure = yield* Effect.flip(server.call("a"))
        return { failure, committed: yield* server.committed }
      })
    )
    assert.deepStrictEqual(result.value.failure, new FlakyServer.Refused({ server: "echo" }))
    assert.deepStrictEqual(result.value.committed, [])
    assert.strictEqual(result.virtualMillis, 3)
    assert.deepStrictEqual(faultsOf(result), { "server.refuse": 1 })
  })

  it("an error tells nothing about whether the request took effect", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(calls([error(0, { status: 503 })], error(0, { commits: true })))
        const failures = [yield* Effect.flip(server.call("a")), yield* Effect.flip(server.call("b"))]
        return { failures, committed: yield* server.committed }
      })
    )
    assert.deepStrictEqual(result.value.failures, [
      new FlakyServer.ServerError({ server: "echo", status: 503 }),
      new FlakyServer.ServerError({ server: "echo", status: 500 })
    ])
    assert.deepStrictEqual(result.value.committed, ["b"])
    assert.deepStrictEqual(faultsOf(result), { "server.error": 2 })
  })

  it("a server that loses its reply has done as asked, and its caller never hears of it", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(loseReply("2 millis")))
        const reply = yield* Effect.timeoutOption(server.call("a"), "10 millis")
        return { reply: reply._tag, committed: yield* server.committed, calls: yield* server.calls }
      })
    )
    assert.strictEqual(result.value.reply, "None")
    assert.deepStrictEqual(result.value.committed, ["a"])
    assert.strictEqual(result.value.calls[0]?.committedMillis, 2)
    assert.deepStrictEqual(faultsOf(result), { "server.lostReply": 1 })
  })

  it("a server that makes its caller die does so with a defect", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(die("1 milli")))
        const exit = yield* Effect.exit(server.call("a"))
        const [call] = yield* server.calls
        return { hasDefect: Exit.isFailure(exit) && Cause.hasDies(exit.cause), outcome: call?.outcome }
      })
    )
    assert.deepStrictEqual(result.value, { hasDefect: true, outcome: "Died" })
    assert.deepStrictEqual(faultsOf(result), { "server.die": 1 })
  })

  it("an uninterruptible call holds its caller until it is answered", () => {
    const result = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(uninterruptible("100 millis")))
        yield* Effect.timeoutOption(server.call("a"), "10 millis")
        const [call] = yield* server.calls
        return { outcome: call?.outcome, committed: yield* server.committed }
      })
    )
    assert.deepStrictEqual(result.value, { outcome: "Answered", committed: ["a"] })
    assert.strictEqual(result.virtualMillis, 100)
    assert.deepStrictEqual(faultsOf(result), { "server.uninterruptible": 1 })
  })

  it("an uninterruptible call that nobody interrupts is no fault", () => {
    const result = simulated(
      Effect.flatMap(echo(always(uninterruptible("100 millis"))), (server) => server.call("a"))
    )
    assert.strictEqual(result.value, "a")
    assert.strictEqual(result.faults.size, 0)
  })
})

describe("FlakyServer scripts", () => {
  const outcomesAt = (script: FlakyServer.Script, instants: ReadonlyArray<number>) =>
    simulated(
      Effect.gen(function* () {
        const server = yield* echo(script)
        yield* Effect.forEach(
          instants,
          (atMillis) => Effect.delay(Effect.exit(server.call(`${atMillis}`)), atMillis),
          { concurrency: "unbounded" }
        )
        return (yield* server.calls).map(({ outcome }) => outcome)
      })
    ).value

  it("the n-th call gets the n-th behaviour, and all later calls the last", () => {
    const outcomes = outcomesAt(calls([refuse(), error()], answer()), [1, 2, 3, 4])
    assert.deepStrictEqual(outcomes, ["Refused", "Failed", "Answered", "Answered"])
  })

  it("a phase begins at its first instant and ends before its last", () => {
    const script = phases(
      [
        [answer(), 10],
        [refuse(), "10 millis"]
      ],
      error()
    )
    const outcomes = outcomesAt(script, [0, 9.999, 10, 19, 20, 1_000_000])
    assert.deepStrictEqual(outcomes, ["Answered", "Answered", "Refused", "Refused", "Failed", "Failed"])
  })

  it("a server that flaps is up and down in turns", () => {
    const outcomes = outcomesAt(flap([answer(), 10], [refuse(), 5]), [0, 10, 14, 15, 24, 25, 1_500_010])
    assert.deepStrictEqual(outcomes, [
      "Answered",
      "Refused",
      "Refused",
      "Answered",
      "Answered",
      "Refused",
      "Refused"
    ])
  })

  it("a flap of no length is always up", () => {
    assert.deepStrictEqual(outcomesAt(flap([answer(), 0], [refuse(), 0]), [0, 1]), ["Answered", "Answered"])
  })

  it("phases are counted from the time when the server was made", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        yield* Effect.sleep("1 hour")
        const server = yield* echo(phases([[answer(), 10]], refuse()))
        yield* server.call("a")
        return yield* server.calls
      })
    )
    assert.strictEqual(value[0]?.outcome, "Answered")
    assert.strictEqual(value[0]?.startMillis, 0)
  })

  it("a script with a length that is no time is a defect that names it", () => {
    for (const script of [
      always(answer(Number.POSITIVE_INFINITY)),
      always({ _tag: "Answer", latencyMillis: Number.NaN }),
      flap([answer(), 5], [{ _tag: "Refuse", latencyMillis: -1 }, 5]),
      phases([[answer(), Number.POSITIVE_INFINITY]], answer())
    ]) {
      const { exit } = Simulation.run(echo(script))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    }
  })

  it("a script in words says what happens, in order", () => {
    assert.strictEqual(FlakyServer.describe(always(answer())), "always answers at once")
    assert.strictEqual(
      FlakyServer.describe(calls([loseReply(3), error(0, { commits: true })], hang)),
      "at call 1 it does as asked after 3 ms and its reply is lost, " +
        "at call 2 it does as asked and answers with status 500 at once, then it always hangs"
    )
    assert.strictEqual(
      FlakyServer.describe(phases([[uninterruptible(8), 10]], die(2))),
      "for 10 ms it answers after 8 ms and cannot be interrupted, then it always makes its caller die after 2 ms"
    )
    assert.strictEqual(
      FlakyServer.describe(flap([answer(1), 10], [refuse(), 5])),
      "in turns, for 10 ms it answers after 1 ms, for 5 ms it refuses at once"
    )
  })
})

describe("FlakyServer effects", () => {
  it("a request takes effect at its instant although its caller gave up before", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(answer("20 millis")))
        yield* Effect.timeoutOption(server.call("a"), "10 millis")
        const early = yield* server.committed
        yield* Effect.sleep("10 millis")
        const late = yield* server.committed
        const [call] = yield* server.calls
        return { early, late, call }
      })
    )
    assert.deepStrictEqual(value.early, [])
    assert.deepStrictEqual(value.late, ["a"])
    assert.strictEqual(value.call?.outcome, "Interrupted")
    assert.strictEqual(value.call?.endMillis, 10)
    assert.strictEqual(value.call?.committedMillis, 20)
  })

  it("requests take effect in the order of their instants, and those of one instant in the order of the calls", () => {
    const latencies = [30, 10, 20, 10]
    const script = calls(
      latencies.map((latency) => answer(latency)),
      answer()
    )
    for (let seed = 0; seed < 50; seed++) {
      const { value } = simulated(
        Effect.gen(function* () {
          const server = yield* echo(script)
          const callers = yield* Effect.forEach(["a", "b", "c", "d"], (request) =>
            Effect.forkChild(server.call(request))
          )
          yield* Fiber.awaitAll(callers)
          return { committed: yield* server.committed, calls: yield* server.calls }
        }),
        { seed }
      )
      const ordered = value.calls.toSorted((a, b) => (a.committedMillis ?? 0) - (b.committedMillis ?? 0))
      assert.deepStrictEqual(
        value.committed,
        ordered.map(({ request }) => request)
      )
    }
  })

  it("the handler sees what took effect before, in order", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        const server = yield* FlakyServer.make("sum", always(answer()), (n: number, before) =>
          before.reduce((sum, one) => sum + one, n)
        )
        return [yield* server.call(1), yield* server.call(2), yield* server.call(3)]
      })
    )
    assert.deepStrictEqual(value, [1, 3, 6])
  })

  it("a request that changes nothing is answered, and is none of those that took effect", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        const server = yield* FlakyServer.make(
          "store",
          calls([loseReply()], answer()),
          (push: string, stored) => (stored.includes(push) ? "already present" : "stored"),
          { changes: (push, stored) => !stored.includes(push) }
        )
        const reply = yield* Effect.retry(Effect.timeout(server.call("tx"), "8 seconds"), { times: 1 })
        return { reply, committed: yield* server.committed }
      })
    )
    assert.deepStrictEqual(value, { reply: "already present", committed: ["tx"] })
  })

  it("a handler that throws makes its caller die, and nothing is done", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        const boom = new Error("boom")
        const server = yield* FlakyServer.make("bad", always(answer()), (_: string): string => {
          throw boom
        })
        const exit = yield* Effect.exit(server.call("a"))
        const [call] = yield* server.calls
        return {
          isBoom: Exit.isFailure(exit) && Cause.squash(exit.cause) === boom,
          outcome: call?.outcome,
          committed: yield* server.committed
        }
      })
    )
    assert.deepStrictEqual(value, { isBoom: true, outcome: "Died", committed: [] })
  })

  it("callers that wait are counted, those that gave up no more", () => {
    for (let seed = 0; seed < 200; seed++) {
      const { value } = simulated(
        Effect.gen(function* () {
          const server = yield* echo(always(hang))
          const callers = yield* Effect.forEach(["a", "b", "c"], (request) =>
            Effect.forkChild(server.call(request))
          )
          yield* Effect.sleep(1)
          const during = yield* server.inFlight
          yield* Fiber.interruptAll(callers)
          yield* Effect.timeoutOption(server.call("d"), 1)
          return { during, after: yield* server.inFlight, max: yield* server.maxInFlight }
        }),
        { seed }
      )
      assert.deepStrictEqual(value, { during: 3, after: 0, max: 3 })
    }
  })

  it("a caller that is interrupted at any moment never stays counted", () => {
    for (let seed = 0; seed < 500; seed++) {
      const { value } = simulated(
        Effect.gen(function* () {
          const server = yield* echo(always(answer()))
          const caller = yield* Effect.forkChild(server.call("a"))
          yield* Effect.yieldNow
          yield* Fiber.interrupt(caller)
          return yield* server.inFlight
        }),
        { seed }
      )
      assert.strictEqual(value, 0)
    }
  })
})

describe("FlakyServer elsewhere", () => {
  it("the request of a host that crashed takes effect", () => {
    const { value, warnings } = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(answer("20 millis")))
        const client = yield* Host.make("client", server.call("a"))
        yield* Effect.sleep("10 millis")
        yield* client.crash
        yield* Effect.sleep("10 millis")
        const [call] = yield* server.calls
        return { committed: yield* server.committed, call }
      })
    )
    assert.deepStrictEqual(value.committed, ["a"])
    assert.strictEqual(value.call?.outcome, undefined)
    assert.strictEqual(value.call?.committedMillis, 20)
    assert.deepStrictEqual(warnings, [])
  })

  it("latencies are true time, also for a host whose clock runs fast", () => {
    const { value } = simulated(
      Effect.gen(function* () {
        const server = yield* echo(always(answer("20 millis")))
        const client = yield* Host.make("client")
        yield* client.skew({ rate: 4, offset: "1 hour" })
        yield* client.run(server.call("a"))
        return yield* server.calls
      })
    )
    assert.strictEqual(value[0]?.startMillis, 0)
    assert.strictEqual(value[0]?.endMillis, 20)
  })

  it.effect("it works under TestClock, outside of any simulation", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 minute")
      const server = yield* echo(phases([[loseReply("5 millis"), 100]], answer("5 millis")))
      const first = yield* Effect.forkChild(server.call("a"), { startImmediately: true })
      yield* TestClock.adjust("100 millis")
      assert.isUndefined(first.pollUnsafe())
      const second = yield* Effect.forkChild(server.call("b"), { startImmediately: true })
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(yield* Fiber.join(second), "b")
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* server.committed, ["a", "b"])
      assert.deepStrictEqual(
        (yield* server.calls).map(({ startMillis, endMillis, outcome }) => [startMillis, endMillis, outcome]),
        [
          [0, 105, "Interrupted"],
          [100, 105, "Answered"]
        ]
      )
    })
  )

  it("the trace of a run tells what the server did", () => {
    const { trace } = simulated(
      Effect.gen(function* () {
        const server = yield* echo(calls([refuse()], answer()))
        yield* Effect.retry(server.call("a"), { times: 1 })
      }),
      { trace: true }
    )
    assert.deepStrictEqual(
      trace.filter(({ kind }) => kind === "note" || kind === "fault").map(({ text }) => text),
      ["echo refuses (call 1)", "echo answers (call 2)"]
    )
  })
})

describe("FlakyServer.arbitrary", () => {
  const tagsOf = (script: FlakyServer.Script): ReadonlyArray<string> => {
    switch (script._tag) {
      case "Calls":
        return [...script.calls, script.afterwards].map(({ _tag }) => _tag)
      case "Phases":
        return [...script.phases.map(({ behaviour }) => behaviour), script.afterwards].map(({ _tag }) => _tag)
      case "Flap":
        return [script.up.behaviour._tag, script.down.behaviour._tag]
    }
  }
  const sample = fc.sample(FlakyServer.arbitrary(), { seed: 1, numRuns: 300 })

  it("servers of every kind with behaviours of every kind are drawn", () => {
    const kinds = new Set(sample.flatMap((script) => [script._tag, ...tagsOf(script)]))
    const all = [
      "Calls",
      "Phases",
      "Flap",
      "Answer",
      "Hang",
      "Refuse",
      "Error",
      "LoseReply",
      "Die",
      "Uninterruptible"
    ]
    assert.deepStrictEqual([...kinds].sort(), all.sort())
  })

  it("what is drawn survives JSON, and can be shrunk from there", () => {
    for (const script of sample) {
      const read: unknown = JSON.parse(JSON.stringify(script))
      assert.deepStrictEqual(read, script)
      assert.isTrue(FlakyServer.arbitrary().canShrinkWithoutContext(read))
    }
  })

  const shrunk = (fails: (script: FlakyServer.Script) => boolean) => {
    const property = fc.property(FlakyServer.arbitrary(), (script) => !fails(script))
    return fc.check(property, { seed: 3, numRuns: 1_000 }).counterexample?.[0]
  }

  it("a failure of any server shrinks to one that always answers at once", () => {
    assert.deepStrictEqual(
      shrunk(() => true),
      always(answer())
    )
  })

  it("a failure that needs one behaviour keeps that one, and the rest answers at once", () => {
    const script = shrunk((script) => script._tag === "Flap" && tagsOf(script).includes("Hang"))
    assert.isTrue(script?._tag === "Flap" && tagsOf(script).toSorted().join() === "Answer,Hang")
    const slow = shrunk(
      (script) => script._tag === "Calls" && script.calls.some((call) => call._tag === "LoseReply")
    )
    assert.deepStrictEqual(slow, calls([loseReply()], answer()))
  })

  it("latencies are drawn from where the caller says", () => {
    const latencyMillis = fc.constantFrom(999, 1_000, 1_001)
    const text = JSON.stringify(
      fc.sample(FlakyServer.arbitrary({ latencyMillis }), { seed: 1, numRuns: 100 })
    )
    const drawn = new Set(Array.from(text.matchAll(/"latencyMillis":(\d+)/g), ([, millis]) => millis))
    assert.deepStrictEqual([...drawn].sort(), ["1000", "1001", "999"])
  })

  it("a script that was shrunk can be shrunk from there, wherever its latencies were drawn from", () => {
    const late = FlakyServer.arbitrary({ latencyMillis: fc.constantFrom(999, 1_000) })
    assert.isTrue(late.canShrinkWithoutContext(calls([answer(), loseReply(999)], answer())))
    assert.isFalse(late.canShrinkWithoutContext(calls([loseReply(5)], answer())))
  })

  it("every script that is drawn is valid, and runs alike for equal seeds", () => {
    for (const [seed, script] of sample.slice(0, 60).entries()) {
      const program = Effect.gen(function* () {
        const server = yield* echo(script)
        const call = (request: string) => Effect.timeoutOption(Effect.exit(server.call(request)), "1 minute")
        yield* Effect.forEach(["a", "b", "c"], call, { concurrency: 2 })
      })
      const result = Simulation.run(program, { seed })
      assert.isTrue(Exit.isSuccess(result.exit))
      assert.strictEqual(Simulation.run(program, { choices: result.choices }).hash, result.hash)
    }
  })
})
