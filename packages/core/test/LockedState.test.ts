import { assert, describe, it } from "@effect/vitest"
import { InvalidOptions, Lock, LockedState, StateBackend, StateStore } from "@holdfast/core"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Schema, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Machine } from "./utils/machine.ts"
import { during, timed } from "./utils/run.ts"

const counter = LockedState.make("n", { schema: Schema.Number, initial: 0 })

const test = (
  name: string,
  body: Effect.Effect<void, unknown, StateStore.StateStore | Lock.Lock | Scope.Scope>
) => it.effect(name, () => Effect.scoped(Effect.provide(body, StateStore.layerMemory)))

/** The stores of two processes on one machine. */
const twoProcesses = Effect.gen(function* () {
  const machine = new Machine()
  const open = (owner: string) =>
    Effect.map(StateBackend.make(machine.process(owner)), (context) => Layer.succeedContext(context))
  return { machine, one: yield* open("pid 1"), other: yield* open("pid 2") }
})

describe("LockedState", () => {
  test(
    "has the initial value until it is written, and then what was written",
    Effect.gen(function* () {
      const state = yield* counter
      assert.strictEqual(yield* state.get, 0)
      assert.deepInclude(yield* state.snapshot, { value: 0, version: 0, writtenAtMillis: undefined })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* state.modify((n) => [`was ${n}`, n + 1]), "was 0")
      assert.strictEqual(yield* state.updateAndGet((n) => n + 1), 2)
      yield* state.update((n) => n + 1)
      assert.deepInclude(yield* state.snapshot, { value: 3, version: 3, writtenAtMillis: 1000 })
    })
  )

  test(
    "LS-3: of many changes at once none is lost",
    Effect.gen(function* () {
      const state = yield* counter
      const changes = Array.from({ length: 800 }, (_, index) =>
        index % 100 === 0
          ? state.modifyEffect((n) => Effect.as(Effect.yieldNow, [undefined, n + 1] as const))
          : state.update((n) => n + 1)
      )
      yield* Effect.all(changes, { concurrency: "unbounded" })
      assert.strictEqual(yield* state.get, 800)
    })
  )

  test(
    "LS-3: a change waits for an effect that has the value for itself",
    Effect.gen(function* () {
      const state = yield* counter
      const slow = yield* during(
        state.modifyEffect((n) => Effect.as(Effect.sleep(100), ["done", n + 10] as const)),
        10
      )
      const change = yield* timed(
        state.updateAndGet((n) => n + 1),
        "1 second"
      )
      assert.deepStrictEqual(change, { exit: Exit.succeed(11), elapsedMillis: 90 })
      assert.strictEqual(yield* Fiber.join(slow), "done")
    })
  )

  test(
    "LS-4: an effect that fails, dies or is interrupted leaves the old value, and the key free",
    Effect.gen(function* () {
      const state = yield* counter
      const bug = new Error("bug")
      assert.deepStrictEqual(yield* Effect.exit(state.modifyEffect(() => Effect.fail("no"))), Exit.fail("no"))
      assert.deepStrictEqual(yield* Effect.exit(state.modifyEffect(() => Effect.die(bug))), Exit.die(bug))
      const hung = yield* during(
        state.modifyEffect(() => Effect.never),
        10
      )
      yield* Fiber.interrupt(hung)
      assert.strictEqual(yield* state.updateAndGet((n) => n + 1, { wait: 0 }), 1)
    })
  )

  test(
    "LS-4: a change that throws is a defect of its caller, and changes nothing",
    Effect.gen(function* () {
      const state = yield* LockedState.make("list", {
        schema: Schema.mutable(Schema.Array(Schema.Number)),
        initial: [1]
      })
      const exit = yield* Effect.exit(
        state.update((list) => {
          list.push(2)
          throw new Error("bug")
        })
      )
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(yield* state.get, [1])
    })
  )

  test(
    "`compareAndSet` writes over what was expected, and nothing else",
    Effect.gen(function* () {
      const state = yield* counter
      const first = yield* state.snapshot
      assert.isTrue(yield* state.compareAndSet(first, 5))
      assert.isFalse(yield* state.compareAndSet(first, 6))
      const second = yield* state.snapshot
      yield* state.update((n) => n + 1)
      yield* state.update((n) => n - 1)
      assert.isFalse(yield* state.compareAndSet(second, 7), "the same value is not the same version")
      assert.strictEqual(yield* state.get, 5)
    })
  )

  test(
    "a change that changes nothing writes nothing",
    Effect.gen(function* () {
      const state = yield* counter
      yield* state.update(() => 1)
      yield* state.update((n) => n)
      assert.strictEqual((yield* state.snapshot).version, 1)
    })
  )

  test(
    "values have the JSON form of their schema",
    Effect.gen(function* () {
      const schema = Schema.Struct({
        at: Schema.Date,
        tags: Schema.ReadonlySet(Schema.String),
        n: Schema.BigInt
      })
      const initial = { at: new Date(0), tags: new Set<string>(), n: 1n }
      const state = yield* LockedState.make("rich", { schema, initial })
      yield* state.update(({ n }) => ({ at: new Date(5), tags: new Set(["a"]), n: n + 1n }))
      assert.deepStrictEqual(yield* state.get, { at: new Date(5), tags: new Set(["a"]), n: 2n })
    })
  )

  test(
    "as long as nothing changes, the same value is given",
    Effect.gen(function* () {
      const state = yield* LockedState.make("o", {
        schema: Schema.Struct({ n: Schema.Number }),
        initial: { n: 0 }
      })
      yield* state.update(() => ({ n: 1 }))
      const one = yield* state.get
      assert.strictEqual(yield* state.get, one)
      yield* state.update(() => ({ n: 2 }))
      assert.deepStrictEqual(yield* state.get, { n: 2 })
      assert.deepStrictEqual(one, { n: 1 })
    })
  )

  test(
    "`changes` begins with the value, and ends with the last, whatever comes between",
    Effect.gen(function* () {
      const state = yield* counter
      const seen: Array<number> = []
      const reader = state.changes.pipe(
        Stream.runForEach(({ value }) =>
          Effect.andThen(
            Effect.sync(() => seen.push(value)),
            Effect.sleep(10)
          )
        )
      )
      const fiber = yield* during(reader, 1)
      for (let n = 0; n < 5; n++) yield* state.update((n) => n + 1)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(seen, [0, 5])
      yield* state.update((n) => n + 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, [0, 5, 6])
      yield* Fiber.interrupt(fiber)
    })
  )
})

describe("LockedState, between two processes", () => {
  it.effect("LS-3: no update is lost, and each sees at once what the other has written", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { machine, one, other } = yield* twoProcesses
        machine.commitMillis = 2
        const [a, b] = [yield* Effect.provide(counter, one), yield* Effect.provide(counter, other)]
        const writes = (state: LockedState.LockedState<number>) =>
          Effect.repeat(
            state.update((n) => n + 1),
            { times: 49 }
          )
        const { exit } = yield* timed(
          Effect.all([writes(a), writes(a), writes(b)], { concurrency: "unbounded", discard: true }),
          "1 minute"
        )
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(yield* a.get, 150)
        assert.strictEqual(yield* b.get, 150)
      })
    )
  )

  it.effect("`changes` sees what the other has written within a second, also without a hint", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { one, other } = yield* twoProcesses
        const [a, b] = [yield* Effect.provide(counter, one), yield* Effect.provide(counter, other)]
        const seen = yield* Deferred.make<number>()
        yield* during(
          Stream.runForEach(a.changes, ({ value }) =>
            value === 0 ? Effect.void : Deferred.succeed(seen, value)
          ),
          10
        )
        yield* b.update(() => 7)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Deferred.await(seen), 7)
      })
    )
  )
})

describe("LockedState, over versions of a schema", () => {
  const Old = LockedState.make("user", {
    schema: Schema.Struct({ name: Schema.String }),
    initial: { name: "" }
  })
  const New = LockedState.make("user", {
    schema: Schema.Struct({ first: Schema.String, last: Schema.String }),
    initial: { first: "", last: "" },
    version: 2,
    migrations: [
      {
        from: 1,
        migrate: (encoded) => {
          const [first = "", last = ""] = Schema.decodeUnknownSync(Schema.Struct({ name: Schema.String }))(
            encoded
          ).name.split(" ")
          return { first, last }
        }
      }
    ]
  })

  test(
    "LS-7: an older value is migrated when it is read, and written so by the next change",
    Effect.gen(function* () {
      const [old, current] = [yield* Old, yield* New]
      const store = yield* StateStore.StateStore
      yield* old.update(() => ({ name: "Ada Lovelace" }))
      assert.deepStrictEqual(yield* current.get, { first: "Ada", last: "Lovelace" })
      assert.strictEqual((yield* store.read("user"))?.schemaVersion, 1)
      yield* current.update((user) => user)
      assert.deepInclude(yield* store.read("user"), {
        schemaVersion: 2,
        value: JSON.stringify({ first: "Ada", last: "Lovelace" })
      })
    })
  )

  test(
    "LS-7: a change that leaves an older value as it is writes it as one of the newer schema",
    Effect.gen(function* () {
      const definition = { schema: Schema.Number, initial: 0 }
      const old = yield* LockedState.make("same", definition)
      const current = yield* LockedState.make("same", {
        ...definition,
        version: 2,
        migrations: [{ from: 1, migrate: (encoded) => encoded }]
      })
      yield* old.update(() => 7)
      yield* current.update((n) => n)
      assert.deepInclude(yield* (yield* StateStore.StateStore).read("same"), { value: "7", schemaVersion: 2 })
      assert.strictEqual((yield* Effect.flip(old.get))._tag, "SchemaTooNew")
    })
  )

  test(
    "LS-7: a newer value is neither read nor written over",
    Effect.gen(function* () {
      const [old, current] = [yield* Old, yield* New]
      yield* current.update(() => ({ first: "Ada", last: "Lovelace" }))
      const errors = yield* Effect.all([
        Effect.flip(old.get),
        Effect.flip(old.update(() => ({ name: "gone" }))),
        Effect.flip(old.modifyEffect(() => Effect.succeed([undefined, { name: "gone" }] as const))),
        Effect.flip(
          old.compareAndSet(
            { value: { name: "" }, version: 1, fence: Lock.Fence(0), writtenAtMillis: 0 },
            { name: "gone" }
          )
        )
      ])
      for (const error of errors) assert.deepInclude(error, { _tag: "SchemaTooNew", stored: 2, known: 1 })
      assert.deepStrictEqual(yield* current.get, { first: "Ada", last: "Lovelace" })
    })
  )

  test(
    "LS-5: what the schema does not accept is corrupt, is left as it is, and can be repaired",
    Effect.gen(function* () {
      const state = yield* counter
      const other = yield* LockedState.make("n", { schema: Schema.String, initial: "" })
      yield* other.update(() => "text")
      assert.deepInclude(yield* Effect.flip(state.get), {
        _tag: "StateCorrupted",
        reason: "Schema",
        store: "memory"
      })
      const error = yield* Effect.flip(state.update((n) => n + 1))
      assert.deepInclude(error, { _tag: "StateCorrupted" })
      assert.include(error.message, "mend its schema or its migrations")
      assert.strictEqual(yield* other.get, "text")
    })
  )

  test(
    "a change to what the schema does not accept is a defect that says of which value",
    Effect.gen(function* () {
      const state = yield* LockedState.make("count", { schema: Schema.Int, initial: 0 })
      const exit = yield* Effect.exit(state.update(() => 1.5))
      assert.match(
        Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "",
        /a new value of "count" is not of its schema: .*integer/i
      )
    })
  )

  it("rejects an initial value that is not of the schema", () => {
    const make = () => LockedState.make("count", { schema: Schema.Int, initial: 1.5 })
    assert.throws(make, InvalidOptions, /LockedState: the option "initial" cannot be stored: .*integer/i)
  })

  it("rejects migrations with gaps, and keys that no store can keep", () => {
    const make = (version: number, from: ReadonlyArray<number>) => () =>
      LockedState.make("a", {
        schema: Schema.Number,
        initial: 0,
        version,
        migrations: from.map((from) => ({ from, migrate: (encoded) => encoded }))
      })
    for (const bad of [
      make(0, []),
      make(1.5, []),
      make(3, [1]),
      make(2, [2]),
      make(2, [1, 1]),
      make(1, [0])
    ]) {
      assert.throws(bad, InvalidOptions)
    }
    for (const good of [make(1, []), make(3, []), make(3, [2]), make(3, [1, 2])]) assert.doesNotThrow(good)
    for (const key of ["", "x".repeat(201), "\ud800"]) {
      assert.throws(() => LockedState.make(key, { schema: Schema.Number, initial: 0 }), InvalidOptions)
    }
  })
})

class Sent extends LockedState.Service<Sent>()("app/Sent", {
  schema: Schema.Array(Schema.String),
  initial: []
}) {}

describe("LockedState.Service", () => {
  test(
    "is a value under the id of the service",
    Effect.gen(function* () {
      const context = yield* Layer.build(Sent.layer)
      yield* Context.get(context, Sent).update((ids) => [...ids, "a"])
      assert.strictEqual((yield* (yield* StateStore.StateStore).read("app/Sent"))?.value, '["a"]')
    })
  )
})
