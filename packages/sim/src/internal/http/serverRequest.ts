/** A request as a simulated server sees it: what Node's server makes of one. */
import { Effect, type FileSystem, Latch, Option, type Path, type Scope, Stream } from "effect"
import {
  Cookies,
  Headers,
  HttpIncomingMessage,
  HttpServerError,
  HttpServerRequest,
  Multipart,
  UrlParams
} from "effect/http"
import type { Socket } from "effect/socket"
import type { Connection } from "../network/connection.ts"
import { Incoming, type Pieces, TooLarge } from "./incoming.ts"
import type { RequestHead } from "./message.ts"

/** The connections whose response is still to be made. Who leaves another interrupts nothing, and nobody waits for it. */
export class Unanswered {
  private readonly connections = new Set<Connection>()
  private readonly isEmpty = Latch.makeUnsafe(true)
  readonly awaitEmpty: Effect.Effect<void> = this.isEmpty.await

  add(connection: Connection): void {
    this.connections.add(connection)
    this.isEmpty.closeUnsafe()
  }

  has(connection: Connection): boolean {
    return this.connections.has(connection)
  }

  delete(connection: Connection): void {
    this.connections.delete(connection)
    if (this.connections.size === 0) this.isEmpty.openUnsafe()
  }
}

/** What all views of one request share; it is their `source`. */
export interface Received {
  readonly head: RequestHead
  readonly pieces: Pieces
  readonly connection: Connection
  /** Who sent it, as a number on the network. */
  readonly from: string
  readonly unanswered: Unanswered
}

/** In what a view of a request differs from what was received; see `modify`. */
type View = Parameters<HttpServerRequest.HttpServerRequest["modify"]>[0]

type Persisted = Effect.Effect<
  Multipart.Persisted,
  Multipart.MultipartError,
  Scope.Scope | FileSystem.FileSystem | Path.Path
>

export class ServerRequest
  extends Incoming<HttpServerError.HttpServerError>
  implements HttpServerRequest.HttpServerRequest
{
  readonly [HttpServerRequest.TypeId]: typeof HttpServerRequest.TypeId = HttpServerRequest.TypeId
  readonly source: Received
  readonly url: string
  readonly headers: Headers.Headers
  readonly protocol: "http" | "https" | undefined
  private readonly view: View
  private persisted: Persisted | undefined = undefined

  constructor(source: Received, view: View) {
    super(source.pieces)
    this.source = source
    this.view = view
    this.url = view.url ?? source.head.target
    this.headers = view.headers ?? Headers.fromRecordUnsafe(source.head.headers)
    this.protocol = view.protocol
  }

  modify(view: View): ServerRequest {
    return new ServerRequest(this.source, { ...this.view, ...view })
  }

  get method(): string {
    return this.source.head.method
  }

  get originalUrl(): string {
    const { headers, target } = this.source.head
    return `http://${headers.host}${target}`
  }

  get remoteAddress(): Option.Option<string> {
    return this.view.remoteAddress ?? Option.some(this.source.from)
  }

  get peerAddress(): Option.Option<string> {
    return this.view.peerAddress ?? this.remoteAddress
  }

  get cookies(): Readonly<Record<string, string>> {
    return Cookies.parseHeader(this.headers.cookie ?? "")
  }

  get multipartStream(): Stream.Stream<Multipart.Part, Multipart.MultipartError> {
    return Stream.pipeThroughChannel(
      Stream.mapError(this.stream, (cause) => Multipart.MultipartError.fromReason("InternalError", cause)),
      Multipart.makeChannel(this.headers)
    )
  }

  get multipart(): Persisted {
    return Effect.suspend(() => {
      if (this.persisted !== undefined) return this.persisted
      return Effect.flatMap(Effect.cached(Multipart.toPersisted(this.multipartStream)), (cached) => {
        this.persisted ??= cached
        return this.persisted
      })
    })
  }

  // A client of the simulation cannot ask for one.
  get upgrade(): Effect.Effect<Socket.Socket, HttpServerError.HttpServerError> {
    return Effect.suspend(() => Effect.fail(this.parseError({ description: "not an upgradeable request" })))
  }

  upgradeWith(): Effect.Effect<Socket.Socket, HttpServerError.HttpServerError> {
    return this.upgrade
  }

  protected failure(cause: unknown): HttpServerError.HttpServerError {
    return this.parseError({ reason: cause instanceof TooLarge ? "BodyTooLarge" : "Parse", cause })
  }

  private parseError(details: {
    readonly reason?: "BodyTooLarge" | "Parse"
    readonly description?: string
    readonly cause?: unknown
  }): HttpServerError.HttpServerError {
    const reason = new HttpServerError.RequestParseError({ request: this, ...details })
    return new HttpServerError.HttpServerError({ reason })
  }

  toJSON(): unknown {
    const { method, originalUrl } = this
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpServerRequest",
      method,
      url: UrlParams.redactUrl(originalUrl)
    })
  }
}
