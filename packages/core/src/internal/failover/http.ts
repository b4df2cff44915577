/** A pool of HTTP clients as one HTTP client. */
import { Effect } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest, type HttpClientResponse } from "effect/http"
import type { Failover } from "../../Failover.ts"
import type { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import { classifyHttp } from "./classifyHttp.ts"
import type { AllEndpointsFailed } from "./errors.ts"

/** RFC 9110, section 9.2.2. */
const idempotentMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])

/** By its method, or because it says which operation it is (draft-ietf-httpapi-idempotency-key-header). */
const isIdempotent = ({ headers, method }: HttpClientRequest.HttpClientRequest): boolean =>
  idempotentMethods.has(method) || headers["idempotency-key"] !== undefined

/** A response by which the endpoint tells of a fault of its own is not the answer. */
const orFault = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const { request } = response
  const reason = new HttpClientError.StatusCodeError({ request, response })
  const error = new HttpClientError.HttpClientError({ reason })
  return response.status < 400 || classifyHttp(error)._tag === "CallerFault"
    ? Effect.succeed(response)
    : Effect.fail(error)
}

export type HttpFailure =
  | HttpClientError.HttpClientError
  | AllEndpointsFailed<HttpClientError.HttpClientError>
  | OutcomeUnknown

export const httpClient = (pool: Failover<HttpClient.HttpClient>): HttpClient.HttpClient.With<HttpFailure> =>
  HttpClient.makeWith<HttpFailure, never, HttpFailure, never>(
    (request) =>
      Effect.flatMap(request, (request) =>
        pool.execute((client) => Effect.flatMap(client.execute(request), orFault), {
          idempotent: isIdempotent(request),
          classify: classifyHttp
        })
      ),
    Effect.succeed
  )

/** With the errors of the service `HttpClient`: ours are the cause of an error of the transport. */
export const plainHttpClient = (pool: Failover<HttpClient.HttpClient>): HttpClient.HttpClient => {
  const client = httpClient(pool)
  return HttpClient.makeWith<HttpClientError.HttpClientError, never, HttpClientError.HttpClientError, never>(
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
