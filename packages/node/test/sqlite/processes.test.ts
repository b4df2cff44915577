/** Several processes, and threads, with one store. */
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Worker } from "node:worker_threads"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Child } from "../utils/children.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import type { UserTask, UserTold } from "./children/user.ts"
import { withStore } from "./support/store.ts"

const test = (name: string, body: (directory: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.scoped(Effect.flatMap(temporaryDirectory, body)), 60_000)

const module = new URL("children/user.ts", import.meta.url)

const start = (task: UserTask) => Child.start<UserTold, never>({ module, task, nodeOptions: ["--expose-gc"] })

const counted = (told: ReadonlyArray<UserTold>): ReadonlyArray<number> =>
  told.flatMap((line) => (line.tag === "Counted" ? [line.value] : []))

/** All that a thread tells, once it has ended. */
const thread = (task: UserTask) =>
  Effect.callback<ReadonlyArray<UserTold>>((resume) => {
    const told: Array<UserTold> = []
    new Worker(module, { workerData: task })
      .on("message", (line: UserTold) => told.push(line))
      .on("error", (error) => resume(Effect.die(error)))
      .on("exit", () => resume(Effect.succeed(told)))
  })

describe("processes and threads", () => {
  test("LS-3: lose no update of each other", (directory) =>
    Effect.gen(function* () {
      const times = 50
      const task = { tag: "Count", directory, times } as const
      const processes = yield* Effect.all([start(task), start(task)])
      const threads = yield* Effect.all([thread(task), thread(task)], { concurrency: "unbounded" })
      for (const process of processes) yield* process.ended
      const values = [...processes.map(({ told }) => told), ...threads].flatMap(counted)
      assert.deepStrictEqual(
        values.sort((one, other) => one - other),
        Array.from({ length: 4 * times }, (_, index) => index + 1)
      )
      const last = yield* withStore(directory, (backend) => backend.read("count"))
      assert.strictEqual(last?.stored?.value, String(4 * times))
    }))

  test("LS-1, LS-2: what a process has told of is there when it is killed, and what it was at may be", (directory) =>
    Effect.gen(function* () {
      for (let round = 1; round <= 5; round++) {
        const process = yield* start({ tag: "Count", directory, times: 1_000_000 })
        yield* process.until((told) => (told.length >= round * 20 ? told : undefined))
        yield* process.kill
        const told = counted(process.told).at(-1) ?? 0
        const found = yield* withStore(directory, (backend) => backend.read("count"))
        assert.isTrue(found?.version === told || found?.version === told + 1)
        assert.strictEqual(found?.stored?.value, String(found?.version))
      }
    }))

  test("LK-4: keep a lock to which nobody refers any more", (directory) =>
    Effect.gen(function* () {
      const forgotten = join(directory, "forgotten")
      const child = yield* start({ tag: "Hold", directory, forgotten })
      yield* child.until((told) => told.find(({ tag }) => tag === "Collected"))
      yield* withStore(directory, (backend) =>
        Effect.gen(function* () {
          assert.isFalse(yield* Effect.scoped(backend.tryLock("held")))
          // That of a database which the process does not keep is free.
          const handle = new DatabaseSync(forgotten)
          handle.exec("BEGIN IMMEDIATE")
          handle.close()
          yield* child.kill
          assert.isTrue(yield* Effect.scoped(backend.tryLock("held")))
        })
      )
    }))
})
