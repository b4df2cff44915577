import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { decodeName, encodeName } from "../../src/internal/file/names.ts"

/** Names that differ in little: in case, in one character, in how an accent is written. */
const name = fc.oneof(
  fc.string({ minLength: 1, unit: "grapheme" }),
  fc.string({ minLength: 1, unit: fc.constantFrom("a", "A", "%", "4", "1", "é", "é", "/", ".", "\0") }),
  fc.string({ minLength: 150, maxLength: 200, unit: fc.constantFrom("a", "b", "é") })
)

describe("names of files", () => {
  it("two names never share a file, also where the case is folded", () => {
    fc.assert(
      fc.property(name, name, (one, other) => {
        const isSame = encodeName(one).toLowerCase() === encodeName(other).toLowerCase()
        assert.strictEqual(isSame, one === other)
      }),
      { numRuns: 2000 }
    )
  })

  it("every name is one of a file, and none of a directory", () => {
    const hostile = [
      "..",
      ".",
      "../x",
      "/etc/passwd",
      "a/b",
      "con",
      "a\0b",
      "~",
      "*",
      "a b",
      "$(x)",
      "é".repeat(200)
    ]
    fc.assert(
      fc.property(fc.oneof(name, fc.constantFrom(...hostile)), (one) => {
        assert.match(encodeName(one), /^[a-z0-9_%-]{1,180}$/)
      }),
      { numRuns: 2000 }
    )
  })

  it("a name can be read from that of its file, unless it was too long", () => {
    fc.assert(
      fc.property(name, (one) => {
        const encoded = encodeName(one)
        assert.strictEqual(decodeName(encoded), encoded.includes("%%") ? undefined : one)
      }),
      { numRuns: 2000 }
    )
    assert.strictEqual(encodeName("orders_2026-07"), "orders_2026-07")
    assert.strictEqual(encodeName("Zürich/1"), "%5a%c3%bcrich%2f1")
  })

  it("what no name becomes is nobody's file", () => {
    for (const foreign of ["Notes", "a b", "%", "%4", "%41%", "%6f", "%C3%A9", "%ed%a0%80"]) {
      assert.isUndefined(decodeName(foreign), foreign)
    }
  })
})
