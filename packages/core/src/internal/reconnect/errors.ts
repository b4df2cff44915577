/** What goes wrong with a supervised connection; see `Reconnect`. */
import { Schema } from "effect"

const seconds = (millis: number): string => `${Math.round(millis) / 1000} s`

const attemptsOf = (count: number): string => `${count} ${count === 1 ? "attempt" : "attempts"}`

export class NotConnected extends Schema.TaggedError<NotConnected>("@holdfast/core/Reconnect/NotConnected")(
  "NotConnected",
  {
    label: Schema.String,
    reason: Schema.Literals(["Connecting", "GaveUp", "Closed"]),
    attempts: Schema.Number,
    waitedMillis: Schema.Number,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {
  override get message(): string {
    const { attempts, label, reason, waitedMillis } = this
    if (reason === "Closed") return `"${label}" is closed`
    return reason === "GaveUp"
      ? `"${label}" is not connected, and has given up${attempts === 0 ? "" : ` after ${attemptsOf(attempts)}`}`
      : `"${label}" is not connected: waited ${seconds(waitedMillis)}, ${attemptsOf(attempts)} failed so far`
  }
}

export class ConnectionLost extends Schema.TaggedError<ConnectionLost>(
  "@holdfast/core/Reconnect/ConnectionLost"
)("ConnectionLost", {
  label: Schema.String,
  generation: Schema.Number,
  reason: Schema.Literals(["Lost", "Closed"]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const { generation, label, reason } = this
    return reason === "Lost"
      ? `"${label}" lost its connection (generation ${generation}) while it was used: whether the work was done is unknown`
      : `"${label}" was closed while its connection (generation ${generation}) was used`
  }
}

export class GaveUp extends Schema.TaggedError<GaveUp>("@holdfast/core/Reconnect/GaveUp")("GaveUp", {
  label: Schema.String,
  limit: Schema.Literals(["Attempts", "Elapsed", "Unrecoverable", "Schedule", "Exit"]),
  attempts: Schema.Number,
  elapsedMillis: Schema.Number,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const { attempts, elapsedMillis, label, limit } = this
    return limit === "Exit"
      ? `"${label}" lost its connection, and is not to reconnect`
      : `"${label}" gave up (${limit}) after ${attemptsOf(attempts)} in ${seconds(elapsedMillis)}`
  }
}

export class EstablishFailed extends Schema.TaggedError<EstablishFailed>(
  "@holdfast/core/Reconnect/EstablishFailed"
)("EstablishFailed", {
  label: Schema.String,
  limit: Schema.Literals(["Attempts", "Deadline", "InheritedDeadline"]),
  attempts: Schema.Number,
  elapsedMillis: Schema.Number,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const { attempts, elapsedMillis, label, limit } = this
    const why = limit === "Attempts" ? "all of its attempts failed" : "its time was up"
    return `"${label}" was not established: ${why} (${attemptsOf(attempts)}, ${seconds(elapsedMillis)})`
  }
}
