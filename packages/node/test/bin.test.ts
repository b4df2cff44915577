import { execFile } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Lock, LockedState } from "@holdfast/core"
import { FileStateStore, SqliteStateStore } from "@holdfast/node"
import { Effect, Schema } from "effect"

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (...args: ReadonlyArray<string>) =>
  Effect.callback<Ended>((resume) => {
    const bin = join(import.meta.dirname, "../src/bin.ts")
    const env = { ...process.env, NO_COLOR: "1" }
    execFile(process.execPath, [bin, ...args], { env }, (error, stdout, stderr) => {
      resume(Effect.succeed({ code: Number(error?.code ?? 0), stdout, stderr }))
    })
  })

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const counter = LockedState.make("app/n", { schema: Schema.Number, initial: 0 })

const stores = {
  sqlite: (directory: string) => SqliteStateStore.layer({ directory }),
  perKey: (directory: string) => FileStateStore.layer({ directory }),
  single: (directory: string) => FileStateStore.layer({ directory, layout: "single" })
}

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(directory, body)), 30_000)

describe("holdfast-state", () => {
  for (const [name, layer] of Object.entries(stores)) {
    test(`finds out that a store is ${name}, lists its keys and shows a value`, (directory) =>
      Effect.gen(function* () {
        yield* Effect.provide(
          Effect.flatMap(counter, (n) => n.update(() => 7)),
          layer(directory)
        )
        const list = yield* run("list", directory, "--json")
        assert.strictEqual(list.code, 0, list.stderr)
        assert.deepInclude(JSON.parse(list.stdout), {
          key: "app/n",
          state: "Healthy",
          version: 1,
          value: "7"
        })
        const show = yield* run("show", directory, "app/n")
        assert.match(show.stdout, /^version +1$/m)
        assert.match(show.stdout, /^7$/m)
        assert.match(show.stdout, /^written at +\d{4}-\d\d-\d\dT/m)
        const missing = yield* run("show", directory, "nothing")
        assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
        assert.include(missing.stderr, 'there is no value of "nothing"')
      }))

    test(`LS-5: replaces a value in ${name} that its program cannot read`, (directory) =>
      Effect.gen(function* () {
        const text = LockedState.make("app/n", { schema: Schema.String, initial: "" })
        yield* Effect.provide(
          Effect.flatMap(text, (state) => state.update(() => "seven")),
          layer(directory)
        )
        const careful = yield* run("repair", directory, "app/n", "--value", "7")
        assert.strictEqual(careful.code, 1)
        assert.include(careful.stderr, "--replace")
        const { code, stdout } = yield* run("repair", directory, "app/n", "--value", "7", "--replace")
        assert.strictEqual(code, 0)
        assert.include(stdout, 'It was "seven"')
        const n = yield* Effect.provide(
          Effect.flatMap(counter, (state) => state.get),
          layer(directory)
        )
        assert.strictEqual(n, 7)
      }))
  }

  test("LS-5: puts bytes that cannot be read aside, as they are", (directory) =>
    Effect.gen(function* () {
      const layer = FileStateStore.layer({ directory })
      yield* Effect.provide(
        Effect.flatMap(counter, (n) => n.update(() => 7)),
        layer
      )
      const [file = ""] = readdirSync(join(directory, "keys"))
      const path = join(directory, "keys", file)
      const damaged = readFileSync(path, "utf8").replace('"value": 7', '"value": 8')
      writeFileSync(path, damaged)
      const list = yield* run("list", directory)
      assert.strictEqual(list.code, 1)
      assert.include(list.stdout, "UNREADABLE")
      assert.include(list.stderr, "1 of 1 values cannot be read")
      const repaired = yield* run("repair", directory, "app/n", "--value", "9")
      assert.strictEqual(repaired.code, 0, repaired.stderr)
      assert.match(
        repaired.stdout,
        /"app\/n" has the value that was given, as version 1 of its schema, and version \d{13}/
      )
      assert.include(repaired.stdout, "keys with a value in the store: 1")
      const aside = readdirSync(join(directory, "corrupt"))
      assert.strictEqual(aside.length, 1)
      assert.strictEqual(readFileSync(join(directory, "corrupt", aside[0] ?? ""), "utf8"), damaged)
      const n = yield* Effect.provide(
        Effect.flatMap(counter, (state) => state.get),
        layer
      )
      assert.strictEqual(n, 9)
    }))

  for (const [name, layer] of Object.entries(stores)) {
    test(`repairs no key that is not there: ${name}`, (directory) =>
      Effect.gen(function* () {
        yield* Effect.provide(
          Effect.flatMap(counter, (n) => n.update(() => 7)),
          layer(directory)
        )
        for (const more of [[], ["--value", "1"], ["--value", "1", "--replace"]]) {
          const { code, stderr } = yield* run("repair", directory, "app/m", ...more)
          assert.strictEqual(code, 1)
          assert.include(stderr, 'there is no value of "app/m"')
        }
        assert.notInclude((yield* run("list", directory)).stdout, "app/m")
      }))
  }

  test("makes no store where there is none", (directory) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run("list", directory)
      assert.strictEqual(code, 1)
      assert.include(stderr, "there is no store in")
      assert.deepStrictEqual(readdirSync(directory), [])
    }))

  test("makes nothing in a directory that has files of the same names for something else", (directory) =>
    Effect.gen(function* () {
      mkdirSync(join(directory, "keys"))
      writeFileSync(join(directory, "keys", "photo.json"), "{}")
      const { code, stderr } = yield* run("list", directory)
      assert.strictEqual(code, 1)
      assert.include(stderr, "there is no store in")
      assert.deepStrictEqual(readdirSync(directory), ["keys"])
    }))

  test("says so when it cannot look into a directory", (directory) =>
    Effect.gen(function* () {
      const loop = join(directory, "locks")
      symlinkSync(loop, loop)
      const { code, stderr } = yield* run("list", directory)
      assert.strictEqual(code, 1)
      assert.include(stderr, `one cannot look into ${directory}`)
    }))

  const incremented = (layer: ReturnType<typeof FileStateStore.layer>) =>
    Effect.provide(
      Effect.flatMap(counter, (n) => n.update(() => 7)),
      layer
    )

  test("tells in a sentence of a key that no store can have", (directory) =>
    Effect.gen(function* () {
      yield* incremented(FileStateStore.layer({ directory }))
      for (const [key, problem] of [
        ["", "must not be empty"],
        ["x".repeat(300), "at most 200 characters"]
      ] as const) {
        for (const command of [["show"], ["repair", "--value", "1"]]) {
          const { code, stderr } = yield* run(...command, directory, key)
          assert.strictEqual(code, 1)
          assert.include(stderr, problem)
          assert.notMatch(stderr, /^ +at /m)
        }
      }
    }))

  for (const [name, layer] of Object.entries(stores)) {
    test(`LK-4: replaces no value under a lease of a program that is alive: ${name}`, (directory) =>
      Effect.gen(function* () {
        yield* Effect.provide(
          Effect.flatMap(counter, (n) => n.update(() => 7)),
          layer(directory)
        )
        const replace = run("repair", directory, "app/n", "--value", "8", "--replace", "--wait", "0")
        const beside = Lock.withLock(replace, "app/n", { label: "a long job" })
        const { code, stderr } = yield* Effect.provide(beside, layer(directory))
        assert.strictEqual(code, 1)
        assert.match(stderr, /"a long job .*" holds it; --wait waits longer/)
        assert.include((yield* run("show", directory, "app/n")).stdout, "7")
      }))
  }

  test("LS-5: lists the other keys beside a file that does not say whose it is", (directory) =>
    Effect.gen(function* () {
      const layer = FileStateStore.layer({ directory })
      yield* incremented(layer)
      const long = LockedState.make(`app/${"ü".repeat(150)}`, { schema: Schema.Number, initial: 0 })
      yield* Effect.provide(
        Effect.flatMap(long, (n) => n.update(() => 8)),
        layer
      )
      const file = readdirSync(join(directory, "keys")).find((name) => name.includes("%%")) ?? ""
      writeFileSync(join(directory, "keys", file), "{ damaged")
      const { code, stderr, stdout } = yield* run("list", directory)
      assert.strictEqual(code, 1)
      assert.include(stdout, 'healthy   "app/n"')
      assert.include(stdout, `UNREADABLE ${join(directory, "keys", file)}: it is corrupt`)
      assert.include(stderr, "1 of 2 values cannot be read")
    }))

  test("LS-5: repairs one key of a file with all of them, and says what became of a value that is whole", (directory) =>
    Effect.gen(function* () {
      const layer = FileStateStore.layer({ directory, layout: "single" })
      yield* incremented(layer)
      const other = LockedState.make("app/other", { schema: Schema.Number, initial: 0 })
      yield* Effect.provide(
        Effect.flatMap(other, (n) => n.update(() => 8)),
        layer
      )
      const path = join(directory, "state.json")
      const text = readFileSync(path, "utf8").replace('"value": 8', '"value": 9')
      writeFileSync(path, text)
      assert.include((yield* run("list", directory)).stderr, "1 of 2 values cannot be read")
      assert.include((yield* run("repair", directory, "app/n")).stdout, "nothing to repair")
      // What all rows have in common is damaged too.
      writeFileSync(path, text.replace('"lostAt": 0', '"lostAt": 9'))
      const repaired = yield* run("repair", directory, "app/n", "--value", "1")
      assert.include(repaired.stdout, '"app/n" has kept its value, which is whole')
      assert.match((yield* run("show", directory, "app/n")).stdout, /^7$/m)
      const list = yield* run("list", directory)
      assert.include(list.stdout, 'UNREADABLE "app/other"')
      assert.strictEqual((yield* run("repair", directory, "app/other", "--value", "8")).code, 0)
      assert.strictEqual((yield* run("list", directory)).code, 0)
    }))
})
