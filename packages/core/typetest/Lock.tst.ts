import { Lock, type StateStore } from "@holdfast/core"
import type { Effect, Scope } from "effect"
import { expect, test } from "tstyche"

declare const section: Effect.Effect<number, "broken", Scope.Scope>

test("a section under a lock has its own errors, and those of the lock", () => {
  type Expected = Effect.Effect<number, "broken" | Lock.AcquireError | Lock.Fenced, Lock.Lock | Scope.Scope>
  expect(Lock.withLock(section, "a")).type.toBe<Expected>()
  expect(section.pipe(Lock.withLock("a", { wait: 0 }))).type.toBe<Expected>()
  expect(Lock.withLease("a", () => section)).type.toBe<Expected>()
})

test("a lease belongs to a scope", () => {
  expect(Lock.acquire("a")).type.toBe<Effect.Effect<Lock.Lease, Lock.AcquireError, Lock.Lock | Scope.Scope>>()
})

test("a fence is a number, and not every number is one", () => {
  expect<Lock.Fence>().type.toBeAssignableTo<number>()
  expect<Lock.Fence>().type.not.toBeAssignableFrom<number>()
})

test("a look can be late, and the store fail", () => {
  expect(Lock.isHeld("a")).type.toBe<
    Effect.Effect<boolean, Lock.LockTimeout | StateStore.StoreUnavailable, Lock.Lock>
  >()
})
