/** A response as a simulated client sees it: what Effect's client for Node makes of one. */
import { Effect, Option, Pipeable } from "effect"
import {
  Cookies,
  Headers,
  HttpClientError,
  type HttpClientRequest,
  HttpClientResponse,
  HttpIncomingMessage
} from "effect/http"
import type { Socket } from "effect/socket"
import { Incoming, type Pieces } from "./incoming.ts"
import type { ResponseHead } from "./message.ts"
import * as refusals from "./refusals.ts"

export class ClientResponse
  extends Incoming<HttpClientError.HttpClientError>
  implements HttpClientResponse.HttpClientResponse
{
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  readonly cookies: Cookies.Cookies
  readonly remoteAddress: Option.Option<string> = Option.none()
  readonly formData: Effect.Effect<never> = refusals.formDataOfResponse

  constructor(request: HttpClientRequest.HttpClientRequest, url: URL, head: ResponseHead, pieces: Pieces) {
    super(pieces)
    this.request = request
    this.url = url.href.replace(/#.*$/s, "")
    this.status = head.status
    this.headers = Headers.fromRecordUnsafe(head.headers)
    this.cookies = Cookies.fromSetCookie(head.cookies)
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return Effect.suspend(() =>
      Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.StatusCodeError({
            request: this.request,
            response: this,
            description: "expected 101 Switching Protocols"
          })
        })
      )
    )
  }

  protected failure(cause: unknown): HttpClientError.HttpClientError {
    const { request } = this
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request, response: this, cause })
    })
  }

  toJSON(): unknown {
    const { request, status } = this
    return HttpIncomingMessage.inspect(this, { _id: "HttpClientResponse", request: request.toJSON(), status })
  }

  pipe() {
    // biome-ignore lint/complexity/noArguments: what `pipe` is made of
    return Pipeable.pipeArguments(this, arguments)
  }
}
