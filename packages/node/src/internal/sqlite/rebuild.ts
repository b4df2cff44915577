/** Makes a new database of what is whole in a damaged one, which is put aside. */
import { copyFileSync, existsSync, linkSync, renameSync, rmSync } from "node:fs"
import { basename, join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import type { StateBackend } from "@holdfast/core"
import { Result } from "effect"
import { raise } from "../raise.ts"
import { makeAside, syncDirectory } from "./files.ts"
import { counted, knownKeys, wholeRows } from "./harvest.ts"
import type { Place } from "./place.ts"
import { columns, type Entry, toEntry } from "./record.ts"
import { type Known, relink } from "./relink.ts"
import { build, logOf, openSource, removeDatabase } from "./source.ts"
import { Table } from "./table.ts"

/** Of two rows of one key, the later one counts. */
const replant = (target: DatabaseSync): ((key: string, entry: Entry) => void) => {
  const insert = target.prepare(
    "INSERT INTO rows (key, version, fence, lease, holder, checksum, value_fence, schema_version, written_at, value) VALUES (:key, :version, :fence, :lease, :holder, :checksum, :value_fence, :schema_version, :written_at, :value) ON CONFLICT (key) DO NOTHING"
  )
  const removeOlder = target.prepare("DELETE FROM rows WHERE key = ? AND (version, fence) < (?, ?)")
  return (key, entry) => {
    removeOlder.run(key, entry.row.version, entry.row.fence)
    insert.run(columns(key, entry))
  }
}

const keepWhole = (path: string, aside: string): void => {
  try {
    linkSync(path, aside)
  } catch {
    // Not every file system knows a second name for a file.
    copyFileSync(path, aside)
  }
}

/** The old file keeps its name until the new one takes it: at no moment there is none. */
const exchange = (place: Place, fresh: string, name: string): string => {
  const { database } = place
  const aside = makeAside(place.corrupt, name)
  keepWhole(database, join(aside, basename(database)))
  // What SQLite could read is in the database by now. A log that is left belongs to what it could not.
  if (existsSync(logOf(database))) renameSync(logOf(database), join(aside, basename(logOf(database))))
  rmSync(`${database}-shm`, { force: true })
  syncDirectory(aside)
  renameSync(fresh, database)
  syncDirectory(place.directory)
  return aside
}

/** What becomes of the key for whose sake it is done. */
interface Repair {
  readonly key: string
  readonly row: StateBackend.Row | undefined
  /** Whether that is a new row, whose numbers have to be higher than any in the store. */
  readonly isNew: boolean
  readonly beyond: number
  /** Whether rows may be older than what was once acknowledged: then they are not counted on from there. */
  readonly isPast: boolean
}

/** Says where the old database is now, and which row the key has. Nobody else may use the store meanwhile. */
export const rebuild = (place: Place, { isNew, isPast, key, row, ...repair }: Repair, name: string) => {
  const fresh = join(place.directory, "rebuilt.db")
  const copy = join(place.directory, "damaged.db")
  const known: Known = new Map()
  let { beyond } = repair
  let put = row
  try {
    build(fresh, (target) => {
      const plant = replant(target)
      openSource(place.database, copy, (source) => {
        knownKeys(source, known)
        beyond = Math.max(beyond, counted(source) + 1)
        wholeRows(source, known, (named, entry) =>
          plant(named, isPast ? toEntry(named, raise(entry.row, beyond), undefined) : entry)
        )
      })
      relink(target, known, beyond)
      if (row === undefined) return
      put = isNew ? raise(row, beyond) : row
      Result.getOrThrow(new Table(target).replace(key, put))
    })
    return { aside: exchange(place, fresh, name), row: put }
  } finally {
    removeDatabase(fresh)
    removeDatabase(copy)
  }
}
