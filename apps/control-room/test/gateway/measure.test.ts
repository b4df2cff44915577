import { assert, describe, it } from "@effect/vitest"
import { begunIn, discrepancies, figuresOf, percentile } from "../../src/gateway/measure.ts"
import type { SeenSet } from "../../src/gateway/node/Wire.ts"
import type { Request } from "../../src/gateway/Route.ts"
import { askedOf, books, served } from "../../src/gateway/rows.ts"
import type { Side } from "../../src/gateway/Scene.ts"
import type { Paid } from "../../src/gateway/workload.ts"

const request = (
  startSeconds: number,
  endSeconds: number | undefined,
  outcome: Request["outcome"]
): Request => ({
  kind: "ask",
  startSeconds,
  endSeconds,
  outcome,
  error: undefined
})

const applied = (nonce: number, payment: string, account = "ada") => ({
  account,
  nonce,
  payment,
  amount: 1,
  hash: `${payment}-${nonce}`
})

const paid = (id: string, outcome: Paid["outcome"]): Paid => ({
  payment: { id, account: "ada", amount: 1 },
  outcome
})

describe("what the gateway measures", () => {
  it("a percentile is the smallest value that so large a part does not exceed", () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index)
    assert.deepStrictEqual([percentile(values, 0.5), percentile(values, 0.99)], [100, 198])
    assert.strictEqual(percentile([7], 0.99), 7)
    assert.isNaN(percentile([], 0.5))
  })

  it("what is open counts with the time that it has taken, and what is refused or failed has failed", () => {
    const requests = [
      request(0, 1, "good"),
      request(1, 3, "failed"),
      request(2, 5, "refused"),
      request(3, 7, "unknown"),
      request(4, undefined, "open")
    ]
    assert.deepStrictEqual(figuresOf(requests, 14), {
      requests: 5,
      failed: 2,
      unknown: 1,
      p50Seconds: 3,
      p99Seconds: 10,
      slowestSeconds: 10
    })
    assert.isNaN(figuresOf([], 14).slowestSeconds)
  })

  it("a time has its beginning and not its end", () => {
    const requests = [0, 1, 2, 3].map((start) => request(start, start + 9, "good"))
    assert.deepStrictEqual(
      begunIn(requests, 1, 3).map(({ startSeconds }) => startSeconds),
      [1, 2]
    )
  })

  it("books without a fault have none", () => {
    const ledger = [applied(0, "one"), applied(0, "two", "bob"), applied(1, "three"), applied(2, "five")]
    const payments = [
      paid("one", "made"),
      paid("two", "made"),
      paid("three", "unknown"),
      paid("four", "failed"),
      paid("five", "open"),
      paid("six", "unknown")
    ]
    assert.deepStrictEqual(discrepancies(ledger, payments), { nonces: 0, twice: 0, lost: 0, ghosts: 0 })
  })

  it.each([
    ["a nonce that is missing", [applied(0, "one"), applied(2, "two")], { nonces: 1 }],
    ["a nonce that is there twice", [applied(0, "one"), applied(0, "two")], { nonces: 1 }],
    [
      "a payment that was made twice",
      [applied(0, "one"), applied(1, "one"), applied(2, "two")],
      { twice: 1 }
    ],
    ["a payment that was acknowledged and not made", [applied(0, "one")], { lost: 1 }],
    [
      "a payment that failed and was made",
      [applied(0, "one"), applied(1, "two"), applied(2, "three")],
      { ghosts: 1 }
    ]
  ])("%s is found", (_, ledger, fault) => {
    const payments = [paid("one", "made"), paid("two", "made"), paid("three", "failed")]
    assert.deepStrictEqual(discrepancies(ledger, payments), {
      nonces: 0,
      twice: 0,
      lost: 0,
      ghosts: 0,
      ...fault
    })
  })

  it("what was refused for its nonce is a fault of the books, and so is each of the others", () => {
    const side = { payments: [paid("one", "made")] } as unknown as Side
    const seen = (used: number, gap: number): SeenSet => ({
      nodes: [],
      applied: [applied(0, "one")],
      refused: { used, gap }
    })
    assert.isTrue(books("x", side, seen(0, 0)).ok)
    assert.deepStrictEqual(
      [seen(1, 0), seen(0, 1), { ...seen(0, 0), applied: [] }].map((one) => books("x", side, one).ok),
      [false, false, false]
    )
  })

  it("what a node was asked are all its requests from a position on, but the probes", () => {
    const requests = ["submit", "getHealth", "getBalance", "getHealth"].map((method) => ({
      method,
      startMillis: 0,
      end: "answered" as const
    }))
    const seen = { nodes: [{ requests, openConnections: 0 }], applied: [], refused: { used: 0, gap: 0 } }
    assert.deepStrictEqual([askedOf(seen, 0), askedOf(seen, 0, 1), askedOf(seen, 0, 3)], [2, 1, 0])
  })
})

describe("the row of requests", () => {
  const figures = figuresOf([request(0, 1, "good"), request(0, 1, "good"), request(0, 3, "failed")], 4)
  const row = (bounds: Partial<Parameters<typeof served>[0]>) =>
    served({ id: "x", text: "Requests", figures, ...bounds })

  it("tells all, and holds when there were requests", () => {
    const { bound, measured, ok } = row({})
    assert.deepStrictEqual([bound, measured, ok], ["> 0 / any / any / any", "3 / 1 / 1.00 / 3.00 s", true])
    assert.isFalse(row({ figures: figuresOf([], 4) }).ok)
  })

  it("holds to its bounds", () => {
    assert.isTrue(row({ failedMax: 1, p50: ["≤", 1], p99: ["≥", 3] }).ok)
    assert.isFalse(row({ failedMax: 0 }).ok)
    assert.isFalse(row({ p50: ["≥", 1.1] }).ok)
    assert.isFalse(row({ p99: ["≤", 2.9] }).ok)
  })
})
