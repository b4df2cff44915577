/** What a program sees of a network that does not do what it was asked for. */
import { Schema } from "effect"
import type { Address } from "../../Network.ts"

const connectCodes = { Refused: "ECONNREFUSED", TimedOut: "ETIMEDOUT", UnknownHost: "ENOTFOUND" } as const

const lossCodes = { Reset: "ECONNRESET", TimedOut: "ETIMEDOUT", Closed: "EPIPE" } as const

const show = ({ host, port }: Address): string => `${host}:${port}`

const AddressSchema = Schema.Struct({ host: Schema.String, port: Schema.Number })

/**
 * A connection could not be made.
 *
 * **Details**
 *
 * - `Refused`: the host is up and nothing listens on the port, or the link refuses.
 * - `TimedOut`: no answer for 127 seconds, as long as Linux tries by default. Programs mostly give up sooner.
 * - `UnknownHost`: there is no host of that name.
 *
 * `code` is what Node.js calls it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>("@holdfast/sim/Network/ConnectFailed")(
  "ConnectFailed",
  { reason: Schema.Literals(["Refused", "TimedOut", "UnknownHost"]), to: AddressSchema }
) {
  get code(): string {
    return connectCodes[this.reason]
  }

  override get message(): string {
    return `connect ${this.code} ${show(this.to)}`
  }
}

/**
 * A connection is no more.
 *
 * **Details**
 *
 * - `Reset`: the other side, or something in between, reset it; a host that was restarted does so to connections of its
 *   earlier life.
 * - `TimedOut`: what was sent could not be delivered for some 15 minutes, as long as Linux tries by default.
 * - `Closed`: this side has closed it.
 *
 * `code` is what Node.js calls it.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>(
  "@holdfast/sim/Network/ConnectionLost"
)("ConnectionLost", {
  reason: Schema.Literals(["Reset", "TimedOut", "Closed"]),
  local: AddressSchema,
  remote: AddressSchema
}) {
  get code(): string {
    return lossCodes[this.reason]
  }

  override get message(): string {
    return `${this.code} on the connection of ${show(this.local)} with ${show(this.remote)}`
  }
}

/**
 * Another program of the host has the port.
 *
 * @since 0.1.0
 * @category errors
 */
export class AddressInUse extends Schema.TaggedError<AddressInUse>("@holdfast/sim/Network/AddressInUse")(
  "AddressInUse",
  { address: AddressSchema }
) {
  get code(): string {
    return "EADDRINUSE"
  }

  override get message(): string {
    return `listen ${this.code} ${show(this.address)}: close what has the port, or take port 0 for any that is free`
  }
}
