/** A connection in the shape of Effect's `Socket`, with the behaviour of `NodeSocket.fromDuplex`. */
import { Context, Effect, Exit, Latch, Scope } from "effect"
import { Socket, type SocketServer } from "effect/socket"
import type { Connection, Listening } from "./connection.ts"
import type { ConnectionLost } from "./errors.ts"

const closeError = (code: number): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })

export const openError = (cause: unknown, kind: "Unknown" | "Timeout" = "Unknown"): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind, cause }) })

const readError = (cause: unknown): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketReadError({ cause }) })

const writeError = (cause: ConnectionLost): Socket.SocketError =>
  new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) })

/** A connection that a reader has, and how it ended. */
interface Live {
  readonly connection: Connection
  ended: Socket.SocketError | undefined
}

const endWith = (live: Live, error: Socket.SocketError): Effect.Effect<never, Socket.SocketError> =>
  Effect.suspend(() => {
    live.ended ??= error
    return Effect.fail(live.ended)
  })

const pullOf = (live: Live): Socket.Reader["pull"] => {
  const pull: Socket.Reader["pull"] = Effect.matchEffect(live.connection.read, {
    onFailure: (lost) => endWith(live, readError(lost)),
    onSuccess: (bytes) => (bytes === undefined ? endWith(live, closeError(1000)) : Effect.succeed([bytes]))
  })
  return Effect.suspend(() => (live.ended === undefined ? pull : Effect.fail(live.ended)))
}

const encoder = new TextEncoder()

const joined = (chunks: ReadonlyArray<Uint8Array | string>): Uint8Array => {
  const parts = chunks.map((chunk) => (typeof chunk === "string" ? encoder.encode(chunk) : chunk))
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** Who writes after the end has lost the other direction too, as on a socket of Node.js. */
const writeTo = ({ connection }: Live, bytes: Uint8Array): Effect.Effect<void, Socket.SocketError> =>
  Effect.catch(connection.write(bytes), (lost) =>
    Effect.andThen(connection.destroy, Effect.fail(writeError(lost)))
  )

/** A code above 1000 is an error on this side; the other side sees the end of the stream in any case. */
const closeBy = (live: Live, { code }: Socket.CloseEvent): Effect.Effect<void> =>
  Effect.suspend(() => {
    live.ended ??= code > 1000 ? readError(new Error(`closed with code ${code}`)) : closeError(1000)
    return live.connection.destroy
  })

export const fromConnection = (
  open: Effect.Effect<Connection, Socket.SocketError, Scope.Scope>
): Effect.Effect<Socket.Socket> =>
  Effect.sync(() => {
    let current: Live | undefined
    const isOpen = Latch.makeUnsafe(false)

    const reader: Socket.Socket["reader"] = Effect.gen(function* () {
      const live: Live = { connection: yield* open, ended: undefined }
      yield* live.connection.follow
      // Runs before the connection is closed, so that a pull that is woken by that finds the reason.
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          live.ended ??= closeError(1006)
          isOpen.closeUnsafe()
          current = undefined
        })
      )
      current = live
      isOpen.openUnsafe()
      return { pull: pullOf(live), upgrade: Socket.SocketUpgradeError.unsupported }
    })

    /** Waits while there is no connection. */
    const withLive = <A, E>(use: (live: Live) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() =>
        current === undefined ? Effect.andThen(isOpen.await, withLive(use)) : use(current)
      )
    const send = (bytes: Uint8Array) => withLive((live) => writeTo(live, bytes))
    const writer: Socket.Writer = {
      write: (chunk) =>
        Socket.isCloseEvent(chunk) ? withLive((live) => closeBy(live, chunk)) : send(joined([chunk])),
      writeAll: (chunks) => send(joined(chunks))
    }
    return Socket.make({
      reader,
      writer: Effect.acquireRelease(Effect.succeed(writer), () =>
        Effect.suspend(() => current?.connection.end ?? Effect.void)
      )
    })
  })

/** A reader of an accepted connection finds it as it is then; its scope closes it. */
const accepted = (connection: Connection) =>
  Effect.flatMap(connection.failure, (lost) => {
    if (lost?.reason === "Closed") return Effect.fail(closeError(1000))
    if (lost !== undefined) return Effect.fail(openError(lost))
    return Effect.acquireRelease(Effect.succeed(connection), ({ close }) => close)
  })

/** What a handler left in the scope of the server would stay there for as long as the server lives. */
const withoutScope = <R>(context: Context.Context<R>): Context.Context<R> =>
  // house: as in `NodeSocketServer`: the types let a handler ask for a scope, which it then does not find
  Context.omit(Scope.Scope)(context) as Context.Context<R>

export const runWith =
  (acceptWith: Listening["acceptWith"]) =>
  <R, E, _>(
    handler: (socket: Socket.Socket) => Effect.Effect<_, E, R>
  ): Effect.Effect<never, SocketServer.SocketServerError, R> =>
    Effect.flatMap(Scope.make(), (scope) => {
      const serve = (connection: Connection) =>
        fromConnection(accepted(connection)).pipe(
          Effect.flatMap(handler),
          Effect.ignoreCause({ log: "Unhandled", message: "Unhandled error in SocketServer" }),
          // As there: a handler that takes its reader first has it before anything can interrupt it.
          Effect.forkIn(scope, { startImmediately: true })
        )
      return acceptWith((connection) => Effect.andThen(connection.follow, serve(connection))).pipe(
        Effect.forever,
        Effect.updateContext(withoutScope<R>),
        Effect.ensuring(Scope.close(scope, Exit.void))
      )
    })
