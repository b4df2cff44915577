import { assert, describe, it } from "@effect/vitest"
import { Deadline, Lock, StateBackend, StateStore } from "@holdfast/core"
import { Context, Duration, Effect, Exit, Fiber, Queue, Result, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { full, Machine, unknown } from "../utils/machine.ts"
import { during, timed } from "../utils/run.ts"

const open = (machine: Machine, owner?: string) =>
  Effect.map(StateBackend.make(machine.process(owner)), (context) => ({
    store: Context.get(context, StateStore.StateStore),
    lock: Context.get(context, Lock.Lock)
  }))

const increment = (current: StateStore.Stored | undefined): Result.Result<StateStore.Decision<number>> => {
  const result = Number(current?.value ?? "0") + 1
  return Result.succeed({ _tag: "Write", value: String(result), schemaVersion: 1, result })
}

const put = (value: string) => (): Result.Result<StateStore.Decision<void>> =>
  Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined })

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(Effect.asVoid(effect)), ({ _tag }) => _tag)

const test = (name: string, body: (machine: Machine) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(Effect.suspend(() => body(new Machine()))))

describe("StateBackend: commits", () => {
  test("decisions that come together share a commit, in the order of their arrival", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      const results = yield* Effect.all(
        Array.from({ length: 1000 }, () => store.transact("n", increment)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        results,
        Array.from({ length: 1000 }, (_, index) => index + 1)
      )
      assert.isAtMost(machine.commits, 2)
    }))

  test("what is durable is told, also when letting go of a lock goes wrong", (machine) =>
    Effect.gen(function* () {
      const backend = machine.process()
      const context = yield* StateBackend.make({
        ...backend,
        tryLock: (name) =>
          Effect.tap(
            backend.tryLock(name),
            Effect.addFinalizer(() => Effect.die("bug"))
          )
      })
      const store = Context.get(context, StateStore.StateStore)
      assert.strictEqual(yield* store.transact("n", increment), 1)
    }))

  test("a commit belongs to all who share it: it has not the deadline of the first", (machine) =>
    Effect.gen(function* () {
      const left: Array<Duration.Duration> = []
      const backend = machine.process()
      const context = yield* StateBackend.make({
        ...backend,
        commit: (document, decide) =>
          Effect.andThen(
            Effect.map(Deadline.remaining, (remaining) => left.push(remaining)),
            backend.commit(document, decide)
          )
      })
      const store = Context.get(context, StateStore.StateStore)
      yield* Deadline.within(store.transact("n", increment), "1 second")
      assert.deepStrictEqual(left, [Duration.infinity])
    }))

  test("a version grows by one with each write, and not with what is kept", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      yield* store.transact("a", put("1"))
      yield* store.transact("a", () => Result.succeed({ _tag: "Keep", result: undefined }))
      yield* store.transact("a", put("2"))
      assert.deepInclude(yield* store.read("a"), {
        value: "2",
        version: 2,
        schemaVersion: 1,
        writtenAtMillis: 0
      })
      assert.isUndefined(yield* store.read("b"))
    }))

  test("LS-4: a decision that fails or throws writes nothing, and fails nobody else", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      const bug = new Error("bug")
      const [kept, failed, died] = yield* Effect.all(
        [
          store.transact("a", put("kept")),
          Effect.exit(store.transact("b", () => Result.fail("no"))),
          Effect.exit(
            store.transact("c", () => {
              throw bug
            })
          )
        ],
        { concurrency: "unbounded" }
      )
      assert.isUndefined(kept)
      assert.deepStrictEqual(failed, Exit.fail("no"))
      assert.deepStrictEqual(died, Exit.die(bug))
      assert.deepStrictEqual(Array.from(machine.rows.keys()), ["a"])
    }))

  test("LS-6: one value that finds no room does not fail those that came with it", (machine) =>
    Effect.gen(function* () {
      machine.failure = (keys) => (keys.includes("large") ? full("all") : undefined)
      const { store } = yield* open(machine)
      const exits = yield* Effect.all(
        ["a", "large", "b"].map((key) => Effect.exit(store.transact(key, put("x")))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true])
      assert.deepStrictEqual(exits[1], Exit.fail(full("large")))
      assert.deepStrictEqual(Array.from(machine.rows.keys()), ["a", "b"])
    }))

  test("what is unknown is told to all that shared the commit, each with its key", (machine) =>
    Effect.gen(function* () {
      machine.failure = () => unknown
      const { store } = yield* open(machine)
      const errors = yield* Effect.all(
        ["a", "b"].map((key) => Effect.flip(store.transact(key, put("x")))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        errors.map((error) => error._tag === "OutcomeUnknown" && error.operationId),
        ["a", "b"]
      )
    }))

  test("a back end that dies fails who waits for it with the same defect", (machine) =>
    Effect.gen(function* () {
      const bug = new Error("bug")
      machine.failure = () => {
        throw bug
      }
      const { store } = yield* open(machine)
      assert.deepStrictEqual(yield* Effect.exit(store.transact("n", increment)), Exit.die(bug))
      machine.failure = undefined
      assert.strictEqual(yield* store.transact("n", increment), 1)
    }))

  test("a conflict decides again, from what is there by then", (machine) =>
    Effect.gen(function* () {
      machine.conflicts = 2
      const { store } = yield* open(machine)
      let calls = 0
      const { exit } = yield* timed(
        store.transact("n", (current) => {
          calls++
          return increment(current)
        }),
        "1 second"
      )
      assert.deepStrictEqual(exit, Exit.succeed(1))
      assert.strictEqual(calls, 3)
    }))

  test("a document that another process has is waited for, no longer than `wait`", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      machine.locks.add("all")
      assert.strictEqual(yield* tagOf(store.transact("n", increment, { wait: 0 })), "LockTimeout")
      const late = yield* timed(tagOf(store.transact("n", increment, { wait: 50 })), "1 second")
      assert.deepStrictEqual(late, { exit: Exit.succeed("LockTimeout"), elapsedMillis: 50 })
      const fiber = yield* during(store.transact("n", increment), "1 second")
      assert.isUndefined(fiber.pollUnsafe())
      machine.locks.delete("all")
      yield* TestClock.adjust(5)
      assert.strictEqual(yield* Fiber.join(fiber), 1)
    }))

  test("who gave up, or was interrupted, before the commit has left nothing", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      machine.locks.add("all")
      const fiber = yield* during(store.transact("n", increment), 10)
      yield* Fiber.interrupt(fiber)
      yield* timed(Effect.exit(store.transact("n", increment, { wait: 50 })), "1 second")
      machine.locks.delete("all")
      yield* TestClock.adjust("1 second")
      assert.isUndefined(yield* store.read("n"))
      assert.strictEqual(yield* store.transact("n", increment), 1)
    }))

  test("LS-4: an interruption in the middle of a commit waits for it", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      machine.commitMillis = 100
      const fiber = yield* during(store.transact("n", increment), 50)
      const interruption = yield* during(Fiber.interrupt(fiber), 49)
      assert.isUndefined(interruption.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isDefined(interruption.pollUnsafe())
      assert.strictEqual((yield* store.read("n"))?.value, "1")
    }))

  test("LS-4: a deadline in the middle of a commit is an unknown outcome, and `wait` is none of its business", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      machine.commitMillis = 100
      const cut = yield* timed(
        Effect.exit(Deadline.within(tagOf(store.transact("n", increment)), 50)),
        "1 second"
      )
      assert.deepStrictEqual(cut, { exit: Exit.succeed(Exit.succeed("OutcomeUnknown")), elapsedMillis: 50 })
      const patient = yield* timed(store.transact("n", increment, { wait: 50 }), "1 second")
      assert.deepStrictEqual(patient, { exit: Exit.succeed(2), elapsedMillis: 100 })
    }))

  test("a conflict after its caller has left ends a decision", (machine) =>
    Effect.gen(function* () {
      const { store } = yield* open(machine)
      machine.commitMillis = 100
      machine.conflicts = 1
      const cut = yield* timed(Effect.exit(Deadline.within(store.transact("n", increment), 50)), "1 second")
      assert.strictEqual(cut.elapsedMillis, 50)
      assert.isUndefined(yield* store.read("n"))
    }))

  test("a corrupt value refuses whoever asks, and nobody else", (machine) =>
    Effect.gen(function* () {
      machine.corrupt.add("bad")
      const { lock, store } = yield* open(machine)
      const both = yield* Effect.all(
        [tagOf(store.transact("bad", put("x"))), store.transact("good", increment)],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(both, ["StateCorrupted", 1])
      assert.strictEqual(yield* tagOf(store.read("bad")), "StateCorrupted")
      assert.strictEqual(yield* tagOf(Effect.scoped(lock.acquire("bad"))), "StateCorrupted")
      assert.deepStrictEqual(yield* store.repair("good"), { _tag: "Healthy" })
      yield* TestClock.adjust("1 hour")
      const value = { value: "mended", schemaVersion: 1 }
      assert.deepStrictEqual(yield* store.repair("bad", value), { _tag: "Repaired", aside: "aside/bad" })
      assert.deepInclude(yield* store.read("bad"), value)
      const { fence } = yield* Effect.scoped(lock.acquire("bad"))
      assert.isAbove(fence, 3_600_000)
    }))

  test("closing waits for the commit that is under way, and ends who waits", (machine) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { store } = yield* Scope.provide(open(machine), scope)
      machine.commitMillis = 100
      const first = yield* during(Effect.exit(store.transact("n", increment)), 50)
      const second = yield* during(tagOf(store.transact("n", increment)), 10)
      yield* during(Scope.close(scope, Exit.void), 100)
      assert.deepStrictEqual(yield* Fiber.join(first), Exit.succeed(1))
      assert.strictEqual(yield* Fiber.join(second), "StoreUnavailable")
      assert.strictEqual(yield* tagOf(store.transact("n", increment)), "StoreUnavailable")
    }))
})

describe("StateBackend: leases", () => {
  test("LK-1: what has no lease waits for whoever has one, in another process too", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      const held = yield* Scope.make()
      yield* Scope.provide(one.lock.acquire("n", { label: "nightly" }), held)
      const waiting = [
        yield* during(one.store.transact("n", increment), 0),
        yield* during(other.store.transact("n", increment), 0),
        yield* during(Effect.scoped(other.lock.acquire("n")), 0)
      ]
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        waiting.map((fiber) => fiber.pollUnsafe()),
        [undefined, undefined, undefined]
      )
      const late = yield* Effect.flip(other.store.transact("n", increment, { wait: 0 }))
      assert.deepInclude(late, { _tag: "LockTimeout", limit: "Wait" })
      yield* Scope.close(held, Exit.void)
      yield* TestClock.adjust("1 second")
      assert.isTrue(waiting.every((fiber) => fiber.pollUnsafe() !== undefined))
      assert.strictEqual((yield* one.store.read("n"))?.value, "2")
      assert.deepStrictEqual(Array.from(machine.locks), [])
    }))

  test("the time of a caller is for all that it waits for", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      yield* one.lock.acquire("n")
      // It finds out only after a while that there is a lease to wait for.
      machine.commitMillis = 30
      const late = yield* timed(tagOf(other.store.transact("n", increment, { wait: 50 })), "1 second")
      assert.deepStrictEqual(late, { exit: Exit.succeed("LockTimeout"), elapsedMillis: 50 })
    }))

  test("a time-out says who has the key, in another process too", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      yield* one.lock.acquire("n", { label: "nightly" })
      const error = yield* Effect.flip(Effect.scoped(other.lock.acquire("n", { wait: 0 })))
      assert.deepInclude(error, { _tag: "LockTimeout", holder: "nightly (pid 1)" })
    }))

  test("who looks is told whether anybody has the key, and neither takes nor writes anything", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      const both = Effect.all([one.lock.isHeld("n"), other.lock.isHeld("n")])
      const held = yield* Scope.make()
      assert.deepStrictEqual(yield* both, [false, false])
      yield* Scope.provide(one.lock.acquire("n"), held)
      const { commits } = machine
      assert.deepStrictEqual(yield* both, [true, true])
      yield* Scope.close(held, Exit.void)
      assert.deepStrictEqual(yield* both, [false, false])
      yield* Scope.provide(one.lock.acquire("m"), yield* Scope.make())
      // What an operating system does when the first one dies.
      machine.locks.clear()
      assert.isFalse(yield* other.lock.isHeld("m"))
      assert.strictEqual(machine.commits, commits + 1)
      assert.deepStrictEqual(Array.from(machine.locks), [])
    }))

  test("those who look, or try once, at the same moment do not take each other for a holder", (machine) =>
    Effect.gen(function* () {
      machine.lockMillis = 1
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      const looks = yield* during(
        Effect.all([one.lock.isHeld("n"), one.lock.isHeld("n"), other.lock.isHeld("n")], {
          concurrency: "unbounded"
        }),
        100
      )
      assert.deepStrictEqual(yield* Fiber.join(looks), [false, false, false])
      const attempt = yield* during(
        Effect.all([other.lock.isHeld("n"), Effect.scoped(one.lock.acquire("n", { wait: 0 }))], {
          concurrency: "unbounded"
        }),
        100
      )
      assert.strictEqual((yield* Fiber.join(attempt))[1].key, "n")
    }))

  test("a look does not wait for a holder, and ends with the ambient deadline", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      machine.lockMillis = 100
      const look = yield* timed(
        Effect.flip(Deadline.within(one.lock.isHeld("n"), 50, { label: "own" })),
        "1 minute"
      )
      assert.strictEqual(look.elapsedMillis, 50)
      machine.lockMillis = 0
      assert.isFalse(yield* one.lock.isHeld("n"))
    }))

  it.effect("a look sees who has a key of the memory", () =>
    Effect.gen(function* () {
      const inside = yield* Lock.withLock(Lock.isHeld("n"), "n")
      assert.deepStrictEqual([inside, yield* Lock.isHeld("n")], [true, false])
    }).pipe(Effect.provide(StateStore.layerMemory))
  )

  test("who tries once gets a free key, also while somebody else commits", (machine) =>
    Effect.gen(function* () {
      machine.commitMillis = 50
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      yield* during(other.store.transact("m", increment), 0)
      const attempt = yield* during(Effect.scoped(one.lock.acquire("n", { wait: 0 })), 200)
      assert.strictEqual((yield* Fiber.join(attempt)).key, "n")
    }))

  test("LK-2, LK-5: fences increase over processes, and what an old one writes is refused", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      const first = yield* Effect.scoped(one.lock.acquire("n"))
      yield* one.store.transact("n", put("of the first"), { fence: first.fence })
      const second = yield* Effect.scoped(other.lock.acquire("n"))
      assert.isAbove(second.fence, first.fence)
      const refused = yield* Effect.flip(one.store.transact("n", put("late"), { fence: first.fence }))
      assert.deepInclude(refused, { _tag: "Fenced", fence: first.fence, current: second.fence })
      yield* other.store.transact("n", increment)
      assert.strictEqual(
        yield* tagOf(other.store.transact("n", put("later"), { fence: second.fence })),
        "Fenced",
        "somebody has written since, without a lease"
      )
    }))

  test("LK-3: the key of a process that died is free at the next try", (machine) =>
    Effect.gen(function* () {
      const one = yield* open(machine, "pid 1")
      const other = yield* open(machine, "pid 2")
      yield* one.lock.acquire("n")
      const waiting = yield* during(other.store.transact("n", increment), "1 minute")
      // What an operating system does.
      machine.locks.clear()
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* Fiber.join(waiting), 1)
    }))

  test("LK-4, LK-6: whoever lets go and asks again comes after the other process", (machine) =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const worker = (name: string) =>
        Effect.gen(function* () {
          const { lock } = yield* open(machine, name)
          const section = Effect.scoped(
            Effect.andThen(
              lock.acquire("n"),
              Effect.andThen(
                Effect.sync(() => order.push(name)),
                Effect.sleep(20)
              )
            )
          )
          yield* Effect.repeat(section, { times: 9 })
        })
      const all = Effect.all([worker("a"), worker("b")], { concurrency: "unbounded", discard: true })
      yield* timed(Effect.scoped(all), "1 minute")
      assert.strictEqual(order.length, 20)
      assert.strictEqual(
        order.slice(0, 18).some((name, index) => name === order[index + 1] && name === order[index + 2]),
        false,
        order.join("")
      )
    }))

  test("LK-6: a process that commits again and again lets the others come", (machine) =>
    Effect.gen(function* () {
      machine.commitMillis = 1
      const order: Array<string> = []
      const worker = (name: string) =>
        Effect.gen(function* () {
          const { store } = yield* open(machine, name)
          const commit = Effect.andThen(
            store.transact(name, increment),
            Effect.sync(() => order.push(name))
          )
          yield* Effect.repeat(commit, { times: 99 })
        })
      yield* timed(
        Effect.scoped(Effect.all([worker("a"), worker("b"), worker("c")], { concurrency: "unbounded" })),
        "1 minute"
      )
      assert.strictEqual(order.length, 300)
      const whileAllWork = order.slice(0, 200).join("")
      assert.notMatch(whileAllWork, /a{20}|b{20}|c{20}/)
    }))

  test("LK-6: who waits in one process comes in the order of arrival", (machine) =>
    Effect.gen(function* () {
      const { lock, store } = yield* open(machine)
      const order: Array<number> = []
      const section = (id: number) =>
        Effect.scoped(
          Effect.andThen(
            lock.acquire("n"),
            Effect.andThen(
              Effect.sync(() => order.push(id)),
              Effect.sleep(10)
            )
          )
        )
      yield* timed(
        Effect.all(
          Array.from({ length: 5 }, (_, id) => section(id)),
          { concurrency: "unbounded" }
        ),
        "1 second"
      )
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4])
      assert.isUndefined(yield* store.read("n"), "a key that is only locked has no value")
    }))

  test("an acquisition that fails, or is interrupted, leaves no lock", (machine) =>
    Effect.gen(function* () {
      const { lock } = yield* open(machine)
      machine.failure = () => full("all")
      assert.strictEqual(yield* tagOf(Effect.scoped(lock.acquire("n"))), "StoreFull")
      assert.deepStrictEqual(Array.from(machine.locks), [])
      machine.failure = undefined
      machine.locks.add("lock:n")
      const fiber = yield* during(Effect.scoped(lock.acquire("n")), 50)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(Array.from(machine.locks), ["lock:n"])
    }))
})

describe("StateBackend: changes", () => {
  /** What a watcher has seen, with a backend that is changed. */
  const watching = (machine: Machine, change: Partial<StateBackend.StateBackend>) =>
    Effect.gen(function* () {
      const context = yield* StateBackend.make({ ...machine.process(), ...change })
      const store = Context.get(context, StateStore.StateStore)
      const seen: Array<string | undefined> = []
      yield* during(
        Stream.runForEach(store.watch("n"), (stored) => Effect.sync(() => seen.push(stored?.value))),
        0
      )
      return { seen, store }
    })

  test("what is written while somebody looks is seen at the next look", (machine) =>
    Effect.gen(function* () {
      const backend = machine.process()
      const { seen, store } = yield* watching(machine, {
        read: (key) => Effect.tap(backend.read(key), Effect.sleep(10))
      })
      yield* TestClock.adjust(5)
      yield* store.transact("n", put("meanwhile"))
      yield* TestClock.adjust(20)
      assert.deepStrictEqual(seen, [undefined, "meanwhile"])
    }))

  test("a hint is followed by a look", (machine) =>
    Effect.gen(function* () {
      const hints = yield* Queue.unbounded<void>()
      const { seen } = yield* watching(machine, { hints: Stream.fromQueue(hints) })
      const other = yield* open(machine, "pid 2")
      yield* other.store.transact("n", put("theirs"))
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, [undefined])
      yield* Queue.offer(hints, undefined)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, [undefined, "theirs"])
    }))
})
