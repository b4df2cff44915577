import { assert, describe, it } from "@effect/vitest"
import { Latencies, PeakAverage } from "../../src/internal/failover/latencies.ts"

describe("PeakAverage", () => {
  it("follows a rise at once, and forgets it slowly", () => {
    const average = new PeakAverage()
    average.add(10, 0)
    average.add(400, 500)
    assert.strictEqual(average.cost(0, 500, 1), 400)
    assert.approximately(average.cost(0, 10_500, 1), 400 / Math.E, 1e-9)
    average.add(10, 10_500)
    assert.approximately(average.cost(0, 10_500, 1), 400 / Math.E + 10 * (1 - 1 / Math.E), 1e-9)
  })

  it("costs as many times more as requests are under way", () => {
    const average = new PeakAverage()
    assert.strictEqual(average.cost(2, 0, 7), 21)
    average.add(10, 0)
    assert.strictEqual(average.cost(2, 0, 7), 30)
  })
})

describe("Latencies", () => {
  it("have percentiles by the nearest rank", () => {
    const latencies = new Latencies()
    assert.strictEqual(latencies.percentile(0.5), undefined)
    assert.strictEqual(latencies.summary(), undefined)
    for (const millis of [40, 10, 30, 20]) latencies.add(millis)
    assert.deepStrictEqual(
      [0, 0.25, 0.26, 0.5, 0.99, 1].map((of) => latencies.percentile(of)),
      [10, 10, 20, 20, 40, 40]
    )
    assert.deepStrictEqual(latencies.summary(), { last: 20, p50: 20, p99: 40 })
  })
})
