/** Bytes that are not what was written: no key is ever read wrong, and none of them is written over. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import type { StateBackend } from "@holdfast/core"
import { Effect, Exit, Result, type Scope } from "effect"
import * as handles from "../../src/internal/sqlite/handle.ts"
import { placeOf } from "../../src/internal/sqlite/place.ts"
import { share } from "../../src/internal/sqlite/presence.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { alter, bytesOf, fileOf, flip, spoil } from "./support/damage.ts"
import { errorOf, put, row, tagOf, withStore } from "./support/store.ts"

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(temporaryDirectory, body)), 60_000)

/** Long and short ones, one with half of a pair, and one that was only locked. */
const repaired = row("repaired", 1000, { fence: 1000 })

const rows: Readonly<Record<string, StateBackend.Row>> = {
  a: row("first"),
  b: row("x".repeat(6000), 2),
  c: row("\ud800", 3, { lease: 1, holder: "pid 1" }),
  d: row(undefined, 0, { fence: 7 }),
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`key ${index}`, row("y".repeat(index * 30))])
  )
}

const absent = ["A", "aa", "key", "zz"]

/** What is read, where it can be. */
const readAll = (directory: string) =>
  withStore(directory, (backend) =>
    Effect.gen(function* () {
      const read = new Map<string, StateBackend.Row | undefined>()
      const corrupt: Array<string> = []
      for (const key of [...Object.keys(rows), ...absent]) {
        const exit = yield* Effect.exit(backend.read(key))
        if (Exit.isSuccess(exit)) read.set(key, exit.value)
        else {
          assert.strictEqual(errorOf(exit)?._tag, "StateCorrupted")
          corrupt.push(key)
        }
      }
      const keys = yield* Effect.exit(backend.keys(""))
      return { read, corrupt, keys }
    })
  )

const valued = Object.keys(rows)
  .filter((key) => rows[key]?.stored !== undefined)
  .sort()

/** What was written, or an error, and the bytes as they are, also after somebody has tried to write. */
const checkFlip = (directory: string, bytes: Buffer, at: number, mask: number) =>
  Effect.gen(function* () {
    const where = `byte ${at}, mask ${mask}`
    rmSync(directory, { recursive: true })
    mkdirSync(directory)
    const flipped = Buffer.from(bytes)
    flip(flipped, at, mask)
    writeFileSync(fileOf(directory), flipped)
    const { corrupt, keys, read } = yield* readAll(directory)
    for (const [key, found] of Object.entries(read))
      assert.deepStrictEqual(found, rows[key], `${key}: ${where}`)
    if (Exit.isSuccess(keys)) assert.deepStrictEqual(keys.value, valued, where)
    else assert.strictEqual(errorOf(keys)?._tag, "StateCorrupted", where)
    const refused = yield* withStore(directory, (backend) =>
      Effect.forEach(corrupt, (key) => tagOf(put(backend, { [key]: row("new", 9) })))
    )
    for (const tag of refused) assert.strictEqual(tag, "StateCorrupted", where)
    assert.isTrue(bytesOf(directory).equals(flipped), where)
    return corrupt.length > 0 || Exit.isFailure(keys)
  })

describe("a flipped byte", () => {
  test("LS-5: is a corrupt value, or does not matter, wherever it is in the database", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      const bytes = bytesOf(directory)
      let found = 0
      for (let at = 0; at < bytes.length; at += at < 100 ? 1 : 37) {
        if (yield* checkFlip(directory, bytes, at, 1 << (at % 8))) found++
      }
      // Most of the rest is where nothing is written yet.
      assert.isAbove(found, bytes.length / 37 / 5)
    }))
})

describe("a damaged row", () => {
  const damages: Readonly<Record<string, string>> = {
    value: "UPDATE rows SET value = 'other' WHERE key = 'a'",
    "kind of value": "UPDATE rows SET value = CAST(value AS BLOB) WHERE key = 'a'",
    version: "UPDATE rows SET version = version + 1 WHERE key = 'a'",
    fence: "UPDATE rows SET fence = 0 WHERE key = 'a'",
    lease: "UPDATE rows SET lease = 1 WHERE key = 'a'",
    holder: "UPDATE rows SET holder = 'somebody' WHERE key = 'a'",
    "fence of the value": "UPDATE rows SET value_fence = 2 WHERE key = 'a'",
    "schema version": "UPDATE rows SET schema_version = 2 WHERE key = 'a'",
    time: "UPDATE rows SET written_at = 0 WHERE key = 'a'",
    checksum: "UPDATE rows SET checksum = 0 WHERE key = 'a'",
    "too large a number": "UPDATE rows SET version = 9223372036854775807 WHERE key = 'a'",
    "row of another key": "UPDATE rows SET key = 'a' WHERE key = 'b'",
    "row that is gone": "DELETE FROM rows WHERE key = 'a'",
    "row and link that are gone": "DELETE FROM rows WHERE key = 'a'; DELETE FROM chain WHERE key = 'a'",
    "link that is gone": "DELETE FROM chain WHERE key = 'a'",
    "link of the key": "UPDATE chain SET valued = 0 WHERE key = 'a'"
  }

  for (const [name, sql] of Object.entries(damages)) {
    test(`LS-5: is found, and repaired: ${name}`, (directory) =>
      Effect.gen(function* () {
        yield* withStore(directory, (backend) => put(backend, rows))
        alter(directory, name === "row of another key" ? `DELETE FROM rows WHERE key = 'a'; ${sql}` : sql)
        yield* withStore(directory, (backend) =>
          Effect.gen(function* () {
            const before = yield* Effect.exit(Effect.all([backend.read("a"), backend.keys("")]))
            assert.strictEqual(errorOf(before)?._tag, "StateCorrupted")
            yield* backend.repair("a", repaired)
            const { value } = (yield* backend.read("a"))?.stored ?? {}
            // When only the list of the keys was damaged, the value is as good as before.
            assert.strictEqual(value, name.startsWith("link") ? "first" : "repaired")
            assert.deepStrictEqual(yield* backend.keys(""), valued)
            yield* put(backend, { a: row("next", 1001) })
            assert.deepStrictEqual(yield* backend.read("a"), row("next", 1001))
          })
        )
      }))
  }

  test("LS-5: does no harm to the others, and is put aside when it is repaired", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      alter(directory, "UPDATE rows SET value = 'damaged' WHERE key = 'a'")
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          const error = errorOf(yield* Effect.exit(backend.read("a")))
          assert.deepInclude(error, {
            _tag: "StateCorrupted",
            store: directory,
            key: "a",
            reason: "Checksum",
            location: fileOf(directory)
          } as const)
          yield* put(backend, { b: row("new", 3) })
          assert.deepStrictEqual(yield* backend.read("b"), row("new", 3))
          const aside = yield* backend.repair("a", repaired)
          assert.isString(aside)
          assert.deepInclude(JSON.parse(readFileSync(String(aside), "utf8")), { key: "a" })
          assert.include(readFileSync(String(aside), "utf8"), "damaged")
          assert.deepStrictEqual(yield* backend.read("a"), repaired)
          assert.isUndefined(yield* backend.repair("a", row("again", 2000, { fence: 2000 })))
          assert.deepStrictEqual(yield* backend.read("a"), repaired)
        })
      )
    }))

  for (const [what, spoilMore] of Object.entries({
    "a row": () => {},
    "the file": (directory: string) => spoil(directory, (all) => flip(all, 16))
  })) {
    test(`LK-2: counts on above all that can be made out, when ${what} is repaired`, (directory) =>
      Effect.gen(function* () {
        const high = row("x", 7000, { fence: 9000, lease: 9000 })
        yield* withStore(directory, (backend) => put(backend, { ...rows, a: high }))
        alter(directory, "UPDATE rows SET value = 'damaged' WHERE key = 'a'")
        spoilMore(directory)
        yield* withStore(directory, (backend) =>
          Effect.gen(function* () {
            yield* backend.repair("a", repaired)
            assert.deepStrictEqual(yield* backend.read("a"), row("repaired", 9001, { fence: 9001 }))
          })
        )
      }))
  }

  test("LS-5: a decision is told, and the rest of its commit is refused with it", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      alter(directory, "UPDATE rows SET value = 'damaged' WHERE key = 'a'")
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          const told: Array<string> = []
          yield* backend.commit("all", (read) => {
            for (const key of ["a", "b"]) told.push(read(key)._tag)
            return new Map()
          })
          assert.deepStrictEqual(told, ["Failure", "Success"])
          assert.strictEqual(yield* tagOf(put(backend, { b: row("n", 3), a: row("n", 3) })), "StateCorrupted")
          assert.deepStrictEqual(yield* backend.read("b"), rows.b)
        })
      )
    }))
})

describe("a damaged link of the list of the keys", () => {
  test("LS-5: of a key that was only locked fails who writes that key, and nobody who shares his commit", (directory) =>
    Effect.gen(function* () {
      // Given a key whose row is healthy, and whose link says wrongly that it has no value
      yield* withStore(directory, (backend) =>
        put(backend, { a: row(undefined, 0), b: row("1"), c: row("1") })
      )
      alter(directory, "UPDATE chain SET checksum = checksum + 1 WHERE key = 'a'")
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          // When several decide in one commit, each about what it can read
          const told: Array<ReadonlyArray<string>> = []
          yield* backend.commit("all", (read) => {
            const readable = ["b", "a", "c"].filter((key) => Result.isSuccess(read(key)))
            told.push(readable)
            return new Map(readable.map((key) => [key, row("2", 2)]))
          })
          // Then the one key is told to be corrupt, and the others are written
          assert.deepStrictEqual(told, [
            ["b", "a", "c"],
            ["b", "c"]
          ])
          for (const key of ["b", "c"]) assert.deepStrictEqual(yield* backend.read(key), row("2", 2))
          assert.deepStrictEqual(yield* backend.read("a"), row(undefined, 0))
          // And who does not hear is refused, with all of his commit
          assert.strictEqual(yield* tagOf(put(backend, { a: row("3", 3), b: row("3", 3) })), "StateCorrupted")
          assert.deepStrictEqual(yield* backend.read("b"), row("2", 2))
        })
      )
    }))
})

describe("a damaged file", () => {
  const isTold = (directory: string) =>
    withStore(directory, (backend) =>
      Effect.gen(function* () {
        for (const key of ["a", "zz"]) assert.strictEqual(yield* tagOf(backend.read(key)), "StateCorrupted")
        assert.strictEqual(yield* tagOf(put(backend, { a: row("n", 3) })), "StateCorrupted")
        assert.strictEqual(yield* tagOf(backend.keys("")), "StateCorrupted")
        // Who locks does not need it.
        assert.isTrue(yield* Effect.scoped(backend.tryLock("lock:a")))
      })
    )

  test("LS-5: that is no database is left as it is, until it is put aside as a whole", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      const bytes = spoil(directory, (all) => all.fill("no database"))
      yield* isTold(directory)
      assert.isTrue(bytesOf(directory).equals(bytes))
      const aside = yield* withStore(directory, (backend) => backend.repair("a", repaired))
      assert.isTrue(readFileSync(`${String(aside)}/state.db`).equals(bytes))
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* backend.read("a"), repaired)
          // What was lost was never counted so far.
          const lost = row(undefined, 1000, { fence: 1000 })
          assert.deepStrictEqual(yield* backend.read("b"), lost)
          assert.deepStrictEqual(yield* backend.keys(""), ["a"])
          yield* put(backend, { b: row("new", 1001) })
          assert.deepStrictEqual(yield* backend.keys(""), ["a", "b"])
        })
      )
    }))

  const header = { magic: 0, "page size": 16, "version for writers": 18, encoding: 59, "first page": 104 }

  for (const [name, at] of Object.entries(header)) {
    test(`LS-5: gives all its rows back, when its header is repaired: ${name}`, (directory) =>
      Effect.gen(function* () {
        yield* withStore(directory, (backend) => put(backend, rows))
        const bytes = spoil(directory, (all) => flip(all, at))
        yield* isTold(directory)
        assert.isTrue(bytesOf(directory).equals(bytes))
        yield* withStore(directory, (backend) => backend.repair("a", repaired))
        const { corrupt, read } = yield* readAll(directory)
        assert.deepStrictEqual(corrupt, [])
        for (const [key, found] of Object.entries(rows)) {
          assert.deepStrictEqual(read.get(key), key === "a" ? repaired : found)
        }
      }))
  }

  test("LS-5: whose pages do not fit together is read, and not written before it is repaired", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      // The index of the rows loses a cell: nothing that was written is lost with it.
      const page = 2 * 4096
      spoil(directory, (all) => all.writeUInt16BE(all.readUInt16BE(page + 3) - 1, page + 3))
      const before = yield* readAll(directory)
      assert.notDeepEqual(before.corrupt, [])
      const healthy = Object.keys(rows).find((key) => !before.corrupt.includes(key)) ?? ""
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* tagOf(put(backend, { [healthy]: row("n", 9) })), "StateCorrupted")
          assert.isString(yield* backend.repair(healthy, row("not needed", 1000)))
        })
      )
      const { corrupt, read } = yield* readAll(directory)
      assert.deepStrictEqual(corrupt, [])
      for (const [key, found] of Object.entries(rows)) assert.deepStrictEqual(read.get(key), found)
    }))

  test("LS-5: gives all its rows back, when its header said that pages end sooner", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      spoil(directory, (all) => flip(all, 20, 1))
      assert.include((yield* readAll(directory)).corrupt, "b")
      yield* withStore(directory, (backend) => backend.repair("a", repaired))
      const { corrupt, read } = yield* readAll(directory)
      assert.deepStrictEqual(corrupt, [])
      assert.deepStrictEqual(read.get("b"), rows.b)
    }))

  test("keeps what it can name of rows that are lost", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      // All rows, and their index; not the list of the keys.
      spoil(directory, (all) => all.fill(0, 4096, 3 * 4096))
      yield* withStore(directory, (backend) => backend.repair("a", repaired))
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* backend.read("a"), repaired)
          assert.strictEqual(yield* tagOf(backend.read("b")), "StateCorrupted")
          assert.deepStrictEqual(yield* backend.keys(""), valued)
          yield* backend.repair("b", row(undefined, 2000, { fence: 2000 }))
          assert.deepStrictEqual(yield* backend.read("b"), row(undefined, 2000, { fence: 2000 }))
          assert.deepStrictEqual(
            yield* backend.keys(""),
            valued.filter((key) => key !== "b")
          )
        })
      )
    }))

  test("is not repaired as long as somebody uses it, as what he writes would be lost", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          const somebody = share(placeOf(directory).presence)
          spoil(directory, (all) => all.fill("no database"))
          yield* withStore(directory, (late) =>
            Effect.gen(function* () {
              assert.isFalse(yield* late.repair("a", repaired))
              handles.close(somebody)
              // This one has it open as well, and does not know yet.
              assert.isFalse(yield* late.repair("a", repaired))
            })
          )
          return backend
        })
      )
      assert.isString(yield* withStore(directory, (backend) => backend.repair("a", repaired)))
    }))

  test("is seen as repaired by those who knew it as damaged", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      spoil(directory, (all) => flip(all, 0))
      yield* withStore(directory, (one) =>
        withStore(directory, (other) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* tagOf(other.read("a")), "StateCorrupted")
            assert.isString(yield* one.repair("a", repaired))
            assert.deepStrictEqual(yield* other.read("a"), repaired)
            assert.deepStrictEqual(yield* other.read("b"), rows.b)
            yield* put(other, { a: row("next", 1001) })
            assert.deepStrictEqual(yield* one.read("a"), row("next", 1001))
          })
        )
      )
    }))
})

describe("a database", () => {
  const refusal = (directory: string) =>
    Effect.map(Effect.exit(withStore(directory, (backend) => backend.read("a"))), errorOf)

  test("LS-7: of a later version is refused, and left as it is", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, rows))
      alter(directory, "PRAGMA user_version = 2; ALTER TABLE rows ADD COLUMN more")
      const bytes = bytesOf(directory)
      assert.deepInclude(yield* refusal(directory), {
        _tag: "StoreUnavailable",
        reason: "Unsupported"
      } as const)
      assert.isTrue(bytesOf(directory).equals(bytes))
    }))

  test("of another program is refused, and left as it is", (directory) =>
    Effect.gen(function* () {
      alter(directory, "CREATE TABLE theirs (a)")
      const bytes = bytesOf(directory)
      assert.deepInclude(yield* refusal(directory), {
        _tag: "StoreUnavailable",
        reason: "Unsupported"
      } as const)
      assert.isTrue(bytesOf(directory).equals(bytes))
    }))
})
