import { assert, describe, it } from "@effect/vitest"
import { Deadline, InvalidOptions, Register, StateStore } from "@holdfast/core"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Result, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Offices, tagOf } from "./register/offices.ts"
import { unknown } from "./utils/machine.ts"
import { during, timed } from "./utils/run.ts"

const test = (name: string, body: (offices: Offices) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () =>
    Effect.scoped(
      Effect.suspend(() => {
        const offices = new Offices()
        // What ends with the scope does so while no clock moves.
        return Effect.ensuring(body(offices), offices.hurry)
      })
    )
  )

/** Has a key until it is told to let go. */
const hold = (register: Register.Register, key: string) =>
  Effect.gen(function* () {
    const held = yield* Deferred.make<void>()
    const gate = yield* Deferred.make<void, string>()
    const section = Effect.andThen(register.guard(key), Deferred.succeed(held, undefined)).pipe(
      Effect.andThen(Deferred.await(gate)),
      Effect.scoped
    )
    const fiber = yield* Effect.forkChild(section)
    yield* Deferred.await(held)
    return { fiber, gate }
  })

describe("Register", () => {
  test("a key is taken, kept when it is deactivated, and removed when it is released", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const active = { active: true, owner: register.owner } as const
      assert.isFalse(yield* register.isActive("a"))
      assert.isTrue(yield* register.tryAcquire("a"))
      yield* register.activate("b")
      yield* register.activate("b")
      assert.deepStrictEqual(
        [yield* register.isActive("a"), yield* register.isActive("b"), yield* register.tryAcquire("b")],
        [true, true, false]
      )
      yield* register.deactivate("a")
      yield* register.deactivate("unheard of")
      assert.isFalse(yield* register.isActive("a"))
      const kept = { active: false, owner: undefined } as const
      const both = new Map<string, Register.Entry>([
        ["a", kept],
        ["b", active]
      ])
      assert.deepStrictEqual(yield* register.snapshot, both)
      yield* register.release("b")
      yield* register.release("unheard of")
      assert.deepStrictEqual(yield* register.snapshot, new Map([["a", kept]]))
      assert.isTrue(yield* register.tryAcquire("a"))
      yield* register.deactivate("a")
      yield* register.release("a")
      assert.deepStrictEqual(yield* register.snapshot, new Map())
    }))

  test("RG-1: of all who try at the same time, exactly one has the key", (offices) =>
    Effect.gen(function* () {
      const owners = [yield* offices.open(), yield* offices.open(), yield* offices.open()]
      offices.machine.commitMillis = 3
      const fiber = yield* during(
        Effect.all(
          owners.flatMap(({ register }) => Array.from({ length: 20 }, () => register.tryAcquire("a"))),
          { concurrency: "unbounded" }
        ),
        "1 second"
      )
      const results = yield* Fiber.join(fiber)
      yield* offices.hurry
      assert.strictEqual(results.filter((isWinner) => isWinner).length, 1)
      const winner = owners[Math.floor(results.indexOf(true) / 20)]
      const snapshot = yield* (yield* offices.open()).register.snapshot
      assert.deepStrictEqual(snapshot.get("a"), { active: true, owner: winner?.register.owner })
    }))

  test("RG-2: nobody can take, keep, free or overwrite what a living owner has", (offices) =>
    Effect.gen(function* () {
      const { register: one } = yield* offices.open()
      const { register: other } = yield* offices.open()
      yield* one.activate("a")
      yield* one.activate("b")
      yield* one.deactivate("b")
      yield* other.activate("c")
      assert.isFalse(yield* other.tryAcquire("a"))
      for (const attempt of [
        other.activate("a"),
        other.deactivate("a"),
        other.release("a"),
        other.guard("a")
      ]) {
        const error = yield* Effect.flip(attempt)
        assert.deepInclude(error, { _tag: "KeyTaken", key: "a", owner: one.owner, isOwn: false })
        assert.strictEqual(
          error.message,
          'the key "a" of the register "jobs" is taken: owner 0 has it, who lives'
        )
      }
      yield* other.clear
      assert.deepStrictEqual(
        yield* other.snapshot,
        new Map([["a", { active: true, owner: one.owner } as const]])
      )
      assert.isTrue(yield* other.isActive("a"))
    }))

  test("RG-2: what a dead owner had is free for whoever asks", (offices) =>
    Effect.gen(function* () {
      const dead = yield* offices.open()
      const { register } = yield* offices.open()
      for (const key of ["a", "b", "c", "d", "e", "f"]) yield* dead.register.activate(key)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* dead.register.guard("g")
          yield* dead.kill
          assert.isFalse(yield* register.isActive("a"))
          assert.deepStrictEqual(yield* register.snapshot, new Map())
          yield* register.release("a")
          yield* register.deactivate("b")
          assert.isTrue(yield* register.tryAcquire("c"))
          yield* register.activate("d")
          yield* register.guard("g")
          assert.deepStrictEqual(Array.from((yield* register.snapshot).keys()), ["c", "d", "g"])
        })
      )
      yield* register.clear
      assert.deepStrictEqual(yield* register.snapshot, new Map())
    }))

  test("RG-2: many who ask for what one dead owner had, at the same time, all get it", (offices) =>
    Effect.gen(function* () {
      const dead = yield* offices.open()
      const one = yield* offices.open()
      const other = yield* offices.open()
      const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
      for (const key of keys) yield* dead.register.activate(key)
      yield* dead.kill
      offices.machine.lockMillis = 1
      offices.machine.commitMillis = 5
      const fiber = yield* during(
        Effect.forEach(keys, (key, index) => (index % 2 === 0 ? one : other).register.tryAcquire(key), {
          concurrency: "unbounded"
        }),
        "10 seconds"
      )
      assert.deepStrictEqual(
        yield* Fiber.join(fiber),
        keys.map(() => true)
      )
    }))

  test("whoever does not get a key, and whoever looks, writes nothing", (offices) =>
    Effect.gen(function* () {
      const dead = yield* offices.open()
      const { register: one } = yield* offices.open()
      const { register: other } = yield* offices.open()
      yield* dead.register.activate("a")
      yield* one.activate("b")
      yield* dead.kill
      const { commits } = offices.machine
      assert.isFalse(yield* other.tryAcquire("b"))
      assert.strictEqual(yield* tagOf(other.release("b")), "KeyTaken")
      assert.deepStrictEqual([yield* other.isActive("a"), yield* other.isActive("b")], [false, true])
      assert.deepStrictEqual(Array.from((yield* other.snapshot).keys()), ["b"])
      assert.strictEqual(offices.machine.commits, commits)
    }))
})

describe("Register: an owner that others have taken for dead", () => {
  test("RG-3: frees, keeps and overwrites nothing any more, and is told so", (offices) =>
    Effect.gen(function* () {
      const zombie = yield* offices.open()
      const { register } = yield* offices.open()
      const lost = yield* during(zombie.register.lost, 0)
      for (const key of ["a", "b"]) yield* zombie.register.activate(key)
      const guarded = yield* hold(zombie.register, "c")
      yield* zombie.kill
      for (const key of ["a", "b", "c"]) assert.isTrue(yield* register.tryAcquire(key))
      assert.strictEqual(lost.pollUnsafe(), undefined, "it has not looked yet")
      const before = yield* register.snapshot
      const { activate, clear, deactivate, guard, isActive, release, snapshot, tryAcquire } = zombie.register
      const attempts = [
        activate("a"),
        deactivate("a"),
        release("b"),
        tryAcquire("d"),
        clear,
        Effect.scoped(guard("d")),
        isActive("a"),
        snapshot
      ]
      for (const attempt of attempts) assert.strictEqual(yield* tagOf(attempt), "Fenced")
      yield* Deferred.succeed(guarded.gate, undefined)
      yield* Fiber.join(guarded.fiber)
      yield* zombie.close
      assert.deepStrictEqual(yield* register.snapshot, before)
      assert.strictEqual((yield* Fiber.join(lost)).key, "jobs/owner/0")
    }))

  test("RG-3: is told who has followed it, and does not end what that one has", (offices) =>
    Effect.gen(function* () {
      const zombie = yield* offices.open()
      yield* zombie.register.activate("a")
      yield* zombie.kill
      const next = yield* offices.open()
      assert.strictEqual(next.register.owner.slot, 0)
      assert.isAbove(next.register.owner.fence, zombie.register.owner.fence)
      assert.deepStrictEqual(yield* next.register.snapshot, new Map(), "what it had went with it")
      yield* next.register.activate("a")
      const error = yield* Effect.flip(zombie.register.release("a"))
      assert.deepInclude(error, {
        _tag: "Fenced",
        fence: zombie.register.owner.fence,
        current: next.register.owner.fence
      })
      yield* zombie.close
      assert.isTrue(yield* next.register.isActive("a"))
      assert.strictEqual(yield* tagOf((yield* offices.open()).register.activate("a")), "KeyTaken")
    }))

  test("RG-3: one who takes a key while others bury it does not get it", (offices) =>
    Effect.gen(function* () {
      const zombie = yield* offices.open()
      const { register } = yield* offices.open()
      yield* zombie.register.activate("a")
      yield* zombie.kill
      offices.machine.commitMillis = 10
      const burial = yield* during(register.tryAcquire("a"), 1)
      // It has read that all is well, and waits for the other's commit.
      const late = yield* during(Effect.flip(zombie.register.tryAcquire("b")), "1 second")
      assert.isTrue(yield* Fiber.join(burial))
      assert.strictEqual((yield* Fiber.join(late))._tag, "Fenced")
      assert.isFalse(yield* register.isActive("b"))
    }))
})

describe("Register: guards", () => {
  test("RG-1: whose scope is closed has no part in it any more, also when that could not be written", (offices) =>
    Effect.gen(function* () {
      const one = yield* offices.open()
      const { register: other } = yield* offices.open()
      yield* one.register.activate("a")
      const lost = yield* Effect.forkChild(one.register.lost, { startImmediately: true })
      offices.machine.failure = () => unknown
      yield* one.close
      offices.machine.failure = undefined
      assert.strictEqual((yield* Fiber.join(lost))._tag, "Fenced")
      for (const use of [one.register.tryAcquire("b"), one.register.isActive("a"), one.register.guard("c")]) {
        assert.strictEqual(yield* tagOf(use), "Fenced")
      }
      assert.isTrue(yield* other.tryAcquire("a"))
    }))

  test("RG-4: frees the key on success, failure, and interruption", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const { register: other } = yield* offices.open()
      const ends = [
        (held: Effect.Success<ReturnType<typeof hold>>) => Deferred.succeed(held.gate, undefined),
        (held: Effect.Success<ReturnType<typeof hold>>) => Deferred.fail(held.gate, "no"),
        (held: Effect.Success<ReturnType<typeof hold>>) => Deferred.die(held.gate, new Error("bug")),
        (held: Effect.Success<ReturnType<typeof hold>>) => Fiber.interrupt(held.fiber)
      ]
      for (const end of ends) {
        const held = yield* hold(register, "a")
        assert.isTrue(yield* other.isActive("a"))
        yield* end(held)
        yield* Fiber.await(held.fiber)
        assert.isFalse((yield* other.snapshot).has("a"))
      }
    }))

  test("RG-4: a second guard of a key fails, of the same owner too, and leaves the first alone", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const { register: other } = yield* offices.open()
      const held = yield* hold(register, "a")
      const error = yield* Effect.flip(Effect.scoped(register.guard("a")))
      assert.deepInclude(error, { _tag: "KeyTaken", key: "a", owner: register.owner, isOwn: true })
      assert.strictEqual(
        error.message,
        'the key "a" of the register "jobs" is taken: a guard of this very owner has it'
      )
      assert.strictEqual(yield* tagOf(Effect.scoped(other.guard("a"))), "KeyTaken")
      assert.isTrue(yield* other.isActive("a"))
      yield* Deferred.succeed(held.gate, undefined)
      yield* Fiber.join(held.fiber)
      yield* Effect.scoped(other.guard("a"))
    }))

  test("RG-4: nothing else of its owner frees the key of a guard", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      yield* hold(register, "a")
      yield* register.activate("b")
      for (const attempt of [register.activate("a"), register.deactivate("a"), register.release("a")]) {
        assert.deepInclude(yield* Effect.flip(attempt), { _tag: "KeyTaken", isOwn: true })
      }
      assert.isFalse(yield* register.tryAcquire("a"))
      yield* register.clear
      assert.deepStrictEqual(Array.from((yield* register.snapshot).keys()), ["a"])
    }))

  test("RG-4: a guard that outlives its owner frees nothing that others took since", (offices) =>
    Effect.gen(function* () {
      const one = yield* offices.open()
      const { register: other } = yield* offices.open()
      const held = yield* hold(one.register, "a")
      yield* one.close
      assert.isTrue(yield* other.tryAcquire("a"))
      yield* Deferred.succeed(held.gate, undefined)
      yield* Fiber.join(held.fiber)
      assert.isTrue(yield* other.isActive("a"))
    }))

  test("RG-4: an end that cannot be written is written as soon as the store works", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const { register: other } = yield* offices.open()
      const held = yield* hold(register, "a")
      offices.machine.failure = () => unknown
      yield* Deferred.succeed(held.gate, undefined)
      const { exit, elapsedMillis } = yield* timed(Fiber.join(held.fiber), "10 seconds")
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(elapsedMillis, 1000, "the scope does not wait for longer")
      assert.isTrue(yield* other.isActive("a"), "nobody else knows that it is over")
      assert.isFalse(yield* register.isActive("a"))
      offices.machine.failure = undefined
      yield* TestClock.adjust("6 seconds")
      assert.isFalse(yield* other.isActive("a"))
    }))

  test("RG-4: the deadline that ends a section does not keep its guard from freeing the key", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const section = Effect.scoped(Effect.andThen(register.guard("a"), Effect.never))
      const { exit } = yield* timed(Effect.flip(Deadline.within(section, "1 second")), "2 seconds")
      assert.isTrue(Exit.isSuccess(exit))
      assert.isFalse(yield* register.isActive("a"))
    }))
})

describe("Register: what goes wrong", () => {
  test("whoever is interrupted while a key is taken for him does not have it", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      offices.machine.commitMillis = 100
      for (const take of [
        register.tryAcquire("a"),
        register.activate("a"),
        Effect.scoped(register.guard("a"))
      ]) {
        const fiber = yield* during(take, 50)
        const end = yield* during(Fiber.interrupt(fiber), "1 second")
        yield* Fiber.join(end)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.isFalse(yield* register.isActive("a"))
        assert.deepStrictEqual(yield* register.snapshot, new Map())
      }
    }))

  test("of a key that may have been taken, it soon is so that it is not", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      const { register: other } = yield* offices.open()
      offices.machine.commitMillis = 100
      const late = yield* timed(
        Deadline.within(
          Effect.catchTag(register.tryAcquire("a"), "OutcomeUnknown", () => Effect.succeed("unknown")),
          50
        ),
        "1 second"
      )
      assert.deepStrictEqual(late, { exit: Exit.succeed("unknown"), elapsedMillis: 50 })
      assert.isFalse(yield* other.isActive("a"))
    }))

  test("a deadline that has passed is a `LockTimeout`, and nothing was done", (offices) =>
    Effect.gen(function* () {
      const { register } = yield* offices.open()
      offices.machine.locks.add("all")
      const told = Effect.catchTag(register.tryAcquire("a"), "LockTimeout", ({ limit }) =>
        Effect.succeed(limit)
      )
      const { elapsedMillis, exit } = yield* timed(Deadline.within(told, "1 second"), "1 minute")
      assert.deepStrictEqual([elapsedMillis, exit], [1000, Exit.succeed("InheritedDeadline")])
      offices.machine.locks.delete("all")
      assert.isFalse(yield* register.isActive("a"))
    }))

  test("a corrupt register is `StateCorrupted`; once it was repaired, its owners have to begin anew", (offices) =>
    Effect.gen(function* () {
      const { context, register } = yield* offices.open()
      yield* register.activate("a")
      offices.machine.corrupt.add("jobs")
      assert.strictEqual(yield* tagOf(register.isActive("a")), "StateCorrupted")
      assert.strictEqual(yield* tagOf(register.tryAcquire("b")), "StateCorrupted")
      assert.strictEqual(yield* tagOf(offices.open()), "StateCorrupted")
      const store = StateStore.StateStore.use((store) => store.repair("jobs"))
      yield* Effect.provide(store, context)
      assert.strictEqual(yield* tagOf(register.isActive("a")), "Fenced")
      const { register: next } = yield* offices.open()
      assert.isTrue(yield* next.tryAcquire("a"))
    }))

  test("what belongs to nobody who ever was an owner is free", (offices) =>
    Effect.gen(function* () {
      const { context, register } = yield* offices.open()
      const entry = (slot: number) => `{"slot":${slot},"fence":7,"hold":1,"guarded":true}`
      const value = `{"owners":[[0,1]],"entries":[["a",${entry(0)}],["b",${entry(9)}],["c",null]]}`
      const write = StateStore.StateStore.use((store) =>
        store.transact("jobs", () =>
          Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined })
        )
      )
      yield* Effect.provide(write, context)
      assert.deepStrictEqual(Array.from((yield* register.snapshot).keys()), ["c"])
      assert.isFalse(yield* register.isActive("a"))
      assert.isTrue(yield* register.tryAcquire("b"))
      yield* register.clear
      assert.deepStrictEqual(yield* register.snapshot, new Map())
    }))

  it("options without a meaning are refused where they are written", () => {
    assert.throws(() => Register.make(""), InvalidOptions)
    assert.throws(() => Register.make("x".repeat(191)), InvalidOptions)
    assert.throws(() => Register.make("jobs/owner/0"), InvalidOptions)
    assert.doesNotThrow(() => Register.make("jobs/owner"))
    assert.throws(() => Register.make("a", { maxOwners: 0 }), InvalidOptions)
    assert.throws(() => Register.make("a", { maxOwners: Infinity }), InvalidOptions)
  })
})

describe("Register: owners", () => {
  test("what an owner has is removed when it ends, and its slot taken again", (offices) =>
    Effect.gen(function* () {
      const one = yield* offices.open()
      const { register: other } = yield* offices.open()
      yield* one.register.activate("a")
      yield* one.register.activate("b")
      yield* one.register.deactivate("b")
      yield* one.close
      assert.strictEqual(
        offices.machine.rows.get("jobs")?.stored?.value,
        '{"owners":[[1,1]],"entries":[["b",null]]}',
        "nobody has to find out that it is gone"
      )
      assert.deepStrictEqual(Array.from((yield* other.snapshot).keys()), ["b"])
      assert.deepStrictEqual(offices.slots, ["lock:jobs/owner/1"])
      assert.strictEqual((yield* offices.open()).register.owner.slot, 0)
    }))

  test("there are no more slots than there were owners at the same time, however many die", (offices) =>
    Effect.gen(function* () {
      yield* offices.open()
      const fences: Array<number> = []
      for (let life = 0; life < 20; life++) {
        const { kill, register } = yield* offices.open()
        yield* register.activate(`key ${life}`)
        fences.push(register.owner.fence)
        yield* kill
      }
      assert.deepStrictEqual(Array.from(offices.machine.rows.keys()), [
        "jobs/owner/0",
        "jobs",
        "jobs/owner/1"
      ])
      assert.deepStrictEqual(
        fences,
        Array.from(new Set(fences)).sort((a, b) => a - b)
      )
      const { register } = yield* offices.open()
      assert.deepStrictEqual(yield* register.snapshot, new Map())
    }))

  test("nobody takes the slot of somebody who was not buried yet", (offices) =>
    Effect.gen(function* () {
      const one = yield* offices.open()
      yield* one.register.activate("a")
      offices.machine.lockMillis = 10
      const opening = yield* during(offices.open(), 25)
      // It has seen that the first one lives, and looks for a slot.
      yield* one.kill
      yield* TestClock.adjust("1 second")
      const { register } = yield* Fiber.join(opening)
      yield* offices.hurry
      assert.strictEqual(register.owner.slot, 1)
      assert.isTrue(yield* register.tryAcquire("a"))
    }))

  test("one more than there may be is refused, until somebody leaves or dies", (offices) =>
    Effect.gen(function* () {
      const one = yield* offices.open({ maxOwners: 2 })
      const other = yield* offices.open({ maxOwners: 2 })
      const error = yield* Effect.flip(offices.open({ maxOwners: 2 }))
      assert.deepInclude(error, { _tag: "TooManyOwners", maxOwners: 2 })
      assert.strictEqual(error.message, 'the register "jobs" has 2 owners who live, and room for no more')
      yield* one.close
      yield* offices.open({ maxOwners: 2 })
      yield* other.kill
      yield* offices.open({ maxOwners: 2 })
    }))

  test("who cannot become an owner leaves no lock behind", (offices) =>
    Effect.gen(function* () {
      const full = new StateStore.StoreFull({ store: "machine", key: "jobs", cause: "ENOSPC" })
      offices.machine.failure = (keys) => (keys.includes("jobs") ? full : undefined)
      assert.strictEqual(yield* tagOf(offices.open()), "StoreFull")
      assert.deepStrictEqual(offices.slots, [])
      offices.machine.failure = undefined
      offices.machine.commitMillis = 100
      const fiber = yield* during(offices.open(), 150)
      yield* Fiber.join(yield* during(Fiber.interrupt(fiber), "1 second"))
      assert.deepStrictEqual(offices.slots, [])
      assert.strictEqual(
        (yield* Fiber.join(yield* during(offices.open(), "1 second"))).register.owner.slot,
        0
      )
    }))

  it.effect("a service is one owner, as long as its layer", () =>
    Effect.gen(function* () {
      class Jobs extends Register.Service<Jobs>()("app/Jobs") {}
      const owner = Effect.map(Jobs, (jobs) => jobs.owner)
      const twice = Effect.provide(Effect.all([owner, owner]), Jobs.layer)
      const all = Effect.all([twice, twice])
      const [[a, b], [c]] = yield* Effect.provide(
        all,
        Layer.provideMerge(Layer.empty, StateStore.layerMemory)
      )
      assert.deepStrictEqual(
        [a, b],
        [
          { slot: 0, fence: 1 },
          { slot: 0, fence: 1 }
        ]
      )
      assert.deepStrictEqual(c, { slot: 0, fence: 2 })
    })
  )
})
