/** A row as the columns of a table, with a checksum of all of them. */

import type { SQLInputValue, SQLOutputValue } from "node:sqlite"
import { crc32 } from "node:zlib"
import { Lock, type StateBackend } from "@holdfast/core"
import { Result } from "effect"
import { Damage } from "./damage.ts"

type Row = StateBackend.Row

/** The checksum of a value, which that of its row goes on from: so a new lease of a large value costs little. */
export interface ValueSum {
  readonly length: number
  readonly sum: number
}

const noValue: ValueSum = { length: 0, sum: 0 }

/** What was read, or is to be written. */
export interface Entry {
  readonly row: Row
  readonly valueSum: ValueSum
  readonly checksum: number
}

/** Half of a surrogate pair has no UTF-8: a value with one is kept as its UTF-16. */
const toColumn = (value: string): string | Uint8Array =>
  value.isWellFormed() ? value : Buffer.from(value, "utf16le")

const fromColumn = (column: SQLOutputValue | undefined): string | undefined => {
  if (typeof column === "string") return column
  return column instanceof Uint8Array ? Buffer.from(column).toString("utf16le") : undefined
}

const sumOf = (value: string | undefined): ValueSum => {
  if (value === undefined) return noValue
  return { length: value.length, sum: crc32(toColumn(value)) }
}

/** Of all that is kept, in a form in which no two rows look the same. */
const checksumOf = (key: string, row: Row, valueSum: ValueSum): number => {
  const { fence, holder, lease, stored, version } = row
  const value =
    stored === undefined ? [] : [stored.fence, stored.schemaVersion, stored.writtenAtMillis, valueSum.length]
  return crc32(JSON.stringify([key, version, fence, lease, holder ?? null, ...value]), valueSum.sum)
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** What a column of numbers gives back as it was. */
const isExact = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER

const isWritable = ({ fence, lease, stored, version }: Row): boolean =>
  [version, fence, lease, stored?.fence ?? 0].every(isCount) &&
  [stored?.schemaVersion ?? 0, stored?.writtenAtMillis ?? 0].every(isExact) &&
  (stored === undefined || stored.version === version)

/** Throws for a row that could not be read back: that is a bug of whoever decided so. */
export const toEntry = (key: string, row: Row, old: Entry | undefined): Entry => {
  if (!isWritable(row)) throw new RangeError(`the row of "${key}" has numbers that no store can keep`)
  const { holder } = row
  const kept = holder === undefined || holder.isWellFormed() ? row : { ...row, holder: holder.toWellFormed() }
  const isSameValue = old !== undefined && old.row.stored === row.stored
  const valueSum = isSameValue ? old.valueSum : sumOf(row.stored?.value)
  return { row: kept, valueSum, checksum: checksumOf(key, kept, valueSum) }
}

export type Columns = Record<string, SQLInputValue>

export const columns = (key: string, { checksum, row }: Entry): Columns => {
  const { fence, holder, lease, stored, version } = row
  return {
    key,
    version,
    fence,
    lease,
    holder: holder ?? null,
    value_fence: stored?.fence ?? null,
    schema_version: stored?.schemaVersion ?? null,
    written_at: stored?.writtenAtMillis ?? null,
    checksum,
    value: stored === undefined ? null : toColumn(stored.value)
  }
}

const storedOf = (record: Record<string, SQLOutputValue>, version: number): Row["stored"] | Damage => {
  const { schema_version, value, value_fence, written_at } = record
  const all = [schema_version, value, value_fence, written_at]
  if (all.every((column) => column === null)) return undefined
  const text = fromColumn(value)
  if (text === undefined || !isCount(value_fence) || !isExact(schema_version) || !isExact(written_at)) {
    return unreadable()
  }
  return {
    value: text,
    version,
    fence: Lock.Fence(value_fence),
    schemaVersion: schema_version,
    writtenAtMillis: written_at
  }
}

export const unreadable = (cause?: unknown): Damage =>
  new Damage("Row", "Encoding", "its row does not have the columns of a row", cause)

/** The row that a record of the table holds, if it is the one that was written for this key. */
export const fromColumns = (
  key: string,
  record: Record<string, SQLOutputValue>
): Result.Result<Entry, Damage> => {
  const { checksum, fence, holder, lease, version } = record
  if (!isCount(version) || !isCount(fence) || !isCount(lease)) return Result.fail(unreadable())
  if (holder !== null && typeof holder !== "string") return Result.fail(unreadable())
  const stored = storedOf(record, version)
  if (stored instanceof Damage) return Result.fail(stored)
  const row: Row = { stored, version, fence, lease, holder: holder ?? undefined }
  const valueSum = sumOf(stored?.value)
  return checksumOf(key, row, valueSum) === checksum
    ? Result.succeed({ row, valueSum, checksum })
    : Result.fail(new Damage("Row", "Checksum", "the checksum of its row is wrong"))
}
