/** Locks as empty databases. */
import { readdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { makeBackend } from "../../src/internal/sqlite/make.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { errorOf, withStore } from "./support/store.ts"

const body = (use: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  Effect.scoped(Effect.flatMap(temporaryDirectory, use))

const test = (name: string, use: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => body(use), 30_000)

const locksOf = (directory: string) => join(directory, "locks")

describe("a lock", () => {
  test("LK-1: is had by one at a time, also among stores of one process", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          assert.isTrue(yield* Scope.provide(one.tryLock("lock:a"), scope))
          for (const store of [one, other]) {
            assert.isFalse(yield* Effect.scoped(store.tryLock("lock:a")))
            assert.isTrue(yield* Effect.scoped(store.tryLock("lock:b")))
          }
          yield* Scope.close(scope, Exit.void)
          assert.isTrue(yield* Effect.scoped(other.tryLock("lock:a")))
          assert.isTrue(yield* Effect.scoped(one.tryLock("lock:a")))
        })
      )
    ))

  test("RG-2: who looks at a lock sees who has it, and not who else looks", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          const both = Effect.all([one.isLocked("a"), other.isLocked("a")])
          assert.deepStrictEqual(yield* both, [false, false])
          assert.deepStrictEqual(readdirSync(locksOf(directory)), [])
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* one.tryLock("a")
              assert.deepStrictEqual(yield* both, [true, true])
              // Also who has never looked at it before.
              yield* withStore(directory, (third) => Effect.map(third.isLocked("a"), assert.isTrue))
              assert.deepStrictEqual(yield* both, [true, true])
            })
          )
          assert.deepStrictEqual(yield* both, [false, false])
          // Given somebody who stands still just while he looks
          const looking = new DatabaseSync(join(locksOf(directory), "a"))
          yield* Effect.addFinalizer(() => Effect.sync(() => looking.close()))
          looking.exec("BEGIN; SELECT 1 FROM sqlite_schema")
          // Then nobody takes him for a holder
          assert.deepStrictEqual(yield* both, [false, false])
        })
      )
    ))

  test("LK-1: is free again when whoever has it is interrupted, or dies of a bug", (directory) =>
    withStore(directory, (one) =>
      withStore(directory, (other) =>
        Effect.gen(function* () {
          const hung = yield* Effect.forkChild(
            Effect.scoped(Effect.andThen(one.tryLock("a"), Effect.never)),
            {
              startImmediately: true
            }
          )
          assert.isFalse(yield* Effect.scoped(other.tryLock("a")))
          yield* Fiber.interrupt(hung)
          yield* Effect.exit(Effect.scoped(Effect.andThen(one.tryLock("a"), Effect.die("bug"))))
          assert.isTrue(yield* Effect.scoped(other.tryLock("a")))
        })
      )
    ))

  test("LK-1: is free when the store is closed, before the scope of the lock", (directory) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* withStore(directory, (one) =>
        Effect.gen(function* () {
          assert.isTrue(yield* Scope.provide(one.tryLock("a"), scope))
        })
      )
      yield* withStore(directory, (other) =>
        Effect.gen(function* () {
          assert.isTrue(yield* Effect.scoped(other.tryLock("a")))
          const mine = yield* Scope.make()
          assert.isTrue(yield* Scope.provide(other.tryLock("a"), mine))
          // Letting go of it a second time takes it from nobody.
          yield* Scope.close(scope, Exit.void)
          assert.isFalse(yield* Effect.scoped(other.tryLock("a")))
          yield* Scope.close(mine, Exit.void)
        })
      )
    }))

  test("LK-1: is its name's alone, however strange the name is", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        const long = "x".repeat(200)
        const names = [
          "a",
          "A",
          "%41",
          "../x",
          "/",
          ".",
          "..",
          "\0",
          "a\0",
          "\u00e9",
          "e\u0301",
          "😀",
          long,
          `${long}y`
        ]
        for (const name of names) assert.isTrue(yield* backend.tryLock(name), JSON.stringify(name))
        assert.strictEqual(readdirSync(locksOf(directory)).length, names.length)
        for (const name of names) assert.isFalse(yield* Effect.scoped(backend.tryLock(name)))
      }).pipe(Effect.scoped)
    ))

  test("LK-1: is an empty file, which stays", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        yield* Effect.scoped(backend.tryLock("a"))
        yield* Effect.scoped(
          Effect.andThen(
            backend.tryLock("a"),
            Effect.sync(() => assert.deepStrictEqual(readdirSync(locksOf(directory)), ["a"]))
          )
        )
        assert.deepStrictEqual(readdirSync(locksOf(directory)), ["a"])
        assert.strictEqual(statSync(join(locksOf(directory), "a")).size, 0)
      })
    ))

  test("LS-6: that cannot be made is a typed error", (directory) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        rmSync(locksOf(directory), { recursive: true })
        const error = errorOf(yield* Effect.exit(Effect.scoped(backend.tryLock("a"))))
        assert.deepInclude(error, {
          _tag: "StoreUnavailable",
          store: directory,
          operation: "lock",
          reason: "Missing"
        } as const)
      })
    ))

  it.live.skipIf(process.platform !== "linux")(
    "leaves few descriptors behind, however many there are (linux only)",
    () =>
      body((directory) =>
        Effect.gen(function* () {
          const descriptors = () => readdirSync("/proc/self/fd").length
          const before = descriptors()
          const scope = yield* Scope.make()
          const backend = yield* Scope.provide(makeBackend(directory), scope)
          for (let count = 0; count < 300; count++) yield* Effect.scoped(backend.tryLock(`lock ${count}`))
          assert.isBelow(descriptors(), before + 60)
          yield* Scope.close(scope, Exit.void)
          assert.strictEqual(descriptors(), before)
        })
      ),
    30_000
  )
})
