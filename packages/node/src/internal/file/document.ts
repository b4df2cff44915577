/** What one file holds: the rows that change together. */
import type { StateBackend } from "@holdfast/core"

/** A row that is damaged, and not repaired. */
export interface Lost {
  /** What it had counted at most. */
  readonly count: number
  /** The name of what was put aside with its bytes; `undefined` when they are in the file itself. */
  readonly aside: string | undefined
}

export interface Document {
  readonly rows: ReadonlyMap<string, StateBackend.Row>
  /** Those of the other keys that have, or had, a row. */
  readonly lost: ReadonlyMap<string, Lost>
  /** What stands for all other keys: in a file that was repaired they may have been lost. */
  readonly absent: StateBackend.Row | undefined
  /** The file is not as it was written, so it is put aside before another takes its name. */
  readonly isDamaged: boolean
}

const noneLost: Document["lost"] = new Map()

export const documentOf = (
  rows: Document["rows"],
  absent: Document["absent"] = undefined,
  lost: Document["lost"] = noneLost
): Document => ({ rows, lost, absent, isDamaged: false })

export const empty: Document = documentOf(new Map())

/** What is known of all keys, once the damaged file has been put aside under this name. */
export const markLost = (document: Document, aside: string): Document => ({
  ...document,
  lost: new Map(
    Array.from(document.lost, ([key, lost]) => [key, lost.aside === undefined ? { ...lost, aside } : lost])
  ),
  isDamaged: false
})

/** These rows instead of those that were there, or were lost. */
export const withRows = (document: Document, rows: ReadonlyMap<string, StateBackend.Row>): Document => ({
  ...document,
  rows: new Map([...document.rows, ...rows]),
  lost:
    document.lost.size === 0
      ? document.lost
      : new Map(Array.from(document.lost).filter(([key]) => !rows.has(key)))
})

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
  return { ...document, rows, absent: isAbsentKept ? old.absent : document.absent }
}
