/** A damaged database, opened so that what is left of it can be read. */
import { closeSync, copyFileSync, existsSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { firstLink, sumOfLink } from "./chain.ts"
import { isCorrupt } from "./failure.ts"
import { using } from "./handle.ts"
import { create, hasOurTables, pageSize } from "./layout.ts"
import { isSound } from "./sound.ts"

/** A name that SQLite gives. */
export const logOf = (path: string): string => `${path}-wal`

/** Whether a file is not there, or has no byte: a database has some from when it is made on. */
export const hasNothing = (path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined || (stats.isFile() && stats.size === 0)
}

/** Makes a file of no bytes, if there is none. */
export const claim = (path: string): void => {
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o666))
}

export const removeDatabase = (path: string): void => {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true })
}

/** Makes an empty store in one file, and gives it to `use`, in a transaction. */
export const build = (path: string, use: (handle: DatabaseSync) => void): void => {
  removeDatabase(path)
  using(path, (handle) => {
    handle.exec(`PRAGMA page_size = ${pageSize}; PRAGMA synchronous = FULL; BEGIN`)
    create(handle, sumOfLink(firstLink))
    use(handle)
    handle.exec("COMMIT")
  })
}

const hasTables = (handle: DatabaseSync): boolean => {
  try {
    return hasOurTables(handle)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return false
  }
}

/** Where a header has how many pages there are, and the list of those that are free. */
const pageCountAt = 28
const freePagesAt = 32

/** Gives a file the first page of an empty store. Nobody may have it open. */
const transplant = (path: string, spare: string): void => {
  build(spare, () => {})
  const page = Buffer.alloc(pageSize)
  const from = openSync(spare, "r")
  try {
    readSync(from, page, 0, pageSize, 0)
  } finally {
    closeSync(from)
  }
  page.writeUInt32BE(Math.floor(statSync(path).size / pageSize), pageCountAt)
  page.fill(0, freePagesAt, freePagesAt + 8)
  const to = openSync(path, "r+")
  try {
    writeSync(to, page, 0, pageSize, 0)
  } finally {
    closeSync(to)
  }
}

/** Says whether all that is left could be read. */
const isRead = (path: string, use: (handle: DatabaseSync) => void): boolean =>
  using(path, (handle) => {
    if (!hasTables(handle)) return false
    use(handle)
    // What is in the log only must not get lost when the database gets another name.
    handle.exec("PRAGMA wal_checkpoint(TRUNCATE)")
    return isSound(handle)
  })

/**
 * Opens what is left of a database, while nobody else does, and maybe a second time in another way.
 *
 * Everything hangs on the first page, with the header and where the tables begin; and it is the same in all stores. So
 * when it leads astray, a copy with that of an empty store is opened as well.
 */
export const openSource = (path: string, copy: string, use: (handle: DatabaseSync) => void): void => {
  // Beside a file without a byte SQLite removes the log, which may have all that is left.
  if (!hasNothing(path) && isRead(path, use)) return
  claim(path)
  removeDatabase(copy)
  copyFileSync(path, copy)
  if (existsSync(logOf(path))) copyFileSync(logOf(path), logOf(copy))
  transplant(copy, `${copy}-spare`)
  removeDatabase(`${copy}-spare`)
  isRead(copy, use)
  removeDatabase(copy)
}
