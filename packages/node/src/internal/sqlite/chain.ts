/** Which keys there are: a list in their order, each with the next one, so that a missing key can be told from a hidden one. */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite"
import { crc32 } from "node:zlib"
import { Result } from "effect"
import { Damage } from "./damage.ts"
import { isOutOfRange } from "./failure.ts"

export interface Link {
  readonly key: string
  readonly next: string | null
  /** Whether there is a value, or the key was only locked. */
  readonly valued: boolean
}

export const sumOfLink = ({ key, next, valued }: Link): number => crc32(JSON.stringify([key, next, valued]))

export const firstLink: Link = { key: "", next: null, valued: false }

/** The link that a record of the table holds, if it is as it was written. */
export const toLink = (record: Record<string, SQLOutputValue>): Link | undefined => {
  const { checksum, key, next, valued } = record
  if (typeof key !== "string" || (typeof next !== "string" && next !== null)) return undefined
  const link = { key, next, valued: valued === 1 }
  return (valued === 0 || valued === 1) && sumOfLink(link) === checksum ? link : undefined
}

const broken = (): Damage => new Damage("Chain", "Checksum", "the list of the keys is broken there")

export class Chain {
  private readonly selectUpTo: StatementSync
  private readonly selectAll: StatementSync
  private readonly upsert: StatementSync

  constructor(handle: DatabaseSync) {
    this.selectUpTo = handle.prepare(
      "SELECT key, next, valued, checksum, next IS NULL OR next > ?1 AS covers FROM chain WHERE key <= ?1 ORDER BY key DESC LIMIT 1"
    )
    this.selectAll = handle.prepare("SELECT key, next, valued, checksum FROM chain ORDER BY key")
    this.upsert = handle.prepare(
      "INSERT INTO chain VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET next = excluded.next, valued = excluded.valued, checksum = excluded.checksum"
    )
  }

  /** The link of a key, or the one that proves that there is none. */
  find(key: string): Result.Result<Link, Damage> {
    return legible(() => {
      const record = this.selectUpTo.get(key)
      const link = record === undefined ? undefined : toLink(record)
      return link === undefined || record?.covers !== 1 ? Result.fail(broken()) : Result.succeed(link)
    })
  }

  /** Puts a key where `find` has found that it belongs. */
  put(found: Link, key: string, valued: boolean): void {
    if (found.key === key) {
      if (found.valued !== valued) this.write({ ...found, valued })
      return
    }
    this.write({ ...found, next: key })
    this.write({ key, next: found.next, valued })
  }

  /** All links, in their order. */
  links(): Result.Result<ReadonlyArray<Link>, Damage> {
    return legible(() => {
      const links: Array<Link> = []
      let expected: string | null = firstLink.key
      for (const record of this.selectAll.iterate()) {
        const link = toLink(record)
        if (link === undefined || link.key !== expected) return Result.fail(broken())
        links.push(link)
        expected = link.next
      }
      return expected === null ? Result.succeed(links) : Result.fail(broken())
    })
  }

  private write(link: Link): void {
    this.upsert.run(link.key, link.next, link.valued ? 1 : 0, sumOfLink(link))
  }
}

const legible = <A>(read: () => Result.Result<A, Damage>): Result.Result<A, Damage> => {
  try {
    return read()
  } catch (error) {
    if (!isOutOfRange(error)) throw error
    return Result.fail(broken())
  }
}
