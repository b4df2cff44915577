import { assert, describe, it } from "@effect/vitest"
import { spread } from "../src/harness.ts"
import {
  type GroupResult,
  type MemoryResult,
  misses,
  renderGroup,
  renderMemory,
  renderTrial,
  type TrialResult
} from "../src/report.ts"

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

  it("a speed has a bound from below", () => {
    const group: GroupResult = {
      name: "modify",
      title: "a change",
      peer: "peer",
      by: "speed",
      rounds: [],
      rows: [
        { subject: "peer", nanosPerCall: spread([1000]), addedNanos: spread([0]) },
        {
          subject: "ours",
          nanosPerCall: spread([10]),
          addedNanos: spread([-990]),
          ratio: { ...spread([98, 102]), target: 150, ok: false }
        }
      ]
    }
    assert.strictEqual(
      renderGroup(group),
      `a change
ratio: calls in the time of one of peer
        ns/call  added  ratio  quartiles  target        note
  peer     1000      0
  ours       10   -990    100  99–101     ≥ 150   MISS
`
    )
    assert.deepStrictEqual(misses([{ name: "bench", groups: [group], trials: [], memory: [] }]), [
      "bench/modify: ours: 100, target ≥ 150"
    ])
  })

  it("the figures of a trial have bounds of their own, or none", () => {
    const trial: TrialResult = {
      name: "processes",
      title: "four processes",
      figures: [
        { name: "speed", unit: "×", atLeast: 100, value: spread([120, 130]), ok: true },
        { name: "latency", unit: "ms", atMost: 10, value: spread([9.5, 20.5]), ok: false },
        { name: "changes", unit: "/s", value: spread([1000, 3000]), note: "of all" }
      ]
    }
    assert.strictEqual(
      renderTrial(trial),
      `four processes
           median  unit  lowest  highest  target        note
  speed       125  ×        120      130  ≥ 100   ok
  latency      15  ms      9.50       21  ≤ 10    MISS
  changes    2000  /s      1000     3000                of all
`
    )
    assert.deepStrictEqual(misses([{ name: "bench", groups: [], trials: [trial], memory: [] }]), [
      "bench/processes: latency: 15 ms, target ≤ 10"
    ])
  })

  it("a limit that is not kept is listed", () => {
    assert.deepStrictEqual(misses([{ name: "bench", groups: [], trials: [], memory: results }]), [
      "bench/runs: 123 MiB, target ≤ 5"
    ])
  })
})
