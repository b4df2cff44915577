/** A client that sends each request on a connection of its own. */
import { Cause, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest } from "effect/http"
import type { Driver } from "../driver.ts"
import { CurrentHost, type HostState } from "../host.ts"
import { here, machines } from "../machine.ts"
import { type Connection, ConnectionLost, connectWith } from "../network/connection.ts"
import { ClientResponse } from "./clientResponse.ts"
import type { Pieces } from "./incoming.ts"
import { encodeMessage, MessageReader, type ResponseHead } from "./message.ts"
import { checkRequest } from "./nodeChecks.ts"
import * as refusals from "./refusals.ts"
import { sendStream } from "./sendStream.ts"

type Request = HttpClientRequest.HttpClientRequest
type ClientError = HttpClientError.HttpClientError

/** So much is written together with the head; more is sent while the response may come already. */
const atOnceBytes = 16_384

const transportError = (request: Request, cause: unknown): ClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

const encodeError = (request: Request, cause: unknown): ClientError =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, cause }) })

const bodyOf = (request: Request): Uint8Array | Stream.Stream<Uint8Array, ClientError> | undefined => {
  const { body } = request
  switch (body._tag) {
    case "Uint8Array":
      return body.body.length > atOnceBytes ? Stream.succeed(body.body) : body.body
    case "Stream":
      return Stream.mapError(body.stream, (cause) => encodeError(request, cause))
    default:
      return undefined
  }
}

const isLost = (error: unknown): error is ConnectionLost => error instanceof ConnectionLost

/** A URL holds names of hosts in small letters only. */
const hostOf = (from: HostState, name: string): string => {
  const known = machines(from.driver)
  if (known.get(name) !== undefined) return name
  for (const machine of known.values()) if (machine.name.toLowerCase() === name) return machine.name
  return name
}

/**
 * What listens to each signal, kept beside the run.
 *
 * `HttpClient` keeps the signals of responses that nobody has read until they are garbage. If they led to the run, they
 * would lead to the response itself, and neither would ever be garbage.
 */
const exchanges = new WeakMap<Driver, Map<unknown, Exchange>>()

const exchangesOf = (driver: Driver): Map<unknown, Exchange> => {
  const known = exchanges.get(driver)
  if (known !== undefined) return known
  const made = new Map<unknown, Exchange>()
  exchanges.set(driver, made)
  return made
}

/** All that is heard of whoever stops reading a body. */
const onAbort = ({ target }: Event): void => {
  const host = Fiber.getCurrent()?.getRef(CurrentHost)
  // On nobody's behalf: that is the garbage collector, whose moments are no part of the run.
  if (host !== undefined) exchangesOf(host.driver).get(target)?.abort()
}

/** One request, and what becomes of its connection. */
class Exchange {
  private readonly host: HostState
  private readonly request: Request
  private readonly url: URL
  private readonly signal: AbortSignal
  private readonly scope = Scope.makeUnsafe()
  private upload: Fiber.Fiber<void> | undefined = undefined
  private uploadFailure: Cause.Cause<ClientError> | undefined = undefined
  private isOver = false
  private isCutShort = false

  constructor(host: HostState, request: Request, url: URL, signal: AbortSignal) {
    this.host = host
    this.request = request
    this.url = url
    this.signal = signal
  }

  /** Everything up to the head of the response. */
  respond(): Effect.Effect<ClientResponse, ClientError> {
    const { request, signal, url } = this
    return Effect.gen({ self: this }, function* () {
      if (signal.aborted) return yield* Effect.fail(signal.reason)
      exchangesOf(this.host.driver).set(signal, this)
      signal.addEventListener("abort", onAbort, { once: true })
      const connection = yield* this.connect()
      yield* this.send(connection)
      const reader = new MessageReader(connection.read)
      const pieces = this.piecesOf(reader)
      // house: what `respond` of the server wrote
      const head = (yield* reader.head) as ResponseHead
      // Nobody reads a body that is not there.
      if (reader.isOver) yield* pieces
      return new ClientResponse(request, url, head, pieces)
    }).pipe(
      Effect.catch((cause) =>
        Effect.failCause(this.uploadFailure ?? Cause.fail(transportError(request, cause)))
      ),
      Effect.onError(() => this.over)
    )
  }

  private connect() {
    const { host, scope, url } = this
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)
    // What the server has not yet taken of a request that is given up would only keep it from noticing.
    const release = (connection: Connection) => (this.isCutShort ? connection.reset : connection.close)
    return Scope.provide(connectWith({ host: hostOf(host, url.hostname), port }, release), scope)
  }

  private send(connection: Connection): Effect.Effect<void, ConnectionLost> {
    const { request, url } = this
    const head = {
      method: request.method,
      target: url.pathname + url.search,
      headers: { host: url.host, ...request.headers }
    }
    const body = bodyOf(request)
    if (!Stream.isStream(body)) return connection.write(encodeMessage(head, body))
    const upload = sendStream(body, connection.write, { head }).pipe(
      Effect.flatMap(connection.write),
      // Noticed by whoever waits for the response, which may have come all the same.
      Effect.catchIf(isLost, () => Effect.void),
      Effect.catchCause((cause) => {
        if (this.isOver) return Effect.void
        this.uploadFailure = cause
        return connection.close
      })
    )
    return Effect.map(Effect.forkDetach(upload), (fiber) => {
      this.upload = fiber
    })
  }

  private piecesOf(reader: MessageReader<ConnectionLost>): Pieces {
    return reader.piece.pipe(
      Effect.tapError(() => this.over),
      Effect.tap((piece) => (piece === undefined ? this.over : Effect.void))
    )
  }

  private readonly over: Effect.Effect<void> = Effect.uninterruptible(
    Effect.suspend(() => {
      if (this.isOver) return Effect.void
      this.isOver = true
      exchangesOf(this.host.driver).delete(this.signal)
      this.signal.removeEventListener("abort", onAbort)
      const { upload } = this
      if (upload !== undefined && upload.pollUnsafe() === undefined) {
        this.isCutShort = true
        upload.interruptUnsafe()
      }
      return Scope.close(this.scope, Exit.void)
    })
  )

  abort(): void {
    const { driver } = this.host
    const context = driver.contextOf(this.host)
    // house: a listener is no effect, and the connection belongs to its own host's tasks
    driver.post(this.host, () => Effect.runForkWith(context)(this.over), 0)
  }
}

export const client: HttpClient.HttpClient = HttpClient.make((request, url, signal) => {
  checkRequest(url, request)
  if (request.headers.upgrade !== undefined) return refusals.upgrade
  const refused = refusals.refusedBody(request.body._tag)
  if (refused !== undefined) return Effect.die(refused)
  return Effect.flatMap(here("SimHttp.layerClient"), (host) =>
    new Exchange(host, request, url, signal).respond()
  )
})
