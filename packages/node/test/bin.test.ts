import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { LockedState } from "@holdfast/core"
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
})
