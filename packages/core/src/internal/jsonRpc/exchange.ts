/** One HTTP request with one call or a batch, and what came back. */
import { Effect, Result, type Schema, Stream } from "effect"
import { type HttpClient, HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { type AnswerError, JsonRpcProtocolError } from "./errors.ts"

export interface Node {
  readonly http: HttpClient.HttpClient
  readonly url: string | URL
  readonly maxBytes: number
}

/** Reads the body as far as is allowed; `undefined` when there is more. */
const textOf = (response: HttpClientResponse.HttpClientResponse, maxBytes: number) =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let bytes = 0
    return response.stream.pipe(
      Stream.takeUntil((chunk) => {
        bytes += chunk.byteLength
        if (bytes <= maxBytes) text += decoder.decode(chunk, { stream: true })
        return bytes > maxBytes
      }),
      Stream.runDrain,
      Effect.catchIf(
        ({ reason }) => reason._tag === "EmptyBodyError",
        () => Effect.void
      ),
      Effect.map(() => (bytes > maxBytes ? undefined : text + decoder.decode()))
    )
  })

const statusError = (response: HttpClientResponse.HttpClientResponse) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.StatusCodeError({
      request: response.request,
      response,
      description: "neither 200 nor a JSON-RPC error"
    })
  })

/** What is sent, or why the params of a call cannot be. */
export type Payload = Effect.Effect<unknown, Schema.SchemaError | "neither an array nor an object">

const requestOf = ({ url }: Node, payload: Payload, label: string) => {
  const request = HttpClientRequest.acceptJson(HttpClientRequest.post(url))
  const unencoded = (cause: unknown) =>
    new HttpClientError.HttpClientError({
      reason: new HttpClientError.EncodeError({ request, cause, description: `params of "${label}"` })
    })
  return Effect.mapError(payload, unencoded).pipe(
    Effect.flatMap((payload) => Effect.try({ try: () => JSON.stringify(payload), catch: unencoded })),
    Effect.map((json) => HttpClientRequest.bodyText(request, json, "application/json"))
  )
}

/**
 * Sends, and reads the answer. With another status than 200 only errors count as one: `isError` tells; anything else is
 * the error of the status.
 */
export const exchange = <A>(
  node: Node,
  options: {
    readonly method: string
    readonly payload: Payload
    readonly read: (body: { readonly status: number; readonly text: string }) => Result.Result<A, AnswerError>
    readonly isError: (outcome: Result.Result<A, AnswerError>) => boolean
    /** Whether it tells that something was done, or may have been, also with a status that says otherwise. */
    readonly tellsOfMore: (outcome: Result.Result<A, AnswerError>) => boolean
  }
): Effect.Effect<A, HttpClientError.HttpClientError | AnswerError> =>
  Effect.gen(function* () {
    const { isError, method, payload, read, tellsOfMore } = options
    const request = yield* requestOf(node, payload, method)
    const response = yield* node.http.execute(request)
    const { status } = response
    const text = yield* textOf(response, node.maxBytes).pipe(
      Effect.mapError((error) => (status === 200 ? error : statusError(response)))
    )
    const outcome =
      text === undefined
        ? Result.fail(new JsonRpcProtocolError({ method, reason: "TooLarge" }))
        : read({ status, text })
    if (status !== 200 && tellsOfMore(outcome)) {
      return yield* new JsonRpcProtocolError({ method, reason: "WrongStatus" })
    }
    if (status !== 200 && !isError(outcome)) return yield* statusError(response)
    return yield* Effect.fromResult(outcome)
  })
