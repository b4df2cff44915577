/** What the workers change: how often each has changed it. */
import { LockedState } from "@holdfast/core"
import { Schema } from "effect"

export const key = "ledger"

const Ledger = Schema.Struct({
  /** The number of all changes; so it is the version, too. */
  total: Schema.Int,
  /** The changes of each worker. */
  counts: Schema.Record(Schema.String, Schema.Int),
  /** Other text after each change, so that a mixture of two values is none of them. */
  padding: Schema.String
})
export type Ledger = typeof Ledger.Type

const paddingLength = 1024

export const paddingOf = (total: number): string => `${total};`.repeat(paddingLength).slice(0, paddingLength)

export const ledger = LockedState.make(key, {
  schema: Ledger,
  initial: { total: 0, counts: {}, padding: paddingOf(0) }
})

const withCounts = ({ total }: Ledger, counts: Ledger["counts"]): Ledger => ({
  total: total + 1,
  counts,
  padding: paddingOf(total + 1)
})

export const countOne =
  (name: string) =>
  (value: Ledger): Ledger =>
    withCounts(value, { ...value.counts, [name]: (value.counts[name] ?? 0) + 1 })

/** Without the workers that are gone. */
export const forget =
  (isGone: (name: string) => boolean) =>
  (value: Ledger): Ledger =>
    withCounts(value, Object.fromEntries(Object.entries(value.counts).filter(([name]) => !isGone(name))))
