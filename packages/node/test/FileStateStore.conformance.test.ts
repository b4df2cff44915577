/** The conformance suite against stores of files. Several of them on one directory are as several processes. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as StateConformance from "@holdfast/core/StateConformance"
import { FileStateStore } from "@holdfast/node"
import { Disk, Simulation } from "@holdfast/sim"
import { Effect, Exit, Layer } from "effect"
import { filesOf, layerFiles } from "../sim/support/processFiles.ts"
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

/** On a disk of which a process can be killed, as no store of this process can be. */
const onDisk = (layout: "perKey" | "single"): StateConformance.Subject<Disk.Disk> => {
  const openAs = ({ process }: Disk.Disk) =>
    Effect.gen(function* () {
      const own = yield* process
      const files = layerFiles(filesOf(own))
      const store = FileStateStore.layerFileSystem({ directory: "/var/state", layout })
      return { instance: yield* Layer.build(Layer.provide(store, files)), kill: own.kill }
    })
  return {
    place: Disk.make(),
    open: (disk) => Effect.map(openAs(disk), ({ instance }) => instance),
    isShared: true,
    isKept: true,
    openDoomed: openAs,
    failAt: (disk, nth, failure) => disk.failAt(nth, failure === "Full" ? "ENOSPC" : "EIO"),
    patience: "1 hour"
  }
}

for (const layout of ["perKey", "single"] as const) {
  describe(`FileStateStore, ${layout}, on a simulated disk`, () => {
    for (const { guarantees, name, run } of StateConformance.cases(onDisk(layout))) {
      it(`${guarantees.join(", ")}: ${name}`, () => {
        const { exit } = Simulation.run(run, { level: "realistic" })
        assert.deepStrictEqual(exit, Exit.void)
      })
    }
  })
}

for (const layout of ["perKey", "single"] as const) {
  const subject: StateConformance.Subject<string> = {
    place: temporaryDirectory,
    open: (path) => Layer.build(FileStateStore.layer({ directory: path, layout })),
    isShared: true,
    isKept: true,
    corrupt: damage,
    isThere: (_path, aside) => Effect.sync(() => existsSync(aside))
  }
  describe(`FileStateStore, ${layout}`, () => {
    for (const { guarantees, name, run } of StateConformance.cases(subject)) {
      it.live(`${guarantees.join(", ")}: ${name}`, () => run, 60_000)
    }
  })
}
