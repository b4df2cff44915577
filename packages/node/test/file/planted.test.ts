/** Stores of files that go wrong as others did: the same suites that the right one passes find each of them. */
import { assert, describe, it } from "@effect/vitest"
import { Suite } from "@holdfast/sim"
import type * as fc from "fast-check"
import { run, type Workload } from "../../sim/support/fileRun.ts"
import * as workloads from "../../sim/support/fileWorkload.ts"
import * as planted from "../../sim/support/plantedFiles.ts"

const guarantees = ["LS-1", "LS-2", "LS-3", "LS-4", "LK-1", "LK-2", "LK-3", "LK-4", "LK-5", "LK-6"]

const cases: ReadonlyArray<readonly [planted.Variant, fc.Arbitrary<Workload>]> = [
  [planted.unlocked, workloads.contended],
  [planted.inPlace, workloads.readers],
  [planted.noFileSync, workloads.readers],
  [planted.noDirectorySync, workloads.readers],
  [planted.noReaderSync, workloads.readers],
  [planted.unlinking, workloads.contended]
]

describe("planted bugs in a store of files", () => {
  for (const [variant, arbitrary] of cases) {
    it(`it is found when ${variant.name}`, { timeout: 60_000 }, () => {
      const suite = Suite.make({
        name: variant.name,
        guarantees,
        arbitrary,
        run: (workload) => run(variant, workload)
      })
      const { failures } = Suite.check(suite, { runs: 2000, isExpired: () => true })
      assert.include(guarantees, failures[0]?.identity)
    })
  }
})
