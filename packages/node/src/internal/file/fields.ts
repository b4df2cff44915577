/** A row as the fields of a JSON object that people can read. */
import type { Lock, StateBackend } from "@holdfast/core"
import { Brand, DateTime, Option, Schema } from "effect"

/** Of longer values nobody reads the lines, and making them takes time. */
const longestNested = 1 << 20

/** Depth costs spaces: a value that would grow by more than this is left as one string. */
const mostGrowth = 8

/** In the order in which they are written. Without `value` and `text` the key was locked, and never written. */
export const Fields = Schema.Struct({
  key: Schema.String,
  version: Schema.Natural,
  fence: Schema.Natural,
  lease: Schema.Natural,
  holder: Schema.optionalKey(Schema.String),
  schemaVersion: Schema.optionalKey(Schema.Finite),
  /** Text, for people; a number when it is no whole milliseconds of the calendar. */
  writtenAt: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite])),
  writtenUnderFence: Schema.optionalKey(Schema.Natural),
  /** The value, where it is JSON as `JSON.stringify` writes it. */
  value: Schema.optionalKey(Schema.Unknown),
  /** Any other value. */
  text: Schema.optionalKey(Schema.String),
  /** Instead of all that: the row was damaged, and what has its bytes was put aside under this name. */
  lost: Schema.optionalKey(Schema.String)
})
export type Fields = typeof Fields.Type

const makeFence = Brand.nominal<Lock.Fence>()

const prettyIsShort = (parsed: unknown, text: string): boolean =>
  JSON.stringify(parsed, null, 2).length <= mostGrowth * text.length + 1024

/** Nested only when exactly the same text can be made of it again. */
const nest = (text: string): { readonly value: unknown } | { readonly text: string } => {
  if (text.length > longestNested) return { text }
  try {
    const value: unknown = JSON.parse(text)
    return JSON.stringify(value) === text && prettyIsShort(value, text) ? { value } : { text }
  } catch {
    return { text }
  }
}

const toTime = (millis: number): string | number =>
  Option.match(DateTime.make(millis), {
    onNone: () => millis,
    onSome: (time) => {
      const text = DateTime.formatIso(time)
      return Date.parse(text) === millis ? text : millis
    }
  })

const fromTime = (time: string | number): number => (typeof time === "number" ? time : Date.parse(time))

/** Throws for a row whose value has another version than the row: they are one field. */
export const toFields = (
  key: string,
  { fence, holder, lease, stored, version }: StateBackend.Row
): Fields => {
  if (stored !== undefined && stored.version !== version) {
    throw new Error(`the row of "${key}" has the version ${version}, and its value ${stored.version}`)
  }
  const counts = { key, version, fence, lease, ...(holder === undefined ? {} : { holder }) }
  if (stored === undefined) return counts
  return {
    ...counts,
    schemaVersion: stored.schemaVersion,
    writtenAt: toTime(stored.writtenAtMillis),
    writtenUnderFence: stored.fence,
    ...nest(stored.value)
  }
}

const storedOf = (fields: Fields): StateBackend.Row["stored"] => {
  const value = "value" in fields ? JSON.stringify(fields.value) : fields.text
  if (value === undefined) return undefined
  return {
    value,
    version: fields.version,
    fence: makeFence(fields.writtenUnderFence ?? 0),
    schemaVersion: fields.schemaVersion ?? 0,
    writtenAtMillis: fromTime(fields.writtenAt ?? 0)
  }
}

export const fromFields = (fields: Fields): StateBackend.Row => ({
  stored: storedOf(fields),
  version: fields.version,
  fence: fields.fence,
  lease: fields.lease,
  holder: fields.holder
})
