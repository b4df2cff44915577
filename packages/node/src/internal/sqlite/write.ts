/** One commit, inside of its transaction. */
import type { StateBackend, StateStore } from "@holdfast/core"
import { Result } from "effect"
import { type Damage, unsound } from "./damage.ts"
import { isFull } from "./failure.ts"
import type { Entry } from "./record.ts"
import { makeRoom } from "./room.ts"
import type { Session } from "./session.ts"
import type { Note } from "./witness.ts"

/** What a decision threw: a bug of its author. */
export class Thrown extends Error {}

/** There was no room for the value of a key. */
export class NoRoom extends Error {
  readonly key: string

  constructor(key: string, cause: unknown) {
    super("there is no room", { cause })
    this.key = key
  }
}

type ToError = (key: string, damage: Damage) => StateStore.StateCorrupted

/** What cannot be written, although it could be read: it is found out only when it is tried. */
type Refused = Map<string, Damage>

/** An error of the store is told from one of the decision, which it passes through. */
const rowsOf = (
  { table }: Session,
  decide: StateBackend.Decide,
  toError: ToError,
  refused: Refused
): ReadonlyMap<string, StateBackend.Row> => {
  let failure: unknown
  const find = (key: string) => {
    const damage = refused.get(key)
    if (damage !== undefined) return Result.fail(damage)
    try {
      return table.find(key)
    } catch (error) {
      failure = error
      throw error
    }
  }
  try {
    return decide((key) =>
      Result.mapBoth(find(key), {
        onFailure: (damage) => toError(key, damage),
        onSuccess: ({ entry }) => entry?.row
      })
    )
  } catch (error) {
    throw error === failure ? error : new Thrown("a decision threw", { cause: error })
  }
}

/** With a second try, when there may be more room for it. */
export const writeInRoom = (
  session: Session,
  decide: StateBackend.Decide,
  toError: ToError
): Note | undefined => {
  try {
    return write(session, decide, toError)
  } catch (error) {
    if (!(error instanceof NoRoom) || session.isSpent || !makeRoom(session)) throw error
  }
  try {
    return write(session, decide, toError)
  } catch (error) {
    if (error instanceof NoRoom) makeRoom(session)
    throw error
  }
}

/** Those that can be written are, the others are refused, unless they were before: who decides knows that. */
const putAll = (
  session: Session,
  rows: ReadonlyMap<string, StateBackend.Row>,
  toError: ToError,
  refused: Refused
): ReadonlyMap<string, Entry> => {
  const entries = new Map<string, Entry>()
  for (const [key, row] of rows) {
    if (!session.isSound) throw toError(key, unsound())
    const entry = putInRoom(session, key, row)
    if (Result.isSuccess(entry)) {
      entries.set(key, entry.success)
    } else {
      if (refused.has(key) || entry.failure.place === "File") throw toError(key, entry.failure)
      refused.set(key, entry.failure)
    }
  }
  return entries
}

const putInRoom = ({ table }: Session, key: string, row: StateBackend.Row) => {
  try {
    return table.put(key, row)
  } catch (error) {
    throw isFull(error) ? new NoRoom(key, error) : error
  }
}

const commit = (session: Session, entries: ReadonlyMap<string, Entry>): void => {
  try {
    session.commit()
  } catch (error) {
    throw isFull(error) ? new NoRoom(Array.from(entries.keys()).at(-1) ?? "", error) : error
  }
}

/**
 * Decides, and makes durable what was decided; gives one of the rows, if there are any. When one is refused, all is
 * decided again, as it is the only one that fails: each time there is another one of them, or none.
 *
 * Throws what SQLite throws, the `StateCorrupted` of a row that cannot be written, `NoRoom`, `Unknown` and `Thrown`.
 */
const write = (session: Session, decide: StateBackend.Decide, toError: ToError): Note | undefined => {
  const { table } = session
  const refused: Refused = new Map()
  for (;;) {
    const { size } = refused
    const entries = session.exclusively(() => {
      const rows = rowsOf(session, decide, toError, refused)
      const put = putAll(session, rows, toError, refused)
      if (put.size > 0 && refused.size === size) commit(session, put)
      return put
    })
    if (refused.size > size) continue
    let note: Note | undefined
    for (const [key, entry] of entries) {
      table.keep(key, entry)
      note = { key, version: entry.row.version, fence: entry.row.fence }
    }
    return note
  }
}
