import { assert, describe, it } from "@effect/vitest"
import { spread } from "../src/harness.ts"
import { type MemoryResult, misses, renderMemory } from "../src/report.ts"

const result = (
  name: string,
  rest: Pick<MemoryResult, "measure" | "unit" | "limitMiB" | "ok">
): MemoryResult => ({
  name,
  title: name,
  mebibytes: spread([-0.04, 123.4]),
  ...rest
})

const results = [
  result("batch", { measure: "peak", unit: "targets" }),
  result("runs", { measure: "growth", unit: "runs", limitMiB: 5, ok: false }),
  result("other batch", { measure: "peak", unit: "targets", limitMiB: 400, ok: true })
]

describe("report", () => {
  it("what is measured in the same way stands in one table", () => {
    assert.strictEqual(
      renderMemory(results, 1_000),
      `peak of resident memory, 1,000 targets
               MiB  lowest  target
  batch        123     0.0
  other batch  123     0.0  ≤ 400   ok

growth of the heap, 1,000 runs
        MiB  lowest  target
  runs  123     0.0  ≤ 5     MISS
`
    )
  })

  it("a limit that is not kept is listed", () => {
    assert.deepStrictEqual(misses([{ name: "bench", groups: [], trials: [], memory: results }]), [
      "bench/runs: 123 MiB, target ≤ 5"
    ])
  })
})
