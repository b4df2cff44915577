/** Stores of files that go wrong as others did: the same suites that the right one passes find each of them. */
import { assert, describe, it } from "@effect/vitest"
import { Suite } from "@holdfast/sim"
import { take, turns } from "../../sim/support/fileLocks.ts"
import { run } from "../../sim/support/fileRun.ts"
import { contended, readers } from "../../sim/support/fileWorkload.ts"
import * as planted from "../../sim/support/plantedFiles.ts"

const guarantees = ["LS-1", "LS-2", "LS-3", "LS-4", "LK-1", "LK-2", "LK-3", "LK-4", "LK-5", "LK-6"]

const runs = 2000

/** The first guarantee that is seen to be broken. */
const find = <W>(options: Pick<Suite.Options<W>, "arbitrary" | "run">): string | undefined => {
  const suite = Suite.make({ name: "a planted bug", guarantees, ...options })
  return Suite.check(suite, { runs, isExpired: () => true }).failures[0]?.identity
}

describe("planted bugs in a store of files", () => {
  const test = (variant: planted.Variant, search: (variant: planted.Variant) => string | undefined) =>
    it(`it is found when ${variant.name}`, { timeout: 60_000 }, () => {
      assert.include(guarantees, search(variant))
    })

  const amongReaders = (variant: planted.Variant) =>
    find({ arbitrary: readers, run: (workload) => run(variant, workload) })
  const amongWriters = (variant: planted.Variant) =>
    find({ arbitrary: contended, run: (workload) => run(variant, workload) })
  const amongLocks = (variant: planted.Variant) =>
    find({ arbitrary: turns, run: (drawn) => take(variant, drawn) })

  test(planted.unlocked, amongWriters)
  test(planted.inPlace, amongReaders)
  test(planted.noFileSync, amongReaders)
  test(planted.noDirectorySync, amongReaders)
  test(planted.noReaderSync, amongReaders)
  test(planted.unlinking, amongLocks)
})
