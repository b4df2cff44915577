import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as fc from "fast-check"
import * as Disk from "../src/Disk.ts"
import { play, program } from "./disk/commands.ts"

// The simulated disk is that of a Linux machine.
describe.runIf(process.platform === "linux")("Disk, against the file system of this machine", () => {
  it("random programs observe the same values and the same errors on both", async () => {
    const base = mkdtempSync(join(tmpdir(), "disk-"))
    let runs = 0
    const property = fc.asyncProperty(program, async (commands) => {
      // The same path on both sides, so that what is made of it is comparable.
      const root = join(base, String(runs++))
      const onBoth = Effect.gen(function* () {
        const disk = yield* Disk.make()
        const expected = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => play(fs, root, commands))
        assert.deepStrictEqual(yield* play(disk.fileSystem, root, commands), expected)
      })
      await Effect.runPromise(Effect.provide(onBoth, NodeFileSystem.layer))
    })
    try {
      await fc.assert(property, { seed: 1, numRuns: 200 })
    } finally {
      rmSync(base, { recursive: true, force: true })
    }
  }, 60_000)
})
