/** The rows of an open database: what there is for a key, with its proof, and what is put there. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite"
import type { StateBackend } from "@holdfast/core"
import { Result } from "effect"
import { Cache, type Found } from "./cache.ts"
import { Chain, firstLink } from "./chain.ts"
import { brokenFile, Damage } from "./damage.ts"
import { isCorrupt, isOutOfRange } from "./failure.ts"
import { columns, type Entry, fromColumns, toEntry, unreadable } from "./record.ts"

/** After a repair, the row under this key stands for each key that may have been lost: nothing is counted below it. */
const lostKey = firstLink.key

type Row = StateBackend.Row

export class Table {
  readonly chain: Chain
  /** Grows whenever somebody else has written. */
  epoch = 0
  private readonly cache = new Cache()
  private readonly dataVersion: StatementSync
  private readonly selectCounts: StatementSync
  private readonly select: StatementSync
  private readonly insert: StatementSync
  private readonly update: StatementSync
  private readonly delete: StatementSync
  private seenVersion: SQLOutputValue | undefined

  constructor(handle: DatabaseSync) {
    this.chain = new Chain(handle)
    this.dataVersion = handle.prepare("PRAGMA data_version")
    // It is asked before each read: an array is made faster than an object.
    this.dataVersion.setReturnArrays(true)
    this.selectCounts = handle.prepare("SELECT version, fence, lease, checksum FROM rows WHERE key = ?")
    this.select = handle.prepare(
      "SELECT version, fence, lease, holder, value_fence, schema_version, written_at, checksum, value FROM rows WHERE key = ?"
    )
    this.insert = handle.prepare(
      "INSERT INTO rows VALUES (:key, :version, :fence, :lease, :holder, :value_fence, :schema_version, :written_at, :checksum, :value)"
    )
    this.update = handle.prepare(
      "UPDATE rows SET version = :version, fence = :fence, lease = :lease, holder = :holder, value_fence = :value_fence, schema_version = :schema_version, written_at = :written_at, checksum = :checksum, value = :value WHERE key = :key"
    )
    this.delete = handle.prepare("DELETE FROM rows WHERE key = ?")
  }

  /** Asks whether somebody else has written. Inside of a transaction nobody can: it is enough to ask once. */
  refresh(): void {
    const version = this.dataVersion.get()?.[0]
    if (version === this.seenVersion) return
    this.seenVersion = version
    this.epoch++
  }

  /** What is known without another look. */
  known(key: string): Found | undefined {
    const cached = this.cache.get(key)
    return cached !== undefined && cached.epoch === this.epoch ? cached : undefined
  }

  /** What there is for a key, as of the last `refresh`. The same row as before, when it has not changed. */
  find(key: string): Result.Result<Found, Damage> {
    const known = this.known(key)
    if (known !== undefined) return Result.succeed(known)
    const found = guarded(() => this.load(key, this.cache.get(key)))
    if (Result.isSuccess(found)) this.cache.set(key, found.success, this.epoch)
    else this.cache.delete(key)
    return found
  }

  /** Writes a row, in a transaction: `keep` says that it has become durable. */
  put(key: string, row: Row): Result.Result<Entry, Damage> {
    return guarded(() =>
      Result.flatMap(this.find(key), ({ entry: old, exists }) => {
        const entry = toEntry(key, row, exists ? old : undefined)
        const valued = row.stored !== undefined
        if (exists && old !== undefined && valued === (old.row.stored !== undefined)) {
          this.update.run(columns(key, entry))
          return Result.succeed(entry)
        }
        return Result.map(this.chain.find(key), (link) => {
          this.chain.put(link, key, valued)
          if (exists && old !== undefined) this.update.run(columns(key, entry))
          else this.insert.run(columns(key, entry))
          return entry
        })
      })
    )
  }

  /** Writes a row in the place of one that is damaged, or hidden, in a transaction. */
  replace(key: string, row: Row): Result.Result<void, Damage> {
    return guarded(() =>
      Result.map(this.chain.find(key), (link) => {
        this.delete.run(key)
        this.chain.put(link, key, row.stored !== undefined)
        this.insert.run(columns(key, toEntry(key, row, undefined)))
      })
    )
  }

  /** Those with a value, in the order of their UTF-16. */
  keys(prefix: string): Result.Result<ReadonlyArray<string>, Damage> {
    return guarded(() =>
      Result.map(this.chain.links(), (links) =>
        links
          .filter(({ key, valued }) => valued && key !== lostKey && key.startsWith(prefix))
          .map(({ key }) => key)
          .sort()
      )
    )
  }

  /** Nothing that was read before counts any more. */
  forget(): void {
    this.cache.clear()
  }

  keep(key: string, entry: Entry): void {
    this.cache.set(key, { entry, exists: true }, this.epoch)
  }

  private load(key: string, cached: Found | undefined): Result.Result<Found, Damage> {
    if (cached?.exists && this.isSame(key, cached)) return Result.succeed(cached)
    const record = this.select.get(key)
    if (record !== undefined) {
      return Result.map(fromColumns(key, record), (entry) => ({ entry, exists: true }))
    }
    return Result.flatMap(this.chain.find(key), (link) => {
      if (key === lostKey) return link.valued ? Result.fail(hidden()) : Result.succeed(nothing)
      if (link.key === key) return Result.fail(hidden())
      return Result.map(this.find(lostKey), ({ entry }) => ({ entry, exists: false }))
    })
  }

  /** A row whose numbers are the same has not changed: so nobody reads a large value again for nothing. */
  private isSame(key: string, { entry }: Found): boolean {
    const record = this.selectCounts.get(key)
    return (
      record !== undefined &&
      record.checksum === entry?.checksum &&
      record.version === entry?.row.version &&
      record.fence === entry?.row.fence &&
      record.lease === entry?.row.lease
    )
  }
}

const nothing: Found = { entry: undefined, exists: false }

const hidden = (): Damage => new Damage("Hidden", "Checksum", "its row cannot be found")

/** What SQLite throws when it has lost its way is damage; anything else is thrown on. */
const guarded = <A>(use: () => Result.Result<A, Damage>): Result.Result<A, Damage> => {
  try {
    return use()
  } catch (error) {
    if (isOutOfRange(error)) return Result.fail(unreadable(error))
    if (!isCorrupt(error)) throw error
    return Result.fail(brokenFile("SQLite cannot read it", error))
  }
}
