/**
 * Handles of databases, which live until they are closed.
 *
 * A handle that nobody can reach is closed by the garbage collector, in the middle of a transaction too: its lock is gone
 * then, without a word. A scope is no safe place either, as a fiber that waits for ever can be collected with all that it
 * has. So this module has them all.
 */
import { DatabaseSync } from "node:sqlite"

const handles = new Set<DatabaseSync>()

/** Opens a database, and does something with it: when that throws, it is closed again. */
export const open = <A>(path: string, use: (handle: DatabaseSync) => A): A => {
  // Whoever finds a database locked is told so at once: waiting would block the event loop, and starve others.
  const handle = new DatabaseSync(path, { timeout: 0, enableDoubleQuotedStringLiterals: false })
  handles.add(handle)
  try {
    return use(handle)
  } catch (error) {
    close(handle)
    throw error
  }
}

/** What is not committed is rolled back. */
export const close = (handle: DatabaseSync): void => {
  if (handle.isOpen) handle.close()
  handles.delete(handle)
}

/** Opens a database for as long as it is used. */
export const using = <A>(path: string, use: (handle: DatabaseSync) => A): A =>
  open(path, (handle) => {
    const result = use(handle)
    close(handle)
    return result
  })

/**
 * An empty database that is never written: it is there for its locks alone.
 *
 * Whatever a transaction would need a journal for is kept in memory, so a process that is killed leaves nothing.
 */
export const openLock = <A>(path: string, use: (handle: DatabaseSync) => A): A =>
  open(path, (handle) => {
    handle.exec("PRAGMA journal_mode = MEMORY")
    return use(handle)
  })
