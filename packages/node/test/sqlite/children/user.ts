/** A process, or a thread, that uses a store, and tells what it has done. */
import { DatabaseSync } from "node:sqlite"
import { parentPort, workerData } from "node:worker_threads"
import { Effect, Result, Schedule } from "effect"
import { makeBackend } from "../../../src/internal/sqlite/make.ts"
import { listen, tell } from "../../utils/lifeline.ts"
import { row } from "../support/store.ts"

export type UserTask = { readonly directory: string } & (
  | { readonly tag: "Count"; readonly times: number }
  /** Has a lock, and another one of a database that nobody refers to; needs `--expose-gc`. */
  | { readonly tag: "Hold"; readonly forgotten: string }
)

export type UserTold =
  | { readonly tag: "Counted"; readonly value: number }
  | { readonly tag: "Held" | "Collected" }

const say = (told: UserTold): void => (parentPort === null ? tell(told) : parentPort.postMessage(told))

/** Adds one, so often. */
const count = (directory: string, times: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const backend = yield* makeBackend(directory)
      let value = 0
      const attempt = backend.commit("state", (read) => {
        const version = (Result.getOrThrow(read("count"))?.version ?? 0) + 1
        value = version
        return new Map([["count", row(String(version), version)]])
      })
      const once = Effect.repeat(attempt, {
        schedule: Schedule.spaced(1),
        until: (isDone) => isDone
      })
      for (let done = 0; done < times; done++) {
        yield* once
        say({ tag: "Counted", value })
      }
    })
  )

const forget = (path: string): void => {
  const handle = new DatabaseSync(path)
  handle.exec("BEGIN IMMEDIATE")
}

/** Long enough that whatever cannot be reached has its turn. */
const collections = 20

const hold = (directory: string, forgotten: string) => {
  const holding = Effect.scoped(
    Effect.gen(function* () {
      const backend = yield* makeBackend(directory)
      yield* backend.tryLock("held")
      // Nobody keeps what would wake it up.
      return yield* Effect.callback<never>(() => {})
    })
  )
  Effect.runFork(holding)
  forget(forgotten)
  say({ tag: "Held" })
  return Effect.gen(function* () {
    for (let round = 0; round < collections; round++) {
      globalThis.gc?.()
      yield* Effect.sleep(1)
    }
    say({ tag: "Collected" })
    return yield* Effect.never
  })
}

const task: UserTask = parentPort === null ? JSON.parse(process.argv[2] ?? "") : workerData

if (parentPort === null) listen(() => {})

await Effect.runPromise(
  task.tag === "Count" ? count(task.directory, task.times) : hold(task.directory, task.forgotten)
)
if (parentPort === null) process.exit()
