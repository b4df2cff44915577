/** Makes the list of the keys anew, from what is left of it and of the rows. */
import type { DatabaseSync } from "node:sqlite"
import { firstLink, sumOfLink } from "./chain.ts"
import { columns, toEntry } from "./record.ts"

/** Keys that are known, and whether there is a value for them. */
export type Known = Map<string, boolean>

const link = (handle: DatabaseSync, key: string, next: string | null, valued: boolean): void => {
  handle
    .prepare("UPDATE chain SET next = ?, valued = ?, checksum = ? WHERE key = ?")
    .run(next, valued ? 1 : 0, sumOfLink({ key, next, valued }), key)
}

/**
 * To be called in a transaction. `known` are the keys that the old list still names: those without a row stay hidden,
 * until each is repaired. A key that nothing names any more may have been there as well, so from now on a row stands for
 * all that are missing, with numbers that were never counted up to.
 */
export const relink = (handle: DatabaseSync, known: Known, beyond: number): void => {
  handle.exec("DELETE FROM chain")
  handle.exec("INSERT INTO chain SELECT key, NULL, value IS NOT NULL, 0 FROM rows WHERE key <> ''")
  const add = handle.prepare("INSERT INTO chain VALUES (?, NULL, ?, 0) ON CONFLICT DO NOTHING")
  for (const [key, valued] of known) if (key !== firstLink.key) add.run(key, valued ? 1 : 0)
  handle.exec("INSERT INTO chain VALUES ('', NULL, 1, 0)")
  let next: string | null = null
  for (const { key, valued } of handle.prepare("SELECT key, valued FROM chain ORDER BY key DESC").all()) {
    if (typeof key !== "string") throw new TypeError("the key of a link is text")
    link(handle, key, next, valued === 1)
    next = key
  }
  const lost = toEntry(
    firstLink.key,
    { stored: undefined, version: beyond, fence: beyond, lease: 0, holder: undefined },
    undefined
  )
  handle.exec("DELETE FROM rows WHERE key = ''")
  handle
    .prepare(
      "INSERT INTO rows (key, version, fence, lease, holder, checksum, value_fence, schema_version, written_at, value) VALUES (:key, :version, :fence, :lease, :holder, :checksum, :value_fence, :schema_version, :written_at, :value)"
    )
    .run(columns(firstLink.key, lost))
}
