import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { InvalidOptions } from "@holdfast/core"
import { FileLock, FileStateStore } from "@holdfast/node"
import { Effect, type Scope } from "effect"
import extensions from "fs-native-extensions"
import { temporaryDirectory } from "./utils/directory.ts"

const test = (
  name: string,
  body: (path: string, lock: FileLock.FileLock["Service"]) => Effect.Effect<void, unknown, Scope.Scope>
) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const lock = yield* FileLock.FileLock
      yield* body(`${yield* temporaryDirectory}/file`, lock)
    }).pipe(Effect.scoped, Effect.provide(FileLock.layerNode))
  )

describe("FileLock", () => {
  test("LK-1: a lock is had once, also in one process, and until its scope closes", (path, { tryLock }) =>
    Effect.gen(function* () {
      const hold = Effect.gen(function* () {
        assert.isTrue(yield* tryLock(path))
        assert.isFalse(yield* tryLock(path))
        // Whoever closes the file elsewhere has not closed this one.
        writeFileSync(path, "text")
        assert.isFalse(yield* Effect.scoped(tryLock(path)))
      })
      yield* Effect.scoped(hold)
      assert.isTrue(yield* tryLock(path))
    }))

  test("RG-2: who looks at a lock sees who has it, and not who else looks", (path, { isLocked, tryLock }) =>
    Effect.gen(function* () {
      assert.isFalse(yield* isLocked(path))
      assert.isFalse(existsSync(path))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* tryLock(path)
          assert.isTrue(yield* isLocked(path))
        })
      )
      assert.isFalse(yield* isLocked(path))
      // Given somebody who stands still just while he looks
      const looking = openSync(path, "r")
      yield* Effect.addFinalizer(() => Effect.sync(() => closeSync(looking)))
      assert.isTrue(extensions.tryLock(looking, { shared: true }))
      // Then nobody takes him for a holder
      assert.isFalse(yield* isLocked(path))
    }))

  test("a lock that cannot be taken says why", (path, { identity, tryLock }) =>
    Effect.gen(function* () {
      mkdirSync(path)
      assert.strictEqual((yield* Effect.flip(tryLock(path))).reason._tag, "BadResource")
      assert.strictEqual((yield* Effect.flip(tryLock(`${path}/no/file`))).reason._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(identity("a\0b"))).reason._tag, "Unknown")
    }))

  const onPosix = process.platform === "win32" ? it.effect.skip : it.effect

  onPosix("who does not get a lock leaves no file open (linux only) (macos only)", () =>
    Effect.gen(function* () {
      const { tryLock } = yield* FileLock.FileLock
      const path = `${yield* temporaryDirectory}/file`
      const open = () => readdirSync("/dev/fd").length
      const before = open()
      yield* Effect.scoped(Effect.andThen(tryLock(path), Effect.scoped(tryLock(path))))
      assert.strictEqual(open(), before)
    }).pipe(Effect.scoped, Effect.provide(FileLock.layerNode))
  )

  test("an identity is that of one file, as it is", (path, { identity }) =>
    Effect.gen(function* () {
      assert.isUndefined(yield* identity(path))
      writeFileSync(path, "one")
      utimesSync(path, 1, 1)
      const first = yield* identity(path)
      assert.strictEqual(yield* identity(path), first)
      writeFileSync(path, "two")
      utimesSync(path, 2, 2)
      const second = yield* identity(path)
      assert.notStrictEqual(second, first)
      writeFileSync(path, "three")
      utimesSync(path, 2, 2)
      assert.notStrictEqual(yield* identity(path), second)
      writeFileSync(path, "two")
      writeFileSync(`${path}.new`, "two")
      utimesSync(path, 2, 2)
      utimesSync(`${path}.new`, 2, 2)
      renameSync(`${path}.new`, path)
      assert.notStrictEqual(yield* identity(path), second)
      assert.isUndefined(yield* identity(`${path}/below`))
    }))

  it("an empty directory is an invalid option", () => {
    for (const directory of ["", "a\0b"]) {
      assert.throws(() => FileStateStore.layer({ directory }), InvalidOptions)
    }
  })
})
