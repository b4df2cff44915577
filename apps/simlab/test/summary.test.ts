import { assert, describe, it } from "@effect/vitest"
import * as Report from "@holdfast/sim/Report"
import { conclusion, isGood, type Timed, tableFor } from "../src/summary.ts"

const out = { columns: 110, color: false, interactive: false }

const timed = (runs: number, expected: number, more: Partial<Timed> = {}): Timed => ({
  report: { ...Report.empty("sums", []), runs },
  hash: 0,
  realMillis: 0,
  expected,
  isShard: false,
  isStopped: false,
  ...more
})

describe("the summary", () => {
  it("does not call a suite good of which no run was made, unless it had none to make", () => {
    assert.isFalse(isGood(timed(0, 1000)))
    assert.match(tableFor(["sums"], 1000, out).row(timed(0, 1000)), /^○ sums .*cut short: 0 of 1,000 runs/s)
    assert.match(
      conclusion([timed(0, 1000), timed(5, 5)], 3, out),
      /^of 3 suites 1 passed, 2 not run: 5 runs/
    )
    assert.isTrue(isGood(timed(1, 1000)))
    assert.isTrue(isGood(timed(0, 0, { isShard: true })))
  })

  it("tells what was stopped from what was not run", () => {
    const stopped = timed(0, 1000, { isStopped: true })
    assert.isFalse(isGood(stopped))
    assert.match(conclusion([stopped], 2, out), /^of 2 suites 1 stopped, 1 not run: 0 runs/)
  })

  it("shows texts of a suite without characters that steer the terminal", () => {
    const name = "red \u001b[31m\nname"
    const report = { ...timed(1, 1).report, suite: name, faults: { "disk.\u0007": 1 } }
    const row = tableFor([name], 1, out).row(timed(1, 1, { report }))
    assert.match(row, /^✓ red \\u001b\[31m\\nname .*\n {4}faults: disk\.\\u0007 1\n$/)
  })
})
