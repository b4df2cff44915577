import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as Linearizability from "../src/Linearizability.ts"
import {
  hasOrder,
  isLinearizable,
  type Reference,
  replay,
  respectsTime
} from "./linearizability/bruteForce.ts"
import { busyClients, call, drawn, type Event, history, returns } from "./linearizability/histories.ts"
import * as References from "./linearizability/references.ts"

const read = { _tag: "Read" } as const
const write = (value: number) => ({ _tag: "Write", value }) as const
const cas = (expected: number, value: number) => ({ _tag: "CompareAndSet", expected, value }) as const
const enqueue = (value: number) => ({ _tag: "Enqueue", value }) as const
const dequeue = { _tag: "Dequeue" } as const
const add = (amount: number) => ({ _tag: "Add", amount }) as const

const register = Linearizability.register(0)
const queue = Linearizability.queue<number>()
const [x, y] = [1, 2]

/** Both checkers have to agree. */
const verdictOf = <S, S2, In>(
  model: Linearizability.Model<S, In, References.Output>,
  reference: Reference<S2, In, References.Output>,
  operations: ReadonlyArray<Linearizability.Operation<In, References.Output>>
): boolean => {
  const { _tag } = Linearizability.check(model, operations)
  const expected = isLinearizable(reference, operations)
  assert.strictEqual(_tag, expected ? "Linearizable" : "NotLinearizable")
  return expected
}

describe("published histories", () => {
  const queueVerdict = (...events: ReadonlyArray<Event<Linearizability.QueueInput<number>>>) =>
    verdictOf(queue, References.queue, history(...events))
  const registerVerdict = (...events: ReadonlyArray<Event<Linearizability.RegisterInput<number>>>) =>
    verdictOf(register, References.register, history(...events))

  it("Herlihy and Wing: values that were enqueued at the same time may be dequeued in either order", () => {
    assert.isTrue(
      queueVerdict(
        call("a", enqueue(x)),
        call("b", enqueue(y)),
        returns("b"),
        returns("a"),
        call("b", dequeue),
        returns("b", x),
        call("a", dequeue),
        returns("a", y),
        call("a", enqueue(3))
      )
    )
  })

  it("Herlihy and Wing: a value cannot overtake another that was enqueued before", () => {
    assert.isFalse(
      queueVerdict(
        call("a", enqueue(x)),
        returns("a"),
        call("b", enqueue(y)),
        call("a", dequeue),
        returns("b"),
        returns("a", y)
      )
    )
  })

  it("Herlihy and Wing: a value may be dequeued while it is still being enqueued", () => {
    assert.isTrue(queueVerdict(call("a", enqueue(x)), call("b", dequeue), returns("b", x)))
  })

  it("Herlihy and Wing: no value is dequeued twice", () => {
    assert.isFalse(
      queueVerdict(
        call("a", enqueue(x)),
        call("b", enqueue(y)),
        returns("a"),
        returns("b"),
        call("a", dequeue),
        call("c", dequeue),
        returns("a", y),
        returns("c", y)
      )
    )
  })

  it("Herlihy and Wing: two queues are linearizable together only when each is by itself", () => {
    const queues = Linearizability.keyed(queue)
    const on = (key: string, input: Linearizability.QueueInput<number>) => ({ key, ...input })
    const verdict = Linearizability.check(
      queues,
      history<Linearizability.QueueInput<number> & { readonly key: string }>(
        call("a", on("p", enqueue(x))),
        returns("a"),
        call("b", on("q", enqueue(y))),
        returns("b"),
        call("a", on("q", enqueue(x))),
        returns("a"),
        call("b", on("p", enqueue(y))),
        returns("b"),
        call("a", on("p", dequeue)),
        returns("a", y),
        call("b", on("q", dequeue)),
        returns("b", x)
      )
    )
    assert(verdict._tag === "NotLinearizable")
    assert.strictEqual(verdict.partition, "p")
  })

  it("Porcupine: while a value is being put, one reader may see it and another not", () => {
    assert.isTrue(
      registerVerdict(
        call("0", write(100)),
        call("1", read),
        call("2", read),
        returns("2", 0),
        returns("1", 100),
        returns("0")
      )
    )
  })

  it("Porcupine: nobody sees the old value after somebody saw the new one", () => {
    assert.isFalse(
      registerVerdict(
        call("0", write(200)),
        call("1", read),
        returns("1", 200),
        call("2", read),
        returns("2", 0),
        returns("0")
      )
    )
  })

  it("Knossos: a value that nobody wrote is found, and not the operations behind it", () => {
    const operations = history<Linearizability.RegisterInput<number>>(
      call("0", write(0)),
      returns("0"),
      call("1", read),
      call("2", write(4)),
      returns("1", 3),
      returns("2"),
      call("3", read),
      returns("3", 4)
    )
    assert.isFalse(verdictOf(register, References.register, operations))
    const verdict = Linearizability.check(register, operations)
    assert(verdict._tag === "NotLinearizable")
    assert.deepStrictEqual(
      verdict.stuck.map(({ client }) => client),
      ["1"]
    )
    assert.strictEqual(verdict.state, 4)
  })

  it("Knossos: a read without an answer explains and disturbs nothing", () => {
    assert.isTrue(
      registerVerdict(
        call("4", write(2)),
        returns("4"),
        call("6", read),
        call("1", write(4)),
        returns("1"),
        call("14", read),
        returns("14", 4),
        call("9", write(0)),
        returns("9"),
        call("19", read),
        returns("19", 0)
      )
    )
  })
})

describe("an exhaustive checker", () => {
  const value = fc.nat(2)
  const registerInput: fc.Arbitrary<Linearizability.RegisterInput<number>> = fc.oneof(
    fc.constant(read),
    value.map(write),
    fc.tuple(value, value).map(([expected, value]) => cas(expected, value))
  )
  const registerLie = fc.oneof(value, fc.boolean())
  const owner = fc.constantFrom("a", "b")

  /** Compares 3,500 verdicts, looks at what comes with them, and sees to it that both verdicts occur often. */
  const compare = <S, S2, In extends { readonly _tag: string }>(
    model: Linearizability.Model<S, In, References.Output>,
    reference: Reference<S2, In, References.Output>,
    input: fc.Arbitrary<In>,
    lie: fc.Arbitrary<References.Output>
  ): void => {
    const runs = 3_500
    let linearizable = 0
    fc.assert(
      fc.property(drawn(reference, input, lie), (operations) => {
        const verdict = Linearizability.check(model, operations)
        if (isLinearizable(reference, operations)) {
          assert(verdict._tag === "Linearizable")
          linearizable++
          assertWitness(reference, operations, verdict)
        } else {
          assert(verdict._tag === "NotLinearizable")
          assertDeadEnd(reference, verdict)
        }
      }),
      { numRuns: runs, seed: 3 }
    )
    assert.isAbove(linearizable, 0.2 * runs)
    assert.isBelow(linearizable, 0.8 * runs)
  }

  const isCompleted = ({ end }: Linearizability.Operation<unknown, unknown>) => end !== undefined

  /** The order has every answer once, respects time, and gives the answers. */
  const assertWitness = <S, In>(
    reference: Reference<S, In, References.Output>,
    operations: ReadonlyArray<Linearizability.Operation<In, References.Output>>,
    { order }: Linearizability.Linearizable<In, References.Output>
  ): void => {
    assert.strictEqual(new Set(order).size, order.length)
    assert.isTrue(order.every((operation) => operations.includes(operation)))
    assert.strictEqual(order.filter(isCompleted).length, operations.filter(isCompleted).length)
    assert.isTrue(respectsTime(order))
    assert.isAbove(replay(reference, order).length, 0)
  }

  /** The order is right as far as it goes, what is stuck cannot come next, and no order comes further. */
  const assertDeadEnd = <S, In>(
    reference: Reference<S, In, References.Output>,
    verdict: Linearizability.NotLinearizable<unknown, In, References.Output>
  ): void => {
    const { history, order, stuck } = verdict
    assert.isTrue(respectsTime(order))
    assert.isAbove(replay(reference, order).length, 0)
    const bound = stuck[0]?.end?.seq ?? Number.NaN
    const endsBy = ({ end }: Linearizability.Operation<In, References.Output>) =>
      end !== undefined && end.seq <= bound
    const rest = history.filter((operation) => !order.includes(operation))
    assert.sameMembers(
      [...stuck],
      rest.filter((operation) => isCompleted(operation) && operation.start.seq <= bound)
    )
    assert.isTrue(rest.filter(isCompleted).every(({ end }) => (end?.seq ?? 0) >= bound))
    const required = history.filter(endsBy)
    const optional = history.filter((operation) => !endsBy(operation) && operation.start.seq <= bound)
    assert.isFalse(hasOrder(reference, required, optional))
  }

  it("agrees about registers", () => {
    compare(register, References.register, registerInput, registerLie)
  })

  it("agrees about registers by key, of which it does not know that they are apart", () => {
    const input = fc
      .tuple(fc.constantFrom("x", "y"), registerInput)
      .map(([key, input]) => ({ key, ...input }))
    compare(Linearizability.keyed(register), References.map, input, registerLie)
  })

  it("agrees about an object that has a choice", () => {
    const lossy: typeof register = {
      initial: 0,
      step: (state, input, answer) =>
        input._tag === "Write" ? [input.value, state] : register.step(state, input, answer)
    }
    compare(lossy, References.lossy, registerInput, registerLie)
  })

  it("agrees about counters", () => {
    const input = fc.oneof(fc.constant(read), fc.integer({ min: 1, max: 2 }).map(add))
    compare(Linearizability.counter, References.counter, input, fc.nat(6))
  })

  it("agrees about queues", () => {
    const input = fc.oneof(fc.constant(dequeue), value.map(enqueue))
    compare(queue, References.queue, input, fc.option(value, { nil: undefined }))
  })

  it("agrees about mutexes", () => {
    const input: fc.Arbitrary<Linearizability.MutexInput> = fc.oneof(
      owner.map((owner) => ({ _tag: "Acquire", owner }) as const),
      owner.map((owner) => ({ _tag: "Release", owner }) as const)
    )
    compare(Linearizability.mutex, References.mutex, input, fc.boolean())
  })
})

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
        "the operation at index 1 ends before it starts"
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
  it("draws what was placed, what is stuck, and what is open", () => {
    const verdict = Linearizability.check(
      register,
      registerHistory(
        call("writer", write(1)),
        call("lost", write(2)),
        call("reader", read),
        returns("writer"),
        returns("reader", 1),
        call("reader", read),
        returns("reader", 0)
      )
    )
    assert.strictEqual(
      Linearizability.render(verdict),
      [
        "Not linearizable: no order of the operations explains every answer.",
        "2 of 3 answers fit into an order, which leads to the state 1. None of those marked ✗ can come next.",
        "",
        "1  writer  Write(1) → undefined  ├─────┤          0 … 0 ms",
        "2  reader  Read → 1                  ├───┤        0 … 0 ms",
        "✗  reader  Read → 0                        ├─┤    0 … 0 ms",
        "?  lost    Write(2)                ├───────────→  0 ms …"
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
      const both = Effect.onExit(Effect.fail(new Refused()), () => Effect.die("bug"))
      yield* Effect.exit(recorder.record("c", write(3), both))
      assert.deepStrictEqual(
        (yield* recorder.history).map(({ client }) => client),
        ["b", "c"]
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
