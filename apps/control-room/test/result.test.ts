import { assert, describe, it } from "@effect/vitest"
import * as Promised from "../src/Promised.ts"
import { renderTable, resultOf, toJson } from "../src/result.ts"

const row = { id: "system/thing", text: "A thing is done" }

describe("Promised", () => {
  it("a bound in seconds allows for the event loop, and says so", () => {
    const kept = Promised.bySecond({ ...row, bound: 30, measured: 30.4 })
    assert.deepStrictEqual(kept, { ...row, bound: "≤ 30 + 0.5", measured: 30.4, unit: "s", ok: true })
    assert.isFalse(Promised.bySecond({ ...row, bound: 30, measured: 30.51 }).ok)
  })

  it("an instant can be missed on both sides", () => {
    const at = (measured: number) => Promised.atSecond({ ...row, at: 26, measured }).ok
    assert.deepStrictEqual([25.4, 25.6, 26.4, 26.6].map(at), [false, true, true, false])
  })

  it("one instant too many, or none at all, is not kept", () => {
    const at = (measured: ReadonlyArray<number>) => Promised.atSeconds({ ...row, at: [0, 9], measured }).ok
    assert.isTrue(at([0, 9.1]))
    assert.isFalse(at([0]))
    assert.isFalse(at([0, 9, 18]))
    assert.isFalse(at([]))
  })

  it("a delay may be longer by what the event loop adds, and not shorter", () => {
    const delayed = (measured: ReadonlyArray<number>) =>
      Promised.afterDelays({ ...row, delays: [0.1, 0.2], measured }).ok
    assert.isTrue(delayed([0.095, 0.69]))
    assert.isFalse(delayed([0.08, 0.2]))
    assert.isFalse(delayed([0.1, 0.71]))
    assert.isFalse(delayed([0.1]))
    assert.isFalse(delayed([0.1, NaN]))
    assert.isFalse(delayed([]))
  })

  it("NaN keeps no promise", () => {
    assert.propertyVal(Promised.bySecond({ ...row, bound: 1, measured: NaN }), "measured", "none")
    assert.isFalse(Promised.bySecond({ ...row, bound: 1, measured: NaN }).ok)
    assert.isFalse(Promised.atSecond({ ...row, at: 1, measured: NaN }).ok)
    assert.isFalse(Promised.atMost({ ...row, bound: 1, measured: NaN, unit: "s" }).ok)
    assert.isFalse(Promised.atLeast({ ...row, bound: 1, measured: NaN, unit: "s" }).ok)
  })

  it("a figure is neither kept nor broken, and has no bound", () => {
    const figure = Promised.figure({ ...row, measured: 10.837, unit: "s" })
    assert.deepStrictEqual(figure, { ...row, bound: "", measured: 10.84, unit: "s", ok: null })
    assert.isFalse(Promised.isKept(figure))
    assert.isFalse(Promised.isBroken(figure))
  })

  it("what was not measured is not kept", () => {
    assert.isFalse(Promised.notMeasured({ ...row, reason: "the servers are gone" }).ok)
  })
})

describe("result", () => {
  const kept = Promised.exactly({ ...row, bound: 8, measured: 8, unit: "servers" })
  const broken = Promised.exactly({
    id: "system/other",
    text: "Another thing is done",
    bound: "1 / 0",
    measured: "1 / 1",
    unit: "pushes"
  })

  it("a system is ok when every promise is kept", () => {
    assert.isTrue(resultOf("system", [kept]).ok)
    assert.isFalse(resultOf("system", [kept, broken]).ok)
  })

  const figure = Promised.figure({
    id: "system/figure",
    text: "So long it takes",
    measured: 3.5,
    unit: "s"
  })

  it("a figure does not count, and has no tick", () => {
    assert.isTrue(resultOf("system", [kept, figure]).ok)
    const table = renderTable(resultOf("system", [kept, figure]), { columns: 80, color: false })
    assert.deepStrictEqual(table.slice(3), [
      "  · So long it takes                                          3.50 s",
      "",
      "  1 of 1 promises kept"
    ])
  })

  it("the JSON has what was promised, the bound and what was measured", () => {
    assert.deepStrictEqual(JSON.parse(toJson([resultOf("system", [kept, broken])])), {
      systems: [
        {
          name: "system",
          ok: false,
          promises: [
            {
              id: "system/thing",
              text: "A thing is done",
              bound: "8",
              measured: 8,
              unit: "servers",
              ok: true
            },
            {
              id: "system/other",
              text: "Another thing is done",
              bound: "1 / 0",
              measured: "1 / 1",
              unit: "pushes",
              ok: false
            }
          ]
        }
      ]
    })
  })

  it("the table marks what was kept and what was not", () => {
    const table = renderTable(resultOf("system", [kept, broken]), { columns: 80, color: false })
    assert.deepStrictEqual(table, [
      "    system                                  bound             measured",
      "  ────────────────────────────────────────────────────────────────────────────",
      "  ✓ A thing is done                         8 servers         8 servers",
      "  ✗ Another thing is done                   1 / 0 pushes      1 / 1 pushes",
      "",
      "  1 of 2 promises kept"
    ])
  })

  it("the table fits its width, whatever is in it", () => {
    const long = { ...broken, text: "long ".repeat(60), bound: "b".repeat(100), measured: "m ".repeat(100) }
    for (const columns of [40, 60, 80, 120, 300]) {
      for (const line of renderTable(resultOf("system", [long]), { columns, color: false })) {
        assert.isAtMost(line.length, Math.min(columns, 120))
      }
    }
  })
})
