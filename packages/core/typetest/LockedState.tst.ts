import { type Lock, LockedState, type StateStore } from "@holdfast/core"
import { Effect, type Layer, Schema, type Scope, type Stream } from "effect"
import { expect, test } from "tstyche"

class Sent extends LockedState.Service<Sent>()("app/Sent", {
  schema: Schema.Record(Schema.String, Schema.Number),
  initial: {}
}) {}

declare const sent: typeof Sent.Service

type Value = { readonly [x: string]: number }

test("the type of the value is that of the schema", () => {
  expect(sent.get).type.toBe<Effect.Effect<Value, LockedState.ReadError>>()
  expect(sent.changes).type.toBe<Stream.Stream<LockedState.Snapshot<Value>, LockedState.ReadError>>()
  expect(sent.modify((value) => [value.a, value])).type.toBe<
    Effect.Effect<number | undefined, LockedState.WriteError>
  >()
})

test("reading cannot fail with what only writing can", () => {
  expect<LockedState.ReadError>().type.not.toBeAssignableFrom<StateStore.StoreFull>()
  expect<LockedState.WriteError>().type.toBeAssignableFrom<LockedState.ReadError>()
})

test("an effect that changes the value keeps its errors and requirements", () => {
  const change = sent.modifyEffect((value, fence) => {
    expect(fence).type.toBe<Lock.Fence>()
    return Effect.as(Effect.andThen(Effect.scope, Effect.fail("no" as const)), [
      value.length ?? 0,
      value
    ] as const)
  })
  expect(change).type.toBe<Effect.Effect<number, "no" | LockedState.WriteError, Scope.Scope>>()
})

test("the layer needs a store with its lock", () => {
  expect(Sent.layer).type.toBe<Layer.Layer<Sent, never, StateStore.StateStore | Lock.Lock>>()
})

test("the initial value does not widen the type", () => {
  expect(LockedState.make).type.not.toBeCallableWith("a", { schema: Schema.Number, initial: "text" })
})
