/** Histories that others published with their verdicts. */
import { assert, describe, it } from "@effect/vitest"
import * as Linearizability from "../../src/Linearizability.ts"
import { isLinearizable, type Reference } from "./bruteForce.ts"
import { call, dequeue, type Event, enqueue, history, read, returns, write } from "./histories.ts"
import * as References from "./references.ts"

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
