/** A process that has a lock of proper-lockfile, and blocks its event loop until it is told to write, and then writes. */
import { readSync, writeFileSync } from "node:fs"
import { lock } from "proper-lockfile"
import { tell } from "./lifeline.ts"

export interface LockfileTold {
  readonly tag: "held" | "written"
}

const file: string = JSON.parse(process.argv[2] ?? "")
await lock(file)
tell({ tag: "held" } satisfies LockfileTold)
// Also when there is nobody any more to tell it.
readSync(0, Buffer.alloc(1))
writeFileSync(file, "of the holder")
tell({ tag: "written" } satisfies LockfileTold)
process.exit()
