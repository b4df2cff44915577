import { assert, describe, it } from "@effect/vitest"
import { Disk } from "@holdfast/sim"
import { Deferred, Effect, Fiber, FileSystem, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { seal } from "../../src/internal/file/seal.ts"
import { failureOf, leased, row, valueOf, write } from "../utils/rows.ts"
import { failure, open, pathsOf, put, replacing, root, textOf } from "../utils/simulated.ts"

type Body = (disk: Disk.Disk, layout: "perKey" | "single") => Effect.Effect<void, unknown, Scope.Scope>

const inBoth = (name: string, body: Body) => {
  for (const layout of ["perKey", "single"] as const)
    test(`${name} (${layout})`, (disk) => body(disk, layout))
}

const test = (name: string, body: (disk: Disk.Disk) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(Effect.flatMap(Disk.make(), body)))

/** How many files are open. */
class Descriptors {
  open = 0
  most = 0
  opened = 0

  readonly change = replacing((fs) => ({
    open: (path, options) =>
      Effect.acquireRelease(
        Effect.map(fs.open(path, options), (file) => {
          this.most = Math.max(this.most, ++this.open)
          this.opened++
          return file
        }),
        () => Effect.sync(() => this.open--)
      )
  }))
}

describe("files that are read", () => {
  inBoth("a row is the same object until it changes, whoever changes it", (disk, layout) =>
    Effect.gen(function* () {
      const one = yield* open(disk, layout)
      const other = yield* open(disk, layout)
      assert.isUndefined(yield* one.read("a"))
      yield* write(one, { a: row("1") })
      const first = yield* one.read("a")
      assert.strictEqual(yield* one.read("a"), first)
      yield* write(other, { a: row("2", 2) })
      assert.deepStrictEqual(yield* one.read("a"), row("2", 2))
      const second = yield* one.read("a")
      yield* write(other, { a: { ...row("2", 2), fence: 7, lease: 7 } })
      const third = yield* one.read("a")
      assert.deepInclude(third, { fence: 7, lease: 7 })
      assert.strictEqual(third?.stored, second?.stored)
    })
  )

  test("what is written to one row leaves the others of its file the same objects", (disk) =>
    Effect.gen(function* () {
      const one = yield* open(disk, "single")
      const other = yield* open(disk, "single")
      yield* write(one, { a: row("1"), b: row("1") })
      const before = yield* one.read("b")
      yield* write(other, { a: row("2", 2) })
      assert.strictEqual(yield* valueOf(one, "a"), "2")
      assert.strictEqual(yield* one.read("b"), before)
    }))

  test("a file that has not changed is not opened again, and no more than 64 stay open", (disk) =>
    Effect.gen(function* () {
      const descriptors = new Descriptors()
      const keys = Array.from({ length: 100 }, (_, index) => `key${index}`)
      const use = Effect.gen(function* () {
        const store = yield* open(disk, "perKey", descriptors.change)
        for (const key of keys) yield* write(store, { [key]: row("1") })
        assert.strictEqual(descriptors.open, 64)
        for (const key of keys) yield* store.read(key)
        assert.strictEqual(descriptors.open, 64)
        const { opened } = descriptors
        for (const key of keys.slice(-64)) yield* store.read(key)
        assert.strictEqual(descriptors.opened, opened)
        // What was asked for last stays longest.
        for (const key of ["key36", "key0", "key36"]) yield* store.read(key)
        assert.strictEqual(descriptors.opened, opened + 2)
        yield* Effect.forEach(keys, (key) => store.read(key), { concurrency: "unbounded" })
        for (let version = 2; version < 9; version++) yield* write(store, { key0: row("2", version) })
        assert.strictEqual(descriptors.open, 64)
      })
      yield* Effect.scoped(use)
      assert.strictEqual(descriptors.open, 0)
    }))

  test("many who read at once do not open more files than a few", (disk) =>
    Effect.gen(function* () {
      const writer = yield* open(disk)
      yield* write(writer, { a: row("1") })
      const descriptors = new Descriptors()
      const store = yield* open(disk, "perKey", descriptors.change)
      let most = 0
      const read = Effect.tap(store.read("a"), () =>
        Effect.sync(() => {
          most = Math.max(most, descriptors.open)
        })
      )
      const rows = yield* Effect.all(
        Array.from({ length: 500 }, () => read),
        { concurrency: "unbounded" }
      )
      assert.isAtMost(most, 16)
      assert.strictEqual(new Set(rows).size, 1)
      assert.strictEqual(descriptors.open, 1)
    }))

  test("many keys that are changed at once do not open more files than a few", (disk) =>
    Effect.gen(function* () {
      const descriptors = new Descriptors()
      const store = yield* open(disk, "perKey", descriptors.change)
      const keys = Array.from({ length: 500 }, (_, index) => `key${index}`)
      yield* Effect.forEach(keys, (key) => write(store, { [key]: row("1") }), { concurrency: "unbounded" })
      assert.isAtMost(descriptors.most, 64 + 3 * 8)
      assert.strictEqual(yield* valueOf(store, "key499"), "1")
    }))

  test("who is interrupted while he reads leaves no file open", (disk) =>
    Effect.gen(function* () {
      const descriptors = new Descriptors()
      const writer = yield* open(disk)
      yield* write(writer, { a: row("1") })
      const isReading = yield* Deferred.make<void>()
      const hung = replacing((fs) => ({
        stat: (path) =>
          path.endsWith("a.json")
            ? Effect.andThen(Deferred.succeed(isReading, undefined), Effect.never)
            : fs.stat(path)
      }))
      const store = yield* open(disk, "perKey", ({ fs, lock }) => {
        const { fs: counted } = descriptors.change({ fs, lock })
        return { fs: hung({ fs: counted, lock }).fs, lock }
      })
      const fiber = yield* Effect.forkChild(store.read("a"), { startImmediately: true })
      yield* Deferred.await(isReading)
      assert.strictEqual(descriptors.open, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(descriptors.open, 0)
    }))

  test("LS-5: a file that changed while it was read is not remembered as the other one", (disk) =>
    Effect.gen(function* () {
      const writer = yield* open(disk)
      yield* write(writer, { a: row("1") })
      // Between the two looks, the file is replaced.
      let isLate = true
      const late = replacing((fs) => ({
        open: (path, options) =>
          Effect.tap(fs.open(path, options), () => {
            if (!isLate || !path.endsWith("a.json")) return Effect.void
            isLate = false
            return Effect.orDie(write(writer, { a: row("2", 2) }))
          })
      }))
      const reader = yield* open(disk, "perKey", late)
      assert.strictEqual(yield* valueOf(reader, "a"), "1")
      assert.strictEqual(yield* valueOf(reader, "a"), "2")
    }))

  test("LS-6: where nothing can be written, all can be read, also by who opens it then", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { a: row("1") })
      yield* disk.setReadOnly(true)
      const late = yield* open(disk)
      for (const one of [store, late]) {
        assert.strictEqual(yield* valueOf(one, "a"), "1")
        assert.strictEqual(yield* failureOf(write(one, { a: row("2", 2) })), "StoreUnavailable ReadOnly")
      }
    }))

  inBoth("a directory that is not there any more is no empty state", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      yield* write(store, { a: row("1") })
      yield* disk.fileSystem.remove(root, { recursive: true })
      const missing = "StoreUnavailable Missing"
      assert.strictEqual(yield* failureOf(store.read("a")), missing)
      assert.strictEqual(yield* failureOf(store.read("b")), missing)
      assert.strictEqual(yield* failureOf(write(store, { a: row("2", 2) })), missing)
    })
  )

  test("a file of a newer version is not read, and not written over", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { a: row("1") })
      const newer = seal('{\n  "format": 2,\n')
      yield* put(disk, "keys/a.json", newer)
      const unsupported = "StoreUnavailable Unsupported"
      assert.strictEqual(yield* failureOf(store.read("a")), unsupported)
      assert.strictEqual(yield* failureOf(write(store, { a: row("2", 2) })), unsupported)
      assert.strictEqual(yield* failureOf(store.repair("a", row("2", 2))), unsupported)
      assert.strictEqual(yield* textOf(disk, "keys/a.json"), new TextDecoder().decode(newer))
    }))

  test("reads and writes may be as short as they like", (disk) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk), { a: row("1") })
      const short = replacing((fs) => ({
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) => ({
            [FileSystem.FileTypeId]: FileSystem.FileTypeId,
            stat: file.stat,
            sync: file.sync,
            seek: (offset, from) => file.seek(offset, from),
            read: (buffer, at) => file.read(buffer.subarray(0, 7), at),
            readAlloc: (size, at) => file.readAlloc(size, at),
            truncate: (length) => file.truncate(length),
            write: (buffer) => file.write(buffer.subarray(0, 7)),
            writeAll: (buffer) => file.writeAll(buffer)
          }))
      }))
      const store = yield* open(disk, "perKey", short)
      assert.strictEqual(yield* valueOf(store, "a"), "1")
      yield* write(store, { a: row("2", 2) })
      assert.strictEqual(yield* valueOf(yield* open(disk), "a"), "2")
    }))

  test("a device that fails is no corruption", (disk) =>
    Effect.gen(function* () {
      yield* write(yield* open(disk), { a: row("1") })
      const broken = replacing((fs) => ({
        open: (path, options) =>
          path.endsWith(".json") ? Effect.fail(failure("EIO")) : fs.open(path, options)
      }))
      const store = yield* open(disk, "perKey", broken)
      assert.strictEqual(yield* failureOf(store.read("a")), "StoreUnavailable Io")
    }))

  inBoth("the keys are those with a value, in their order, also where that cannot be read", (disk, layout) =>
    Effect.gen(function* () {
      const store = yield* open(disk, layout)
      const long = `c${"ü".repeat(100)}`
      for (const key of [long, "b/2", "b/1", "B", "a"]) yield* write(store, { [key]: row("1") })
      yield* write(store, { "b/leased": leased })
      assert.deepStrictEqual(yield* store.keys(""), ["B", "a", "b/1", "b/2", long])
      assert.deepStrictEqual(yield* store.keys("b/"), ["b/1", "b/2"])
      assert.deepStrictEqual(yield* store.keys(long.slice(0, 50)), [long])
      assert.deepStrictEqual(yield* store.keys("x"), [])
    })
  )

  test("a key is told when its file is durable", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      const other = yield* Disk.make()
      yield* write(yield* open(other), { a: row("1") })
      const bytes = (yield* other.snapshot).get(`${root}/keys/a.json`) ?? new Uint8Array()
      yield* put(disk, "keys/a.json", bytes)
      assert.isFalse((yield* disk.durable).has(`${root}/keys/a.json`))
      assert.deepStrictEqual(yield* store.keys(""), ["a"])
      assert.isTrue((yield* disk.durable).has(`${root}/keys/a.json`))
    }))

  test("a corrupt file is among the keys, and what is none of ours is not", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { a: row("1") })
      yield* write(store, { b: row("1") })
      yield* put(disk, "keys/a.json", new Uint8Array())
      for (const foreign of ["Notes.json", "a.json~", "c.txt", "d.json.tmp"]) {
        yield* put(disk, `keys/${foreign}`, new Uint8Array())
      }
      assert.deepStrictEqual(yield* store.keys(""), ["a", "b"])
    }))

  test("LS-5: a corrupt file of a long key is told by its key where that can be made out, else to those whom it may concern", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      const long = `orders/${"ü".repeat(150)}`
      yield* write(store, { [long]: row("1") })
      yield* write(store, { "order-1": row("1") })
      const file = (yield* pathsOf(disk)).find((path) => path.includes("%%")) ?? ""
      const text = (yield* textOf(disk, file)) ?? ""
      yield* put(disk, file, new TextEncoder().encode(text.replace('"value": 1', '"value": 2')))
      assert.deepStrictEqual(yield* store.keys(""), ["order-1", long])
      assert.strictEqual(yield* failureOf(store.read(long)), "StateCorrupted Checksum")
      // Nothing in it fits its name any more.
      yield* put(disk, file, new TextEncoder().encode(text.replace("üü", "uü")))
      for (const prefix of ["", "o", "orders/", "orders/ü", long]) {
        const error = yield* Effect.flip(store.keys(prefix))
        assert.deepInclude(error, { _tag: "StateCorrupted", location: `${root}/${file}` })
      }
      assert.deepStrictEqual(yield* store.keys("order-"), ["order-1"])
      assert.deepStrictEqual(yield* store.keys("orders/u"), [])
    }))

  inBoth("who watches hears at once, and whenever another process has written", (disk, layout) =>
    Effect.gen(function* () {
      const [one, other] = [yield* open(disk, layout), yield* open(disk, layout)]
      let heard = 0
      yield* Effect.forkScoped(
        Stream.runForEach(one.hints, () => Effect.sync(() => heard++)),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust(1)
      assert.strictEqual(heard, 1)
      yield* write(other, { a: row("1") })
      yield* TestClock.adjust(1)
      assert.isAbove(heard, 1)
      const before = heard
      // A draft is nobody's business.
      yield* put(disk, layout === "perKey" ? "keys/a.json.tmp" : "state.json.tmp", new Uint8Array())
      yield* TestClock.adjust(1)
      assert.strictEqual(heard, before)
    })
  )
})
