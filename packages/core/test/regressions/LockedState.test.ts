/** Ways in which the state of several processes was once broken. */
import { assert, describe, it } from "@effect/vitest"
import { Lock, LockedState, StateBackend, StateStore } from "@holdfast/core"
import { Context, Effect, Exit, Fiber, Result, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { calm, StateMachine } from "../../sim/support/stateMachine.ts"
import { Machine } from "../utils/machine.ts"
import { during, timed } from "../utils/run.ts"

const open = (machine: Machine, owner?: string) => openBackend(machine.process(owner))

const openBackend = (backend: StateBackend.StateBackend) =>
  Effect.map(StateBackend.make(backend), (context) => ({
    store: Context.get(context, StateStore.StateStore),
    lock: Context.get(context, Lock.Lock)
  }))

const increment = (current: StateStore.Stored | undefined): Result.Result<StateStore.Decision<number>> => {
  const next = Number(current?.value ?? "0") + 1
  return Result.succeed({ _tag: "Write", value: String(next), schemaVersion: 1, result: next })
}

describe("writing", () => {
  it.effect("a change that leaves the initial value writes nothing", () =>
    Effect.gen(function* () {
      // Given a value that was never written
      const state = yield* LockedState.make("n", { schema: Schema.Number, initial: 5 })
      const store = yield* StateStore.StateStore
      // When changes leave it as it is
      assert.strictEqual(yield* state.modify((n) => [n, n]), 5)
      assert.isTrue(yield* state.compareAndSet(yield* state.snapshot, 5))
      // Then it was still never written
      assert.isUndefined(yield* store.read("n"))
    }).pipe(Effect.provide(StateStore.layerMemory))
  )
})

describe("giving up", () => {
  it.effect("LS-4: who has no time for another try is told so, not interrupted", () =>
    Effect.gen(function* () {
      // Given a commit that meets a conflict when the time of its caller is over
      const machine = new Machine()
      machine.commitMillis = 100
      machine.conflicts = 1
      const { store } = yield* open(machine)
      // When it has to be made again
      const { exit } = yield* timed(Effect.flip(store.transact("n", increment, { wait: 50 })), "1 second")
      // Then that is a time-out of a caller whom nobody has interrupted
      assert.deepInclude(Exit.isSuccess(exit) && exit.value, { _tag: "LockTimeout", limit: "Wait" })
      assert.isUndefined(yield* store.read("n"))
    })
  )
})

describe("blame", () => {
  it.effect("a time-out names the holder in another process, and not the one who waits for him", () =>
    Effect.gen(function* () {
      // Given a key that a process holds, and another one with a waiter that has a name
      const machine = new Machine()
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      yield* one.lock.acquire("n", { label: "nightly" })
      yield* during(Effect.scoped(other.lock.acquire("n", { label: "waiter" })), 10)
      // When others of that process do not get it
      const behind = yield* Effect.flip(other.lock.acquire("n", { label: "behind", wait: 0 }))
      const third = yield* open(machine, "pid 3")
      const alone = yield* Effect.flip(third.lock.acquire("n", { label: "alone", wait: 0 }))
      // Then they are told who has it
      for (const error of [behind, alone]) {
        assert.deepInclude(error, { _tag: "LockTimeout", holder: "nightly (pid 1)" })
      }
    })
  )
})

describe("looking", () => {
  it.effect("LK-1: those who look, or try once, at the same moment do not take each other for a holder", () =>
    Effect.gen(function* () {
      // Given a free key, on a machine where letting go of a lock takes its time
      const machine = new StateMachine({ ...calm, unlockNanos: 5e6 })
      const one = yield* openBackend(machine.process("pid 1"))
      const other = yield* openBackend(machine.process("pid 2"))
      // When many look at it, in both processes
      const looks = [one, other, one, other].map(({ lock }) => lock.isHeld("n"))
      const { exit } = yield* timed(Effect.all(looks, { concurrency: "unbounded" }), "1 second")
      // Then nobody sees anybody
      assert.deepStrictEqual(exit, Exit.succeed([false, false, false, false]))
    })
  )
})

describe("standing still", () => {
  it.effect("LK-6: a waiter that stands still keeps nobody from a key that is free", () =>
    Effect.gen(function* () {
      // Given a process that stands still just when it is the next for a key and for a document
      const machine = new Machine()
      machine.locks.add("next:n")
      machine.locks.add("turn:all")
      machine.locks.add("once:n")
      const { lock, store } = yield* open(machine, "pid 2")
      // When others want them
      const change = yield* timed(store.transact("n", increment), "1 second")
      const section = yield* timed(Effect.scoped(lock.acquire("n")), "1 second")
      const look = yield* timed(lock.isHeld("n"), "1 second")
      // Then they have them before long
      assert.deepStrictEqual(
        [change, section, look].map(({ exit }) => exit._tag),
        ["Success", "Success", "Success"]
      )
    })
  )
})

describe("closing", () => {
  it.effect("LS-6: closing ends also those who wait for a lease, of this process and of another", () =>
    Effect.gen(function* () {
      // Given a key that this process holds, one that another process holds, and those who wait for them
      const machine = new Machine()
      const other = yield* open(machine, "pid 2")
      yield* other.lock.acquire("theirs")
      const scope = yield* Scope.make()
      const { lock, store } = yield* Scope.provide(open(machine), scope)
      yield* lock.acquire("ours")
      const waiting = yield* Effect.forEach(["ours", "ours", "theirs", "theirs"], (key, index) =>
        during(
          Effect.flip(
            index % 2 === 0
              ? Effect.scoped(Effect.asVoid(lock.acquire(key)))
              : Effect.asVoid(store.transact(key, increment))
          ),
          10
        )
      )
      // When the store is closed
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(20)
      // Then they are told so, although nobody has let go
      for (const fiber of waiting) {
        const exit = fiber.pollUnsafe()
        assert.deepInclude(exit !== undefined && Exit.isSuccess(exit) ? exit.value : exit, {
          _tag: "StoreUnavailable",
          reason: "Closed"
        })
      }
    })
  )

  it.effect("LS-6: closing ends those who watch, and who begins later is told the same", () =>
    Effect.gen(function* () {
      // Given somebody who watches a key
      const scope = yield* Scope.make()
      const { store } = yield* Scope.provide(open(new Machine()), scope)
      const watch = Effect.flip(Stream.runDrain(store.watch("n")))
      const watching = yield* during(watch, 10)
      // When the store is closed
      yield* Scope.close(scope, Exit.void)
      // Then he does not look at it for ever
      for (const error of [yield* Fiber.join(watching), yield* watch]) {
        assert.deepInclude(error, { _tag: "StoreUnavailable", reason: "Closed" })
      }
    })
  )
})
