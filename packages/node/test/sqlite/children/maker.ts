/** A process that opens a store, and kills itself after one of the things that it asks SQLite for. */
import { DatabaseSync, StatementSync } from "node:sqlite"
import { Effect } from "effect"
import { die, tell } from "../../utils/lifeline.ts"
import { withStore } from "../support/store.ts"

export interface MakerTask {
  readonly directory: string
  /** The so-manieth thing; none for `0`. */
  readonly step: number
}

export interface MakerTold {
  readonly steps: number
}

const { directory, step }: MakerTask = JSON.parse(process.argv[2] ?? "")

let steps = 0

const reach = (): void => {
  if (++steps === step) die()
}

const { exec } = DatabaseSync.prototype
const { get } = StatementSync.prototype

DatabaseSync.prototype.exec = function (sql) {
  exec.call(this, sql)
  reach()
}

// Whatever else is asked for in this way only reads.
StatementSync.prototype.get = function (...parameters: ReadonlyArray<never>) {
  const found = Reflect.apply(get, this, parameters)
  if (this.sourceSQL.includes("journal_mode")) reach()
  return found
}

await Effect.runPromise(withStore(directory, () => Effect.void))
tell({ steps } satisfies MakerTold)
