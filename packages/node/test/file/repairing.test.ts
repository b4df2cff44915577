import { assert, describe, it } from "@effect/vitest"
import { Disk } from "@holdfast/sim"
import { Effect, type Scope } from "effect"
import { failureOf, row, valueOf, write } from "../utils/rows.ts"
import { failure, open, pathsOf, put, replacing, textOf } from "../utils/simulated.ts"

const test = (name: string, body: (disk: Disk.Disk) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => Effect.scoped(Effect.flatMap(Disk.make(), body)))

const damaged = new TextEncoder().encode("{ damaged")

describe("files that are repaired", () => {
  test("LS-5: what is corrupt is put aside as it is, and never over what was put aside before", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { "a/b": row("1") })
      const asides: Array<string> = []
      for (const text of ["{ damaged", "", "{ once more"]) {
        yield* put(disk, "keys/a%2fb.json", new TextEncoder().encode(text))
        assert.strictEqual(yield* failureOf(store.read("a/b")), "StateCorrupted Encoding")
        const aside = yield* store.repair("a/b", { ...row("new", 1000), fence: 1000 })
        assert.strictEqual(yield* textOf(disk, String(aside).slice("/var/lib/state/".length)), text)
        asides.push(String(aside))
        assert.isTrue((yield* disk.durable).has(String(aside)))
        assert.deepStrictEqual(yield* store.read("a/b"), { ...row("new", 1000), fence: 1000 })
        assert.deepStrictEqual(yield* (yield* open(disk)).read("a/b"), { ...row("new", 1000), fence: 1000 })
      }
      assert.deepStrictEqual(
        asides,
        [1, 2, 3].map((number) => `/var/lib/state/corrupt/a%2fb.${number}.json`)
      )
    }))

  for (const layout of ["perKey", "single"] as const) {
    test(`LK-2: numbers go on above all that can be made out, ${layout}`, (disk) =>
      Effect.gen(function* () {
        const path = layout === "perKey" ? "keys/a.json" : "state.json"
        const store = yield* open(disk, layout)
        // What a value says of itself does not count without end.
        const value = JSON.stringify({ text: "old", fence: Number.MAX_SAFE_INTEGER })
        yield* write(store, { a: { ...row(value, 7000), fence: 9000, lease: 9000 } })
        const text = (yield* textOf(disk, path)) ?? ""
        yield* put(disk, path, new TextEncoder().encode(text.replace("old", "new")))
        yield* store.repair("a", { ...row("new", 1000), fence: 1000 })
        assert.deepInclude(yield* store.read("a"), { version: 9001, fence: 9001 })
      }))
  }

  test("what can be read is not repaired, nor what is not there", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { a: row("1") })
      assert.isUndefined(yield* store.repair("a", row("new", 1000)))
      assert.isUndefined(yield* store.repair("b", row("new", 1000)))
      assert.strictEqual(yield* valueOf(store, "a"), "1")
      assert.deepStrictEqual(yield* store.keys(""), ["a"])
    }))

  test("a repair that fails leaves what is corrupt where it is", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk)
      yield* write(store, { a: row("1") })
      yield* put(disk, "keys/a.json", damaged)
      const full = yield* open(
        disk,
        "perKey",
        replacing(() => ({ rename: () => Effect.fail(failure("ENOSPC")) }))
      )
      assert.strictEqual(yield* failureOf(full.repair("a", row("new", 1000))), "StoreFull")
      assert.strictEqual(yield* textOf(disk, "keys/a.json"), "{ damaged")
      assert.strictEqual(yield* textOf(disk, "corrupt/a.1.json"), "{ damaged")
      const aside = yield* store.repair("a", row("new", 1000))
      assert.strictEqual(aside, "/var/lib/state/corrupt/a.2.json")
    }))

  test("who has somebody else's document does not repair it", (disk) =>
    Effect.gen(function* () {
      const other = yield* open(disk)
      yield* write(other, { a: row("1") })
      const results: Array<unknown> = []
      const meanwhile = replacing((fs) => ({
        rename: (from, to) =>
          Effect.andThen(
            Effect.map(Effect.orDie(other.repair("a", row("new", 1000))), (result) => results.push(result)),
            fs.rename(from, to)
          )
      }))
      yield* write(yield* open(disk, "perKey", meanwhile), { a: row("2", 2) })
      assert.deepStrictEqual(results, [false])
    }))

  test("LS-5: of one file for all keys, a repair keeps the rows that are whole; the lost begin above all that was", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk, "single")
      yield* write(store, { a: row('"of a"'), b: { ...row('"of b"', 7), fence: 9 }, c: row('"of c"') })
      const text = (yield* textOf(disk, "state.json")) ?? ""
      yield* put(disk, "state.json", new TextEncoder().encode(text.replace("of b", "of B")))
      for (const key of ["a", "b", "c"]) {
        assert.strictEqual(yield* failureOf(store.read(key)), "StateCorrupted Checksum")
      }
      const aside = yield* store.repair("a", { ...row('"new"', 1000), fence: 1000 })
      assert.strictEqual(aside, "/var/lib/state/corrupt/state.1.json")
      assert.strictEqual(yield* valueOf(store, "a"), '"new"')
      assert.strictEqual(yield* valueOf(store, "c"), '"of c"')
      const lost = yield* store.read("b")
      assert.deepStrictEqual(lost, {
        stored: undefined,
        version: 1000,
        fence: 1000,
        lease: 0,
        holder: undefined
      })
      assert.strictEqual(yield* store.read("b"), lost)
      assert.deepStrictEqual(yield* (yield* open(disk, "single")).read("b"), lost)
      assert.deepStrictEqual(yield* store.keys(""), ["a", "c"])
      assert.deepStrictEqual(
        (yield* pathsOf(disk)).filter((path) => path.endsWith(".json")),
        ["corrupt/state.1.json", "state.json"]
      )
    }))
})
