/** A mining pool, as a client of the provider: it keeps a connection, and what it is sent over it. */
import { createConnection, type Socket as TcpSocket } from "node:net"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { Backoff, Reconnect } from "@holdfast/core"
import { Effect, Exit, Logger, Scope, Stream } from "effect"
import { Socket } from "effect/socket"
import { clientOver, isLost } from "../provider/nodeConnection.ts"
import { PoolCalls, type PoolTemplate } from "../provider/PoolWire.ts"
import { Sequence } from "../Sequence.ts"

export interface Received extends PoolTemplate {
  readonly atMillis: number
}

export interface Pool {
  readonly name: string
  /** The local port of each connection that it ever had: one, when the provider never let it down. */
  readonly ports: Sequence<number>
  readonly received: Sequence<Received>
  /** What the provider says of a template: its height, or the tag of the error. */
  readonly ask: (id: number) => Effect.Effect<string>
  readonly leave: Effect.Effect<void>
}

/** Opens a connection whose local port is known, unlike that of `NodeSocket.makeNet`. */
const open = (port: number, opened: (localPort: number) => void) =>
  NodeSocket.fromDuplex(
    Effect.acquireRelease(
      Effect.sync(() => createConnection({ host: "127.0.0.1", port })),
      (socket) => Effect.sync(() => socket.destroy())
    ).pipe(Effect.tap((socket) => connected(socket, opened)))
  )

const connected = (socket: TcpSocket, opened: (localPort: number) => void) =>
  Effect.callback<void, Socket.SocketError>((resume) => {
    socket.once("connect", () => {
      opened(socket.localPort ?? 0)
      resume(Effect.void)
    })
    socket.once("error", (cause) =>
      resume(
        Effect.fail(
          new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })
        )
      )
    )
  })

/** What a pool has to say is not what is shown here. */
const quiet = Logger.layer([])

/** Connects, and stays until the scope closes or it leaves. */
export const join = (name: string, port: number): Effect.Effect<Pool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const ports = new Sequence<number>()
    const received = new Sequence<Received>()
    const session = yield* Reconnect.make({
      label: name,
      connect: Effect.flatMap(
        open(port, (local) => ports.push(local)),
        (socket) => clientOver(socket, PoolCalls)
      ),
      isLost,
      backoff: Backoff.constant("50 millis")
    }).pipe(Scope.provide(scope), Effect.provide(quiet))

    yield* session
      .stream((client) => client.Templates())
      .pipe(
        Stream.runForEach((item) =>
          Effect.sync(() => {
            if (item._tag === "Value") received.push({ ...item.value, atMillis: Date.now() })
          })
        ),
        Effect.ignore,
        Effect.forkIn(scope)
      )
    yield* Effect.ignore(session.awaitConnected())
    return {
      name,
      ports,
      received,
      ask: (id) =>
        session
          .use((client) => client.Template({ id }))
          .pipe(
            Effect.map(({ height }) => `height ${height}`),
            Effect.catch((error) => Effect.succeed(error._tag))
          ),
      leave: Scope.close(scope, Exit.void)
    }
  })
