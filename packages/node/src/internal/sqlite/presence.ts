/**
 * Who uses a store. Each session shares a lock, and whoever replaces the database has it alone: so nobody goes on writing
 * into a file that was put aside.
 */
import type { DatabaseSync } from "node:sqlite"
import { close, openLock } from "./handle.ts"

/** The lock is held until the handle is closed. Throws when somebody has it alone. */
export const share = (path: string): DatabaseSync =>
  openLock(path, (handle) => {
    // A transaction that has read something keeps its lock.
    handle.exec("BEGIN")
    handle.prepare("SELECT count(*) FROM sqlite_schema").get()
    return handle
  })

/** Does something while nobody else uses the store. Throws when somebody does. */
export const alone = <A>(path: string, use: () => A): A => {
  const handle = openLock(path, (it) => {
    it.exec("BEGIN EXCLUSIVE")
    return it
  })
  try {
    return use()
  } finally {
    close(handle)
  }
}
