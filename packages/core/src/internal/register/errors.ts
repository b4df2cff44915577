/** What goes wrong with a register; see `Register`. */
import { Schema } from "effect"

export class KeyTaken extends Schema.TaggedError<KeyTaken>("@holdfast/core/Register/KeyTaken")("KeyTaken", {
  register: Schema.String,
  key: Schema.String,
  owner: Schema.Struct({ slot: Schema.Number, fence: Schema.Number }),
  isOwn: Schema.Boolean
}) {
  override get message(): string {
    const { isOwn, key, owner, register } = this
    const by = isOwn ? "a guard of this very owner has it" : `owner ${owner.slot} has it, who lives`
    return `the key "${key}" of the register "${register}" is taken: ${by}`
  }
}

export class TooManyOwners extends Schema.TaggedError<TooManyOwners>("@holdfast/core/Register/TooManyOwners")(
  "TooManyOwners",
  { register: Schema.String, maxOwners: Schema.Number }
) {
  override get message(): string {
    return `the register "${this.register}" has ${this.maxOwners} owners who live, and room for no more`
  }
}
