import { assert, describe, it } from "@effect/vitest"
import { attemptSeconds, leftOpen, mostInFlight } from "../src/broadcast/observed.ts"
import type { SeenRequest, SeenServer } from "../src/broadcast/servers/Wire.ts"

const request = (
  startMillis: number,
  endMillis?: number,
  end: SeenRequest["end"] = "answered"
): SeenRequest => ({
  operation: "push",
  startMillis,
  digest: "",
  ...(endMillis === undefined ? { end: "open" } : { endMillis, end })
})

const server = (requests: ReadonlyArray<SeenRequest>): SeenServer => ({
  requests,
  openConnections: 0,
  stored: []
})

describe("observed", () => {
  it("attempts are counted from the first one, for each operation", () => {
    const seen = server([
      request(100, 101),
      { ...request(500, 501), operation: "check" },
      request(9100, 9101)
    ])
    assert.deepStrictEqual(attemptSeconds(seen, "push"), [0, 9])
    assert.deepStrictEqual(attemptSeconds(server([]), "push"), [])
  })

  it("requests that meet in an instant do not overlap", () => {
    assert.strictEqual(mostInFlight([request(0, 10), request(10, 20)]), 1)
    assert.strictEqual(mostInFlight([request(0, 11), request(10, 20)]), 2)
    assert.strictEqual(mostInFlight([request(0, 10), request(2, 8), request(4, 6), request(20)]), 3)
    assert.strictEqual(mostInFlight([]), 0)
  })

  it("a hand-over is forgiven to a client that gave up, never to one that was answered", () => {
    assert.strictEqual(mostInFlight([request(0, 5002, "dropped"), request(5000, 9000, "dropped")], 100), 1)
    assert.strictEqual(mostInFlight([request(0, 5200, "dropped"), request(5000, 9000, "dropped")], 100), 2)
    assert.strictEqual(mostInFlight([request(0, 5002), request(5000, 9000)], 100), 2)
  })

  it("what is open is counted", () => {
    assert.strictEqual(
      leftOpen([server([request(0, 1), request(2)]), { ...server([]), openConnections: 2 }]),
      3
    )
  })
})
