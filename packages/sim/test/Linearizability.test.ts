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

  /** Compares 5,000 verdicts, looks at what comes with them, and sees to it that both verdicts occur often. */
  const compare = <S, S2, In extends { readonly _tag: string }>(
    model: Linearizability.Model<S, In, References.Output>,
    reference: Reference<S2, In, References.Output>,
    input: fc.Arbitrary<In>,
    lie: fc.Arbitrary<References.Output>
  ): void => {
    const runs = 5_000
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
