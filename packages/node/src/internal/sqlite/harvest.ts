/** What can be got out of a damaged database: the rows whose checksums are right, and the keys that it names. */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from "node:sqlite"
import { Result } from "effect"
import { mostBelieved } from "../raise.ts"
import { toLink } from "./chain.ts"
import { isCorrupt, isOutOfRange, isUnknownForm } from "./failure.ts"
import { type Entry, fromColumns } from "./record.ts"
import type { Known } from "./relink.ts"

type Columns = Record<string, SQLOutputValue>

/** Takes what comes until SQLite loses its way. */
const walk = (
  handle: DatabaseSync,
  sql: string,
  take: (record: Columns) => void,
  ...parameters: ReadonlyArray<SQLInputValue>
): void => {
  try {
    for (const record of handle.prepare(sql).iterate(...parameters)) take(record)
  } catch (error) {
    if (!isCorrupt(error) && !isOutOfRange(error) && !isUnknownForm(error)) throw error
  }
}

/** Both ways, as each ends at the first place that is broken. */
const both = (handle: DatabaseSync, sql: string, by: string, take: (record: Columns) => void): void => {
  walk(handle, `${sql} ORDER BY ${by}`, take)
  walk(handle, `${sql} ORDER BY ${by} DESC`, take)
}

/** Adds the keys that the list names. */
export const knownKeys = (handle: DatabaseSync, known: Known): Known => {
  both(handle, "SELECT * FROM chain", "key", (record) => {
    const link = toLink(record)
    if (link === undefined) return
    known.set(link.key, link.valued)
    // Its own link may be lost.
    if (link.next !== null && !known.has(link.next)) known.set(link.next, true)
  })
  return known
}

/** The highest number of any row, as far as it can be made out: their checksums may be wrong. */
export const counted = (handle: DatabaseSync): number => {
  let most = 0
  const note = (record: Columns) => {
    for (const number of Object.values(record)) {
      if (typeof number === "number" && number < mostBelieved) most = Math.max(most, number)
    }
  }
  // What is no number is more than any, in the order of SQLite.
  const bounded = (column: string) => `min(${column}, ${mostBelieved}) AS ${column}`
  const numbers = ["version", "fence", "lease"].map(bounded).join(", ")
  both(handle, `SELECT ${numbers} FROM rows NOT INDEXED`, "rowid", note)
  return most
}

/** Gives each row that is as it was written, some of them more than once. */
export const wholeRows = (
  handle: DatabaseSync,
  known: Known,
  take: (key: string, entry: Entry) => void
): void => {
  const taken = new Set<string>()
  const takeWhole = (record: Columns): void => {
    const { key } = record
    if (typeof key !== "string") return
    const entry = fromColumns(key, record)
    if (Result.isFailure(entry)) return
    taken.add(key)
    take(key, entry.success)
  }
  both(handle, "SELECT * FROM rows NOT INDEXED", "rowid", takeWhole)
  for (const key of known.keys()) {
    if (!taken.has(key)) walk(handle, "SELECT * FROM rows WHERE key = ?", takeWhole, key)
  }
}
