/** Drawn histories, about which an exhaustive checker has to come to the same verdict. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Linearizability from "../../src/Linearizability.ts"
import { hasOrder, isLinearizable, type Reference, replay, respectsTime } from "./bruteForce.ts"
import { add, cas, dequeue, drawn, enqueue, read, write } from "./histories.ts"
import * as References from "./references.ts"

const register = Linearizability.register(0)
const queue = Linearizability.queue<number>()

describe("an exhaustive checker", () => {
  const value = fc.nat(2)
  const registerInput: fc.Arbitrary<Linearizability.RegisterInput<number>> = fc.oneof(
    fc.constant(read),
    value.map(write),
    fc.tuple(value, value).map(([expected, value]) => cas(expected, value))
  )
  const registerLie = fc.oneof(value, fc.boolean())
  const owner = fc.constantFrom("a", "b")

  /** Compares 4,000 verdicts, looks at what comes with them, and sees to it that both verdicts occur often. */
  const compare = <S, S2, In extends { readonly _tag: string }>(
    model: Linearizability.Model<S, In, References.Output>,
    reference: Reference<S2, In, References.Output>,
    input: fc.Arbitrary<In>,
    lie: fc.Arbitrary<References.Output>
  ): void => {
    const runs = 4_000
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
