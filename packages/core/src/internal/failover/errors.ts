/** What goes wrong with a pool of endpoints; see `Failover`. */
import { type Array as Arr, Cause, Schema } from "effect"
import { HttpClientError } from "effect/http"
import type { AttemptTimeout } from "../retry.ts"

export class EndpointUnavailable extends Schema.TaggedError<EndpointUnavailable>(
  "@holdfast/core/Failover/EndpointUnavailable"
)("EndpointUnavailable", { label: Schema.String, endpoint: Schema.String, cause: Schema.Defect() }) {
  override get message(): string {
    return `"${this.label}": there is no client for the endpoint "${this.endpoint}": ${ofError(this.cause)}`
  }
}

/** What a call came to at one endpoint. */
export interface Failure<out E> {
  readonly endpoint: string
  readonly cause: Cause.Cause<E | AttemptTimeout | EndpointUnavailable> | undefined
  readonly elapsedMillis: number
}

export type Limit = "Endpoints" | "Attempts" | "Budget" | "Deadline" | "InheritedDeadline"

const whys: { readonly [limit in Limit]: string } = {
  Endpoints: "every endpoint has failed",
  Attempts: "all attempts have failed",
  Budget: "the budget allows no further attempt",
  Deadline: "its time was up",
  InheritedDeadline: "an inherited deadline was reached"
}

/** The words of an HTTP error hold its URL, and a URL may hold a key. */
const ofHttp = ({ reason, response }: HttpClientError.HttpClientError): string => {
  const status = response === undefined ? "" : ` ${response.status}`
  const { cause } = reason
  return `${reason._tag}${status}${cause instanceof Error ? ` (${ofCause(cause)})` : ""}`
}

/** What a client throws is often in other words only that it has failed; the system's own word is in its cause. */
const ofCause = ({ cause, message }: Error): string => (cause instanceof Error ? cause.message : message)

const ofError = (error: unknown): string => {
  if (HttpClientError.isHttpClientError(error)) return ofHttp(error)
  return error instanceof Error ? error.message : String(error)
}

const words = <E>({ cause, endpoint }: Failure<E>): string =>
  `${endpoint}: ${cause === undefined ? "not tried" : ofError(Cause.squash(cause))}`

export class AllEndpointsFailed<out E = unknown> extends Schema.TaggedError<AllEndpointsFailed<unknown>>(
  "@holdfast/core/Failover/AllEndpointsFailed"
)("AllEndpointsFailed", {
  label: Schema.String,
  limit: Schema.Literals(["Endpoints", "Attempts", "Budget", "Deadline", "InheritedDeadline"]),
  attempts: Schema.Number,
  elapsedMillis: Schema.Number,
  failures: Schema.NonEmptyArray(
    Schema.Struct({
      endpoint: Schema.String,
      cause: Schema.UndefinedOr(Schema.Cause(Schema.Unknown, Schema.Defect())),
      elapsedMillis: Schema.Number
    })
  )
}) {
  declare readonly failures: Arr.NonEmptyReadonlyArray<Failure<E>>

  override get message(): string {
    const { failures, label, limit } = this
    return `"${label}" got no answer, ${whys[limit]} (${failures.map(words).join("; ")})`
  }
}
