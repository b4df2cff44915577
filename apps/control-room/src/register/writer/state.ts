/** What the writers share, beside the register itself. */
import * as LockedState from "@holdfast/core/LockedState"
import * as Schema from "effect/Schema"

export const registerKey = "harbour"

/** How many changes of each life are there. */
const Ledger = Schema.Record(Schema.String, Schema.Int)
export type Ledger = typeof Ledger.Type

export const ledger = LockedState.make("ledger", { schema: Ledger, initial: {} })

export const counted = (all: Ledger, name: string): Ledger => ({ ...all, [name]: (all[name] ?? 0) + 1 })
