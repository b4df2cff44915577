import { assert, describe, it } from "@effect/vitest"
import { Cache } from "../../src/internal/sqlite/cache.ts"
import { toEntry } from "../../src/internal/sqlite/record.ts"
import { row } from "./support/store.ts"

const found = (key: string, value = "") => ({ entry: toEntry(key, row(value), undefined), exists: true })

describe("the cache of rows", () => {
  it("forgets what was read first, when there are too many", () => {
    const cache = new Cache()
    const keys = Array.from({ length: 20_000 }, (_, index) => `key ${index}`)
    for (const key of keys) cache.set(key, found(key), 1)
    const kept = keys.filter((key) => cache.get(key) !== undefined)
    assert.isAbove(kept.length, 10_000)
    assert.isBelow(kept.length, 20_000)
    assert.deepStrictEqual(kept, keys.slice(-kept.length))
  })

  it("forgets what was read first, when values are too long, but never the last", () => {
    const cache = new Cache()
    const long = "x".repeat(20_000_000)
    cache.set("a", found("a", long), 1)
    cache.set("b", found("b"), 1)
    assert.isDefined(cache.get("a"))
    cache.set("c", found("c", long), 1)
    assert.isUndefined(cache.get("a"))
    assert.isDefined(cache.get("b"))
    cache.set("d", found("d", long + long), 1)
    assert.isUndefined(cache.get("c"))
    assert.isDefined(cache.get("d"))
    cache.delete("d")
    for (const key of ["e", "f"]) cache.set(key, found(key, "x".repeat(10_000_000)), 1)
    assert.isDefined(cache.get("e"))
  })
})
