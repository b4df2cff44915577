import { assert, describe, it } from "@effect/vitest"
import { Disk } from "@holdfast/sim"
import { Effect, Exit, type Scope } from "effect"
import { failureOf, row, valueOf, write } from "../utils/rows.ts"
import { failure, open, pathsOf, put, replacing, root, textOf } from "../utils/simulated.ts"

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

  /** Given three keys in one file, of which one byte of `b` has changed. */
  const damagedRow = Effect.fnUntraced(function* (disk: Disk.Disk) {
    const store = yield* open(disk, "single")
    yield* write(store, { a: row('"of a"'), b: { ...row('"of b"', 7), fence: 9 }, c: row('"of c"') })
    const text = (yield* textOf(disk, "state.json")) ?? ""
    const bytes = text.replace("of b", "of B")
    yield* put(disk, "state.json", new TextEncoder().encode(bytes))
    return { store, bytes }
  })

  const corrupted = "StateCorrupted Checksum"

  test("LS-5: a damaged row of one file for all keys leaves the others readable, and is not repaired with them", (disk) =>
    Effect.gen(function* () {
      const { bytes, store } = yield* damagedRow(disk)
      for (const one of [store, yield* open(disk, "single")]) {
        assert.strictEqual(yield* valueOf(one, "a"), '"of a"')
        assert.strictEqual(yield* failureOf(one.read("b")), corrupted)
        assert.isUndefined(yield* one.read("d"))
        assert.deepStrictEqual(yield* one.keys(""), ["a", "b", "c"])
      }
      // When another one is repaired, there is nothing to do.
      assert.isUndefined(yield* store.repair("a", row('"new"', 1000)))
      assert.strictEqual(yield* textOf(disk, "state.json"), bytes)
      // Then it is repaired itself, above all that was counted.
      const aside = yield* store.repair("b", { ...row('"new"', 5), fence: 5 })
      assert.strictEqual(aside, `${root}/corrupt/state.1.json`)
      assert.strictEqual(yield* textOf(disk, "corrupt/state.1.json"), bytes)
      for (const one of [store, yield* open(disk, "single")]) {
        assert.deepInclude(yield* one.read("b"), { version: 10, fence: 10 })
        assert.strictEqual(yield* valueOf(one, "a"), '"of a"')
        assert.strictEqual(yield* valueOf(one, "c"), '"of c"')
      }
    }))

  test("LS-5: who writes another key of the file keeps a damaged row damaged, and its bytes", (disk) =>
    Effect.gen(function* () {
      const { bytes, store } = yield* damagedRow(disk)
      yield* write(store, { a: row('"newer"', 2) })
      yield* write(store, { d: row('"of d"') })
      for (const one of [store, yield* open(disk, "single")]) {
        assert.strictEqual(yield* valueOf(one, "a"), '"newer"')
        assert.strictEqual(yield* failureOf(one.read("b")), corrupted)
        assert.deepStrictEqual(yield* one.keys(""), ["a", "b", "c", "d"])
      }
      assert.strictEqual(yield* textOf(disk, "corrupt/state.1.json"), bytes)
      const over = yield* Effect.exit(store.commit("state", () => new Map([["b", row("1")]])))
      assert.isTrue(Exit.hasDies(over))
      // It is repaired as if nothing had been written since, and what was put aside is not put aside again.
      assert.strictEqual(yield* store.repair("b", row('"new"', 5)), `${root}/corrupt/state.1.json`)
      assert.deepInclude(yield* store.read("b"), { version: 10, fence: 10 })
      assert.deepStrictEqual(
        (yield* pathsOf(disk)).filter((path) => path.endsWith(".json")),
        ["corrupt/state.1.json", "state.json"]
      )
    }))

  test("LS-5: damage that no key has is put aside with the next write, and that is all", (disk) =>
    Effect.gen(function* () {
      const store = yield* open(disk, "single")
      yield* write(store, { a: row('"of a"') })
      const text = (yield* textOf(disk, "state.json")) ?? ""
      yield* put(disk, "state.json", new TextEncoder().encode(text.slice(0, -2)))
      assert.strictEqual(yield* valueOf(store, "a"), '"of a"')
      yield* write(store, { a: row('"newer"', 2) })
      assert.strictEqual(yield* textOf(disk, "corrupt/state.1.json"), text.slice(0, -2))
      yield* write(store, { a: row('"newest"', 3) })
      assert.notInclude(yield* pathsOf(disk), "corrupt/state.2.json")
    }))

  test("LS-5: where the head of the file is damaged too, a repair keeps what is whole, and marks what is lost", (disk) =>
    Effect.gen(function* () {
      const { bytes, store } = yield* damagedRow(disk)
      const worse = bytes.replace('"lostAt": 0', '"lostAt": 7')
      yield* put(disk, "state.json", new TextEncoder().encode(worse))
      for (const key of ["a", "b", "c", "d"]) {
        assert.strictEqual(yield* failureOf(store.read(key)), corrupted)
      }
      assert.isTrue(Exit.hasDies(yield* Effect.exit(write(store, { a: row("1") }))))
      const aside = yield* store.repair("a", { ...row('"new"', 1000), fence: 1000 })
      assert.strictEqual(aside, `${root}/corrupt/state.1.json`)
      for (const one of [store, yield* open(disk, "single")]) {
        assert.strictEqual(yield* valueOf(one, "a"), '"of a"')
        assert.strictEqual(yield* failureOf(one.read("b")), corrupted)
        assert.strictEqual(yield* valueOf(one, "c"), '"of c"')
        // What is not even named may have been there.
        assert.deepInclude(yield* one.read("d"), { stored: undefined, version: 1000, fence: 1000 })
      }
      assert.strictEqual(yield* store.repair("b", row('"new"', 5)), aside)
      assert.deepInclude(yield* store.read("b"), { version: 1001, fence: 1001 })
    }))
})
