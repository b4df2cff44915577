/** A pool of HTTP clients as one HTTP client. */
import { Cause, Effect, Stream } from "effect"
import {
  HttpBody,
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  type HttpClientResponse
} from "effect/http"
import type { Failover } from "../../Failover.ts"
import type { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import { classifyHttp } from "./classifyHttp.ts"
import type { AllEndpointsFailed } from "./errors.ts"
import { callerFault, unknown, type Verdict } from "./verdict.ts"

type HttpError = HttpClientError.HttpClientError

/** RFC 9110, section 9.2.2. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** By its method, or because it says which operation it is (draft-ietf-httpapi-idempotency-key-header). */
const isIdempotent = ({ headers, method }: HttpClientRequest.HttpClientRequest): boolean =>
  idempotentMethods.has(method) || (headers["idempotency-key"] ?? "").trim() !== ""

/** RFC 9110, sections 5.1 and 5.5. */
const headerName = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * A header that no client can send is a mistake of the caller: clients report it as an error of their transport, as which
 * it would count against every endpoint in turn.
 */
const checkHeaders = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<void, HttpError> => {
  const bad = Object.entries(request.headers).find(
    ([name, value]) => !headerName.test(name) || !headerValue.test(value)
  )
  if (bad === undefined) return Effect.void
  const reason = new HttpClientError.EncodeError({
    request,
    description: `the header "${bad[0]}" cannot be sent`
  })
  return Effect.fail(new HttpClientError.HttpClientError({ reason }))
}

/** A response by which the endpoint tells of a fault of its own is not the answer. */
const orFault = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpError> => {
  const { request } = response
  const reason = new HttpClientError.StatusCodeError({ request, response })
  const error = new HttpClientError.HttpClientError({ reason })
  return response.status < 400 || classifyHttp(error)._tag === "CallerFault"
    ? Effect.succeed(response)
    : Effect.fail(error)
}

/** A request on its way through the pool. */
class Sending {
  private readonly request: HttpClientRequest.HttpClientRequest
  readonly idempotent: boolean
  /** What came of attempts whose body has failed by itself. */
  private readonly ofBodies = new WeakSet<HttpError>()

  constructor(request: HttpClientRequest.HttpClientRequest) {
    this.request = request
    this.idempotent = isIdempotent(request)
  }

  with(client: HttpClient.HttpClient): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpError> {
    const { body } = this.request
    if (body._tag !== "Stream") return Effect.flatMap(client.execute(this.request), orFault)
    return Effect.suspend(() => {
      let hasFailed = false
      // A client that gives up interrupts it: only what comes from inside of it is its own.
      const watched = Stream.onError(body.stream, (cause) =>
        Effect.sync(() => {
          hasFailed = !Cause.hasInterruptsOnly(cause)
        })
      )
      const sent = Effect.flatMap(client.execute(withStream(this.request, body, watched)), orFault)
      return Effect.tapError(sent, (error) =>
        Effect.sync(() => {
          if (hasFailed && error.reason._tag !== "StatusCodeError") this.ofBodies.add(error)
        })
      )
    })
  }

  readonly classify = (error: HttpError): Verdict<HttpError> => {
    if (this.ofBodies.has(error)) return callerFault(error)
    const verdict = classifyHttp(error)
    // Some of it may be sent.
    const mayBeSent = this.request.body._tag === "Stream" && error.reason._tag === "TransportError"
    return mayBeSent && verdict._tag === "EndpointFault" ? unknown : verdict
  }
}

/** The same request, with its own headers: a body sets those of its own. */
const withStream = (
  request: HttpClientRequest.HttpClientRequest,
  { contentLength, contentType }: HttpBody.Stream,
  stream: HttpBody.Stream["stream"]
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.setHeaders(
    HttpClientRequest.setBody(request, HttpBody.stream(stream, contentType, contentLength)),
    request.headers
  )

export type HttpFailure = HttpError | AllEndpointsFailed<HttpError> | OutcomeUnknown

export const httpClient = (pool: Failover<HttpClient.HttpClient>): HttpClient.HttpClient.With<HttpFailure> =>
  HttpClient.makeWith<HttpFailure, never, HttpFailure, never>(
    (request) =>
      Effect.flatMap(Effect.tap(request, checkHeaders), (request) => {
        const sending = new Sending(request)
        return pool.execute((client) => sending.with(client), {
          idempotent: sending.idempotent,
          classify: sending.classify
        })
      }),
    Effect.succeed
  )

/** With the errors of the service `HttpClient`: ours are the cause of an error of the transport. */
export const plainHttpClient = (pool: Failover<HttpClient.HttpClient>): HttpClient.HttpClient => {
  const client = httpClient(pool)
  return HttpClient.makeWith<HttpError, never, HttpError, never>(
    (request) =>
      Effect.flatMap(request, (request) =>
        Effect.mapError(client.execute(request), (error) => {
          if (HttpClientError.isHttpClientError(error)) return error
          const description = error.message
          const reason = new HttpClientError.TransportError({ request, cause: error, description })
          return new HttpClientError.HttpClientError({ reason })
        })
      ),
    Effect.succeed
  )
}
