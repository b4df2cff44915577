/** Disks without room, that can only be read, or that one has no rights on. */
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { SqliteBackend } from "../../src/internal/sqlite/backend.ts"
import { Locks } from "../../src/internal/sqlite/locks.ts"
import { makeBackend } from "../../src/internal/sqlite/make.ts"
import { placeOf } from "../../src/internal/sqlite/place.ts"
import { Store } from "../../src/internal/sqlite/store.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import type { DiskTask, DiskTold } from "./children/disk.ts"
import { errorOf, put, row, tagOf, withStore } from "./support/store.ts"

const body = (use: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  Effect.scoped(Effect.flatMap(temporaryDirectory, use))

const test = (name: string, use: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => body(use), 60_000)

const module = fileURLToPath(new URL("children/disk.ts", import.meta.url))

/** What a process tells, after a shell has done this for it. */
const told = (
  task: DiskTask,
  before: ReadonlyArray<string> = [],
  shell: ReadonlyArray<string> = ["sh"]
): Readonly<Record<string, string>> => {
  const [command = "", ...rest] = [
    ...shell,
    "-c",
    [...before, 'exec "$@"'].join(" && "),
    "sh",
    process.execPath,
    module,
    JSON.stringify(task)
  ]
  const { status, stderr, stdout } = spawnSync(command, rest, { encoding: "utf8" })
  assert.strictEqual(status, 0, stderr)
  const lines = stdout
    .trim()
    .split("\n")
    .map((line): DiskTold => JSON.parse(line))
  return Object.fromEntries(lines.map(({ outcome, step }) => [step, outcome]))
}

const isRoot = process.getuid?.() === 0

/** With mounts that nobody else sees, among which who is not root may be so. */
const apart = ["sh", "-c", `exec unshare ${isRoot ? "-m" : "-rm"} "$@"`, "sh", "sh"]

const canMount =
  process.platform === "linux" &&
  spawnSync("sh", [...apart.slice(1), "-c", "mount -t tmpfs none /mnt"]).status === 0

describe("a full disk", () => {
  it.live.skipIf(!canMount)(
    "LS-6: is a typed error, and the old values are intact (where disks can be mounted)",
    () =>
      body((directory) =>
        Effect.sync(() => {
          const mount = `mount -t tmpfs -o size=1m none ${directory}`
          assert.deepStrictEqual(told({ tag: "Fill", directory }, [mount], apart), {
            "a small value": "true",
            "a value that is too large": "StoreFull",
            "reading after it": '"small"',
            "a disk without room": "StoreFull",
            "the last that was acknowledged is there": "true",
            "another key": "StoreFull",
            "a disk with room again": "true",
            "reading when it is opened again": '"after"',
            "reading the other key": "undefined",
            "a repair without room": "StoreFull",
            "making a store without room": "StoreUnavailable Io"
          })
        })
      ),
    60_000
  )

  test("LS-6: is told for the key that has no room, and the rest of its commit is not there either", (directory) =>
    Effect.gen(function* () {
      const place = placeOf(directory)
      mkdirSync(place.locks)
      const store = new Store(place)
      const backend = new SqliteBackend(directory, store, new Locks(place.locks))
      yield* put(backend, { a: row("1"), b: row("1") })
      store.run(({ handle }) => handle.exec("PRAGMA max_page_count = 20"))
      const exit = yield* Effect.exit(put(backend, { a: row("2", 2), b: row("x".repeat(200_000), 2) }))
      assert.deepInclude(errorOf(exit), { _tag: "StoreFull", store: directory, key: "b" } as const)
      assert.deepStrictEqual(yield* backend.read("a"), row("1"))
      yield* put(backend, { a: row("2", 2) })
      assert.deepStrictEqual(yield* backend.read("a"), row("2", 2))
      assert.deepStrictEqual(yield* backend.read("b"), row("1"))
      store.close()
    }))
})

describe("a device that fails", () => {
  it.live.skipIf(process.platform === "win32")(
    "LS-4: in the middle of a commit is an unknown outcome, and the store goes on (linux only) (macos only)",
    () =>
      body((directory) =>
        Effect.sync(() => {
          // What is written over the limit fails, as with a broken device.
          const limit = ["trap '' XFSZ", "ulimit -f 400"]
          assert.deepStrictEqual(told({ tag: "Outgrow", directory }, limit), {
            "a log that may not grow": "OutcomeUnknown",
            "the last that was acknowledged is there": "true",
            "writing after it": "true",
            "reading after it": '"after"'
          })
        })
      ),
    60_000
  )
})

describe("a directory", () => {
  it.live.skipIf(!canMount)(
    "LS-6: that can only be read is a typed error, with a store in it or without (where disks can be mounted)",
    () =>
      body((directory) =>
        Effect.gen(function* () {
          yield* withStore(join(directory, "old"), (backend) => put(backend, { a: row("1") }))
          mkdirSync(join(directory, "new"))
          const mounts = [`mount --bind ${directory} ${directory}`, `mount -o remount,ro,bind ${directory}`]
          for (const store of ["old", "new", "not there"]) {
            const task = { tag: "Use", directory: join(directory, store) } as const
            assert.deepStrictEqual(told(task, mounts, apart), { use: "StoreUnavailable ReadOnly" }, store)
          }
          const found = yield* withStore(join(directory, "old"), (backend) => backend.read("a"))
          assert.deepStrictEqual(found, row("1"))
        })
      ),
    60_000
  )

  it.live.skipIf(process.platform === "win32")(
    "LS-6: without rights is a typed error, with a store in it or without (linux only) (macos only)",
    () =>
      body((directory) =>
        Effect.gen(function* () {
          chmodSync(directory, 0o755)
          yield* withStore(join(directory, "old"), (backend) => put(backend, { a: row("1") }))
          mkdirSync(join(directory, "new"))
          for (const mode of [0o555, 0o000]) {
            for (const store of ["old", "new"]) {
              chmodSync(join(directory, store), mode)
              const task = {
                tag: "Use",
                directory: join(directory, store),
                user: isRoot ? 65_534 : undefined
              } as const
              assert.deepStrictEqual(told(task), { use: "StoreUnavailable Denied" }, `${store} ${mode}`)
              chmodSync(join(directory, store), 0o755)
            }
          }
          const found = yield* withStore(join(directory, "old"), (backend) => backend.read("a"))
          assert.deepStrictEqual(found, row("1"))
        })
      ),
    60_000
  )

  test("LS-6: whose place a file has is a typed error", (directory) =>
    Effect.gen(function* () {
      yield* withStore(directory, (backend) => put(backend, { a: row("1") }))
      const inFile = join(directory, "state.db", "store")
      const error = errorOf(yield* Effect.exit(Effect.scoped(makeBackend(inFile))))
      assert.deepInclude(error, { _tag: "StoreUnavailable", operation: "open", reason: "Missing" } as const)
      rmSync(join(directory, "state.db"))
      mkdirSync(join(directory, "state.db"))
      assert.strictEqual(yield* tagOf(Effect.scoped(makeBackend(directory))), "StoreUnavailable")
    }))
})
