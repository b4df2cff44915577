/** Ways in which the state of several processes was once broken. */
import { assert, describe, it } from "@effect/vitest"
import { Deadline, Lock, LockedState, StateBackend, StateStore } from "@holdfast/core"
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

const well = { beforeNanos: 0, middleNanos: 0, end: "done", afterNanos: 0 } as const

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

describe("leases that have ended", () => {
  it.effect(
    "LK-4: nothing is decided once more for who was cut off, as the key may be another one's by then",
    () =>
      Effect.gen(function* () {
        // Given a change that takes the key for itself, as somebody had it once, and whose commit takes long
        const machine = new StateMachine({
          ...calm,
          commits: "optimistic",
          courses: [well, well, { ...well, middleNanos: 100e6 }]
        })
        const one = yield* openBackend(machine.process("pid 1"))
        const other = yield* openBackend(machine.process("pid 2"))
        yield* Effect.scoped(one.lock.acquire("n"))
        const change = yield* during(Deadline.within(Effect.flip(one.store.transact("n", increment)), 50), 60)
        assert.strictEqual((yield* Fiber.join(change))._tag, "OutcomeUnknown")
        // When somebody else has it by the time that the commit meets a conflict
        const { fence } = yield* other.lock.acquire("n")
        yield* TestClock.adjust(1000)
        // Then he still has it
        assert.strictEqual(yield* other.store.transact("n", increment, { fence }), 1)
      })
  )

  it.effect("those who waited for a lease share commits when it has ended", () =>
    Effect.gen(function* () {
      // Given many changes of a value that somebody has for himself
      const machine = new Machine()
      const { lock, store } = yield* open(machine)
      const scope = yield* Scope.make()
      yield* Scope.provide(lock.acquire("n"), scope)
      const changes = Array.from({ length: 100 }, () => store.transact("n", increment))
      const fiber = yield* during(Effect.all(changes, { concurrency: "unbounded" }), 10)
      const { commits } = machine
      // When he lets go of it
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 second")
      // Then they do not wait for each other
      const results = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        results.slice().sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, index) => index + 1)
      )
      assert.isAtMost(machine.commits - commits, 4)
    })
  )
})

describe("blame", () => {
  for (const readNanos of [0, 5e6]) {
    it.effect(
      `a deadline is told as a time-out of the lock to those within it, who read for ${readNanos / 1e6} ms`,
      () =>
        Effect.gen(function* () {
          // Given a key that another process has, on a machine where to find out who takes its time, or none
          const machine = new StateMachine({ ...calm, readNanos })
          const one = yield* openBackend(machine.process("pid 1"))
          const other = yield* openBackend(machine.process("pid 2"))
          yield* one.lock.acquire("n")
          // When the deadline of somebody who waits for it is over
          const told: Array<unknown> = []
          const wanting = Effect.scoped(other.lock.acquire("n")).pipe(
            Effect.tapError((error) => Effect.sync(() => told.push(error)))
          )
          const { exit } = yield* timed(Effect.flip(Deadline.within(wanting, "100 millis")), "1 second")
          // Then he hears of it, with the holder where that is known at once, and the deadline reports it as its own
          assert.strictEqual(told.length, 1)
          assert.deepInclude(told[0], { _tag: "LockTimeout", limit: "InheritedDeadline" })
          assert.deepInclude(told[0], readNanos === 0 ? { holder: "pid 1" } : {})
          assert.deepInclude(Exit.isSuccess(exit) && exit.value, {
            _tag: "DeadlineExceeded",
            inherited: false
          })
        })
    )
  }

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
      for (const name of ["next:n", "turn:all:0"]) machine.locks.add(name)
      const { lock, store } = yield* open(machine, "pid 2")
      // When others want them
      const change = yield* timed(store.transact("n", increment), "1 second")
      const section = yield* timed(Effect.scoped(lock.acquire("n")), "1 second")
      const attempt = yield* timed(Effect.scoped(lock.acquire("n", { wait: 0 })), "1 second")
      // Then they have them before long
      assert.deepStrictEqual(
        [change, section, attempt].map(({ exit }) => exit._tag),
        ["Success", "Success", "Success"]
      )
      for (const { elapsedMillis } of [change, section, attempt]) assert.isAtMost(elapsedMillis, 100)
    })
  )

  for (const place of [1, 2]) {
    it.effect(`LK-6: one that stands still at place ${place} of a line keeps nobody from a document`, () =>
      Effect.gen(function* () {
        // Given somebody at work, and a process that stands still while it waits for him
        const machine = new Machine()
        machine.locks.add("turn:all:0")
        machine.locks.add(`turn:all:${place}`)
        const { store } = yield* open(machine, "pid 2")
        // When another one comes after it, and the first is ready
        const change = yield* during(store.transact("n", increment), 10)
        machine.locks.delete("turn:all:0")
        // Then it is not kept for long
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(change.pollUnsafe(), Exit.succeed(1))
      })
    )
  }

  it.effect(
    "LK-6: one that stands still at the head of a line costs the others one wait, and not one for each",
    () =>
      Effect.gen(function* () {
        // Given a process that stands still while it is the next for a document
        const machine = new Machine()
        machine.locks.add("turn:all:0")
        const { store } = yield* open(machine, "pid 2")
        // When another one has many changes to make, one after the other
        const changes = Effect.forEach(Array.from({ length: 100 }), () => store.transact("n", increment))
        const all = yield* timed(changes, "10 seconds")
        // Then it waits once
        assert.isAtMost(all.elapsedMillis, 100)
        // And who wants one try has it without
        const once = yield* open(machine, "pid 3")
        const attempt = yield* timed(once.store.transact("n", increment, { wait: 0 }), "1 second")
        assert.deepStrictEqual(attempt.exit, Exit.succeed(101))
        // And those who have little time each find it out together
        const brief = yield* open(machine, "pid 4")
        const briefly = brief.store.transact("n", increment, { wait: 20 })
        const tries = yield* timed(
          Effect.forEach(Array.from({ length: 10 }), () => Effect.exit(briefly)),
          "10 seconds"
        )
        const succeeded = Exit.isSuccess(tries.exit) ? tries.exit.value.filter(Exit.isSuccess) : []
        assert.isAtLeast(succeeded.length, 5)
      })
  )

  it.effect("LK-6: who tries once for a key does not wait for a document that somebody has", () =>
    Effect.gen(function* () {
      // Given a process that stands still in the middle of a commit
      const machine = new Machine()
      machine.locks.add("all")
      const { lock } = yield* open(machine, "pid 2")
      // When another one tries once for a key that is free, of which the fence cannot be written
      const { elapsedMillis, exit } = yield* timed(
        Effect.flip(Effect.scoped(lock.acquire("n", { wait: 0 }))),
        "1 minute"
      )
      // Then it is told so before long, and the key is free
      assert.deepInclude(Exit.isSuccess(exit) && exit.value, { _tag: "LockTimeout", limit: "Wait" })
      assert.isAtMost(elapsedMillis, 1100)
      assert.isFalse(yield* lock.isHeld("n"))
    })
  )

  it.effect("LK-6: processes that wait for a document have it in the order in which they came", () =>
    Effect.gen(function* () {
      // Given documents that somebody is at for long
      const machine = new StateMachine({ ...calm, documents: "each" })
      const keys = ["a", "b", "c", "d", "e", "f", "g", "h"]
      for (const key of keys) machine.take(`document:${key}`, "somebody")
      // When four processes come for them, one after the other
      const changes: Array<Fiber.Fiber<ReadonlyArray<number>, unknown>> = []
      for (const owner of ["pid 1", "pid 2", "pid 3", "pid 4"]) {
        const { store } = yield* openBackend(machine.process(owner))
        const all = Effect.forEach(keys, (key) => store.transact(key, increment), {
          concurrency: "unbounded"
        })
        changes.push(yield* during(all, 9))
      }
      for (const key of keys) machine.release(`document:${key}`, "somebody")
      yield* TestClock.adjust("1 second")
      // Then they have them in this order
      assert.deepStrictEqual(
        changes.map((change) => change.pollUnsafe()),
        [1, 2, 3, 4].map((place) => Exit.succeed(keys.map(() => place)))
      )
    })
  )
})

describe("decisions that no store can keep", () => {
  for (const [what, value, schemaVersion] of [
    ["a value that is no text", JSON.parse("5"), 1],
    ["a schema version that is no number", "5", Number.NaN]
  ] as const) {
    it.effect(`LS-1: ${what} is the defect of its caller, and of nobody who shares the commit`, () =>
      Effect.gen(function* () {
        // Given two who share a commit
        const machine = new Machine()
        const { store } = yield* open(machine)
        // When one of them decides so
        const bad = store.transact("bad", () =>
          Result.succeed({ _tag: "Write", value, schemaVersion, result: undefined })
        )
        const [one, other] = yield* Effect.all(
          [Effect.exit(bad), Effect.exit(store.transact("n", increment))],
          {
            concurrency: "unbounded"
          }
        )
        // Then it dies of it, and the other one has written
        assert.isTrue(Exit.isFailure(one) && one.cause.reasons.every(({ _tag }) => _tag === "Die"))
        assert.deepStrictEqual(other, Exit.succeed(1))
        assert.deepStrictEqual(Array.from(machine.rows.keys()), ["n"])
      })
    )
  }

  it.effect("LK-5: a fence that was never given writes nothing", () =>
    Effect.gen(function* () {
      // Given a key of which one lease was given
      const { lock, store } = yield* open(new Machine())
      yield* Effect.scoped(lock.acquire("n"))
      // When somebody writes with a higher fence, or with none that is a number
      for (const fence of [2, Number.MAX_SAFE_INTEGER, Number.NaN, 0.5]) {
        const error = yield* Effect.flip(store.transact("n", increment, { fence: Lock.Fence(fence) }))
        // Then it is refused
        assert.deepInclude(error, { _tag: "Fenced", current: 1 })
      }
      const { fence } = yield* Effect.scoped(lock.acquire("n"))
      assert.strictEqual(fence, 2)
    })
  )
})

describe("many decisions at once", () => {
  it.live("a commit ends when deciding takes long, so that deadlines are kept", () =>
    Effect.gen(function* () {
      // Given decisions that take a millisecond each
      const { store } = yield* open(new Machine())
      const slow = store.transact("n", (current) => {
        const end = performance.now() + 1
        while (performance.now() < end) {}
        return increment(current)
      })
      // When there are many of them
      let turns = 0
      const turn = Effect.forever(
        Effect.andThen(
          Effect.sleep(0),
          Effect.sync(() => turns++)
        )
      )
      const watching = yield* Effect.forkChild(turn)
      yield* Effect.all(
        Array.from({ length: 200 }, () => slow),
        { concurrency: "unbounded" }
      )
      yield* Fiber.interrupt(watching)
      // Then others have their turns meanwhile
      assert.isAtLeast(turns, 10)
    }).pipe(Effect.scoped)
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
