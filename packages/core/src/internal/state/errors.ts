/** What goes wrong with stored state; see `StateStore`. */
import { Exit, Schema } from "effect"

const hints = {
  Missing: "something of it is not there",
  Denied: "the process may not use it",
  ReadOnly: "it can only be read",
  Io: "the device fails",
  Connection: "it cannot be reached",
  Unsupported: "it is not supported here",
  Closed: "its scope is closed"
} as const

export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>(
  "@holdfast/core/StateStore/StoreUnavailable"
)("StoreUnavailable", {
  store: Schema.String,
  operation: Schema.String,
  reason: Schema.Literals(["Missing", "Denied", "ReadOnly", "Io", "Connection", "Unsupported", "Closed"]),
  cause: Schema.Defect()
}) {
  override get message(): string {
    const { cause, operation, reason, store } = this
    const why = cause instanceof Error ? `: ${cause.message}` : ""
    return `the store "${store}" cannot ${operation}, as ${hints[reason]}${why}`
  }
}

export const closed = (store: string, operation: string): Exit.Exit<never, StoreUnavailable> =>
  Exit.fail(
    new StoreUnavailable({ store, operation, reason: "Closed", cause: new Error("its scope is closed") })
  )

export class StoreFull extends Schema.TaggedError<StoreFull>("@holdfast/core/StateStore/StoreFull")(
  "StoreFull",
  {
    store: Schema.String,
    key: Schema.String,
    cause: Schema.Defect()
  }
) {
  override get message(): string {
    return `there is no room in the store "${this.store}" for a new value of "${this.key}": the old one is intact`
  }
}

export class StateCorrupted extends Schema.TaggedError<StateCorrupted>(
  "@holdfast/core/StateStore/StateCorrupted"
)("StateCorrupted", {
  store: Schema.String,
  key: Schema.String,
  reason: Schema.Literals(["Checksum", "Encoding", "Schema"]),
  location: Schema.optionalKey(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const { cause, key, location, reason, store } = this
    const where = location === undefined ? `the store "${store}"` : location
    if (reason === "Schema") {
      const why = cause instanceof Error ? `: ${cause.message}` : ""
      return `this program cannot read the value of "${key}" in ${where}, which is as it was written: mend its schema or its migrations${why}`
    }
    const why = reason === "Checksum" ? "it is not what was written" : "it cannot be read"
    // No value has this key.
    const what = key === "" ? "what all keys have in common" : `the value of "${key}"`
    return `${what} in ${where} is corrupt, as ${why}: it is left as it is until it is repaired`
  }
}

export class SchemaTooNew extends Schema.TaggedError<SchemaTooNew>("@holdfast/core/LockedState/SchemaTooNew")(
  "SchemaTooNew",
  { key: Schema.String, stored: Schema.Number, known: Schema.Number }
) {
  override get message(): string {
    const { key, known, stored } = this
    return `the value of "${key}" has version ${stored} of its schema, and this program knows ${known}: update the program`
  }
}
