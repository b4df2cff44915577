/** How a store comes to be: by several processes at once, or by one that does not live to see it. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result, Scope } from "effect"
import { makeBackend } from "../../src/internal/sqlite/make.ts"
import { placeOf } from "../../src/internal/sqlite/place.ts"
import { Store } from "../../src/internal/sqlite/store.ts"
import { untilFree } from "../../src/internal/sqlite/untilFree.ts"
import { Child } from "../utils/children.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import type { MakerTask, MakerTold } from "./children/maker.ts"
import type { UserTask, UserTold } from "./children/user.ts"
import { put, row, withStore } from "./support/store.ts"

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(temporaryDirectory, body)), 120_000)

const make = (task: MakerTask) =>
  Effect.gen(function* () {
    const module = new URL("children/maker.ts", import.meta.url)
    const child = yield* Child.start<MakerTold, never>({ module, task })
    yield* child.ended
    return child.told.at(0)?.steps
  }).pipe(Effect.scoped)

describe("a new store", () => {
  test("LS-1: is an empty one, wherever the process that makes it is killed", (directory) =>
    Effect.gen(function* () {
      const steps = (yield* make({ directory: join(directory, "whole"), step: 0 })) ?? 0
      assert.isAbove(steps, 10)
      for (let step = 1; step <= steps; step++) {
        const store = join(directory, String(step))
        assert.isUndefined(yield* make({ directory: store, step }))
        yield* withStore(store, (backend) =>
          Effect.gen(function* () {
            assert.isUndefined(yield* backend.read("a"), `step ${step}`)
            yield* put(backend, { a: row("1") })
          })
        )
        assert.deepStrictEqual(yield* withStore(store, (backend) => backend.read("a")), row("1"))
        assert.deepStrictEqual(readdirSync(store).sort(), ["changes", "locks", "presence", "state.db"])
      }
    }))

  for (const [what, othersScope] of [
    ["has left", Scope.close],
    ["goes on", () => Effect.void]
  ] as const) {
    test(`LS-3: is found by who was about to make it, when another one has made and used it, and ${what}`, (directory) =>
      Effect.gen(function* () {
        // Given one who has seen that there is nothing
        const scope = yield* Effect.acquireRelease(Scope.make(), (it) => Scope.close(it, Exit.void))
        const { exec } = DatabaseSync.prototype
        let isMade = false
        DatabaseSync.prototype.exec = function (sql) {
          exec.call(this, sql)
          if (isMade || sql !== "ROLLBACK") return
          isMade = true
          // When another one is faster
          const other = Effect.runSync(Scope.provide(makeBackend(directory), scope))
          Effect.runSync(put(other, { a: row("1") }))
          Effect.runSync(othersScope(scope, Exit.void))
        }
        const restore = Effect.sync(() => {
          DatabaseSync.prototype.exec = exec
        })
        const store = new Store(placeOf(directory))
        const read = untilFree(
          () => Effect.succeed(store.run((session) => session.read("a"))),
          (error) => {
            throw error
          }
        )
        // Then he finds what the other has written
        assert.deepStrictEqual(yield* Effect.ensuring(read, restore), Result.succeed(row("1")))
        assert.isTrue(isMade)
        store.close()
      }))
  }

  test("LS-3: is one and the same for all who make it at the same moment", (directory) =>
    Effect.gen(function* () {
      const module = new URL("children/user.ts", import.meta.url)
      const times = 5
      for (const name of ["one", "another", "a third"]) {
        const task: UserTask = { tag: "Count", directory: join(directory, name), times }
        const makers = yield* Effect.all(
          Array.from({ length: 4 }, () => Child.start<UserTold, never>({ module, task }))
        )
        for (const maker of makers) yield* maker.ended
        const values = makers
          .flatMap(({ told }) => told)
          .flatMap((line) => (line.tag === "Counted" ? [line.value] : []))
        assert.deepStrictEqual(
          values.sort((one, other) => one - other),
          Array.from({ length: 4 * times }, (_, index) => index + 1)
        )
      }
    }))
})
