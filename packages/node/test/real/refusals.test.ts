/** Disks that are full, and files that one may not use. */
import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { FileLock } from "@holdfast/node"
import { Effect, type Scope } from "effect"
import { make, type Settings } from "../../src/internal/file/backend.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { failureOf, row, valueOf, write } from "../utils/rows.ts"
import type { Found, Task } from "./full.ts"

const isWindows = process.platform === "win32"

const open = (directory: string, layout: Settings["layout"]) =>
  Effect.provide(make({ directory, layout, owner: "test" }), [NodeFileSystem.layer, FileLock.layerNode])

const filler = fileURLToPath(new URL("full.ts", import.meta.url))

/** A disk of 1 MiB; where none can be mounted, no file may be larger than that. */
const fill = (task: Task) =>
  Effect.gen(function* () {
    const shell = (script: string) => spawnSync("sh", ["-c", script, "sh", task.directory])
    const { status } = shell('mount -t tmpfs -o size=1m tmpfs "$1"')
    const isMounted = status === 0
    if (isMounted) yield* Effect.addFinalizer(() => Effect.sync(() => shell('umount "$1"')))
    const args = [process.execPath, filler, JSON.stringify(task)]
    const limit = isMounted ? 'exec "$@"' : 'ulimit -f 2048; exec "$@"'
    const told: Found = JSON.parse(execFileSync("sh", ["-c", limit, "sh", ...args], { encoding: "utf8" }))
    return told
  })

/** As somebody who is not the superuser, to whom rights do not apply. */
const asAnybody = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.geteuid?.() !== 0
    ? effect
    : Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(65_534)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )

for (const layout of ["perKey", "single"] as const) {
  const test = isWindows ? it.live.skip : it.live

  describe(`FileStateStore, ${layout}, refused by this machine`, () => {
    const within = (body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
      Effect.scoped(Effect.flatMap(temporaryDirectory, body))

    test(
      "LS-6: on a full disk the old value is left, and no draft (linux only) (macos only)",
      () =>
        within((directory) =>
          Effect.map(fill({ directory, layout }), ({ written, ...found }) => {
            assert.isAbove(written, 0)
            assert.deepStrictEqual(found, {
              error: "StoreFull",
              found: written,
              reopened: written,
              drafts: [],
              afterwards: "small"
            })
          })
        ),
      60_000
    )

    test("LS-6: who may not write can read, who may not read is told so (linux only) (macos only)", () =>
      within((directory) =>
        Effect.gen(function* () {
          const file = layout === "perKey" ? `${directory}/keys/a.json` : `${directory}/state.json`
          chmodSync(directory, 0o755)
          const store = yield* open(directory, layout)
          yield* write(store, { a: row("1") })
          const bytes = readFileSync(file)
          const directories = [
            directory,
            `${directory}/locks`,
            ...(layout === "perKey" ? [`${directory}/keys`] : [])
          ]
          const limit = Effect.acquireRelease(
            Effect.sync(() => {
              for (const path of directories) chmodSync(path, 0o555)
              for (const path of [`${directory}/locks/${layout === "perKey" ? "a" : "state"}.doc`])
                chmodSync(path, 0o444)
            }),
            () =>
              Effect.sync(() => {
                for (const path of directories) chmodSync(path, 0o755)
              })
          )
          yield* limit
          const look = Effect.gen(function* () {
            const other = yield* open(directory, layout)
            assert.strictEqual(yield* valueOf(other, "a"), "1")
            assert.strictEqual(yield* failureOf(write(other, { a: row("2", 2) })), "StoreUnavailable Denied")
            assert.strictEqual(yield* failureOf(other.tryLock("lock:a")), "StoreUnavailable Denied")
          })
          yield* asAnybody(look)
          chmodSync(file, 0)
          const lookAgain = Effect.gen(function* () {
            const other = yield* open(directory, layout)
            assert.strictEqual(yield* failureOf(other.read("a")), "StoreUnavailable Denied")
          })
          yield* asAnybody(lookAgain)
          chmodSync(file, 0o644)
          assert.deepStrictEqual(readFileSync(file), bytes)
          for (const path of directories) chmodSync(path, 0)
          assert.strictEqual(yield* asAnybody(failureOf(open(directory, layout))), "StoreUnavailable Denied")
        })
      ))
  })
}
