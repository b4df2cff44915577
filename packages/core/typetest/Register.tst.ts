import { type Lock, type LockedState, Register, type StateStore } from "@holdfast/core"
import type { Effect, Layer, Scope } from "effect"
import { expect, test } from "tstyche"

declare const register: Register.Register

class Jobs extends Register.Service<Jobs>()("app/Jobs", { maxOwners: 8 }) {}

test("an owner lasts as long as a scope, and there may be too many", () => {
  expect(Register.make("jobs")).type.toBe<
    Effect.Effect<
      Register.Register,
      Register.WriteError | Register.TooManyOwners,
      StateStore.StateStore | Lock.Lock | Scope.Scope
    >
  >()
  expect(Jobs.layer).type.toBe<
    Layer.Layer<Jobs, Register.WriteError | Register.TooManyOwners, StateStore.StateStore | Lock.Lock>
  >()
})

test("a key that may be somebody else's is an error, or an answer", () => {
  type Change = Effect.Effect<void, Register.WriteError | Register.KeyTaken>
  expect(register.activate("a")).type.toBe<Change>()
  expect(register.deactivate("a")).type.toBe<Change>()
  expect(register.release("a")).type.toBe<Change>()
  expect(register.tryAcquire("a")).type.toBe<Effect.Effect<boolean, Register.WriteError>>()
  expect(register.guard("a")).type.toBe<
    Effect.Effect<void, Register.WriteError | Register.KeyTaken, Scope.Scope>
  >()
})

test("who only looks has nothing to do with a full disk, nor with an unknown outcome", () => {
  expect(register.isActive("a")).type.toBe<
    Effect.Effect<boolean, LockedState.ReadError | Lock.LockTimeout | Lock.Fenced>
  >()
  expect(register.snapshot).type.toBe<
    Effect.Effect<ReadonlyMap<string, Register.Entry>, Register.ReadError>
  >()
})

test("who is active has an owner", () => {
  expect<Extract<Register.Entry, { readonly active: true }>["owner"]>().type.toBe<Register.Owner>()
  expect<Extract<Register.Entry, { readonly active: false }>["owner"]>().type.toBe<undefined>()
})
