/** Exclusive locks with names, each an empty database of its own: SQLite lets go of it when the process is gone. */

import { existsSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { encodeName } from "../file/names.ts"
import { isBusy } from "./failure.ts"
import * as handles from "./handle.ts"
import { Closed } from "./store.ts"

/** A free handle is kept, as whoever waits for a lock tries again and again. Each has a file descriptor. */
const maxFree = 32

export class Locks {
  private readonly directory: string
  private readonly free = new Map<string, DatabaseSync>()
  private readonly held = new Set<DatabaseSync>()
  private isClosed = false

  constructor(directory: string) {
    this.directory = directory
  }

  /** How to let go of it again, or `undefined` when somebody has it. Throws what SQLite throws, and `Closed`. */
  tryTake(name: string): (() => void) | undefined {
    if (this.isClosed) throw new Closed("the scope of the store is closed")
    const handle = this.free.get(name) ?? this.open(name)
    if (handle === undefined) return undefined
    this.free.delete(name)
    try {
      // Not only "IMMEDIATE", as readers, which is what those who look are, would not see that.
      handle.exec("BEGIN EXCLUSIVE")
    } catch (error) {
      if (!isBusy(error)) {
        handles.close(handle)
        throw error
      }
      this.keep(name, handle)
      return undefined
    }
    this.held.add(handle)
    return () => this.letGo(name, handle)
  }

  /** Whether somebody has it. Throws what SQLite throws, and `Closed`. */
  isTaken(name: string): boolean {
    if (this.isClosed) throw new Closed("the scope of the store is closed")
    if (!existsSync(this.pathOf(name))) return false
    const handle = this.free.get(name) ?? this.open(name)
    if (handle === undefined) return true
    this.free.delete(name)
    try {
      handle.exec("SELECT 1 FROM sqlite_schema")
    } catch (error) {
      if (isBusy(error)) {
        this.keep(name, handle)
        return true
      }
      handles.close(handle)
      throw error
    }
    this.keep(name, handle)
    return false
  }

  close(): void {
    this.isClosed = true
    for (const handle of [...this.free.values(), ...this.held]) handles.close(handle)
    this.free.clear()
    this.held.clear()
  }

  /** `undefined` when somebody has the lock, and keeps it even from being looked at. */
  private open(name: string): DatabaseSync | undefined {
    try {
      return handles.openLock(this.pathOf(name), (handle) => handle)
    } catch (error) {
      if (isBusy(error)) return undefined
      throw error
    }
  }

  private pathOf(name: string): string {
    return join(this.directory, encodeName(name))
  }

  private letGo(name: string, handle: DatabaseSync): void {
    this.held.delete(handle)
    try {
      handle.exec("ROLLBACK")
    } catch {
      handles.close(handle)
      return
    }
    this.keep(name, handle)
  }

  private keep(name: string, handle: DatabaseSync): void {
    if (this.isClosed || this.free.has(name)) return handles.close(handle)
    this.free.set(name, handle)
    for (const [oldest, unused] of this.free) {
      if (this.free.size <= maxFree) return
      this.free.delete(oldest)
      handles.close(unused)
    }
  }
}
