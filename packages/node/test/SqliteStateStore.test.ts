import { join, relative } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { InvalidOptions, Lock, LockedState, StateStore } from "@holdfast/core"
import { FileStateStore, SqliteStateStore } from "@holdfast/node"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Result, Schema, Stream } from "effect"
import { Unsupported } from "../src/internal/sqlite/prepare.ts"
import { checkVersion } from "../src/internal/sqlite/supported.ts"
import { flip, spoil } from "./sqlite/support/damage.ts"
import { temporaryDirectory } from "./utils/directory.ts"

const counter = LockedState.make("counter", { schema: Schema.Number, initial: 0 })

/** Two layers of one directory are like two processes. */
const stores = (directory: string) =>
  Effect.all([
    Layer.build(SqliteStateStore.layer({ directory })),
    Layer.build(SqliteStateStore.layer({ directory: relative(process.cwd(), directory) }))
  ])

describe("SqliteStateStore", () => {
  it("refuses a directory without a name", () => {
    for (const directory of ["", "a\0b"]) {
      assert.throws(() => SqliteStateStore.layer({ directory }), InvalidOptions)
    }
  })

  for (const layout of ["perKey", "single"] as const) {
    it.live(`is not opened where there is a FileStateStore, and the other way round: ${layout}`, () =>
      Effect.gen(function* () {
        const open = <A, E>(layer: Layer.Layer<A, E>) => Effect.scoped(Layer.build(Layer.fresh(layer)))
        const refused = { _tag: "StoreUnavailable", reason: "Unsupported", operation: "open" } as const
        const files = { directory: yield* temporaryDirectory, layout }
        yield* Effect.provide(
          Effect.flatMap(counter, (state) => state.update((count) => count + 1)),
          FileStateStore.layer(files)
        )
        assert.deepInclude(yield* Effect.flip(open(SqliteStateStore.layer(files))), refused)
        const database = { directory: yield* temporaryDirectory, layout }
        yield* open(SqliteStateStore.layer(database))
        assert.deepInclude(yield* Effect.flip(open(FileStateStore.layer(database))), refused)
      }).pipe(Effect.scoped)
    )
  }

  it("takes no SQLite that can spoil a database", () => {
    for (const version of [undefined, "3.51.2", "3.50.9", "2.99.99", "3.51", ""]) {
      assert.throws(() => checkVersion(version), Unsupported)
    }
    for (const version of ["3.51.3", "3.53.4", "3.52.0", "4.0.0", process.versions.sqlite])
      checkVersion(version)
  })

  it.live("LS-1: keeps what a layer has written for the next one", () =>
    Effect.gen(function* () {
      const layer = SqliteStateStore.layer({ directory: yield* temporaryDirectory })
      const increment = Effect.flatMap(counter, (state) => state.updateAndGet((count) => count + 1))
      for (const expected of [1, 2, 3]) {
        assert.strictEqual(yield* Effect.provide(increment, Layer.fresh(layer)), expected)
      }
    }).pipe(Effect.scoped)
  )

  it.live(
    "LS-3: loses nothing that two stores write at once, and lets each see what the other has written",
    () =>
      Effect.gen(function* () {
        const [one, other] = yield* stores(yield* temporaryDirectory)
        const times = 200
        const seen = yield* Deferred.make<number>()
        const watching = Effect.flatMap(counter, (state) =>
          state.changes.pipe(
            Stream.filter(({ value }) => value === 2 * times),
            Stream.take(1),
            Stream.runForEach(({ version }) => Deferred.succeed(seen, version))
          )
        ).pipe(Effect.provide(one))
        const watcher = yield* Effect.forkChild(watching, { startImmediately: true })
        const increments = Effect.flatMap(counter, (state) =>
          Effect.forEach(Array.from({ length: times }), () => state.update((count) => count + 1), {
            concurrency: 7,
            discard: true
          })
        )
        yield* Effect.all([Effect.provide(increments, one), Effect.provide(increments, other)], {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* Deferred.await(seen), 2 * times)
        yield* Fiber.join(watcher)
        for (const store of [one, other]) {
          const value = yield* Effect.flatMap(counter, (state) => state.get).pipe(Effect.provide(store))
          assert.strictEqual(value, 2 * times)
        }
      }).pipe(Effect.scoped)
  )

  it.live("LK-2: goes on with fences where another store has stopped", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "made")
      const lease = Lock.withLease("key", ({ fence }) => Effect.succeed(fence))
      const fences: Array<number> = []
      for (let round = 0; round < 3; round++) {
        fences.push(
          ...(yield* Effect.provide(Effect.all([lease, lease]), SqliteStateStore.layer({ directory })))
        )
      }
      assert.deepStrictEqual(fences, [1, 2, 3, 4, 5, 6])
    }).pipe(Effect.scoped)
  )

  it.live("LS-4: a decision that uses its own store dies of it, and nobody else", () =>
    Effect.gen(function* () {
      const layer = SqliteStateStore.layer({ directory: yield* temporaryDirectory })
      const write = (store: StateStore.StateStore["Service"], key: string, before: () => unknown) =>
        store.transact(key, () => {
          before()
          return Result.succeed({ _tag: "Write", value: key, schemaVersion: 1, result: key })
        })
      const use = Effect.gen(function* () {
        // Given a store with a value that is known, and one that is not
        const store = yield* StateStore.StateStore
        yield* write(store, "known", () => {})
        for (const other of ["unknown", "known"]) {
          // When a decision reads it, and shares its commit with others
          const reading = [
            write(store, "reads", () => Effect.runSync(store.read(other))),
            write(store, "lists", () => Effect.runSync(Stream.runCollect(store.keys("")))),
            write(store, "hides it", () => Effect.runSyncExit(store.read(other))),
            write(store, "innocent", () => {})
          ]
          const exits = yield* Effect.all(reading.map(Effect.exit), { concurrency: "unbounded" })
          // Then it dies, and the others are written
          assert.deepStrictEqual(
            exits.map((exit) => (Exit.isSuccess(exit) ? exit.value : Cause.hasDies(exit.cause))),
            [true, true, "hides it", "innocent"]
          )
          assert.strictEqual((yield* store.read("innocent"))?.value, "innocent")
          assert.isUndefined(yield* store.read("reads"))
        }
      })
      yield* Effect.provide(use, layer)
    }).pipe(Effect.scoped)
  )

  it.live("says of each key that its file is damaged, and repairs it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const use = <A, E>(effect: Effect.Effect<A, E, StateStore.StateStore>) =>
        Effect.provide(effect, Layer.fresh(SqliteStateStore.layer({ directory })))
      const store = StateStore.StateStore
      yield* use(
        Effect.flatMap(store, (it) =>
          it.transact("a", () =>
            Result.succeed({ _tag: "Write", value: "old", schemaVersion: 1, result: undefined })
          )
        )
      )
      spoil(directory, (bytes) => flip(bytes, 0))
      assert.strictEqual(
        (yield* Effect.flip(use(Effect.flatMap(store, (it) => it.read("a")))))._tag,
        "StateCorrupted"
      )
      const repair = Effect.flatMap(store, (it) => it.repair("a", { value: "new", schemaVersion: 1 }))
      const repaired = yield* use(repair)
      assert.deepInclude(repaired, { _tag: "Repaired" } as const)
      const stored = yield* use(Effect.flatMap(store, (it) => it.read("a")))
      assert.strictEqual(stored?.value, "new")
      assert.deepStrictEqual(yield* use(repair), { _tag: "Healthy" })
    }).pipe(Effect.scoped)
  )
})
