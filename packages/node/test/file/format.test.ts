import { hash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import type { Lock, StateBackend } from "@holdfast/core"
import { Brand, Result } from "effect"
import * as fc from "fast-check"
import { type Document, documentOf, keep, markLost } from "../../src/internal/file/document.ts"
import type { Layout } from "../../src/internal/file/layout.ts"
import { perKey } from "../../src/internal/file/perKey.ts"
import { seal, type Unreadable } from "../../src/internal/file/seal.ts"
import { single } from "../../src/internal/file/single.ts"

const fence = Brand.nominal<Lock.Fence>()

const count = fc.oneof(fc.nat(), fc.maxSafeNat())

/** What a program may give as the text of a value, JSON or not. */
const value = fc.oneof(
  fc.json(),
  fc.json().map((text) => JSON.stringify(JSON.parse(text), null, 1)),
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "",
    "null",
    "-0",
    "1e400",
    "0.1",
    '{"b":1,"1":2}',
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1}}',
    '"\\ud800"',
    '"\ud800"',
    '"\u2028"',
    '"\uFEFF"',
    "[".repeat(3000) + "]".repeat(3000)
  )
)

const row: fc.Arbitrary<StateBackend.Row> = fc
  .record({
    version: count,
    fence: count,
    lease: count,
    holder: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
    stored: fc.option(
      fc.record({
        value,
        fence: count.map(fence),
        schemaVersion: fc.integer(),
        writtenAtMillis: fc.oneof(
          fc.nat(2e12),
          fc.constantFrom(0, -1, 0.5, 8.64e15, 8.65e15, -62167219200001)
        )
      }),
      { nil: undefined }
    )
  })
  .map(({ stored, version, ...rest }) => ({
    ...rest,
    version,
    stored: stored === undefined ? undefined : { ...stored, version }
  }))

const key = fc.oneof(
  fc.constantFrom("a", "__proto__", "1", "é"),
  fc.string({ minLength: 1, unit: "grapheme" })
)

const layouts: ReadonlyArray<readonly [Layout, fc.Arbitrary<ReadonlyMap<string, StateBackend.Row>>]> = [
  [perKey("/state"), fc.tuple(key, row).map((entry) => new Map([entry]))],
  [single("/state"), fc.array(fc.tuple(key, row), { maxLength: 4 }).map((entries) => new Map(entries))]
]

const nameOf = (layout: Layout, rows: ReadonlyMap<string, StateBackend.Row>): string =>
  layout.documentOf(Array.from(rows.keys())[0] ?? "")

const stored = (text: string, version = 1) => ({
  value: text,
  version,
  fence: fence(0),
  schemaVersion: 1,
  writtenAtMillis: 0
})

const written = (text: string, version = 1): StateBackend.Row => ({
  stored: stored(text, version),
  version,
  fence: 2,
  lease: 0,
  holder: "pid 1"
})

const failureOf = (result: Result.Result<Document, Unreadable>): Unreadable | undefined =>
  Result.isFailure(result) ? result.failure : undefined

/** Whether it is seen that a file is not what was written; nothing else than that is read of it. */
const isSeen = (result: Result.Result<Document, Unreadable>, rows: Document["rows"]): boolean => {
  if (Result.isFailure(result)) return result.failure._tag === "Corrupt"
  for (const [one, row] of result.success.rows) assert.deepStrictEqual(row, rows.get(one))
  return result.success.isDamaged
}

for (const [layout, rowsOf] of layouts) {
  describe(`files, ${layout.name}`, () => {
    it("whatever is written is read again, exactly", { timeout: 60_000 }, () => {
      fc.assert(
        fc.property(rowsOf, (rows) => {
          const name = nameOf(layout, rows)
          const bytes = layout.encode(name, documentOf(rows))
          assert.doesNotThrow(() => JSON.parse(new TextDecoder().decode(bytes)))
          const read = layout.decode(name, bytes)
          assert.deepStrictEqual(Result.isSuccess(read) && Array.from(read.success.rows), Array.from(rows))
        }),
        { numRuns: 500 }
      )
    })

    const rows = new Map([["Key é", written('{"name":"Zoë","list":[1,2,{"deep":true}],"none":null}')]])
    const name = nameOf(layout, rows)
    const bytes = layout.encode(name, documentOf(rows))

    it("LS-5: no byte can change unseen, into whatever", () => {
      for (let at = 0; at < bytes.length; at++) {
        // Looking at what is damaged takes longer.
        for (let byte = 0; byte < 256; byte += layout.name === "single" ? 17 : 1) {
          if (byte === bytes[at]) continue
          const flipped = Uint8Array.from(bytes)
          flipped[at] = byte
          assert.isTrue(isSeen(layout.decode(name, flipped), rows), `${byte} at ${at}`)
        }
      }
    })

    it("LS-5: it is seen of what is cut, longer, twice in one, empty or something else", () => {
      const others = [
        ...Array.from(bytes, (_, length) => bytes.subarray(0, length)),
        Buffer.concat([bytes, Buffer.from("\n")]),
        Buffer.concat([bytes, bytes]),
        Buffer.from("{}"),
        Buffer.from('{ "format": 1 }\n'),
        Buffer.alloc(bytes.length),
        Buffer.from([0xff, 0xfe, 0x00])
      ]
      for (const other of others) {
        assert.isTrue(isSeen(layout.decode(name, other), rows), new TextDecoder().decode(other))
      }
    })

    it("LS-5: what has the right checksum and is no state is corrupt", () => {
      const heads = [
        '{\n  "format": 1,\n',
        '{\n  "format": 0,\n',
        '{\n  "format": "1",\n',
        "{\n  nonsense,\n",
        "[\n"
      ]
      for (const head of heads) {
        assert.deepInclude(failureOf(layout.decode(name, seal(head))), {
          _tag: "Corrupt",
          reason: "Encoding"
        })
      }
    })

    it("a format of the future is no corruption", () => {
      const newer = failureOf(layout.decode(name, seal('{\n  "format": 2,\n  "unheard": "of",\n')))
      assert.deepStrictEqual(newer, { _tag: "Newer", format: 2 })
    })
  })
}

describe("files", () => {
  it("people can read them, and check them with sha256sum", () => {
    const text = new TextDecoder().decode(
      perKey("/state").encode("orders", documentOf(new Map([["orders", written('{"last":7,"open":["a"]}')]])))
    )
    assert.strictEqual(
      text,
      `{
  "format": 1,
  "key": "orders",
  "version": 1,
  "fence": 2,
  "lease": 0,
  "holder": "pid 1",
  "schemaVersion": 1,
  "writtenAt": "1970-01-01T00:00:00.000Z",
  "writtenUnderFence": 0,
  "value": {
    "last": 7,
    "open": [
      "a"
    ]
  },
  "checksum": "${hash("sha256", text.slice(0, text.lastIndexOf('  "checksum"')), "hex")}"
}
`
    )
  })

  it("LS-5: the file of another key is corrupt", () => {
    const layout = perKey("/state")
    const bytes = layout.encode("a", documentOf(new Map([["a", written("1")]])))
    assert.deepInclude(failureOf(layout.decode("b", bytes)), { _tag: "Corrupt", reason: "Checksum" })
  })

  it("a value that would become far longer when it is nested stays one string", () => {
    const deep = "[".repeat(2000) + "]".repeat(2000)
    const bytes = perKey("/state").encode("a", documentOf(new Map([["a", written(deep)]])))
    assert.isBelow(bytes.length, 3 * deep.length)
  })

  it("LS-5: in a file with all keys, whatever byte changes, a row is as it was written or known to be damaged", () => {
    const layout = single("/state")
    const rows = new Map(["a", "b"].map((one) => [one, written(`{"of":"${one}"}`)]))
    const bytes = layout.encode("state", documentOf(rows))
    const headEnd = new TextDecoder().decode(bytes).indexOf('  "rows": [')
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 16, 128]) {
        const flipped = Uint8Array.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ bit
        const read = layout.decode("state", flipped)
        assert.strictEqual(Result.isFailure(read), at < headEnd, `bit ${bit} at ${at}`)
        const left = Result.isSuccess(read) ? read.success : layout.salvage(flipped, 1000)
        for (const [one, row] of left.rows) assert.deepStrictEqual(row, rows.get(one))
        for (const one of rows.keys())
          assert.isTrue(left.rows.has(one) || left.lost.has(one), `${one}, ${at}`)
        assert.strictEqual(left.isDamaged, Result.isSuccess(read))
      }
    }
  })

  it("LS-5: a row of an older file, as a device leaves it that did not write, is damaged although it is whole", () => {
    const layout = single("/state")
    const encode = (value: string) =>
      new TextDecoder().decode(layout.encode("state", documentOf(new Map([["a", written(value)]]))))
    const [older = "", newer = ""] = ['"old"', '"new"'].map(encode)
    const at = newer.indexOf('  "rows": [')
    const read = layout.decode("state", new TextEncoder().encode(newer.slice(0, at) + older.slice(at)))
    assert.deepStrictEqual(Result.isSuccess(read) && Array.from(read.success.lost), [
      ["a", { count: 2, aside: undefined }]
    ])
  })

  it("LS-5: of a file whose head is damaged, what is whole is left, and what is still named is lost", () => {
    const layout = single("/state")
    const rows = new Map(["a", "b", "c"].map((one) => [one, written(`{"of":"${one}"}`)]))
    const text = new TextDecoder().decode(layout.encode("state", documentOf(rows)))
    const damaged = text.replace('"lostAt": 0', '"lostAt": 1').replace('"of": "b"', '"of": "B"')
    const saved = markLost(layout.salvage(new TextEncoder().encode(damaged), 1000), "state.1.json")
    assert.deepStrictEqual(
      Array.from(saved.rows),
      Array.from(rows).filter(([one]) => one !== "b")
    )
    const again = layout.decode("state", layout.encode("state", saved))
    assert.deepStrictEqual(Result.isSuccess(again) && again.success, saved)
    assert.deepStrictEqual(Array.from(saved.lost), [["b", { count: 1000, aside: "state.1.json" }]])
    assert.deepInclude(saved.absent, { stored: undefined, version: 1000, fence: 1000 })
  })

  it("what nobody can ask for is no lost key", () => {
    const lines = ['""', `"${"x".repeat(201)}"`, '"\\ud800"', '"fine"'].map((key) => `    [${key}, "sum"],`)
    const saved = single("/state").salvage(new TextEncoder().encode(lines.join("\n")), 1)
    assert.deepStrictEqual(Array.from(saved.lost.keys()), ["fine"])
  })

  it("what is read anew is the same object where nothing has changed", () => {
    const old = documentOf(
      new Map([
        ["a", written("1")],
        ["b", written("2")]
      ])
    )
    const [a, b] = [old.rows.get("a"), old.rows.get("b")]
    const now = keep(
      old,
      documentOf(
        new Map([
          ["a", written("1")],
          ["b", { ...written("2"), lease: 3 }],
          ["c", written("3")]
        ])
      )
    )
    assert.strictEqual(now.rows.get("a"), a)
    assert.deepInclude(now.rows.get("b"), { lease: 3 })
    assert.strictEqual(now.rows.get("b")?.stored, b?.stored)
    for (const change of [
      written("1", 2),
      written("2"),
      { ...written("1"), fence: 9 },
      { ...written("1"), holder: "pid 2" }
    ]) {
      assert.deepStrictEqual(keep(old, documentOf(new Map([["a", change]]))).rows.get("a"), change)
    }
  })
})
