/** Writes the response of a handler to the connection of its request. */
import { Cause, Effect, Stream } from "effect"
import {
  Cookies,
  type HttpBody,
  HttpServerError,
  type HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { encodeMessage, type ResponseHead } from "./message.ts"
import { checkResponse } from "./nodeChecks.ts"
import { refusedBody } from "./refusals.ts"
import { sendStream } from "./sendStream.ts"
import type { Received, ServerRequest } from "./serverRequest.ts"

type Response = HttpServerResponse.HttpServerResponse

const headOf = ({ cookies, headers, status }: Response): ResponseHead => {
  const { "content-length": length, "set-cookie": set, ...others } = headers
  const setCookies = Cookies.toSetCookieHeaders(cookies)
  return {
    status,
    headers:
      length === undefined || status === 204 || status === 205
        ? others
        : { ...others, "content-length": length },
    cookies: set === undefined ? setCookies : [...setCookies, set]
  }
}

/**
 * Does not wait for the client to make room, as a socket of Node does not. Nothing can reach a client that has gone, and
 * nobody is told.
 */
const finish = ({ connection, unanswered }: Received, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      unanswered.delete(connection)
      return Effect.andThen(connection.hand(bytes), connection.end)
    })
  )

/** As when the connection had been seen to be lost by whoever reads from it. */
const clientAborts = Effect.withFiber<never>((fiber) => {
  fiber.interruptUnsafe(fiber.id, HttpServerError.ClientAbort.annotation)
  return Effect.never
})

const sendBody = (
  source: Received,
  head: ResponseHead,
  response: Response,
  body: Stream.Stream<Uint8Array, unknown>
): Effect.Effect<void> => {
  const { connection } = source
  const declared = response.headers["content-length"]
  const length = declared === undefined ? undefined : Number(declared)
  const write = (bytes: Uint8Array) => Effect.catch(connection.write(bytes), () => clientAborts)
  return sendStream(Stream.orDie(body), write, { head, length }).pipe(
    Effect.interruptible,
    Effect.matchCauseEffect({
      onSuccess: (rest) => finish(source, rest),
      // Without the end of the message, so that what is there of it does not look complete.
      onFailure: (cause) =>
        Effect.andThen(connection.close, Effect.failCause(Cause.combine(cause, Cause.die(response))))
    })
  )
}

/** Why a response cannot be sent. */
const defectIn = (head: ResponseHead, body: HttpBody.HttpBody | undefined): unknown => {
  try {
    checkResponse(head)
  } catch (defect) {
    return defect
  }
  return body && refusedBody(body._tag)
}

export const respond = (
  request: HttpServerRequest.HttpServerRequest,
  response: Response
): Effect.Effect<void> => {
  // house: the one that `serve` made
  const { method, source } = request as ServerRequest
  const head = headOf(response)
  const body = HttpServerResponse.omitsBody(response, method === "HEAD") ? undefined : response.body
  const defect = defectIn(head, body)
  if (defect !== undefined) {
    const failed = headOf(HttpServerResponse.empty({ status: 500 }))
    return Effect.andThen(finish(source, encodeMessage(failed)), Effect.die(defect))
  }
  if (body?._tag === "Stream") return sendBody(source, head, response, body.stream)
  return finish(source, encodeMessage(head, body?._tag === "Uint8Array" ? body.body : undefined))
}
