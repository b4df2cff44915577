import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Scope } from "effect"
import * as fc from "fast-check"
import * as native from "fs-native-extensions"
import * as Disk from "../../src/Disk.ts"
import { type Command, command, play } from "./commands.ts"

/** True or false, or the code of an error. */
type TryLock = (path: string) => Effect.Effect<unknown, never, Scope.Scope>

const codeOf = (cause: unknown): string =>
  String(cause instanceof Error && "code" in cause ? cause.code : cause)

const ofLinux: TryLock = (path) =>
  Effect.acquireRelease(Effect.try({ try: () => openSync(path, "a+"), catch: codeOf }), (descriptor) =>
    Effect.sync(() => closeSync(descriptor))
  ).pipe(
    Effect.map((descriptor) => native.tryLock(descriptor)),
    Effect.catch((code) => Effect.succeed(code))
  )

const ofDisk =
  (tryLock: Disk.Process["tryLock"]): TryLock =>
  (path) =>
    Effect.catch(tryLock(path), ({ cause }) => Effect.succeed(codeOf(cause)))

/** A step of a program, as data: two sides need it, each with locks of its own. */
type Step =
  | { readonly act: "lock" | "try"; readonly path: string }
  | { readonly act: "unlock"; readonly index: number }
  | { readonly act: "remove" | "write"; readonly path: string }
  | { readonly act: "rename" | "link" | "symlink"; readonly path: string; readonly to: string }

const path = fc.constantFrom("a", "b", "c", "dir", "missing/a")

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constantFrom("lock" as const, "try" as const), path }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("unlock" as const), index: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom("remove" as const, "write" as const), path }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constantFrom("rename" as const, "link" as const, "symlink" as const),
      path,
      to: path
    })
  }
)

const actOf = (
  step: Step,
  tryLock: TryLock,
  held: Array<Scope.Closeable>,
  fs: FileSystem.FileSystem,
  at: (path: string) => string
): ReturnType<Command["run"]> => {
  switch (step.act) {
    case "try":
      return Effect.scoped(tryLock(at(step.path)))
    case "lock":
      return Effect.gen(function* () {
        const scope = yield* Scope.make()
        const taken = yield* Scope.provide(tryLock(at(step.path)), scope)
        if (taken === true) held.push(scope)
        else yield* Scope.close(scope, Exit.void)
        return taken
      })
    case "unlock":
      return Effect.forEach(held.splice(step.index, 1), (scope) => Scope.close(scope, Exit.void))
    case "remove":
      return fs.remove(at(step.path))
    case "write":
      return fs.writeFileString(at(step.path), "x")
    case "rename":
      return fs.rename(at(step.path), at(step.to))
    case "link":
      return fs.link(at(step.path), at(step.to))
    case "symlink":
      return fs.symlink(at(step.path), at(step.to))
  }
}

/** All locks that are left at the end are given back. */
const observed = (fs: FileSystem.FileSystem, tryLock: TryLock, root: string, steps: ReadonlyArray<Step>) => {
  const held: Array<Scope.Closeable> = []
  const commands = steps.map((step) =>
    command(JSON.stringify(step), (fs, at) => actOf(step, tryLock, held, fs, at))
  )
  const setUp = command("make dir", (fs, at) => fs.makeDirectory(at("dir")))
  return Effect.ensuring(
    play(fs, root, [setUp, ...commands]),
    Effect.suspend(() => Effect.forEach(held, (scope) => Scope.close(scope, Exit.void)))
  )
}

const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "lock-"))),
  (base) => Effect.sync(() => rmSync(base, { recursive: true, force: true }))
)

describe.runIf(process.platform === "linux")("Disk locks as this machine does", () => {
  it.live("in random programs", () =>
    Effect.gen(function* () {
      const base = yield* scratch
      const fs = yield* FileSystem.FileSystem
      const refused = { count: 0 }
      let runs = 0
      const check = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>) {
        const root = join(base, String(runs++))
        const { fileSystem, tryLock } = yield* (yield* Disk.make()).process
        const expected = yield* observed(fs, ofLinux, root, steps)
        assert.deepStrictEqual(yield* observed(fileSystem, ofDisk(tryLock), root, steps), expected)
        if (JSON.stringify(expected).includes('"value":false')) refused.count++
      })
      const program = fc.array(step, { minLength: 1, maxLength: 25, size: "max" })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(program, (steps) => Effect.runPromise(check(steps))),
          { seed: 1, numRuns: 200 }
        )
      )
      // Else nothing would have been compared.
      assert.isAbove(refused.count, 50)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
