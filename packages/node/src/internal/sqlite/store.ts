/**
 * The session of a store: opened when it is needed, given up when it fails.
 *
 *   None ──used──▶ Open ──the device fails, or a commit is unknown──▶ None
 *   None, Open ──the scope closes──▶ Closed
 */

import { copyFileSync } from "node:fs"
import { basename, join } from "node:path"
import type { Found } from "./cache.ts"
import { isBusy, isCorrupt, isForeign, isFull } from "./failure.ts"
import { makeAside } from "./files.ts"
import type { Place } from "./place.ts"
import { Replaced, Session, Unknown } from "./session.ts"
import { hasNothing, logOf } from "./source.ts"
import { Witness } from "./witness.ts"

/** The layer of the store has ended. */
export class Closed extends Error {}

/** What leaves a session as good as it was. */
const isHarmless = (error: unknown): boolean =>
  isBusy(error) ||
  isFull(error) ||
  isCorrupt(error) ||
  error instanceof Replaced ||
  !(error instanceof Unknown || isForeign(error))

export class Store {
  readonly place: Place
  readonly witness: Witness
  private current: Session | undefined
  private isUsed = false
  private isLogKept = false
  private isClosed = false

  constructor(place: Place) {
    this.place = place
    this.witness = new Witness(place.changes)
  }

  /** Throws `Closed`, and what opening a session throws. */
  open(): Session {
    if (this.isClosed) throw new Closed("the scope of the store is closed")
    this.current ??= Session.open(this.place, () => this.keepLog())
    return this.current
  }

  /** Does not throw: whatever is wrong comes up when one looks properly. */
  known(key: string): Found | undefined {
    if (this.isUsed) return undefined
    try {
      return this.current?.known(key)
    } catch {
      return undefined
    }
  }

  /** Throws what `use` does, and `Closed`. Who comes in the middle of another use would end its transaction: he throws. */
  run<A>(use: (session: Session) => A): A {
    if (this.isUsed) throw new Error("a decision must not use the store that it is a decision about")
    const session = this.open()
    this.isUsed = true
    try {
      return use(session)
    } catch (error) {
      if (!isHarmless(error)) session.isSpent = true
      throw error
    } finally {
      this.isUsed = false
      if (session.isSpent) this.discard()
    }
  }

  /** The next use opens another session. */
  discard(): void {
    const { current } = this
    this.current = undefined
    current?.close()
  }

  /** Once is enough: as long as somebody else has the database open, the log stays as well. */
  private keepLog(): void {
    const { corrupt, database } = this.place
    if (this.isLogKept || hasNothing(logOf(database))) return
    this.isLogKept = true
    copyFileSync(logOf(database), join(makeAside(corrupt, "log"), basename(logOf(database))))
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.witness.close()
    this.discard()
  }
}
