/** Puts a row in the place of one that cannot be read. */

import type { DatabaseSync } from "node:sqlite"
import type { StateBackend } from "@holdfast/core"
import { Result } from "effect"
import { encodeName } from "../file/names.ts"
import { mostBelieved, raise } from "../raise.ts"
import { brokenFile, Damage, unsound } from "./damage.ts"
import { isCorrupt } from "./failure.ts"
import { putAside } from "./files.ts"
import { counted, knownKeys } from "./harvest.ts"
import { alone } from "./presence.ts"
import { rebuild } from "./rebuild.ts"
import { relink } from "./relink.ts"
import type { Session } from "./session.ts"
import { isSound } from "./sound.ts"
import type { Store } from "./store.ts"
import { type Note, readNote } from "./witness.ts"

const keyRecords = (handle: DatabaseSync, table: "rows" | "chain", key: string): ReadonlyArray<unknown> => {
  const select = handle.prepare(`SELECT * FROM ${table} WHERE key = ?`)
  // Whatever the numbers have become.
  select.setReadBigInts(true)
  return select.all(key)
}

const toJson = (_: string, value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  return value instanceof Uint8Array ? { hex: Buffer.from(value).toString("hex") } : value
}

/** What is there now, in a form that people can read; bytes in hexadecimal. */
const describe = (handle: DatabaseSync, key: string, damage: Damage): string => {
  const content = {
    key,
    damage: damage.message,
    rows: keyRecords(handle, "rows", key),
    chain: keyRecords(handle, "chain", key)
  }
  return `${JSON.stringify(content, toJson, 2)}\n`
}

/**
 * Says where it has put what was there, and which row the key has now; `undefined` when it can be read. Throws a `Damage` of the file when it takes more
 * than writing a row.
 */
const repair = (
  session: Session,
  key: string,
  wanted: StateBackend.Row,
  keep: (content: string) => string
): { readonly aside: string | undefined; readonly row: StateBackend.Row } | undefined => {
  const { handle, table } = session
  try {
    return session.exclusively(() => {
      const found = table.find(key)
      const links = table.chain.links()
      if (!session.isSound) throw unsound()
      if (Result.isSuccess(found) && Result.isSuccess(links)) return undefined
      if (Result.isFailure(found) && found.failure.place === "File") throw found.failure
      const row = raise(wanted, counted(handle) + 1)
      const aside = Result.isFailure(found) ? keep(describe(handle, key, found.failure)) : undefined
      if (Result.isFailure(links)) relink(handle, knownKeys(handle, new Map()), row.version)
      if (Result.isFailure(found)) Result.getOrThrow(table.replace(key, row))
      if (!isSound(handle)) throw unsound()
      session.commit()
      return { aside, row }
    })
  } catch (error) {
    throw isCorrupt(error) ? brokenFile("SQLite cannot read it", error) : error
  } finally {
    table.forget()
  }
}

/** What can be read stays as it is, although the file is broken elsewhere: the row, or that there is none. */
const toPut = (store: Store, key: string, row: StateBackend.Row): StateBackend.Row | undefined => {
  try {
    return Result.getOrElse(
      store.run((session) => session.read(key)),
      () => row
    )
  } catch (error) {
    if (!(error instanceof Damage)) throw error
    return row
  }
}

const noteOf = (key: string, { fence, version }: StateBackend.Row): Note => ({ key, version, fence })

/** The highest number of the note, as there may be nothing else left. */
const noted = (path: string): number => {
  const { fence = 0, version = 0 } = readNote(path) ?? {}
  return Math.max(...[fence, version].filter((number) => number < mostBelieved), 0)
}

/** Repairs a store whose file may be broken as a whole, or not even open. */
export const repairStore = (store: Store, key: string, row: StateBackend.Row): string | undefined => {
  const { place, witness } = store
  const name = `${row.version}-${encodeName(key)}`
  try {
    const done = store.run((session) =>
      repair(session, key, row, (content) => putAside(place.corrupt, name, content))
    )
    if (done?.aside !== undefined) witness.tell(noteOf(key, done.row))
    return done?.aside
  } catch (error) {
    if (!(error instanceof Damage) || (error.place !== "File" && error.place !== "Past")) throw error
    const put = toPut(store, key, row)
    store.discard()
    const isPast = error.place === "Past"
    return alone(place.presence, () => {
      const beyond = Math.max(row.version, noted(place.changes) + 1)
      const done = rebuild(place, { key, row: put, isNew: put === row, beyond, isPast }, name)
      // What was noted may be lost with what was damaged: that is told now, before somebody compares.
      witness.tell(done.row && noteOf(key, done.row))
      return done.aside
    })
  }
}
