/** What a database has to be before it is used. */
import type { DatabaseSync } from "node:sqlite"
import { firstLink, sumOfLink } from "./chain.ts"
import { brokenFile } from "./damage.ts"
import { isBusy, isCorrupt, isReadOnly, isUnknownForm, refusal } from "./failure.ts"
import { create, format, inspect, pageSize, type Whose } from "./layout.ts"

import type { Place } from "./place.ts"

/** What this machine, or this version of the library, cannot use. */
export class Unsupported extends Error {}

/** A log that has grown for a large value is not kept so large. */
const maxLogBytes = 16 * 1024 * 1024

const lookAt = (handle: DatabaseSync): Whose => {
  // Several looks at the same state: somebody may be making the tables right now.
  handle.exec("BEGIN")
  try {
    return inspect(handle)
  } finally {
    handle.exec("ROLLBACK")
  }
}

const useLog = (handle: DatabaseSync): void => {
  const mode = handle.prepare("PRAGMA journal_mode = WAL").get()?.journal_mode
  if (mode !== "wal") throw new Unsupported("the file system has no shared memory for the log of SQLite")
}

/**
 * Makes the tables, unless somebody else was faster. They are in the database itself, and durable, before there is a log:
 * whoever loses a log must not lose with it that there is a store at all.
 */
const fill = (handle: DatabaseSync): void => {
  handle.exec(`PRAGMA page_size = ${pageSize}; PRAGMA journal_mode = DELETE`)
  handle.exec("BEGIN IMMEDIATE")
  try {
    if (inspect(handle) === "Empty") create(handle, sumOfLink(firstLink))
    handle.exec("COMMIT")
  } finally {
    if (handle.isTransaction) handle.exec("ROLLBACK")
  }
}

const settle = (handle: DatabaseSync, onEmpty: () => void): void => {
  // Only then a structure that was damaged is noticed before it is followed, and no journal that was removed comes back
  // after a loss of power, to undo what the log goes on from.
  handle.exec("PRAGMA cell_size_check = ON; PRAGMA synchronous = EXTRA")
  const whose = lookAt(handle)
  if (whose === "Newer")
    throw new Unsupported(`a later version has written it: this one knows format ${format}`)
  if (whose === "Foreign") throw new Unsupported("it is a database of another program")
  if (whose === "Damaged") throw brokenFile("its header or its tables are not as they were made")
  if (whose === "Empty") {
    onEmpty()
    fill(handle)
  }
  useLog(handle)
  handle.exec(`PRAGMA journal_size_limit = ${maxLogBytes}`)
}

/** A number in the header can say that this version of SQLite may only read, which those that we allow never write. */
const checkWritable = (handle: DatabaseSync, { database: file, directory }: Place): void => {
  try {
    // Not even the beginning is refused when there is nothing to write.
    handle.exec("BEGIN IMMEDIATE; DELETE FROM rows WHERE false; ROLLBACK")
  } catch (error) {
    if (isBusy(error)) return
    throw isReadOnly(error) && refusal({ directory, file }) === undefined
      ? brokenFile("its header says that it can only be read", error)
      : error
  }
}

/**
 * Makes the tables where there are none, after `onEmpty`. Throws what that and what SQLite throws, a `Damage` for a broken
 * file, and `Unsupported`.
 */
export const prepare = (handle: DatabaseSync, place: Place, onEmpty: () => void): void => {
  try {
    settle(handle, onEmpty)
    checkWritable(handle, place)
  } catch (error) {
    throw isCorrupt(error) || isUnknownForm(error) ? brokenFile("SQLite cannot read it", error) : error
  }
}
