/** What goes wrong with a pool of endpoints; see `Failover`. */
import { type Array as Arr, Cause, Predicate, Schema } from "effect"
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

/** What the system says of a connection; any other words may hold the URL, and a URL may hold a key. */
const ofSystem = (cause: unknown, depth = 0): string | undefined => {
  // Causes may turn in a circle.
  if (!(cause instanceof Error) || depth > 8) return undefined
  const isSystems = Predicate.hasProperty(cause, "code") || Predicate.hasProperty(cause, "syscall")
  return isSystems ? cause.message : ofSystem(cause.cause, depth + 1)
}

const ofHttp = ({ reason, response }: HttpClientError.HttpClientError): string => {
  const system = ofSystem(reason.cause)
  return `${reason._tag}${response === undefined ? "" : ` ${response.status}`}${system === undefined ? "" : ` (${system})`}`
}

const ofError = (error: unknown): string => {
  if (HttpClientError.isHttpClientError(error)) return ofHttp(error)
  return error instanceof Error ? error.message : String(error)
}

/** A cause in a few words, without a URL. */
export const wordsOf = (cause: Cause.Cause<unknown>): string => ofError(Cause.squash(cause))

const words = <E>({ cause, endpoint }: Failure<E>): string =>
  `${endpoint}: ${cause === undefined ? "not tried" : wordsOf(cause)}`

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
