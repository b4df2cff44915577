import { assert, describe, it } from "@effect/vitest"
import { compare, type Group, measure, type Round, spread } from "../src/harness.ts"

const group = (by: Group["by"]) => ({
  name: "fixed",
  title: "fixed numbers",
  peer: "peer",
  by,
  subjects: [{ name: "bare" }, { name: "peer" }, { name: "ours", target: 0.5 }]
})

const rounds: ReadonlyArray<Round> = [
  [10, 30, 20],
  [20, 60, 30],
  [10, 50, 40]
]

describe("harness", () => {
  it("the quartiles lie between the values", () => {
    assert.deepStrictEqual(spread([4, 1, 3, 2]), {
      median: 2.5,
      lowerQuartile: 1.75,
      upperQuartile: 3.25,
      min: 1,
      max: 4
    })
  })

  it("what is added is taken round by round", () => {
    const [bare, peer, ours] = compare(group("added"), rounds)
    assert.strictEqual(bare?.addedNanos.max, 0)
    assert.strictEqual(peer?.addedNanos.median, 40)
    assert.strictEqual(ours?.addedNanos.median, 10)
    // 10/20, 10/40 and 30/40
    assert.deepStrictEqual(ours?.ratio, {
      median: 0.5,
      lowerQuartile: 0.375,
      upperQuartile: 0.625,
      min: 0.25,
      max: 0.75,
      target: 0.5,
      ok: true
    })
  })

  it("whole calls are compared round by round", () => {
    const ours = compare(group("total"), rounds)[2]
    // 20/30, 30/60 and 40/50
    assert.strictEqual(ours?.ratio?.median, 20 / 30)
    assert.strictEqual(ours?.ratio?.ok, false)
  })

  it("a speed is how many calls are made in the time of one of the peer", () => {
    const ours = compare(group("speed"), rounds)[2]
    // 30/20, 60/30 and 50/40
    assert.deepInclude(ours?.ratio, { median: 1.5, min: 1.25, max: 2, target: 0.5, ok: true })
    const slow = compare(group("speed"), [[10, 10, 30]])[2]
    assert.deepInclude(slow?.ratio, { median: 1 / 3, ok: false })
  })

  it("what waits is timed by the clock of the wall, and a subject may have multiples of its own", async () => {
    const waits = {
      name: "waits",
      multiple: 10,
      run: async (calls: number) => {
        assert.strictEqual(calls % 10, 0)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const measured: Array<Round> = []
    await measure(
      { ...group("speed"), clock: "wall", subjects: [waits, { ...waits, name: "peer" }] },
      { rounds: 1, sampleMillis: 1, warmUpMillis: 1 },
      (round) => measured.push(round)
    )
    // Ten calls take as long as one: the processor has next to nothing to do meanwhile.
    assert.isTrue(measured.flat().every((nanos) => nanos > 400_000))
  })

  it("a round on a slower machine changes no ratio", () => {
    const slower = rounds.map((round, index) => (index === 1 ? round.map((nanos) => nanos * 7) : round))
    const ratios = (of: ReadonlyArray<Round>) => compare(group("added"), of).map(({ ratio }) => ratio)
    assert.deepStrictEqual(ratios(slower), ratios(rounds))
  })

  it("the bare call and the peer have no ratio", () => {
    const [bare, peer] = compare(group("total"), rounds)
    assert.isUndefined(bare?.ratio)
    assert.isUndefined(peer?.ratio)
  })

  it("a peer that does not exist is an error", () => {
    assert.throws(() => compare({ ...group("total"), peer: "nobody" }, rounds), /nobody/)
  })

  it("every round measures every subject once, there and back, in multiples", async () => {
    const order: Array<string> = []
    let sum = 0
    const subject = (name: string) => ({
      name,
      run: async (calls: number) => {
        assert.strictEqual(calls % 10, 0)
        for (let call = 0; call < calls; call++) sum += Math.sqrt(call)
        order.push(name)
      }
    })
    const measured: Array<Round> = []
    await measure(
      { ...group("total"), multiple: 10, subjects: [subject("bare"), subject("peer"), subject("ours")] },
      { rounds: 2, sampleMillis: 1, warmUpMillis: 1 },
      (round) => measured.push(round)
    )
    assert.deepStrictEqual(order.slice(-6), ["bare", "peer", "ours", "ours", "peer", "bare"])
    assert.lengthOf(measured, 2)
    assert.isTrue(measured.flat().every((nanos) => nanos > 0))
    assert.isAbove(sum, 0)
  })
})
