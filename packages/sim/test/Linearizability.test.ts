import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Linearizability from "../src/Linearizability.ts"
import {
  add,
  busyClients,
  call,
  type Event,
  history,
  read,
  returns,
  write
} from "./linearizability/histories.ts"
import type * as References from "./linearizability/references.ts"

const register = Linearizability.register(0)

type RegisterOperation = Linearizability.Operation<Linearizability.RegisterInput<number>, References.Output>

const registerHistory = (
  ...events: ReadonlyArray<Event<Linearizability.RegisterInput<number>>>
): ReadonlyArray<RegisterOperation> => history(...events)

describe("check", () => {
  it("lets an open operation happen at any time after its start, or never", () => {
    const wrote = (...reads: ReadonlyArray<number>) =>
      Linearizability.check(
        register,
        registerHistory(
          call("a", write(1)),
          ...reads.flatMap((value) => [call("b", read), returns("b", value)])
        )
      )._tag
    assert.strictEqual(wrote(0, 0, 0), "Linearizable")
    assert.strictEqual(wrote(0, 0, 1), "Linearizable")
    assert.strictEqual(wrote(1, 1, 1), "Linearizable")
    assert.strictEqual(wrote(0, 1, 0), "NotLinearizable")
    assert.strictEqual(
      Linearizability.check(register, registerHistory(call("b", read), returns("b", 1), call("a", write(1))))
        ._tag,
      "NotLinearizable"
    )
  })

  it("gives an order with the open operations that happened, and without the others", () => {
    const operations = registerHistory(
      call("a", write(1)),
      call("c", write(2)),
      call("b", read),
      returns("b", 1)
    )
    const verdict = Linearizability.check(register, operations)
    assert.deepStrictEqual(verdict, {
      _tag: "Linearizable",
      order: operations.filter(({ client }) => client !== "c")
    })
  })

  it("goes by the order of the moments, not by their time", () => {
    const at = (seq: number) => ({ seq, nanos: 0 })
    const write1 = { client: "a", input: write(1), start: at(0), end: { ...at(1), output: undefined } }
    const read0 = { client: "b", input: read, start: at(2), end: { ...at(3), output: 0 } }
    assert.strictEqual(Linearizability.check(register, [write1, read0])._tag, "NotLinearizable")
    const earlier = { ...read0, start: at(1) }
    assert.strictEqual(Linearizability.check(register, [write1, earlier])._tag, "Linearizable")
    assert.strictEqual(Linearizability.check(register, [earlier, write1])._tag, "Linearizable")
  })

  it("finds states equal that look the same", () => {
    const document = Linearizability.register<ReadonlyArray<number>>([])
    const set = { _tag: "CompareAndSet", expected: [1], value: [2] } as const
    const verdict = Linearizability.check(
      document,
      history<Linearizability.RegisterInput<ReadonlyArray<number>>>(
        call("a", { _tag: "Write", value: [1] }),
        returns("a"),
        call("a", set),
        returns("a", true)
      )
    )
    assert.strictEqual(verdict._tag, "Linearizable")
  })

  it("needs a few steps for each operation of a history that is linearizable", () => {
    const operations = busyClients(1, { clients: 5, size: 300 })
    assert.strictEqual(Linearizability.check(register, operations, { budget: 3_000 })._tag, "Linearizable")
  })

  it("decides about 300 operations of which one is wrong", () => {
    const operations = withWrongRead(busyClients(1, { clients: 5, size: 300 }))
    assert.strictEqual(Linearizability.check(register, operations)._tag, "NotLinearizable")
  })

  it("says that it does not know when its budget ends", () => {
    const operations = withWrongRead(busyClients(1, { clients: 30, size: 1_000 }))
    const verdict = Linearizability.check(register, operations, { budget: 20_000 })
    assert(verdict._tag === "Unknown")
    assert.isAbove(verdict.steps, 20_000)
    assert.isBelow(verdict.steps, 20_100)
    assert.strictEqual(Linearizability.check(register, operations, { budget: Number.NaN })._tag, "Unknown")
  })

  it("counts what it tries in vain towards its budget", () => {
    const clients = Array.from({ length: 100 }, (_, index) => `client ${index}`)
    const operations = registerHistory(
      ...clients.map((client) => call(client, read)),
      ...clients.map((client) => returns(client, 9))
    )
    assert.strictEqual(Linearizability.check(register, operations, { budget: 99 })._tag, "Unknown")
    assert.strictEqual(Linearizability.check(register, operations, { budget: 100 })._tag, "NotLinearizable")
  })

  it("finds what is wrong in one partition when another is too hard", () => {
    const hard = withWrongRead(busyClients(1, { clients: 30, size: 1_000 }))
    const wrong = registerHistory(call("a", read), returns("a", 9))
    const on = (key: string, operations: ReadonlyArray<RegisterOperation>) =>
      operations.map((operation) => ({ ...operation, input: { key, ...operation.input } }))
    const keyed = Linearizability.keyed(register)
    const budget = 20_000
    const both = Linearizability.check(keyed, [...on("x", hard), ...on("y", wrong)], { budget })
    assert(both._tag === "NotLinearizable")
    assert.strictEqual(both.partition, "y")
    assert.strictEqual(both.history.length, 1)
    const one = Linearizability.check(keyed, [...on("x", hard), ...on("y", [])], { budget })
    assert(one._tag === "Unknown")
    assert.strictEqual(one.partition, "x")
  })

  it("counts equal operations without an answer instead of choosing among them", () => {
    const operations = history<Linearizability.CounterInput>(
      ...Array.from({ length: 100 }, (_, index) => call(`client ${index}`, add(1))),
      ...[40, 80, 79].flatMap((value) => [call("reader", read), returns("reader", value)])
    )
    const verdict = Linearizability.check(Linearizability.counter, operations)
    assert(verdict._tag === "NotLinearizable")
    assert.strictEqual(verdict.state, 80)
  })

  it("is not slowed down by open operations that nobody saw", () => {
    const lost = Array.from({ length: 40 }, (_, index) => call(`lost ${index}`, write(100 + index)))
    const operations = registerHistory(
      ...lost,
      call("a", write(1)),
      returns("a"),
      call("b", read),
      returns("b", 2)
    )
    assert.strictEqual(Linearizability.check(register, operations)._tag, "NotLinearizable")
  })

  it("has nothing against an empty history", () => {
    assert.deepStrictEqual(Linearizability.check(register, []), { _tag: "Linearizable", order: [] })
  })

  it("refuses an operation that ends before it starts, or at no time", () => {
    const ending = (seq: number): RegisterOperation => ({
      client: "a",
      input: read,
      start: { seq: 1, nanos: 0 },
      end: { seq, nanos: 0, output: 0 }
    })
    for (const seq of [0, Number.NaN]) {
      assert.throws(
        () => Linearizability.check(register, [ending(1), ending(seq)]),
        "the operation at index 1 must end at its start or later"
      )
    }
  })
})

/** As if the last read had seen what nobody wrote. */
const withWrongRead = (operations: ReadonlyArray<RegisterOperation>): ReadonlyArray<RegisterOperation> => {
  const last = operations.findLast(({ end, input }) => input._tag === "Read" && end !== undefined)
  return operations.map((operation) =>
    operation === last && operation.end !== undefined
      ? { ...operation, end: { ...operation.end, output: 9 } }
      : operation
  )
}

describe("models", () => {
  it("a counter may say nothing about what was added", () => {
    assert.deepStrictEqual(Linearizability.counter.step(1, add(2), { output: undefined }), [3])
    assert.deepStrictEqual(Linearizability.counter.step(1, add(2), { output: 3 }), [3])
    assert.deepStrictEqual(Linearizability.counter.step(1, add(2), { output: 4 }), [])
  })

  it("a read that gave nothing is not a read without an answer", () => {
    assert.deepStrictEqual(register.step(1, read, { output: undefined }), [])
    assert.deepStrictEqual(register.step(1, read, undefined), [1])
  })

  it("a mutex that is held is not acquired, not even by its owner, and only released by its owner", () => {
    const { step } = Linearizability.mutex
    const acquire = { _tag: "Acquire", owner: "a" } as const
    const release = { _tag: "Release", owner: "a" } as const
    assert.deepStrictEqual(step(undefined, acquire, { output: undefined }), ["a"])
    assert.deepStrictEqual(step("a", acquire, { output: undefined }), [])
    assert.deepStrictEqual(step("b", acquire, { output: true }), [])
    assert.deepStrictEqual(step("b", acquire, { output: false }), ["b"])
    assert.deepStrictEqual(step("a", release, { output: undefined }), [undefined])
    assert.deepStrictEqual(step("b", release, { output: undefined }), [])
  })
})

describe("render", () => {
  it("draws what was placed, what is stuck, and what was open by then", () => {
    const verdict = Linearizability.check(
      register,
      registerHistory(
        call("writer", write(1)),
        call("lost", write(2)),
        call("silent", write(3)),
        call("reader", read),
        returns("writer"),
        returns("reader", 3),
        call("reader", read),
        returns("reader", 0),
        call("late", write(0))
      )
    )
    assert.strictEqual(
      Linearizability.render(verdict),
      [
        "Not linearizable: no order of the operations explains every answer.",
        "2 of 3 answers fit into an order, which leads to the state 3. One marked ✗ has to come next, and none can.",
        "",
        "1  writer  Write(1) → undefined  ├───────┤          0 … 0 ms",
        "2  silent  Write(3)                  ├───────────→  0 ms …",
        "3  reader  Read → 3                    ├───┤        0 … 0 ms",
        "✗  reader  Read → 0                          ├─┤    0 … 0 ms",
        "?  lost    Write(2)                ├─────────────→  0 ms …"
      ].join("\n")
    )
  })

  it("draws the last operations of a long order, and shortens long values", () => {
    const long = "x".repeat(100)
    const text = Linearizability.render(
      Linearizability.check(
        Linearizability.keyed(Linearizability.register("")),
        history<Linearizability.RegisterInput<string> & { readonly key: string }>(
          ...Array.from({ length: 20 }, () => [
            call("a", { key: "k", _tag: "Write", value: long } as const),
            returns("a")
          ]).flat(),
          call("a", { key: "k", _tag: "Read" }),
          returns("a", "")
        )
      )
    )
    const lines = text.split("\n")
    assert.strictEqual(lines.length, 3 + 8 + 1)
    assert.match(lines[0] ?? "", /^Not linearizable \(k\):/)
    assert.match(lines[3] ?? "", /^13 {2}a {2}Write\("k", "x+… /)
    assert.isTrue(lines.every((line) => line.length < 160))
  })

  it("says in a line what else there is to say", () => {
    assert.strictEqual(
      Linearizability.render({ _tag: "Linearizable", order: [] }),
      "Linearizable: an order of 0 operations explains every answer."
    )
    assert.strictEqual(
      Linearizability.render({ _tag: "Unknown", partition: "k", steps: 7 }),
      "Unknown (k): 7 steps were not enough. " +
        "Give the check a larger budget, or a history with fewer open or overlapping operations."
    )
  })
})

class Refused extends Data.TaggedError("Refused") {}
class TimedOut extends Data.TaggedError("TimedOut") {}

describe("recorder", () => {
  it.effect("a success ends its operation with its value, at the time of the clock", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      const recorder = yield* Linearizability.recorder(register)
      yield* TestClock.adjust("1 milli")
      const fiber = yield* Effect.forkChild(
        recorder.record("a", read, Effect.delay(Effect.succeed(5), "2 millis")),
        { startImmediately: true }
      )
      yield* TestClock.adjust("2 millis")
      assert.strictEqual(yield* Fiber.join(fiber), 5)
      assert.deepStrictEqual(yield* recorder.history, [
        {
          client: "a",
          input: read,
          start: { seq: 0, nanos: 1e6 },
          end: { seq: 1, nanos: 3e6, output: 5 }
        }
      ])
    })
  )

  it.effect("what happens at one instant has an order", () =>
    Effect.gen(function* () {
      const recorder = yield* Linearizability.recorder(register)
      yield* recorder.record("a", write(1), Effect.void)
      yield* recorder.record("b", read, Effect.succeed(0))
      const verdict = yield* recorder.verdict()
      assert.strictEqual(verdict._tag, "NotLinearizable")
    })
  )

  it.effect("operations that are in flight together overlap", () =>
    Effect.gen(function* () {
      const recorder = yield* Linearizability.recorder(register)
      const gate = yield* Deferred.make<void>()
      const writer = yield* Effect.forkChild(recorder.record("a", write(1), Deferred.await(gate)), {
        startImmediately: true
      })
      yield* recorder.record("b", read, Effect.succeed(0))
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(writer)
      assert.strictEqual((yield* recorder.verdict())._tag, "Linearizable")
      assert.deepStrictEqual(
        (yield* recorder.history).map(({ client, end, start }) => [client, start.seq, end?.seq]),
        [
          ["a", 0, 3],
          ["b", 1, 2]
        ]
      )
    })
  )

  it.effect("an interruption, a defect and a failure leave their operation open", () =>
    Effect.gen(function* () {
      const recorder = yield* Linearizability.recorder(register)
      const stuck = yield* Effect.forkChild(recorder.record("a", write(1), Effect.never), {
        startImmediately: true
      })
      yield* Fiber.interrupt(stuck)
      yield* Effect.exit(recorder.record("b", write(2), Effect.die("bug")))
      yield* Effect.exit(recorder.record("c", write(3), Effect.fail(new Refused())))
      assert.deepStrictEqual(
        (yield* recorder.history).map(({ client, end }) => [client, end]),
        [
          ["a", undefined],
          ["b", undefined],
          ["c", undefined]
        ]
      )
    })
  )

  it.effect("an operation that is known to have failed is forgotten, and its error comes out", () =>
    Effect.gen(function* () {
      const recorder = yield* Linearizability.recorder(register, {
        classify: (error) => (error instanceof Refused ? "failed" : "unknown")
      })
      const exit = yield* Effect.exit(recorder.record("a", write(1), Effect.fail(new Refused())))
      assert.deepStrictEqual(exit, Exit.fail(new Refused()))
      yield* Effect.exit(recorder.record("b", write(2), Effect.fail(new TimedOut())))
      const both = Cause.combine(Cause.fail(new Refused()), Cause.die("bug"))
      yield* Effect.exit(recorder.record("c", write(3), Effect.failCause(both)))
      yield* Effect.exit(recorder.record("d", write(4), Effect.failCause(Cause.empty)))
      assert.deepStrictEqual(
        (yield* recorder.history).map(({ client }) => client),
        ["b", "c", "d"]
      )
    })
  )

  it.effect("each run of a recorded effect is an operation", () =>
    Effect.gen(function* () {
      const recorder = yield* Linearizability.recorder(register)
      yield* Effect.repeat(recorder.record("a", read, Effect.succeed(0)), { times: 2 })
      assert.strictEqual((yield* recorder.history).length, 3)
    })
  )
})
