/**
 * The tables of a store, and whose a file is.
 *
 * `rows` has the values. `chain` has the keys once more, each with the next one, and a checksum of both: so that it takes
 * a proof to say that there is nothing for a key. A flipped byte hides a row as easily as it changes one.
 */
import type { DatabaseSync } from "node:sqlite"

/** What a version of this library that cannot read the tables any more counts up. */
export const format = 1

/** "Hold", which tells `file` and others what they look at. */
const applicationId = 0x486f6c64

/** The value is last, as what stands behind it would move with each write. */
const rows = `CREATE TABLE rows (
  key TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  holder TEXT,
  value_fence INTEGER,
  schema_version INTEGER,
  written_at INTEGER,
  checksum INTEGER NOT NULL,
  value
)`

/** It begins with the empty key, which no value has, and ends with a next key that is null. */
const chain = `CREATE TABLE chain (
  key TEXT NOT NULL PRIMARY KEY,
  next TEXT,
  valued INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) WITHOUT ROWID`

/** That of all stores, so that the first page of one fits all: see `source.ts`. */
export const pageSize = 4096

/** To be called in a transaction, with an empty database. */
export const create = (handle: DatabaseSync, firstLinkSum: number): void => {
  handle.exec(rows)
  handle.exec(chain)
  handle.exec(`INSERT INTO chain VALUES ('', NULL, 0, ${firstLinkSum})`)
  handle.exec(`PRAGMA application_id = ${applicationId}`)
  handle.exec(`PRAGMA user_version = ${format}`)
}

/**
 * - `Ours`: a store.
 * - `Empty`: there is nothing yet.
 * - `Newer`: a store of a later version of this library.
 * - `Foreign`: somebody else's database.
 * - `Damaged`: it was a store.
 */
export type Whose = "Ours" | "Empty" | "Newer" | "Foreign" | "Damaged"

/**
 * The numbers in the header of a file have no checksum. Only where the tables bear them out it is a newer store, or
 * somebody else's: otherwise a flipped byte would make one of ours.
 */
export const inspect = (handle: DatabaseSync): Whose => {
  const id = handle.prepare("PRAGMA application_id").get()?.application_id
  const version = handle.prepare("PRAGMA user_version").get()?.user_version
  const isOurId = id === applicationId
  const isOurVersion = version === format
  if (hasOurTables(handle)) return isOurId && isOurVersion ? "Ours" : "Damaged"
  if (tablesOf(handle).length === 0 && id === 0 && version === 0) return "Empty"
  if (!isOurId) return "Foreign"
  return typeof version === "number" && version > format ? "Newer" : "Damaged"
}

const tablesOf = (handle: DatabaseSync): ReadonlyArray<unknown> =>
  handle
    .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name DESC")
    .all()
    .map(({ sql }) => sql)

export const hasOurTables = (handle: DatabaseSync): boolean => {
  const tables = tablesOf(handle)
  return tables.length === 2 && tables[0] === rows && tables[1] === chain
}
