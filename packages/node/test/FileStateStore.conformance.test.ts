/** The conformance suite against stores of files. Several of them on one directory are as several processes. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import * as StateConformance from "@holdfast/core/StateConformance"
import { FileStateStore } from "@holdfast/node"
import { Effect, Layer } from "effect"
import { temporaryDirectory } from "./utils/directory.ts"

/** Another letter in the middle of each file that has what was written. */
const damage = (path: string) =>
  Effect.sync(() => {
    for (const file of readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (!file.isFile() || !file.name.endsWith(".json")) continue
      const found = join(file.parentPath, file.name)
      const text = readFileSync(found, "utf8")
      writeFileSync(found, text.replace("one", "0ne"))
    }
  })

for (const layout of ["perKey", "single"] as const) {
  const subject: StateConformance.Subject<string> = {
    place: temporaryDirectory,
    open: (path) => Layer.build(FileStateStore.layer({ directory: path, layout })),
    isShared: true,
    isKept: true,
    corrupt: damage
  }
  describe(`FileStateStore, ${layout}`, () => {
    for (const { guarantees, name, run } of StateConformance.cases(subject)) {
      it.live(`${guarantees.join(", ")}: ${name}`, () => run, 60_000)
    }
  })
}
