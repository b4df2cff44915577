/** A database that is open, from its opening on until it fails or is closed. */
import { statSync } from "node:fs"
import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { StateBackend } from "@holdfast/core"
import { Result } from "effect"
import type { Found } from "./cache.ts"
import { type Damage, past } from "./damage.ts"
import { isBusy, isFull } from "./failure.ts"
import * as handles from "./handle.ts"
import type { Place } from "./place.ts"
import { prepare } from "./prepare.ts"
import { share } from "./presence.ts"
import { isSound } from "./sound.ts"
import { claim, hasNothing } from "./source.ts"
import { Table } from "./table.ts"
import { type Note, readNote } from "./witness.ts"

type Row = StateBackend.Row

/** A commit that failed when nobody can tell whether it is durable. */
export class Unknown extends Error {}

/** The file of the store is not there any more, or another one is in its place: what is written would be lost. */
export class Replaced extends Error {
  readonly code = "ENOENT"
  readonly syscall = "stat"
}

const identityOf = (path: string): string => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return `${stats?.dev}:${stats?.ino}`
}

/** Something was written, and not even the beginning of a file is left. SQLite would take that for new, and remove its log. */
const refuseNothing = (database: string, { key }: Note): void => {
  if (!hasNothing(database)) return
  // Whoever looks for a store here finds one.
  claim(database)
  throw past(key)
}

export class Session {
  readonly table: Table
  readonly handle: DatabaseSync
  readonly path: string
  /** Otherwise it is only read. */
  readonly isSound: boolean
  /** Nothing can be done with it any more but to close it. */
  isSpent = false
  private readonly presence: DatabaseSync
  private readonly identity: string
  private readonly beginRead: StatementSync
  private readonly beginWrite: StatementSync
  private readonly commitAll: StatementSync
  private readonly rollBackAll: StatementSync

  /**
   * Throws what SQLite throws, a `Damage` for a broken file, and `Unsupported`. `onPast` is called for a database that is
   * older than the last commit: when it is closed, its log is gone.
   */
  static open(place: Place, onPast: () => void): Session {
    const presence = share(place.presence)
    try {
      // First the note, then the database, which can only become newer.
      const note = readNote(place.changes)
      if (note !== undefined) refuseNothing(place.database, note)
      const refuse = ({ key }: Note): never => {
        onPast()
        throw past(key)
      }
      return handles.open(place.database, (handle) => {
        prepare(handle, place, () => note && refuse(note))
        const session = new Session(place.database, handle, presence)
        return note === undefined || session.has(note) ? session : refuse(note)
      })
    } catch (error) {
      handles.close(presence)
      throw error
    }
  }

  private constructor(path: string, handle: DatabaseSync, presence: DatabaseSync) {
    this.path = path
    this.handle = handle
    this.presence = presence
    this.identity = identityOf(path)
    this.beginRead = handle.prepare("BEGIN")
    this.beginWrite = handle.prepare("BEGIN IMMEDIATE")
    this.commitAll = handle.prepare("COMMIT")
    this.rollBackAll = handle.prepare("ROLLBACK")
    this.table = new Table(handle)
    this.isSound = isSound(handle)
  }

  /** Where the row cannot be read, there is damage anyway. */
  private has({ fence, key, version }: Note): boolean {
    const found = this.snapshot(() => this.table.find(key))
    if (Result.isFailure(found)) return true
    const { entry, exists } = found.success
    return exists && entry !== undefined && entry.row.version >= version && entry.row.fence >= fence
  }

  close(): void {
    // The last one to close moves what is in the log to the database: a store at rest is one file.
    handles.close(this.handle)
    handles.close(this.presence)
  }

  /** What is known without looking into the file, when nobody has written since. */
  known(key: string): Found | undefined {
    this.table.refresh()
    return this.table.known(key)
  }

  read(key: string): Result.Result<Row | undefined, Damage> {
    const found = this.snapshot(() => this.table.find(key))
    return Result.map(found, ({ entry }) => entry?.row)
  }

  /** Several looks at the same state. */
  snapshot<A>(use: () => A): A {
    this.beginRead.run()
    return this.inTransaction(use)
  }

  /** Takes the database for itself, and gives it back as it was, unless `use` has committed. Throws when it is taken. */
  exclusively<A>(use: () => A): A {
    if (identityOf(this.path) !== this.identity) throw new Replaced("the file of the store was replaced")
    this.beginWrite.run()
    return this.inTransaction(use)
  }

  /** Throws `Unknown` when it cannot be told whether all is durable; when it throws anything else, nothing is. */
  commit(): void {
    try {
      this.commitAll.run()
    } catch (error) {
      if (isBusy(error) || isFull(error)) throw error
      throw new Unknown("the commit failed", { cause: error })
    }
  }

  private inTransaction<A>(use: () => A): A {
    try {
      this.table.refresh()
      return use()
    } finally {
      this.rollBack()
    }
  }

  private rollBack(): void {
    // Some errors of the device have rolled it back already.
    if (!this.handle.isTransaction) return
    try {
      this.rollBackAll.run()
    } catch {
      this.isSpent = true
    }
  }
}
