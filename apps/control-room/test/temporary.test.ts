import { existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, PlatformError } from "effect"
import { onTestFinished } from "vitest"
import { exactly } from "../src/Promised.ts"
import { inTemporaryDirectory } from "../src/temporary.ts"

const row = exactly({ id: "system/one", text: "One is one", bound: 1, measured: 1, unit: "" })

const run = (seen: Array<string>) =>
  inTemporaryDirectory("system", (directory) =>
    Effect.sync(() => {
      seen.push(directory)
      return [row]
    })
  )

const stubborn = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) =>
    FileSystem.make({
      ...fs,
      remove: (path) =>
        Effect.fail(
          PlatformError.systemError({
            _tag: "PermissionDenied",
            module: "FileSystem",
            method: "remove",
            pathOrDescriptor: path
          })
        )
    })
  )
).pipe(Layer.provide(NodeFileSystem.layer))

describe("a temporary directory", () => {
  it.effect("is gone when the run is over, and a row says so", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const rows = yield* run(seen)
      assert.deepStrictEqual(
        rows.map(({ id, ok }) => [id, ok]),
        [
          ["system/one", true],
          ["system/directory", true]
        ]
      )
      assert.isFalse(existsSync(seen[0] ?? ""))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("that cannot be removed breaks a promise of its own, and what was measured is kept", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const [first, last] = yield* run(seen)
      const directory = seen[0] ?? ""
      onTestFinished(() => rm(directory, { recursive: true }))
      assert.deepStrictEqual(first, row)
      assert.propertyVal(last, "ok", false)
      assert.match(String(last?.measured), /^\S+ is left: PermissionDenied.*remove/)
    }).pipe(Effect.provide(stubborn))
  )
})
