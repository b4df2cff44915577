/** A server that serves each request in a fiber of its own, as Node's does. */
import { Cause, Effect, Exit, FiberSet, Queue, Scope } from "effect"
import { HttpEffect, HttpServer, HttpServerError, HttpServerRequest } from "effect/http"
import { NetAddress } from "effect/net"
import type { ServerOptions } from "../../SimHttp.ts"
import { Unsupported } from "../../SimulationError.ts"
import type { HostState } from "../host.ts"
import { here } from "../machine.ts"
import { type Connection, type ConnectionLost, listen } from "../network/connection.ts"
import { netOf } from "../network/net.ts"
import { Foreign, type Incomplete, MessageReader, type RequestHead } from "./message.ts"
import { respond } from "./respond.ts"
import { type Received, ServerRequest, Unanswered } from "./serverRequest.ts"

/** So many pieces of a body are read ahead of the handler: only who reads notices that the client has gone. */
const maxAhead = 16

type Lost = ConnectionLost | Foreign | Incomplete

/** The body of a request, between the connection and the handler. */
type Body = Queue.Queue<Uint8Array, Lost | Cause.Done>

const isDone = (error: Lost | Cause.Done): error is Cause.Done => Cause.isDone(error)

const receive = (reader: MessageReader<ConnectionLost>, body: Body): Effect.Effect<void, Lost> => {
  const next: Effect.Effect<void, Lost> = Effect.flatMap(reader.piece, (piece) =>
    piece === undefined ? Effect.asVoid(Queue.end(body)) : Effect.andThen(Queue.offer(body, piece), next)
  )
  return Effect.tapError(next, (cause) => Queue.fail(body, cause))
}

/** Waits until the client closes or loses the connection. It has nothing more to say. */
const untilGone = (connection: Connection): Effect.Effect<void, ConnectionLost> =>
  Effect.flatMap(connection.read, (bytes) => (bytes === undefined ? Effect.void : untilGone(connection)))

interface Serving {
  readonly host: HostState
  readonly handled: Effect.Effect<void, never, HttpServerRequest.HttpServerRequest>
  readonly fibers: FiberSet.FiberSet<void, Lost>
  readonly unanswered: Unanswered
}

/** Without a request there is nobody to answer. */
const refuse = (host: HostState, connection: Connection, cause: Cause.Cause<Lost>): Effect.Effect<void> => {
  if (Cause.hasInterrupts(cause)) return connection.reset
  const error = Cause.squash(cause)
  if (error instanceof Foreign) host.driver.warnings.add(`on "${host.name}", ${error.message}`)
  return connection.close
}

/** A defect of a handler is a 500 to its client, which does not say that the handler would be right elsewhere. */
const warnOfRefusals =
  (host: HostState) =>
  <A, E, R>(handler: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.tapCause(handler, (cause) =>
      Effect.sync(() => {
        for (const reason of cause.reasons) {
          if (reason._tag !== "Die" || !(reason.defect instanceof Unsupported)) continue
          host.driver.warnings.add(`on "${host.name}", ${reason.defect.message}`)
        }
      })
    )

/** Serves the one request of a connection, until the client has closed it. */
const serveOne = (
  connection: Connection,
  { fibers, handled, host, unanswered }: Serving
): Effect.Effect<void, Lost> =>
  Effect.gen(function* () {
    const reader = new MessageReader(connection.read)
    // house: what `send` of the client wrote
    const head = (yield* Effect.onError(reader.head, (cause) =>
      refuse(host, connection, cause)
    )) as RequestHead
    const body: Body = yield* Queue.bounded<Uint8Array, Lost | Cause.Done>(maxAhead)
    const pieces = Effect.catchIf(Queue.take(body), isDone, () => Effect.undefined)
    const from = netOf(host.driver).ipOf(connection.remote.host)
    const source: Received = { head, pieces, connection, from, unanswered }
    const handler = yield* handled.pipe(
      Effect.provideService(HttpServerRequest.HttpServerRequest, new ServerRequest(source, {})),
      // What the handler has not read nobody will, and must not keep the client's end from being seen.
      Effect.ensuring(Queue.shutdown(body)),
      FiberSet.run(fibers)
    )
    yield* Effect.ignore(Effect.andThen(receive(reader, body), untilGone(connection)))
    if (unanswered.has(connection)) {
      handler.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
    }
  }).pipe(Effect.ensuring(Effect.sync(() => unanswered.delete(connection))))

export const make = Effect.fnUntraced(function* ({
  gracefulShutdownTimeout = "20 seconds",
  port
}: ServerOptions) {
  const host = yield* here("SimHttp.layerServer")
  const listening = yield* Scope.fork(yield* Effect.scope)
  const { acceptWith, address } = yield* listen(port).pipe(
    Scope.provide(listening),
    Effect.mapError((cause) => new HttpServerError.ServeError({ cause }))
  )
  return HttpServer.make({
    address: NetAddress.inetAddressUnsafe(NetAddress.ipv4Unspecified, address.port),
    serve: Effect.fnUntraced(function* (app, middleware) {
      const fibers = yield* FiberSet.make<void, Lost>()
      const warning = warnOfRefusals(host)
      // Each by itself: under a middleware, `toHandled` ends well whatever becomes of them.
      const handled = HttpEffect.toHandled(
        warning(app),
        (request, response) => warning(respond(request, response)),
        middleware && ((handler) => warning(middleware(handler)))
      )
      const unanswered = new Unanswered()
      const serveNext = acceptWith((connection) => {
        unanswered.add(connection)
        return FiberSet.run(fibers, serveOne(connection, { host, handled, fibers, unanswered }))
      })
      // Lets requests be answered that have begun, while new ones are refused. What is left after that is interrupted.
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          Scope.close(listening, Exit.void),
          Effect.timeoutOption(unanswered.awaitEmpty, gracefulShutdownTimeout)
        )
      )
      yield* Effect.forkIn(Effect.forever(serveNext), listening)
    })
  })
})
