/** A store of files on the disk of this machine. */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Lock, StateStore } from "@holdfast/core"
import { FileLock, FileStateStore } from "@holdfast/node"
import { Effect, Result, type Scope } from "effect"
import { make, type Settings } from "../../src/internal/file/backend.ts"
import { documentOf } from "../../src/internal/file/document.ts"
import { perKey } from "../../src/internal/file/perKey.ts"
import { single } from "../../src/internal/file/single.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { failureOf, row, valueOf, write } from "../utils/rows.ts"

const timeout = 60_000

const layouts = ["perKey", "single"] as const

const open = (directory: string, layout: Settings["layout"]) =>
  Effect.provide(make({ directory, layout, owner: "test" }), [NodeFileSystem.layer, FileLock.layerNode])

const test = (
  name: string,
  body: (directory: string, layout: Settings["layout"]) => Effect.Effect<void, unknown, Scope.Scope>
) => {
  for (const layout of layouts) {
    it.live(
      `${name} (${layout})`,
      () => Effect.scoped(Effect.flatMap(temporaryDirectory, (directory) => body(directory, layout))),
      timeout
    )
  }
}

const filesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((file) => join(directory, file))
    .filter((file) => statSync(file).isFile())
    .sort()

/** As a new file: within one tick of the kernel's clock, a file that is written into can look the same. */
const put = (path: string, bytes: Uint8Array): void => {
  writeFileSync(`${path}.new`, bytes)
  renameSync(`${path}.new`, path)
}

const keys = ["a", "Zürich/1"]

describe("FileStateStore, on this machine", () => {
  test("LS-5: of no byte of no file a flip goes unseen, and what is corrupt is not written over", (directory, layout) =>
    Effect.gen(function* () {
      const store = yield* open(directory, layout)
      for (const key of keys) yield* write(store, { [key]: row(`{"of":"${key}"}`) })
      yield* Effect.scoped(store.tryLock("lock:a"))
      const files = filesIn(directory)
      assert.strictEqual(files.filter((file) => file.endsWith(".json")).length, layout === "perKey" ? 2 : 1)
      for (const file of files) {
        const bytes = readFileSync(file)
        for (let at = 0; at < bytes.length; at++) {
          const flipped = Uint8Array.from(bytes)
          flipped[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
          put(file, flipped)
          let corrupt = 0
          for (const key of keys) {
            const found = yield* Effect.result(store.read(key))
            if (Result.isSuccess(found)) {
              assert.strictEqual(found.success?.stored?.value, `{"of":"${key}"}`)
              continue
            }
            corrupt++
            assert.deepInclude(found.failure, { _tag: "StateCorrupted", location: file })
            yield* store.commit(store.documentOf(key), (read) => {
              assert.isTrue(Result.isFailure(read(key)))
              return new Map()
            })
          }
          // In one file for all, what is damaged may be one row, two, all, or none of them.
          if (layout === "perKey") assert.strictEqual(corrupt, 1)
          assert.deepStrictEqual(Uint8Array.from(readFileSync(file)), flipped)
        }
        put(file, bytes)
      }
      for (const key of keys) assert.strictEqual(yield* valueOf(store, key), `{"of":"${key}"}`)
    }))

  test("LS-5: the store of a corrupt file refuses every write of it", (directory, layout) =>
    Effect.gen(function* () {
      yield* Effect.scoped(Effect.flatMap(open(directory, layout), (store) => write(store, { a: row("1") })))
      const [file = ""] = filesIn(directory).filter((path) => path.endsWith(".json"))
      const bytes = readFileSync(file).subarray(1)
      put(file, bytes)
      const use = Effect.gen(function* () {
        const store = yield* StateStore.StateStore
        const transact = store.transact("a", () =>
          Result.succeed({ _tag: "Write", value: "2", schemaVersion: 1, result: undefined })
        )
        assert.strictEqual(yield* failureOf(transact), "StateCorrupted Checksum")
        assert.strictEqual(yield* failureOf(Lock.withLock(Effect.void, "a")), "StateCorrupted Checksum")
        assert.deepStrictEqual(readFileSync(file), bytes)
      })
      yield* Effect.provide(use, FileStateStore.layer({ directory, layout }))
    }))

  test("LK-1: a relative directory stays the same one, wherever the program goes", (directory, layout) =>
    Effect.gen(function* () {
      const before = process.cwd()
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      const places = ["one", "other"].map((name) => join(directory, name))
      for (const place of places) mkdirSync(place)
      const [one = "", other = ""] = places
      process.chdir(one)
      const use = Effect.gen(function* () {
        const [store, lock] = [yield* StateStore.StateStore, yield* Lock.Lock]
        process.chdir(other)
        // Under the lock of a key, the same key in the same place is not free, and nothing is made elsewhere.
        yield* lock.acquire("a")
        const again = Effect.provide(
          Lock.withLock(Effect.void, "a", { wait: 0 }),
          FileStateStore.layer({ directory: join(one, "data"), layout })
        )
        assert.strictEqual(yield* failureOf(again), "LockTimeout")
        yield* store.transact("b", () =>
          Result.succeed({ _tag: "Write", value: "1", schemaVersion: 1, result: undefined })
        )
      })
      yield* Effect.provide(Effect.scoped(use), FileStateStore.layer({ directory: "data", layout }))
      assert.deepStrictEqual(readdirSync(other), [])
      const read = Effect.flatMap(StateStore.StateStore, ({ read }) => read("b"))
      const found = yield* Effect.provide(
        read,
        FileStateStore.layer({ directory: join(one, "data"), layout })
      )
      assert.strictEqual(found?.value, "1")
    }))

  test("lock files may hold whatever they like", (directory, layout) =>
    Effect.gen(function* () {
      const store = yield* open(directory, layout)
      yield* write(store, { a: row("1") })
      yield* Effect.scoped(store.tryLock("lock:a"))
      for (const file of filesIn(join(directory, "locks"))) writeFileSync(file, "\0nonsense")
      assert.isTrue(yield* store.tryLock("lock:a"))
      yield* write(store, { a: row("2", 2) })
      assert.strictEqual(yield* valueOf(store, "a"), "2")
    }))

  test("a value of 10 MB", (directory, layout) =>
    Effect.gen(function* () {
      const value = JSON.stringify("0123456789".repeat(1 << 20))
      const store = yield* open(directory, layout)
      yield* write(store, { a: row(value) })
      yield* write(store, { a: row("1", 2) })
      yield* write(store, { a: row(value, 3) })
      assert.strictEqual((yield* valueOf(store, "a"))?.length, value.length)
      assert.strictEqual(yield* valueOf(yield* open(directory, layout), "a"), value)
    }))

  test("10,000 keys", (directory, layout) =>
    Effect.gen(function* () {
      const names = Array.from({ length: 10_000 }, (_, index) => `key ${index}`)
      const store = yield* open(directory, layout)
      const documents = layout === "perKey" ? names.map((name) => [name]) : [names]
      // Synced, they would take a minute.
      const files = layout === "perKey" ? perKey(directory) : single(directory)
      for (const [name = "", ...more] of documents) {
        const rows = new Map([name, ...more].map((key) => [key, row("1")]))
        const document = files.documentOf(name)
        writeFileSync(files.pathOf(document), files.encode(document, documentOf(rows)))
      }
      const other = yield* open(directory, layout)
      assert.strictEqual((yield* other.keys("")).length, names.length)
      assert.strictEqual((yield* other.keys("key 12")).length, 111)
      yield* write(other, { "key 9999": row("2", 2) })
      assert.strictEqual(yield* valueOf(store, "key 9999"), "2")
      assert.strictEqual(yield* valueOf(store, "key 0"), "1")
    }))
})
