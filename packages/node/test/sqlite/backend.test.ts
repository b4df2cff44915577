/** Rows in SQLite: what is kept, what is seen, and what is left when something goes wrong. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync, StatementSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Lock, type StateBackend } from "@holdfast/core"
import { Cause, Effect, Exit, Option, Result, Scope, Stream } from "effect"
import * as fc from "fast-check"
import { makeBackend } from "../../src/internal/sqlite/make.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { errorOf, put, row, withStore } from "./support/store.ts"

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(temporaryDirectory, body)), 30_000)

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "\0",
    "a\0b",
    "\uFEFF",
    "\ud800",
    "\udc00x",
    "😀",
    "\ufffd",
    "null",
    "'; DROP TABLE rows; --"
  )
)

const count = fc.oneof(fc.nat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER))

const anyRow: fc.Arbitrary<StateBackend.Row> = fc
  .record({
    version: count,
    fence: count,
    lease: count,
    holder: fc.option(fc.string({ unit: "grapheme" }), { nil: undefined }),
    stored: fc.option(
      fc.record({
        value: text,
        fence: count.map((number) => Lock.Fence(number)),
        schemaVersion: fc.oneof(fc.integer(), fc.constantFrom(0.5, -1)),
        writtenAtMillis: fc.oneof(fc.nat(), fc.constantFrom(0.25, Number.MAX_SAFE_INTEGER))
      }),
      { nil: undefined }
    )
  })
  .map(({ stored, version, ...rest }) => ({
    ...rest,
    version,
    stored: stored === undefined ? undefined : { ...stored, version }
  }))

const anyKey = fc.string({ unit: "binary", minLength: 1, maxLength: 200 }).filter((key) => key.isWellFormed())

describe("rows", () => {
  test("LS-1: what was committed is there when the store is opened again, whatever it is", (directory) =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.dictionary(anyKey, anyRow, { maxKeys: 8 }), async (rows) => {
          rmSync(directory, { recursive: true })
          await Effect.runPromise(withStore(directory, (backend) => put(backend, rows)))
          const found = await Effect.runPromise(
            withStore(directory, (backend) =>
              Effect.all([
                Effect.forEach(Object.keys(rows), (key) =>
                  Effect.map(backend.read(key), (found) => [key, found] as const)
                ),
                backend.keys("")
              ])
            )
          )
          assert.deepStrictEqual(found[0], Object.entries(rows))
          const valued = Object.keys(rows).filter((key) => rows[key]?.stored !== undefined)
          assert.deepStrictEqual(found[1], valued.sort())
        }),
        { numRuns: 30 }
      )
    ))

  test("a value of ten megabytes is kept, and leases of it do not write it again and again", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        const large = row("x".repeat(10_000_000))
        yield* put(backend, { large })
        const log = () => statSync(join(directory, "state.db-wal")).size
        const leased = (fence: number) => ({ ...large, fence, lease: fence, holder: "pid 1" })
        yield* put(backend, { large: leased(3) })
        // The log begins anew, and then tells how much a commit writes.
        const other = new DatabaseSync(join(directory, "state.db"))
        other.exec("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        assert.strictEqual(log(), 0)
        yield* put(backend, { large: leased(4) })
        assert.isBelow(log(), 100_000)
        assert.deepStrictEqual(yield* backend.read("large"), leased(4))
      })
    ))

  test("keys are listed in their order, and a prefix means what it says", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        const keys = ["a%", "a_", "ab", "a*", "A", "a", "😀", "\uffff", "../x"]
        yield* put(backend, Object.fromEntries(keys.map((key) => [key, row(key)])))
        yield* put(backend, { locked: row(undefined) })
        assert.deepStrictEqual(yield* backend.keys(""), [...keys].sort())
        assert.deepStrictEqual(yield* backend.keys("a%"), ["a%"])
        assert.deepStrictEqual(yield* backend.keys("a_"), ["a_"])
        assert.deepStrictEqual(yield* backend.keys("a*"), ["a*"])
        assert.deepStrictEqual(yield* backend.keys("\ud83d"), ["😀"])
        assert.deepStrictEqual(yield* backend.keys("b"), [])
      })
    ))

  test("a row that could not be read back is a bug, and is not written", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        for (const bad of [
          row("x", Number.NaN),
          row("x", 1.5),
          row("x", 1, { fence: -1 }),
          row("x", 2 ** 60)
        ]) {
          const exit = yield* Effect.exit(put(backend, { good: row("y"), bad }))
          assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        }
        assert.deepStrictEqual(yield* backend.keys(""), [])
      })
    ))
})

describe("reading", () => {
  test("gives the same object until that row is written, by whichever process", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          yield* put(one, { a: row("1"), b: row("1") })
          const first = yield* other.read("a")
          assert.deepStrictEqual(first, row("1"))
          yield* put(one, { b: row("2", 2) })
          assert.strictEqual(yield* other.read("a"), first)
          yield* put(other, { b: row("3", 3) })
          assert.strictEqual(yield* other.read("a"), first)
          yield* put(one, { a: row("2", 2) })
          assert.deepStrictEqual(yield* other.read("a"), row("2", 2))
        })
      )
    ))

  test("LS-3: sees what another process has put where nothing was", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          assert.isUndefined(yield* other.read("a"))
          assert.isUndefined(yield* other.read("b"))
          yield* put(one, { a: row("1") })
          assert.deepStrictEqual(yield* other.read("a"), row("1"))
          assert.isUndefined(yield* other.read("b"))
        })
      )
    ))

  test("LS-2: sees nothing, or a row, and no half of one that comes while it looks", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          yield* put(one, { b: row("1") })
          const { get } = StatementSync.prototype
          let isPut = false
          // Whether there is a row is written in two places: it comes between the looks at one and at the other.
          StatementSync.prototype.get = function (...parameters: ReadonlyArray<never>) {
            const found = Reflect.apply(get, this, parameters)
            if (!isPut && this.sourceSQL.includes("FROM rows")) {
              isPut = true
              Effect.runSync(put(other, { a: row("1") }))
            }
            return found
          }
          const restore = Effect.sync(() => {
            StatementSync.prototype.get = get
          })
          assert.isUndefined(yield* Effect.ensuring(one.read("a"), restore))
          assert.isTrue(isPut)
          assert.deepStrictEqual(yield* one.read("a"), row("1"))
        })
      )
    ))

  test("sees the latest of more rows than are kept in memory", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 17_000 }, (_, index) => `key ${index}`)
        yield* put(backend, Object.fromEntries(keys.map((key) => [key, row(key)])))
        yield* put(backend, { "key 0": row("new", 2) })
        for (const key of keys.slice(1)) assert.strictEqual((yield* backend.read(key))?.stored?.value, key)
        assert.strictEqual((yield* backend.read("key 0"))?.stored?.value, "new")
        assert.strictEqual((yield* backend.keys("")).length, 17_000)
      })
    ))
})

describe("a commit", () => {
  test("LS-3: decides about what others have written", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          yield* put(one, { a: row("1") })
          yield* other.read("a")
          yield* put(one, { a: row("2", 2) })
          const seen: Array<unknown> = []
          yield* other.commit("all", (read) => {
            seen.push(Result.getOrThrow(read("a")))
            return new Map()
          })
          assert.deepStrictEqual(seen, [row("2", 2)])
        })
      )
    ))

  test("is refused without a decision while somebody else has the database", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        const other = new DatabaseSync(join(directory, "state.db"))
        other.exec("BEGIN IMMEDIATE")
        let decided = 0
        const commit = backend.commit("all", () => {
          decided++
          return new Map([["a", row("1")]])
        })
        assert.isFalse(yield* commit)
        assert.strictEqual(decided, 0)
        other.close()
        assert.isTrue(yield* commit)
        assert.deepStrictEqual(yield* backend.read("a"), row("1"))
      })
    ))

  test("LS-4: a decision that throws is a defect, and changes nothing", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        yield* put(backend, { a: row("1") })
        // Like an error of the system, which must not be taken for one of the store.
        const bug = Object.assign(new Error("a bug"), { code: "EIO", syscall: "read" })
        const exit = yield* Effect.exit(
          backend.commit("all", () => {
            throw bug
          })
        )
        assert.deepStrictEqual(exit, Exit.die(bug))
        assert.deepStrictEqual(yield* backend.read("a"), row("1"))
        yield* put(backend, { a: row("2", 2) })
        assert.deepStrictEqual(yield* backend.read("a"), row("2", 2))
      })
    ))

  test("LS-2: is all or nothing, also for who reads meanwhile", (directory) =>
    withStore(directory, (backend) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          yield* put(backend, { a: row("1"), b: row("1") })
          const exit = yield* Effect.exit(put(backend, { a: row("2", 2), b: row("x", 2, { fence: -1 }) }))
          assert.isTrue(Exit.isFailure(exit))
          for (const store of [backend, other]) {
            assert.deepStrictEqual(yield* store.read("a"), row("1"))
            assert.deepStrictEqual(yield* store.read("b"), row("1"))
          }
        })
      )
    ))

  test("with nothing to write, writes nothing", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        yield* put(backend, { a: row("1") })
        const log = () => statSync(join(directory, "state.db-wal")).mtimeMs
        const before = log()
        for (let times = 0; times < 10; times++) yield* backend.commit("all", () => new Map())
        assert.strictEqual(log(), before)
      })
    ))

  test("LS-6: fails when the file of the store is gone, as what is written there would be lost", (directory) =>
    Effect.gen(function* () {
      const store = join(directory, "store")
      yield* withStore(store, (backend) =>
        Effect.gen(function* () {
          yield* put(backend, { a: row("1") })
          renameSync(store, join(directory, "moved"))
          mkdirSync(store)
          const exit = yield* Effect.exit(put(backend, { a: row("2", 2) }))
          const error = errorOf(exit)
          assert.deepInclude(error, { _tag: "StoreUnavailable", reason: "Missing" })
          assert.deepStrictEqual(readdirSync(store), [])
          renameSync(join(directory, "moved"), store)
        })
      )
    }))
})

describe("hints", () => {
  test("come when another process has written, and can see it", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          const changed = one.hints.pipe(
            Stream.mapEffect(() => one.read("a")),
            Stream.filter((found) => found !== undefined),
            Stream.runHead
          )
          // Who begins to listen may do so after the first one.
          const writes = Effect.forever(Effect.andThen(put(other, { a: row("1") }), Effect.sleep(10)))
          const found = yield* Effect.raceFirst(changed, writes)
          assert.deepStrictEqual(found, Option.some(row("1")))
        })
      )
    ))
})

describe("a store", () => {
  test("at rest is one file, and its locks", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, { a: row("1") }))
      assert.deepStrictEqual(readdirSync(directory).sort(), ["changes", "locks", "presence", "state.db"])
      assert.strictEqual(statSync(join(directory, "presence")).size, 0)
    }))

  test("makes its directory, for its owner alone", (directory) =>
    Effect.gen(function* () {
      const nested = join(directory, "not", "there")
      yield* withStore(nested, (backend) => put(backend, { a: row("1") }))
      assert.strictEqual(statSync(nested).mode & 0o777, 0o700)
      assert.isTrue(existsSync(join(nested, "state.db")))
    }))

  test("is unavailable once its scope is closed", (directory) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const backend = yield* Scope.provide(makeBackend(directory), scope)
      yield* Scope.close(scope, Exit.void)
      const closed = { _tag: "StoreUnavailable", reason: "Closed" } as const
      assert.deepInclude(errorOf(yield* Effect.exit(backend.read("a"))), closed)
      assert.deepInclude(errorOf(yield* Effect.exit(backend.keys(""))), closed)
      assert.deepInclude(errorOf(yield* Effect.exit(put(backend, { a: row("1") }))), closed)
      assert.deepInclude(errorOf(yield* Effect.exit(backend.repair("a", row("1")))), closed)
      assert.deepInclude(errorOf(yield* Effect.exit(Effect.scoped(backend.tryLock("a")))), closed)
    }))
})
