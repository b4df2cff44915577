/** Whose fault an error of an HTTP request is. In doubt it is nobody's: what may have been done is not sent again. */
import { Option, Predicate } from "effect"
import { HttpClientError, HttpClientRequest } from "effect/http"
import { unsent } from "./unsent.ts"
import { callerFault, classifying, endpointFault, unknown, type Verdict } from "./verdict.ts"

/**
 * Statuses by which a server says that it has not begun:
 *
 * - 421 (RFC 9110, 15.5.20): it is not the one to answer for this URI, and another connection may be tried.
 * - 425 (RFC 8470, 5.2): it is unwilling to process what might be a replay.
 * - 429 (RFC 6585, 4): the caller has sent too many requests, and this one is turned away.
 *
 * 408 is not among them. By RFC 9110 (15.5.9) the request did not arrive in whole, but widespread middleware, such as
 * tower-http's, sends it for a handler that takes too long.
 */
export const turnedAway = (status: number): boolean => status === 421 || status === 425 || status === 429

/**
 * A 503 by which a server turns a request away tells when to come back (RFC 9110, 15.6.4). One without `Retry-After` may
 * be a proxy's word for a backend that was cut off, or is still at it: Envoy and Heroku's router send it then.
 */
const isAway = ({ headers, status }: HttpClientError.StatusCodeError["response"]): boolean =>
  status === 503 && headers["retry-after"] !== undefined

/** A client error, or 501: a server that knows no such method. */
const isCallers = (status: number): boolean =>
  (status >= 400 && status < 500 && status !== 408) || status === 501

/** What Node and undici say of a request that they cannot even write. */
const unsendable = new Set([
  "ERR_HTTP_CONTENT_LENGTH_MISMATCH",
  "ERR_INVALID_CHAR",
  "ERR_INVALID_HTTP_TOKEN",
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED"
])

/** A `fetch` that throws such an error has no code for it, and no cause as it has for what happens on the network. */
const isRefusedByFetch = (cause: unknown): boolean =>
  cause instanceof TypeError &&
  cause.cause === undefined &&
  /ByteString|header (name|value)|Headers\.|HTTP method/i.test(cause.message)

const isUnsendable = (cause: unknown, depth = 0): boolean =>
  isRefusedByFetch(cause) ||
  (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && unsendable.has(cause.code)) ||
  // Causes may turn in a circle.
  (depth < 8 && Predicate.hasProperty(cause, "cause") && isUnsendable(cause.cause, depth + 1))

/** `fetch` follows redirects by itself: the status is that of the last hop, and the first has had the request. */
const isRedirected = ({ request, url }: HttpClientError.StatusCodeError["response"]): boolean => {
  const asked = Option.getOrUndefined(HttpClientRequest.toUrl(request))
  if (url === "" || asked === undefined) return false
  asked.hash = ""
  return asked.href !== url
}

const ofStatus = (
  error: HttpClientError.HttpClientError,
  response: HttpClientError.StatusCodeError["response"]
): Verdict<HttpClientError.HttpClientError> => {
  if (turnedAway(response.status) || isAway(response)) return isRedirected(response) ? unknown : endpointFault
  // Nor does a status below 400 that was not expected say that nothing was done: 202 and 303 say the contrary.
  return isCallers(response.status) ? callerFault(error) : unknown
}

const of = (error: HttpClientError.HttpClientError): Verdict<HttpClientError.HttpClientError> => {
  const { reason } = error
  switch (reason._tag) {
    case "StatusCodeError":
      return ofStatus(error, reason.response)
    case "TransportError":
      if (isUnsendable(reason.cause)) return callerFault(error)
      return unsent(reason.cause, Option.getOrUndefined(HttpClientRequest.toUrl(reason.request)))
        ? endpointFault
        : unknown
    case "EncodeError":
    case "InvalidUrlError":
      return callerFault(error)
    // The server has answered, so it has had the request.
    case "DecodeError":
    case "EmptyBodyError":
      return unknown
  }
}

export const classifyHttp = classifying(HttpClientError.isHttpClientError, of)
