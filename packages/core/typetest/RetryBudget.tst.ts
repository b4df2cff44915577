import { RetryBudget } from "@holdfast/core"
import type { Layer } from "effect"
import { Effect } from "effect"
import { expect, test } from "tstyche"

class Retries extends RetryBudget.Service<Retries>()("test/Retries") {}
class Others extends RetryBudget.Service<Others>()("test/Others") {}

test("the layer of a service provides it, and needs nothing", () => {
  expect(Retries.layer()).type.toBe<Layer.Layer<Retries>>()
  expect(Retries.layer({ ratio: 0.1 })).type.toBe<Layer.Layer<Retries>>()
})

test("the class is the effect that gives the budget, and colours R", () => {
  expect(Effect.flatMap(Retries, (budget) => budget.withdraw)).type.toBe<
    Effect.Effect<boolean, never, Retries>
  >()
})

test("two services are two types", () => {
  expect(Others.layer()).type.not.toBeAssignableTo<Layer.Layer<Retries>>()
})
