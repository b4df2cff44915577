/** What goes wrong with a lock; see `Lock`. */
import { Schema } from "effect"

export class LockTimeout extends Schema.TaggedError<LockTimeout>("@holdfast/core/Lock/LockTimeout")(
  "LockTimeout",
  {
    key: Schema.String,
    waitedMillis: Schema.Number,
    limit: Schema.Literals(["Wait", "InheritedDeadline"]),
    holder: Schema.optionalKey(Schema.String)
  }
) {
  override get message(): string {
    const { holder, key, limit, waitedMillis } = this
    const why = limit === "Wait" ? "" : " of the time until an inherited deadline"
    const who = holder === undefined ? "" : `: "${holder}" holds it`
    return `the lock of "${key}" was not free within ${Math.round(waitedMillis)} ms${why}${who}`
  }
}

export class Fenced extends Schema.TaggedError<Fenced>("@holdfast/core/Lock/Fenced")("Fenced", {
  key: Schema.String,
  fence: Schema.Number,
  current: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    const { current, fence, key } = this
    const by = current === undefined ? "" : `, as ${current} is known`
    return `the lease ${fence} of "${key}" is lost${by}: what it protects may belong to somebody else`
  }
}
