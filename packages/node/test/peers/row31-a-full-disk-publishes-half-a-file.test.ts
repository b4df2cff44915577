/**
 * Row 31: on a full disk a write of write-file-atomic is short, which it does not look at: it publishes half of the JSON,
 * and says that all is well. Nor does it sync the directory.
 */
import { readdirSync } from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { LockedState } from "@holdfast/core"
import { FileLock, FileStateStore } from "@holdfast/node"
import { Effect, Layer, Schema } from "effect"
import { dyingFileSystem } from "../torture/files.ts"
import { type Point, Points } from "../torture/points.ts"
import type { BigWriterTask, BigWriterTold } from "../utils/bigWriter.ts"
import { Child } from "../utils/children.ts"
import { temporaryDirectory } from "../utils/directory.ts"

const timeout = 60_000
const module = new URL("../utils/bigWriter.ts", import.meta.url)

/** What happens to a value that does not fit, with a limit for files instead of a full disk, which needs no rights. */
const write = (writer: BigWriterTask["writer"]) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const task: BigWriterTask = { writer, directory }
    const child = yield* Child.start<BigWriterTold, never>({ module, task, fileLimitKiB: 64 })
    const told = yield* child.until(([first]) => first)
    const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    return { ...told, drafts: files.filter((file) => file.includes(".tmp")) }
  })

/** Notes the steps, and dies at none. */
class Steps extends Points {
  readonly steps: Array<Point> = []

  override isNext(point: Point): boolean {
    this.steps.push(point)
    return false
  }
}

describe("row 31", () => {
  for (const store of ["file", "file-single"] as const) {
    it.live.skipIf(process.platform === "win32")(
      `LS-6: where there is no room for a value, that is an error, and the old one is intact: ${store} (linux only) (macos only)`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* write(store), {
            result: "StoreFull",
            length: 5,
            after: 4,
            drafts: []
          })
        }).pipe(Effect.scoped),
      timeout
    )
  }

  it.live.skipIf(process.platform === "win32")(
    "LS-6: SQLite does not know what has failed, and the old value is intact (linux only) (macos only)",
    () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* write("sqlite"), { result: "OutcomeUnknown", length: 5, after: 4 })
      }).pipe(Effect.scoped),
    timeout
  )

  it.live.skipIf(process.platform === "win32")(
    "the peer says that all is well, and there is half of it (linux only) (macos only)",
    () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* write("write-file-atomic"), { result: "success", length: 65_536 })
      }).pipe(Effect.scoped),
    timeout
  )

  it.live(
    "LS-1: a write is not acknowledged before the bytes are synced, and then the name of the file",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const points = new Steps()
        const layer = FileStateStore.layerFileSystem({ directory }).pipe(
          Layer.provide([Layer.provide(dyingFileSystem(points), NodeFileSystem.layer), FileLock.layerNode])
        )
        yield* Effect.gen(function* () {
          const state = yield* LockedState.make("value", { schema: Schema.Int, initial: 0 })
          points.steps.length = 0
          yield* state.update(() => 1)
          const steps = points.steps.filter((step) => step.startsWith("after"))
          assert.deepStrictEqual(steps, [
            "after a write",
            "after a sync",
            "after a rename",
            "after the sync of a directory"
          ])
        }).pipe(Effect.provide(layer))
      }).pipe(Effect.scoped)
  )
})
