/** The conformance suite against stores of SQLite. Several of them on one directory are as several processes. */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, it } from "@effect/vitest"
import * as StateConformance from "@holdfast/core/StateConformance"
import { SqliteStateStore } from "@holdfast/node"
import { Effect, Layer } from "effect"
import { temporaryDirectory } from "./utils/directory.ts"

const subject: StateConformance.Subject<string> = {
  place: temporaryDirectory,
  open: (directory) => Layer.build(SqliteStateStore.layer({ directory })),
  isShared: true,
  isKept: true,
  corrupt: (directory, key) =>
    Effect.sync(() => {
      const database = new DatabaseSync(join(directory, "state.db"))
      database.prepare("UPDATE rows SET value = 'damaged' WHERE key = ?").run(key)
      database.close()
    }),
  isThere: (directory, aside) => Effect.sync(() => existsSync(resolve(directory, aside)))
}

describe("SqliteStateStore", () => {
  for (const { guarantees, name, run } of StateConformance.cases(subject)) {
    it.live(`${guarantees.join(", ")}: ${name}`, () => run, 60_000)
  }
})
