import { deepStrictEqual } from "node:assert/strict"
import { assert, describe, it } from "@effect/vitest"
import { Base64Url } from "effect/encoding"
import * as fc from "fast-check"
import type * as Choices from "../src/Choices.ts"
import { decode, encode, InvalidToken, NotReplayable, type Replay, suiteOf } from "../src/internal/token.ts"

const calm: Choices.Recording = { gap: [], pick: [], fault: [], random: [] }

const replay: Replay = { suite: "ledger", workload: null, faults: [], choices: calm, level: "anywhere" }

const again = (changes: Partial<Replay>): Replay => {
  const token = encode({ ...replay, ...changes })
  return decode(token, suiteOf(token))
}

const tokenOf = (parts: unknown): string => Base64Url.encode(JSON.stringify(parts))

const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

/** Why a text is refused; undefined when it is taken. */
const refusal = (text: string): InvalidToken | undefined => {
  const error = thrownBy(() => decode(text, "ledger"))
  if (error === undefined || error instanceof InvalidToken) return error
  throw new Error("something else was thrown", { cause: error })
}

const refused = (text: string) => {
  const error = refusal(text)
  return error === undefined ? undefined : [error.reason, error.message]
}

const data = fc.anything({
  withBigInt: true,
  withNullPrototype: true,
  withObjectString: true,
  key: fc.oneof(fc.string(), fc.constantFrom("$", "__proto__", "constructor", "toJSON", "length", "0")),
  values: [
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.bigInt(),
    fc.uint8Array(),
    fc.constantFrom(
      null,
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      -0,
      0,
      "\ud800"
    )
  ]
})

const list = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(255)), { maxLength: 40 })

const numbers = fc.array(fc.oneof(fc.constant(0), fc.maxSafeNat()), { maxLength: 10 })

const replays: fc.Arbitrary<Replay> = fc.record(
  {
    suite: fc.string(),
    workload: data,
    faults: fc.array(data, { maxLength: 3 }),
    choices: fc.record({ gap: list, pick: numbers, fault: list, random: numbers }, { noNullPrototype: true }),
    level: fc.constantFrom("anywhere", "realistic")
  },
  { noNullPrototype: true }
)

describe("token", () => {
  it("what was written is read again", () => {
    fc.assert(
      fc.property(replays, (written) => {
        const token = encode(written)
        assert.match(token, /^[\w-]+$/)
        assert.strictEqual(suiteOf(token), written.suite)
        // It tells -0 from 0, and one prototype from another.
        deepStrictEqual(decode(token, written.suite), written)
      }),
      { numRuns: 2000 }
    )
  })

  it("a lost update takes fewer than 60 characters beside its workload", () => {
    const token = encode({
      ...replay,
      suite: "lost-update",
      choices: { ...calm, gap: [13] },
      level: "realistic"
    })
    assert.strictEqual(token, "WzEsImxvc3QtdXBkYXRlIixudWxsLFtdLFtbMTNdXSwxXQ")
    assert.isBelow(token.length, 60)
  })

  it("zeros in a row take no more room than a number", () => {
    const fault = [...Array.from({ length: 100_000 }, () => 0), 1, 0, 2]
    assert.isBelow(encode({ ...replay, choices: { ...calm, fault } }).length, 70)
    assert.deepStrictEqual(again({ choices: { ...calm, fault } }).choices.fault, fault)
  })

  it("blanks around a token do not matter", () => {
    assert.deepStrictEqual(decode(` ${encode(replay)}\n`, "ledger"), replay)
  })

  it("the key __proto__ is a key like any other", () => {
    const workload: unknown = JSON.parse('{"__proto__":{"isAdmin":true}}')
    deepStrictEqual(again({ workload }).workload, workload)
    assert.notProperty({}, "isAdmin")
  })

  it("a hole in an array is read as undefined, and a key that is a symbol not at all", () => {
    const workload = { items: new Array<number>(2), [Symbol("hidden")]: 1 }
    deepStrictEqual(again({ workload }).workload, { items: [undefined, undefined] })
  })
})

describe("token, what it cannot hold", () => {
  const problem = (workload: unknown) => {
    const error = thrownBy(() => encode({ ...replay, workload }))
    return error instanceof NotReplayable ? [error.path, error.found] : error
  }

  const messageOf = (workload: unknown) => {
    const error = thrownBy(() => encode({ ...replay, workload }))
    return error instanceof NotReplayable ? error.message : undefined
  }

  it("what is no plain data is refused with its path", () => {
    class Money {
      readonly cents = 1
    }
    assert.deepStrictEqual(problem({ at: [1, new Date(0)] }), ["workload.at[1]", "a Date"])
    assert.deepStrictEqual(problem({ "a b": new Map() }), ['workload["a b"]', "a Map"])
    assert.deepStrictEqual(problem([new Money()]), ["workload[0]", "a Money"])
    assert.deepStrictEqual(problem(Buffer.from("x")), ["workload", "a Buffer"])
    assert.deepStrictEqual(problem(Object.create({})), ["workload", "a Object"])
    assert.deepStrictEqual(problem(Object.create(Object.create(null))), [
      "workload",
      "an object with a prototype of its own"
    ])
    assert.deepStrictEqual(
      problem(() => 1),
      ["workload", "a function"]
    )
    assert.deepStrictEqual(problem({ key: Symbol("key") }), ["workload.key", "a symbol"])
  })

  it("what holds itself is refused", () => {
    const workload: { self?: unknown } = {}
    workload.self = workload
    assert.match(messageOf(workload) ?? "", /is inside 500 others, or inside itself/)
  })

  it("what shares its parts too often is refused", () => {
    let workload: ReadonlyArray<unknown> = []
    for (let level = 0; level < 20; level++) workload = [workload, workload]
    assert.match(messageOf(workload) ?? "", /is behind 100000 other values/)
  })

  it("more choices than are read again are refused", () => {
    for (const kind of ["gap", "pick", "fault", "random"] as const) {
      const encodeZeros = (length: number) =>
        encode({ ...replay, choices: { ...calm, [kind]: Array.from({ length }, () => 0) } })
      assert.strictEqual(decode(encodeZeros(1_000_000), "ledger").choices[kind].length, 1_000_000)
      const error = thrownBy(() => encodeZeros(1_000_001))
      assert.include(String(error), `choices.${kind} is a list of 1000001`)
      assert.include(String(error), "repeat the campaign with its seed")
    }
  })

  it("the error says what to do", () => {
    assert.strictEqual(
      messageOf(new Date(0)),
      "no token for this run: workload is a Date. Draw plain data (numbers, text, bytes, arrays, plain " +
        "objects) and build the rest from it in `run`; until then repeat the campaign with its seed."
    )
  })
})

describe("token, what is none", () => {
  it("something else than a token is named as such", () => {
    const message = (shown: string) =>
      `${shown} is no token: those are letters, digits, - and _, and begin with Wz, as printed after a failure`
    assert.deepStrictEqual(refused(""), ["NoToken", message('""')])
    assert.deepStrictEqual(refused("failure.json"), ["NoToken", message('"failure.json"')])
    const long = message(`"${"x".repeat(40)}…"`)
    assert.deepStrictEqual(refused("x".repeat(100)), ["NoToken", long])
  })

  it("a token of which a part is missing is named as such", () => {
    const token = encode({ ...replay, workload: { amount: 10 } })
    for (let length = 3; length < token.length; length++) {
      assert.strictEqual(refusal(token.slice(0, length))?.reason, "Damaged")
    }
    assert.deepStrictEqual(refused(token.slice(0, 20)), [
      "Damaged",
      'the token "WzEsImxlZGdlciIseyJh" of 20 characters is cut short or changed: copy the whole of it'
    ])
  })

  it("a token of a newer version is named as such", () => {
    assert.deepStrictEqual(refused(tokenOf([2, { suite: "ledger" }])), [
      "NewerVersion",
      'the token "WzIseyJzdWl0ZSI6ImxlZGdlciJ9XQ" is of version 2, which a newer @holdfast/sim wrote; this one reads 1'
    ])
  })

  it("a token of another suite is named as such", () => {
    const token = encode({ ...replay, suite: "lock" })
    assert.strictEqual(suiteOf(token), "lock")
    assert.deepStrictEqual(refused(token), [
      "OtherSuite",
      `the token "${token}" is of the suite "lock", not of "ledger"`
    ])
  })

  it("a token with something in it that was never written is damaged", () => {
    const valid = [1, "ledger", null, [], [], 0]
    assert.isUndefined(refused(tokenOf(valid)))
    const invalid: ReadonlyArray<readonly [number, unknown]> = [
      [0, 0],
      [1, 7],
      [2, { $: "null" }],
      [2, { $: "NaN", b: 1 }],
      [2, { $: ["bigint", "1.5"] }],
      [2, { $: ["bigint", 1] }],
      [2, { $: ["bytes", "?"] }],
      [2, { $: ["bytes"] }],
      [2, { $: ["bare", []] }],
      [2, { $: ["class", {}] }],
      [3, {}],
      [4, {}],
      [4, [[], [], [], [], []]],
      [4, [[256]]],
      [4, [[1.5]]],
      [4, [["1"]]],
      [4, [[null]]],
      [4, [[-1e15]]],
      [4, [[-600_000, -600_000]]],
      [5, 2],
      [5, "anywhere"],
      [6, "more"]
    ]
    for (const [index, part] of invalid) {
      const parts: Array<unknown> = [...valid]
      parts[index] = part
      assert.strictEqual(refusal(tokenOf(parts))?.reason, "Damaged", JSON.stringify(part))
    }
    assert.strictEqual(refusal(tokenOf(valid.slice(0, 5)))?.reason, "Damaged")
  })

  it("brackets without end are damaged", () => {
    for (const depth of [502, 100_000]) {
      const text = `[1,"ledger",${"[".repeat(depth)}${"]".repeat(depth)},[],[],0]`
      assert.strictEqual(refusal(Base64Url.encode(text))?.reason, "Damaged")
    }
  })

  it("whatever the text, nothing but InvalidToken is thrown", () => {
    const token = encode({
      ...replay,
      workload: { $: 1n, bytes: new Uint8Array(3), at: -0 },
      choices: { ...calm, gap: [3] }
    })
    const mutated = fc
      .tuple(fc.nat(token.length - 1), fc.constantFrom(..."AQgw09-_ "))
      .map(([at, char]) => token.slice(0, at) + char + token.slice(at + 1))
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.base64String().map((text) => `Wz${text.replace(/=/g, "")}`),
      fc.json().map((json) => Base64Url.encode(`[1,"ledger",${json},[${json}],[[${json}]],0]`)),
      fc.array(fc.jsonValue(), { maxLength: 5 }).map((parts) => tokenOf([1, "ledger", ...parts])),
      mutated
    )
    fc.assert(
      fc.property(texts, (text) => {
        refusal(text)
      }),
      { numRuns: 3000 }
    )
  })
})
