import { assert, describe, it } from "@effect/vitest"
import { Disk } from "@holdfast/sim"
import { Effect, Exit, Fiber, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { withSync } from "../../sim/support/plantedFiles.ts"
import { failureOf, leased, row, valueOf, write } from "../utils/rows.ts"
import { failure, open, pathsOf, put, replacing, root, textOf } from "../utils/simulated.ts"

type Body = (disk: Disk.Disk, layout: "perKey" | "single") => Effect.Effect<void, unknown, Scope.Scope>

const test = (name: string, body: Body) => {
  for (const layout of ["perKey", "single"] as const) {
    it.effect(`${name} (${layout})`, () =>
      Effect.scoped(Effect.flatMap(Disk.make(), (disk) => body(disk, layout)))
    )
  }
}

const draftsIn = (disk: Disk.Disk) =>
  Effect.map(pathsOf(disk), (paths) => paths.filter((path) => path.endsWith(".tmp")))

const fileOf = (layout: "perKey" | "single") => (layout === "perKey" ? "keys/a.json" : "state.json")

/** Directories that cannot be synced, as long as they are broken. */
class BrokenSyncs {
  areBroken = false
  failed = 0

  readonly change = replacing((fs) => ({
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file) =>
        options?.flag === "r" && !path.endsWith(".json")
          ? withSync(
              file,
              Effect.suspend(() => (this.areBroken ? this.fail : file.sync))
            )
          : file
      )
  }))

  private get fail() {
    this.failed++
    return Effect.fail(failure("EIO"))
  }
}

describe("files that are written", () => {
  test("LS-1: what was committed is durable, with its directories up to the root", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      yield* write(store, { a: row("2", 2) })
      const durable = yield* disk.durable
      assert.deepStrictEqual(
        durable.get(`${root}/${fileOf(layout)}`),
        (yield* disk.snapshot).get(`${root}/${fileOf(layout)}`)
      )
      yield* disk.losePower
      assert.strictEqual(yield* valueOf(yield* open(disk, layout), "a"), "2")
    }))

  test("LS-1: directories that another one made, and died, are made durable", (disk, layout) =>
    Effect.gen(function* () {
      yield* disk.fileSystem.makeDirectory(layout === "perKey" ? `${root}/keys` : root, { recursive: true })
      yield* write(yield* open(disk, layout), { a: row("1") })
      assert.isTrue((yield* disk.durable).has(`${root}/${fileOf(layout)}`))
    }))

  test("who has somebody else's document has nothing to say", (disk, layout) =>
    Effect.gen(function* () {
      const [one, other] = [yield* open(disk, layout), yield* open(disk, layout)]
      const results: Array<boolean> = []
      const during = replacing((fs) => ({
        rename: (from, to) =>
          Effect.andThen(
            Effect.orDie(
              Effect.map(
                other.commit(other.documentOf("a"), () => new Map([["a", row("other")]])),
                (done) => results.push(done)
              )
            ),
            fs.rename(from, to)
          )
      }))
      const third = yield* open(disk, layout, during)
      yield* write(third, { a: row("third") })
      assert.deepStrictEqual(results, [false])
      assert.strictEqual(yield* valueOf(one, "a"), "third")
    }))

  test("a decision that throws writes nothing, and lets go of the document", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      const bug = new Error("bug")
      const exit = yield* Effect.exit(
        store.commit(store.documentOf("a"), () => {
          throw bug
        })
      )
      assert.deepStrictEqual(exit, Exit.die(bug))
      assert.strictEqual(yield* valueOf(store, "a"), "1")
      yield* write(store, { a: row("2", 2) })
    }))

  test("LS-6: on a full disk the old value is left, and no draft; there is room again, and all is well", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      const before = yield* textOf(disk, fileOf(layout))
      yield* disk.setCapacity(1000)
      assert.strictEqual(yield* failureOf(write(store, { a: row("x".repeat(2000), 2) })), "StoreFull")
      assert.deepStrictEqual(yield* draftsIn(disk), [])
      assert.strictEqual(yield* textOf(disk, fileOf(layout)), before)
      assert.strictEqual(yield* valueOf(store, "a"), "1")
      assert.strictEqual(yield* valueOf(yield* open(disk, layout), "a"), "1")
      yield* disk.setCapacity(undefined)
      yield* write(store, { a: row("x".repeat(2000), 2) })
    }))

  test("LS-6: whatever is missing, denied, full or broken says so, and the old value is left", (disk, layout) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk, layout), { a: row("1") })
      const cases = [
        [failure("ENOSPC"), "StoreFull"],
        [failure("EDQUOT"), "StoreFull"],
        [failure("EFBIG"), "StoreFull"],
        [failure("EIO"), "StoreUnavailable Io"],
        [failure("EMFILE"), "StoreUnavailable Io"],
        [failure("EROFS"), "StoreUnavailable ReadOnly"],
        [failure("EACCES", "PermissionDenied"), "StoreUnavailable Denied"],
        [failure("ENOENT", "NotFound"), "StoreUnavailable Missing"]
      ] as const
      for (const [error, expected] of cases) {
        const inOpen = replacing((fs) => ({
          open: (path, options) => (options?.flag === "wx" ? Effect.fail(error) : fs.open(path, options))
        }))
        const inRename = replacing(() => ({ rename: () => Effect.fail(error) }))
        // Of a process that has no descriptor left, say.
        let isOpen = false
        const inDirectory = replacing((fs) => ({
          open: (path, options) =>
            isOpen && options?.flag === "r" && !path.endsWith(".json")
              ? Effect.fail(error)
              : fs.open(path, options)
        }))
        for (const change of [inOpen, inRename, inDirectory]) {
          const store = yield* open(disk, layout, change)
          isOpen = true
          assert.strictEqual(yield* failureOf(write(store, { a: row("2", 2) })), expected)
          isOpen = false
          assert.deepStrictEqual(yield* draftsIn(disk), [])
          assert.strictEqual(yield* valueOf(store, "a"), "1")
        }
      }
    }))

  test("LS-4: a rename that fails after it was done is unknown, and seen", (disk, layout) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk, layout), { a: row("1") })
      const late = replacing((fs) => ({
        rename: (from, to) => Effect.andThen(fs.rename(from, to), Effect.fail(failure("EIO")))
      }))
      const store = yield* open(disk, layout, late)
      assert.strictEqual(yield* failureOf(write(store, { a: row("2", 2) })), "OutcomeUnknown")
      assert.strictEqual(yield* valueOf(store, "a"), "2")
    }))

  test("LS-4: a name that is not made durable is an unknown outcome, not tried again, and seen", (disk, layout) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk, layout), { a: row("1") })
      const syncs = new BrokenSyncs()
      const store = yield* open(disk, layout, syncs.change)
      syncs.areBroken = true
      assert.strictEqual(yield* failureOf(write(store, { a: row("2", 2) })), "OutcomeUnknown")
      assert.strictEqual(syncs.failed, 1)
      syncs.areBroken = false
      assert.strictEqual(yield* valueOf(store, "a"), "2")
      yield* write(store, { a: row("3", 3) })
      assert.strictEqual(yield* valueOf(store, "a"), "3")
    }))

  test("LS-2: who reads what its writer has not made durable makes it so, or does not tell it", (disk, layout) =>
    Effect.gen(function* () {
      const writers = new BrokenSyncs()
      const readers = new BrokenSyncs()
      const writer = yield* open(disk, layout, writers.change)
      const reader = yield* open(disk, layout, readers.change)
      yield* write(writer, { a: row("1") })
      const isDurable = Effect.map(disk.durable, (files) =>
        new TextDecoder().decode(files.get(`${root}/${fileOf(layout)}`)).includes('"version": 2')
      )
      writers.areBroken = true
      yield* Effect.flip(write(writer, { a: row("2", 2) }))
      readers.areBroken = true
      assert.strictEqual(yield* failureOf(reader.read("a")), "StoreUnavailable Io")
      const look = reader.commit(reader.documentOf("a"), () => new Map())
      assert.strictEqual(yield* failureOf(look), "StoreUnavailable Io")
      assert.isFalse(yield* isDurable)
      readers.areBroken = false
      assert.strictEqual(yield* valueOf(reader, "a"), "2")
      assert.isTrue(yield* isDurable)
    }))

  test("LS-2: who decides to leave what it read as it is makes it durable as well", (disk, layout) =>
    Effect.gen(function* () {
      const writers = new BrokenSyncs()
      const writer = yield* open(disk, layout, writers.change)
      const reader = yield* open(disk, layout)
      const isDurable = Effect.map(disk.durable, (files) =>
        new TextDecoder().decode(files.get(`${root}/${fileOf(layout)}`)).includes('"version": 1')
      )
      writers.areBroken = true
      yield* Effect.flip(write(writer, { a: row("1") }))
      assert.isFalse(yield* isDurable)
      assert.isTrue(yield* reader.commit(reader.documentOf("a"), () => new Map()))
      assert.isTrue(yield* isDurable)
    }))

  test("the draft of a writer that died is in nobody's way, and is swept by who opens next", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      yield* put(disk, `${fileOf(layout)}.tmp`, new TextEncoder().encode("half of what"))
      yield* write(store, { a: row("2", 2) })
      assert.deepStrictEqual(yield* draftsIn(disk), [])
      yield* put(disk, `${fileOf(layout)}.tmp`, new TextEncoder().encode("half of what"))
      assert.strictEqual(yield* valueOf(yield* open(disk, layout), "a"), "2")
      assert.deepStrictEqual(yield* draftsIn(disk), [])
    }))

  test("the draft of a writer that lives is not swept", (disk, layout) =>
    Effect.gen(function* () {
      yield* open(disk, layout)
      const meanwhile = replacing((fs) => ({
        rename: (from, to) =>
          Effect.andThen(Effect.orDie(Effect.scoped(open(disk, layout))), fs.rename(from, to))
      }))
      const store = yield* open(disk, layout, meanwhile)
      yield* write(store, { a: row("1") })
      assert.strictEqual(yield* valueOf(store, "a"), "1")
    }))

  test("a draft is never written into: after a loss of power it may be the file itself", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      const before = yield* textOf(disk, fileOf(layout))
      yield* disk.fileSystem.link(`${root}/${fileOf(layout)}`, `${root}/${fileOf(layout)}.tmp`)
      const broken = replacing(() => ({ rename: () => Effect.fail(failure("EIO")) }))
      const failing = yield* open(disk, layout, broken)
      yield* disk.fileSystem.link(`${root}/${fileOf(layout)}`, `${root}/${fileOf(layout)}.tmp`)
      assert.strictEqual(yield* failureOf(write(failing, { a: row("2", 2) })), "StoreUnavailable Io")
      assert.strictEqual(yield* textOf(disk, fileOf(layout)), before)
    }))

  test("who stands still while he makes a store does not keep the others for ever", (disk, layout) =>
    Effect.gen(function* () {
      // Given a process that was stopped just when it made the first of a store
      yield* disk.fileSystem.makeDirectory(`${root}/locks`, { recursive: true })
      const { tryLock } = yield* disk.process
      assert.isTrue(yield* tryLock(`${root}/locks/layout`))
      // When another one opens it
      const opening = yield* Effect.forkChild(Effect.flip(open(disk, layout)), { startImmediately: true })
      for (let tenths = 0; tenths < 150 && opening.pollUnsafe() === undefined; tenths++) {
        yield* TestClock.adjust("100 millis")
      }
      // Then it is told so
      assert.deepInclude(yield* Fiber.join(opening), { _tag: "StoreUnavailable", operation: "open" })
    }))

  test("state in the other layout is refused, and not taken for none", (disk, layout) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk, layout), { a: row("1") })
      const other = layout === "perKey" ? "single" : "perKey"
      assert.strictEqual(yield* failureOf(open(disk, other)), "StoreUnavailable Unsupported")
      assert.strictEqual(yield* valueOf(yield* open(disk, layout), "a"), "1")
    }))

  test("LS-1: a directory has the layout of whoever opens it first, before anything is written", (disk, layout) =>
    Effect.gen(function* () {
      const first = yield* open(disk, layout)
      const other = layout === "perKey" ? "single" : "perKey"
      assert.strictEqual(yield* failureOf(open(disk, other)), "StoreUnavailable Unsupported")
      assert.deepStrictEqual(yield* first.keys(""), [])
      // Also when the power fails then, and where nothing can be written.
      yield* disk.losePower
      yield* disk.setReadOnly(true)
      assert.strictEqual(yield* failureOf(open(disk, other)), "StoreUnavailable Unsupported")
      assert.isUndefined(yield* valueOf(yield* open(disk, layout), "a"))
    }))

  test("directories above that belong to others are no hindrance, and one's own that fails is", (disk, layout) =>
    Effect.gen(function* () {
      const denied = (paths: ReadonlyArray<string>) =>
        replacing((fs) => ({
          open: (path, options) =>
            paths.includes(path) ? Effect.fail(failure("EACCES", "PermissionDenied")) : fs.open(path, options)
        }))
      yield* open(disk, layout, denied(["/", "/var"]))
      assert.strictEqual(yield* failureOf(open(disk, layout, denied([root]))), "StoreUnavailable Denied")
    }))

  test("a lock is held until its scope closes, by one alone, and its file stays", (disk, layout) =>
    Effect.gen(function* () {
      const [one, other] = [yield* open(disk, layout), yield* open(disk, layout)]
      const hold = Effect.gen(function* () {
        assert.isTrue(yield* one.tryLock("lock:a"))
        assert.isFalse(yield* one.tryLock("lock:a"))
        assert.isFalse(yield* other.tryLock("lock:a"))
        assert.isTrue(yield* other.tryLock("lock:A"))
      })
      yield* Effect.scoped(hold)
      assert.isTrue(yield* other.tryLock("lock:a"))
      assert.include(yield* pathsOf(disk), "locks/lock%3aa.lock")
      // That of a document is another, whatever its name.
      yield* write(one, { a: leased })
      assert.isTrue(yield* one.tryLock("a"))
      yield* write(one, { a: row("1") })
    }))
})
