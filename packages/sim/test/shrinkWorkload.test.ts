import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import { workloadShrinker } from "../src/internal/shrink/workload.ts"

const draw = <A>(arbitrary: fc.Arbitrary<A>, seed: number): fc.Value<A> =>
  arbitrary.generate(new fc.Random(xoroshiro128plus(seed)), undefined)

/** Takes every smaller workload that is still bad, until none is. */
const smallest = <A>(
  shrinkWorkload: (workload: A) => Iterable<A>,
  from: A,
  isBad: (workload: A) => boolean
): A => {
  for (const smaller of shrinkWorkload(from))
    if (isBad(smaller)) return smallest(shrinkWorkload, smaller, isBad)
  return from
}

interface Order {
  readonly id: string
  readonly amount: number
}

/** Nothing of this can be undone: fast-check needs what it remembers of the drawing. */
const orders = fc
  .array(fc.nat(1000), { maxLength: 20, size: "max" })
  .map((amounts) => amounts.map((amount, index): Order => ({ id: `order-${index}`, amount })))

const isTooMuch = (list: ReadonlyArray<Order>) => list.some(({ amount }) => amount >= 100)

/** The first that is bad of those that the seeds from this one on draw. */
const drawWhere = <A>(
  arbitrary: fc.Arbitrary<A>,
  isBad: (value: A) => boolean,
  seed: number
): fc.Value<A> => {
  const value = draw(arbitrary, seed)
  return isBad(value.value) ? value : drawWhere(arbitrary, isBad, seed + 1)
}

const drawBad = (seed: number) => drawWhere(orders, isTooMuch, seed)

describe("workloadShrinker", () => {
  it("what went through map gets smaller", () => {
    for (let seed = 0; seed < 20; seed++) {
      const value = drawBad(seed)
      assert.deepStrictEqual(smallest(workloadShrinker(orders, value), value.value, isTooMuch), [
        { id: "order-0", amount: 100 }
      ])
    }
  })

  it("what went through chain and filter gets smaller", () => {
    const sized = fc
      .integer({ min: 1, max: 20 })
      .chain((size) => fc.array(fc.nat(1000), { minLength: size, maxLength: size }))
      .filter((list) => list.every((amount) => amount !== 500))
    const isLong = (list: ReadonlyArray<number>) => list.length >= 4
    const value = drawWhere(sized, isLong, 0)
    assert.deepStrictEqual(smallest(workloadShrinker(sized, value), value.value, isLong), [0, 0, 0, 0])
  })

  it("numbers get smaller too", () => {
    const doubled = fc.integer({ min: 50, max: 1000 }).map((n) => n * 2)
    const value = draw(doubled, 1)
    assert.strictEqual(
      smallest(workloadShrinker(doubled, value), value.value, (n) => n >= 150),
      150
    )
  })

  it("a workload is known again when it is drawn once more from the same seed", () => {
    const value = drawBad(3)
    assert.notStrictEqual(drawBad(3).value, value.value)
    assert.deepStrictEqual(smallest(workloadShrinker(orders, value), drawBad(3).value, isTooMuch), [
      { id: "order-0", amount: 100 }
    ])
  })

  it("shrinking goes on from where it ended", () => {
    const value = drawBad(3)
    const shrinkWorkload = workloadShrinker(orders, value)
    const large = smallest(shrinkWorkload, value.value, (list) => list.some(({ amount }) => amount >= 300))
    assert.deepStrictEqual(large, [{ id: "order-0", amount: 300 }])
    assert.deepStrictEqual(smallest(shrinkWorkload, large, isTooMuch), [{ id: "order-0", amount: 100 }])
  })

  it("another workload than the one that was drawn is not mistaken for it", () => {
    const shrinkWorkload = workloadShrinker(orders, drawBad(3))
    assert.deepStrictEqual([...shrinkWorkload([{ id: "order-0", amount: 500 }])], [])
  })

  it("a workload from elsewhere gets smaller when fast-check can tell how", () => {
    const amounts = fc.array(fc.nat(1000))
    const isBad = (list: ReadonlyArray<number>) => list.some((amount) => amount >= 100)
    assert.deepStrictEqual(smallest(workloadShrinker(amounts), [3, 700, 5], isBad), [100])
    const doubled = fc.nat(1000).map(
      (n) => n * 2,
      (doubled) => Number(doubled) / 2
    )
    assert.strictEqual(
      smallest(workloadShrinker(doubled), 800, (n) => n >= 100),
      100
    )
    assert.deepStrictEqual([...workloadShrinker(amounts)([-1])], [])
  })

  it("a workload is never written to", () => {
    const frozen = orders.map(
      (list): ReadonlyArray<Order> => Object.freeze(list.map((order) => Object.freeze(order)))
    )
    const value = draw(frozen, 4)
    const before = JSON.stringify(value.value)
    smallest(workloadShrinker(frozen, value), value.value, (list) => list.length > 0)
    assert.strictEqual(JSON.stringify(value.value), before)
  })
})
