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

/** An error of the store is told from one of the decision, which it passes through. */
const rowsOf = (
  { table }: Session,
  decide: StateBackend.Decide,
  toError: ToError
): ReadonlyMap<string, StateBackend.Row> => {
  let failure: unknown
  const find = (key: string) => {
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

/**
 * Decides, and makes durable what was decided; gives one of the rows, if there are any.
 *
 * Throws what SQLite throws, the `StateCorrupted` of a row that cannot be written, `NoRoom`, `Unknown` and `Thrown`.
 */
const write = (session: Session, decide: StateBackend.Decide, toError: ToError): Note | undefined =>
  session.exclusively(() => {
    const { table } = session
    const rows = rowsOf(session, decide, toError)
    let current = ""
    const entries = new Map<string, Entry>()
    try {
      for (const [key, row] of rows) {
        current = key
        if (!session.isSound) throw toError(key, unsound())
        const entry = table.put(key, row)
        if (Result.isFailure(entry)) throw toError(key, entry.failure)
        entries.set(key, entry.success)
      }
      if (rows.size === 0) return undefined
      session.commit()
    } catch (error) {
      throw isFull(error) ? new NoRoom(current, error) : error
    }
    for (const [key, entry] of entries) table.keep(key, entry)
    const last = entries.get(current)?.row
    return last === undefined ? undefined : { key: current, version: last.version, fence: last.fence }
  })
