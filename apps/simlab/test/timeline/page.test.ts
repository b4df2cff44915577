import { assert, describe, it } from "@effect/vitest"
import { modelOf } from "../../src/timeline/Model.ts"
import { busy, crowd, empty, transfers } from "./sample.ts"

/** The page's modules are JavaScript, without declarations that this project could read. */
const load = (name: string) => import(new URL(`../../src/timeline/page/${name}.js`, import.meta.url).href)
const { formatNanos, ticksOf } = await load("time")
const { clamped, evenScale, isCrowded, timeScale } = await load("scale")
const { curveOf } = await load("curve")
const { layRows, openAtFirst } = await load("rows")
const { faultsByKind, headerHeight, packFaults } = await load("lanes")

describe("the time axis", () => {
  it.each([
    [0, "0"],
    [1, "1 ns"],
    [1500, "1.5 µs"],
    [12_345_678, "12.345678 ms"],
    [5e9, "5 s"],
    [5_000_000_001, "5.000000001 s"],
    [61.5e9, "1 min 1.5 s"],
    [3600e9, "1 h"],
    [Number.POSITIVE_INFINITY, "for ever"]
  ])("%d nanoseconds read %s", (nanos, text) => {
    assert.strictEqual(formatNanos(nanos), text)
  })

  it("a step is never smaller than asked for, and never ten times as large", () => {
    for (let atLeast = 1; atLeast < 1e18; atLeast *= 1.7) {
      const step = ticksOf(0, atLeast * 10 + 1, atLeast).ticks[1].at
      assert.isAtLeast(step, atLeast)
      assert.isBelow(step, atLeast * 10 + 1)
    }
  })

  it("ticks deep in a long run name what they share once", () => {
    const { base, ticks } = ticksOf(3600e9 + 20, 3600e9 + 60, 10)
    assert.strictEqual(base, "1 h")
    assert.deepStrictEqual(
      ticks.map(({ label }: { label: string }) => label),
      ["+20 ns", "+30 ns", "+40 ns", "+50 ns", "+60 ns"]
    )
  })
})

describe("the scales", () => {
  for (const run of [transfers(), crowd(), busy(2000), empty()]) {
    const model = modelOf(run)
    for (const scale of [timeScale(model), evenScale(model)]) {
      it(`on the ${scale.name} scale of "${run.title}" no event stands before an earlier one`, () => {
        for (let index = 1; index < scale.at.length; index++) {
          assert.isAtLeast(scale.at[index], scale.at[index - 1])
        }
        assert.isAtMost(scale.at.at(-1) ?? 0, scale.end)
      })
    }
  }

  it("on the even scale each event of an instant has a place of its own, within the width of the instant", () => {
    const model = modelOf(crowd())
    const scale = evenScale(model)
    const places = model.events.flatMap((event, index) => (event.atNanos === 5e9 ? [scale.at[index]] : []))
    assert.strictEqual(new Set(places).size, places.length)
    assert.strictEqual(Math.floor(places.at(-1)), Math.floor(places[0]))
  })

  it("an instant keeps its place when it is read back from the even scale", () => {
    const scale = evenScale(modelOf(transfers()))
    for (const nanos of scale.instants) assert.closeTo(scale.toNanos(scale.ofNanos(nanos)), nanos, 1)
  })

  it("the even scale is chosen where the time scale would press the events together", () => {
    const chosen = [transfers(), crowd(), busy(2000), empty()].map((run) => {
      const model = modelOf(run)
      return isCrowded(timeScale(model), evenScale(model))
    })
    assert.deepStrictEqual(chosen, [false, true, false, false])
  })

  it("a view never leaves the run and never gets too narrow", () => {
    const scale = timeScale(modelOf(transfers()))
    for (const [from, to] of [
      [-1e12, 1e12],
      [1e12, 1e12 + 1],
      [-1e12, -1e11],
      [5e9, 5e9]
    ]) {
      const view = clamped(scale, from, to)
      assert.isAtLeast(view.to - view.from, scale.smallest)
      assert.isTrue(view.to > 0 && view.from < scale.end)
    }
  })
})

describe("the faults", () => {
  it("are laid out and counted in no time, however many they are", () => {
    const count = 300_000
    const events = Array.from({ length: count }, (_, index) => ({
      atNanos: index,
      host: "main",
      fiber: undefined,
      kind: "fault" as const,
      text: "lost",
      data: { fault: "loss" }
    }))
    const model = modelOf({ ...empty(), events })
    const start = performance.now()
    const lanes = packFaults(model)
    const one = headerHeight({ lanes: lanes.slice(0, 1), hidden: new Set() })
    assert.strictEqual(headerHeight({ lanes, hidden: new Set() }), one)
    assert.isBelow(headerHeight({ lanes, hidden: new Set(["fault"]) }), one)
    assert.strictEqual(faultsByKind(model).get("loss").length, count)
    // It takes some hundredths of this; and a hundred times as long where a list is copied for each.
    assert.isBelow(performance.now() - start, 5000)
  })
})

describe("the rows", () => {
  it("every event stands on a row of its host, folded or not", () => {
    const model = modelOf(transfers())
    for (const open of [openAtFirst(model), new Set<string>()]) {
      const { list, ofEvent } = layRows(model, open)
      for (const [index, event] of model.events.entries())
        assert.strictEqual(list[ofEvent[index]].host, event.host)
      const count = list.reduce((sum: number, row: { events: Array<number> }) => sum + row.events.length, 0)
      assert.strictEqual(count, model.events.length)
    }
  })

  it("fibers that only started and ended share one row until it is opened", () => {
    const model = modelOf(transfers())
    const open = new Set(model.hosts.map((host) => `host ${host}`))
    const kinds = (): Array<string> => layRows(model, open).list.map((row: { kind: string }) => row.kind)
    const before = kinds()
    assert.strictEqual(before.filter((kind) => kind === "quiet").length, 1)
    open.add("quiet gateway")
    assert.strictEqual(kinds().length, before.length + 9)
  })

  it("hosts are folded at first, but for the one that failed and the one that is alone", () => {
    assert.deepStrictEqual(openAtFirst(modelOf(busy(20_000))), new Set())
    assert.deepStrictEqual(openAtFirst(modelOf(transfers())), new Set(["host main"]))
    assert.deepStrictEqual(openAtFirst(modelOf(crowd())), new Set(["host main"]))
  })
})

describe("the curve of living fibers", () => {
  it("what happened before the view counts only by what it left", () => {
    const points = [
      { x: -900, alive: 50 },
      { x: -800, alive: 2 }
    ]
    assert.deepStrictEqual(curveOf(points, 0, 9), [
      { from: 0, to: 1, alive: 2 },
      { from: 1, to: 9, alive: 2 }
    ])
  })

  it("a burst within a pixel shows its peak, and for one pixel only", () => {
    const points = [
      { x: 3, alive: 40 },
      { x: 3.2, alive: 1 },
      { x: 8, alive: 0 }
    ]
    assert.deepStrictEqual(curveOf(points, 0, 20), [
      { from: 3, to: 4, alive: 40 },
      { from: 4, to: 8, alive: 1 }
    ])
  })
})
