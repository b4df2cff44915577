/** What one file holds: the rows that change together. */
import type { StateBackend } from "@holdfast/core"

export interface Document {
  readonly rows: ReadonlyMap<string, StateBackend.Row>
  /** What stands for a key that is not among the rows: in a file that was repaired it may have been lost. */
  readonly absent: StateBackend.Row | undefined
}

export const empty: Document = { rows: new Map(), absent: undefined }

export const rowOf = (document: Document, key: string): StateBackend.Row | undefined =>
  document.rows.get(key) ?? document.absent

/** The row of a key of which nothing is known but how far it had been counted at most. */
export const lostAt = (count: number): StateBackend.Row | undefined =>
  count === 0 ? undefined : { stored: undefined, version: count, fence: count, lease: 0, holder: undefined }

const isSame = <A extends object>(one: A, other: A, fields: ReadonlyArray<keyof A>): boolean =>
  fields.every((field) => one[field] === other[field])

/** The old objects, as far as they say the same: whoever keeps what he made of one finds it again. */
const keepRow = (old: StateBackend.Row | undefined, row: StateBackend.Row): StateBackend.Row => {
  if (old === undefined) return row
  const isKept =
    old.stored !== undefined &&
    row.stored !== undefined &&
    isSame(old.stored, row.stored, ["version", "fence", "schemaVersion", "writtenAtMillis", "value"])
  const stored = isKept ? old.stored : row.stored
  return old.stored === stored && isSame(old, row, ["version", "fence", "lease", "holder"])
    ? old
    : { ...row, stored }
}

export const keep = (old: Document | undefined, document: Document): Document => {
  if (old === undefined) return document
  const rows = new Map(Array.from(document.rows, ([key, row]) => [key, keepRow(old.rows.get(key), row)]))
  const isAbsentKept = old.absent?.fence === document.absent?.fence
  return { rows, absent: isAbsentKept ? old.absent : document.absent }
}
