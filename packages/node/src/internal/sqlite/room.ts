/** Gives back what the log takes. */
import { truncateSync } from "node:fs"
import { pageSize } from "./layout.ts"
import type { Session } from "./session.ts"
import { logOf } from "./source.ts"

/** How a log is made up: https://sqlite.org/fileformat2.html#the_write_ahead_log. */
const headerBytes = 32
const frameBytes = 24 + pageSize

/** Moves what is in the log to the database. Says whether there was something, and all of it has been moved. */
const empty = ({ handle }: Session): boolean => {
  const moved = handle.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()
  return moved?.busy === 0 && typeof moved.log === "number" && moved.log > 0
}

/**
 * Takes what a commit that failed has left behind the last one that did not. As nobody else writes meanwhile, and SQLite
 * has no locks on that file, it is safe to do so.
 */
const cut = (session: Session): void => {
  const { handle, table } = session
  table.refresh()
  const { epoch } = table
  const frames = handle.prepare("PRAGMA wal_checkpoint(NOOP)").get()?.log
  session.exclusively(() => {
    if (table.epoch !== epoch || typeof frames !== "number" || frames < 0) return
    truncateSync(logOf(session.path), headerBytes + frames * frameBytes)
  })
}

const succeeds = (attempt: () => boolean): boolean => {
  try {
    return attempt()
  } catch {
    return false
  }
}

/** Says whether a commit for which there was no room may be worth another try. */
export const makeRoom = (session: Session): boolean =>
  succeeds(() => empty(session)) ||
  succeeds(() => {
    // Where the disk is full to the last byte, it is emptied only after it is cut.
    cut(session)
    return empty(session)
  })
