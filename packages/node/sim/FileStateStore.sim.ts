/** Processes of one machine share state in files: they die or hang, the power fails, the disk fails and is full. */
import { Suite } from "@holdfast/sim"
import { take, turns } from "./support/fileLocks.ts"
import { open, openings as openingsOf } from "./support/fileOpenings.ts"
import { everywhere, run } from "./support/fileRun.ts"
import * as workloads from "./support/fileWorkload.ts"
import { right } from "./support/plantedFiles.ts"

const mixed = Suite.make({
  name: "FileStateStore",
  guarantees: ["LS-1", "LS-2", "LS-3", "LS-4", "LK-1", "LK-2", "LK-3", "LK-4", "LK-5", "LK-6"],
  arbitrary: workloads.mixed,
  run: (workload) => run(right, workload),
  // Those who wait for one that is paused try again every few milliseconds.
  maxSteps: 4_000_000
})

const contended = Suite.make({
  name: "FileStateStore contended",
  guarantees: ["LS-1", "LS-2", "LS-3", "LS-4", "LK-1", "LK-2", "LK-3", "LK-4", "LK-6"],
  arbitrary: workloads.contended,
  run: (workload) => run(right, workload)
})

const readers = Suite.make({
  name: "FileStateStore readers",
  guarantees: ["LS-1", "LS-2", "LS-3", "LS-4", "LK-3", "LK-6"],
  arbitrary: workloads.readers,
  run: (workload) => run(right, workload)
})

const blows = Suite.make({
  name: "FileStateStore blows",
  guarantees: ["LS-1", "LS-2", "LS-3", "LS-4", "LK-1", "LK-2", "LK-3", "LK-4", "LK-6"],
  arbitrary: workloads.everywhere,
  run: (workload) => everywhere(right, workload)
})

const locks = Suite.make({
  name: "FileStateStore locks",
  guarantees: ["LK-1"],
  arbitrary: turns,
  run: (turns) => take(right, turns)
})

const openings = Suite.make({
  name: "FileStateStore openings",
  guarantees: ["LS-1"],
  arbitrary: openingsOf,
  run: (openings) => open(right, openings)
})

export const suites: ReadonlyArray<Suite.Suite> = [mixed, contended, readers, blows, locks, openings]
