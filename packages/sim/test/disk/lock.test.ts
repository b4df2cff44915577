import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, type PlatformError, Scope } from "effect"
import type * as Disk from "../../src/Disk.ts"
import * as Simulation from "../../src/Simulation.ts"
import { errorOf, inManySchedules, isFree, onLock, two } from "./fixture.ts"

describe("a lock", () => {
  it.effect("is refused to everybody else, of its process or of another, until its scope closes", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      const held = Effect.scoped(
        Effect.gen(function* () {
          yield* onLock(a)
          return [yield* isFree(a), yield* isFree(b), yield* isFree(b)]
        })
      )
      assert.deepStrictEqual(yield* held, [false, false, false])
      assert.deepStrictEqual([yield* isFree(b), yield* isFree(a)], [true, true])
    })
  )

  it.effect("is seen by whoever looks at it, who takes and makes nothing", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      const looks = Effect.all([a.isLocked("/lock"), b.isLocked("/lock"), b.isLocked("/lock")], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(yield* looks, [false, false, false])
      assert.isFalse(yield* a.fileSystem.exists("/lock"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* onLock(a)
          assert.deepStrictEqual(yield* looks, [true, true, true])
        })
      )
      assert.deepStrictEqual(yield* looks, [false, false, false])
    })
  )

  it.effect("that is refused leaves nothing open, though its scope goes on", () =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* disk.setCapacity(4)
      yield* a.fileSystem.writeFileString("/lock", "text")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* onLock(a)
          assert.isFalse(yield* b.tryLock("/lock"))
        })
      )
      yield* a.fileSystem.remove("/lock")
      yield* a.fileSystem.writeFileString("/more", "text")
    }).pipe(Effect.scoped)
  )

  it.effect("makes the file that it locks, and keeps the bytes of one that is there", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      yield* onLock(a)
      assert.strictEqual(yield* b.fileSystem.readFileString("/lock"), "")
      yield* b.fileSystem.writeFileString("/state", "text")
      assert.isTrue(yield* a.tryLock("/state"))
      assert.strictEqual(yield* b.fileSystem.readFileString("/state"), "text")
    }).pipe(Effect.scoped)
  )

  it.effect("keeps nobody from the file itself", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      yield* onLock(a)
      yield* b.fileSystem.writeFileString("/lock", "of b")
      assert.strictEqual(yield* a.fileSystem.readFileString("/lock"), "of b")
    }).pipe(Effect.scoped)
  )

  it.effect("is on the file under all its names, and not on another one that has its name now", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      yield* onLock(a)
      yield* b.fileSystem.rename("/lock", "/renamed")
      yield* b.fileSystem.symlink("/renamed", "/link")
      yield* b.fileSystem.link("/renamed", "/second")
      const names = ["/renamed", "/link", "/second", "/lock"]
      assert.deepStrictEqual(yield* Effect.forEach(names, (name) => isFree(b, name)), [
        false,
        false,
        false,
        true
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("does not keep a second holder out once its file was removed, until both have let go", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* onLock(a)
          yield* b.fileSystem.remove("/lock")
          yield* onLock(b)
        })
      )
      assert.isTrue(yield* isFree(a))
    })
  )

  it.effect("is free at once when its holder is killed, and not when another process is", () =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* onLock(a)
      yield* b.kill
      const c = yield* disk.process
      assert.isFalse(yield* isFree(c))
      yield* a.kill
      assert.isTrue(yield* isFree(c))
    }).pipe(Effect.scoped)
  )

  it.effect("of the next holder stays when the scope of one that died closes", () =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      const outer = yield* Effect.scope
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* onLock(a)
          yield* a.kill
          yield* Effect.provideService(onLock(b), Scope.Scope, outer)
        })
      )
      assert.isFalse(yield* isFree(yield* disk.process))
    }).pipe(Effect.scoped)
  )
})

describe("tryLock", () => {
  const errors: ReadonlyArray<
    readonly [
      error: string,
      what: string,
      act: (
        disk: Disk.Disk,
        process: Disk.Process
      ) => Effect.Effect<unknown, PlatformError.PlatformError, Scope.Scope>
    ]
  > = [
    ["NotFound ENOENT", "a directory that is missing", (_, { tryLock }) => tryLock("/missing/lock")],
    ["BadResource EISDIR", "a directory", (_, { tryLock }) => tryLock("/tmp")],
    ["BadArgument", "a path with a null byte", (_, { tryLock }) => tryLock("/\0")],
    [
      "Unknown EROFS",
      "a disk that is read-only",
      (disk, { tryLock }) => Effect.andThen(disk.setReadOnly(true), tryLock("/lock"))
    ],
    [
      "Unknown ENOSPC",
      "a disk without room for its file",
      (disk, { tryLock }) => Effect.andThen(disk.failAt(1, "ENOSPC"), tryLock("/lock"))
    ],
    [
      "Unknown EIO",
      "a lock that fails",
      (disk, { tryLock }) => Effect.andThen(disk.failAt(2, "EIO"), tryLock("/lock"))
    ]
  ]

  it.effect.each(errors)("answers %s to %s, and leaves no lock", ([error, _, act]) =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      assert.strictEqual(yield* errorOf(Effect.scoped(act(disk, a))), error)
      yield* disk.setReadOnly(false)
      assert.isTrue(yield* isFree(b))
    })
  )

  it.effect("leaves nothing open when its lock fails, though its scope goes on", () =>
    Effect.gen(function* () {
      const { a, disk } = yield* two
      yield* disk.setCapacity(4)
      yield* a.fileSystem.writeFileString("/lock", "text")
      yield* disk.failAt(2, "EIO")
      assert.include(String((yield* Effect.flip(a.tryLock("/lock"))).cause), "EIO: i/o error, fcntl")
      yield* a.fileSystem.remove("/lock")
      yield* a.fileSystem.writeFileString("/more", "text")
    }).pipe(Effect.scoped)
  )

  it.effect("says what failed, and on what", () =>
    Effect.gen(function* () {
      const { a } = yield* two
      const error = yield* Effect.flip(Effect.scoped(a.tryLock("/missing/lock")))
      assert.strictEqual(error.message, "NotFound: FileSystem.tryLock (/missing/lock)")
    })
  )

  it("leaves no lock and no open file wherever it is interrupted", () => {
    const program = Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* disk.setCapacity(4)
      yield* b.fileSystem.writeFileString("/lock", "text")
      const fiber = yield* Effect.forkChild(Effect.scoped(Effect.andThen(a.tryLock("/lock"), Effect.never)))
      yield* Effect.yieldNow
      const before = yield* isFree(b)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* isFree(b))
      yield* b.fileSystem.remove("/lock")
      yield* b.fileSystem.writeFileString("/more", "text")
      return before
    })
    assert.deepStrictEqual(inManySchedules(program), [false, true])
  })

  it("gives the lock to one of two at a time, in any schedule", () => {
    const program = Effect.gen(function* () {
      const { a, b } = yield* two
      let holders = 0
      const section = (process: Disk.Process) =>
        Effect.scoped(
          Effect.gen(function* () {
            if (!(yield* process.tryLock("/lock"))) return false
            assert.strictEqual(++holders, 1)
            yield* process.fileSystem.exists("/lock")
            holders--
            return true
          })
        )
      return (yield* Effect.all([section(a), section(b)], { concurrency: 2 })).filter(Boolean).length
    })
    assert.deepStrictEqual(inManySchedules(program), [1, 2])
  })

  it("shows in the trace, with who had the lock and when it was given back", () => {
    const program = Effect.gen(function* () {
      const { a, b } = yield* two
      yield* onLock(a)
      yield* isFree(b)
      yield* a.kill
      yield* isFree(b)
    })
    const { exit, trace } = Simulation.run(Effect.scoped(program), { trace: true })
    assert.deepStrictEqual(exit, Exit.void)
    assert.deepStrictEqual(
      trace.filter(({ kind }) => kind === "disk").map(({ text }) => text),
      [
        "open /lock a+",
        "lock 3",
        "open /lock a+",
        "lock 4",
        "lock 4 is refused: 3 has it",
        "3 gives its lock back",
        "open /lock a+",
        "lock 5",
        "5 gives its lock back"
      ]
    )
  })
})
