/** What a process leaves that was killed: a database, with a log that goes on from it. */
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { temporaryDirectory } from "../utils/directory.ts"
import { alter, fileOf, flip } from "./support/damage.ts"
import { put, row, tagOf, withStore } from "./support/store.ts"

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(temporaryDirectory, body)), 60_000)

const repaired = row("repaired", 1000, { fence: 1000 })

const commits = 5

const logOf = (directory: string): string => `${fileOf(directory)}-wal`

/** What such a process leaves, which has written the same version of two keys again and again. */
const killed = (directory: string, emptyLogAfter?: number) =>
  Effect.gen(function* () {
    const store = join(directory, "store")
    const left = join(directory, "left")
    yield* withStore(store, (backend) =>
      Effect.gen(function* () {
        for (let version = 1; version <= commits; version++) {
          yield* put(backend, { a: row("a".repeat(900), version), b: row("b".repeat(900), version) })
          if (version === emptyLogAfter) alter(store, "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        cpSync(store, left, { recursive: true })
      })
    )
    rmSync(store, { recursive: true })
    return { store, left }
  })

const versions = (directory: string) =>
  withStore(directory, (backend) =>
    Effect.forEach(["a", "b"], (key) =>
      Effect.match(backend.read(key), {
        onFailure: ({ _tag }) => _tag,
        onSuccess: (found) => found?.version
      })
    )
  )

const corrupt = ["StateCorrupted", "StateCorrupted"] as const

for (const [which, emptyLogAfter] of [
  ["a process that was killed", 3],
  ["a new store, whose process was killed", undefined]
] as const) {
  describe(`the log of ${which}`, () => {
    test("LS-1: has all that was acknowledged", (directory) =>
      Effect.gen(function* () {
        const { left } = yield* killed(directory, emptyLogAfter)
        assert.deepStrictEqual(yield* versions(left), [commits, commits])
      }))

    test("LS-5: is a corrupt state when a byte of it is flipped, and no earlier one", (directory) =>
      Effect.gen(function* () {
        const { left, store } = yield* killed(directory, emptyLogAfter)
        const log = readFileSync(logOf(left))
        for (let at = 0; at < log.length; at += at < 64 ? 1 : 197) {
          cpSync(left, store, { recursive: true })
          const flipped = Buffer.from(log)
          flip(flipped, at)
          writeFileSync(logOf(store), flipped)
          assert.deepStrictEqual(yield* versions(store), [...corrupt], `byte ${at}`)
          // SQLite is done with it, and it may be worth a look.
          assert.isTrue(readFileSync(join(store, "corrupt", "log", "state.db-wal")).equals(flipped))
          rmSync(store, { recursive: true })
        }
      }))

    const ends: Readonly<Record<string, (path: string) => void>> = {
      "is gone": (path) => rmSync(path),
      "was cut off": (path) => truncateSync(path, 100)
    }

    for (const [end, damage] of Object.entries(ends)) {
      test(`LS-5, LK-2: that ${end} is missed, until the state without it is repaired, under numbers that were never used`, (directory) =>
        Effect.gen(function* () {
          const { left } = yield* killed(directory, emptyLogAfter)
          damage(logOf(left))
          assert.deepStrictEqual(yield* versions(left), [...corrupt])
          assert.deepStrictEqual(yield* versions(left), [...corrupt])
          // Of what was left of it there is one copy, and none of nothing.
          assert.deepStrictEqual(existsSync(join(left, "corrupt")), end !== "is gone")
          assert.isFalse(existsSync(join(left, "corrupt", "log-1")))
          yield* withStore(left, (backend) =>
            Effect.gen(function* () {
              assert.strictEqual(yield* tagOf(put(backend, { b: row("n", 9) })), "StateCorrupted")
              assert.isString(yield* backend.repair("a", repaired))
              assert.deepStrictEqual(yield* backend.read("a"), repaired)
              const earlier = emptyLogAfter === undefined ? undefined : "b".repeat(900)
              assert.deepStrictEqual(yield* backend.read("b"), row(earlier, 1000, { fence: 1000 }))
            })
          )
          assert.deepStrictEqual(yield* versions(left), [1000, 1000])
        }))
    }
  })
}

describe("a database of which nothing is left", () => {
  const losses: Readonly<Record<string, (directory: string) => void>> = {
    "is gone": (directory) => rmSync(fileOf(directory)),
    "has no byte": (directory) => truncateSync(fileOf(directory)),
    "is as one that is new": (directory) => {
      rmSync(fileOf(directory))
      alter(directory, "PRAGMA journal_mode = WAL")
    }
  }

  for (const [loss, lose] of Object.entries(losses)) {
    test(`LS-5, LK-2: as it ${loss}, is no new store where something was written`, (directory) =>
      Effect.gen(function* () {
        // Given a store that was closed, and its lock was taken more often than the clock of a repair says
        const high = row("acknowledged", 7000, { fence: 9000 })
        yield* withStore(directory, (backend) => put(backend, { a: high }))
        // When its file is lost
        lose(directory)
        // Then each key says so, again and again
        for (let times = 0; times < 2; times++)
          assert.deepStrictEqual(yield* versions(directory), [...corrupt])
        // And whoever looks for a store here finds one
        assert.isTrue(existsSync(fileOf(directory)))
        yield* withStore(directory, (backend) =>
          Effect.gen(function* () {
            assert.strictEqual(yield* tagOf(put(backend, { a: row("n") })), "StateCorrupted")
            assert.strictEqual(yield* tagOf(backend.keys("")), "StateCorrupted")
            // And its numbers are not used again
            assert.isString(yield* backend.repair("a", repaired))
            assert.deepStrictEqual(yield* backend.read("a"), row("repaired", 9001, { fence: 9001 }))
            assert.deepStrictEqual(yield* backend.read("b"), row(undefined, 9001, { fence: 9001 }))
          })
        )
        assert.deepStrictEqual(yield* versions(directory), [9001, 9001])
      }))
  }

  for (const [loss, lose] of Object.entries(losses).slice(0, 2)) {
    test(`LS-5: as it ${loss}, has in the repaired one what was in its log`, (directory) =>
      Effect.gen(function* () {
        const { left } = yield* killed(directory)
        lose(left)
        assert.deepStrictEqual(yield* versions(left), [...corrupt])
        yield* withStore(left, (backend) => backend.repair("a", repaired))
        const { b } = yield* withStore(left, (backend) => Effect.all({ b: backend.read("b") }))
        assert.strictEqual(b?.stored?.value, "b".repeat(900))
        assert.strictEqual(b?.version, 1000)
      }))
  }

  test("LS-5: as it is as one that is new, has its log put aside when that is of no use either", (directory) =>
    Effect.gen(function* () {
      const { left } = yield* killed(directory)
      const log = readFileSync(logOf(left))
      for (const file of [fileOf(left), logOf(left), `${fileOf(left)}-shm`]) rmSync(file)
      alter(left, "PRAGMA journal_mode = WAL")
      flip(log, 0)
      writeFileSync(logOf(left), log)
      assert.deepStrictEqual(yield* versions(left), [...corrupt])
      assert.isTrue(readFileSync(join(left, "corrupt", "log", "state.db-wal")).equals(log))
    }))

  test("begins anew where nothing was written: with its directory, not its file alone", (directory) =>
    Effect.gen(function* () {
      const { left } = yield* killed(directory)
      for (const file of ["changes", "state.db", "state.db-wal", "state.db-shm"]) rmSync(join(left, file))
      assert.deepStrictEqual(yield* versions(left), [undefined, undefined])
      assert.deepStrictEqual(yield* versions(left), [undefined, undefined])
    }))
})

describe("a new store", () => {
  test("LS-1: has its tables in the database, without any log, before it is used", (directory) =>
    Effect.gen(function* () {
      const copy = join(directory, "copy.db")
      const store = join(directory, "store")
      yield* withStore(store, () => Effect.sync(() => cpSync(fileOf(store), copy)))
      const handle = new DatabaseSync(copy)
      assert.deepStrictEqual({ ...handle.prepare("SELECT count(*) AS links FROM chain").get() }, { links: 1 })
      handle.close()
    }))
})
