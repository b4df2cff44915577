/** Counts the connections of a server where they are accepted. */
import * as Effect from "effect/Effect"
import * as SocketServer from "effect/socket/SocketServer"

export const counting = (
  server: SocketServer.SocketServer["Service"],
  note: { readonly opened: () => void; readonly closed: () => void }
): SocketServer.SocketServer["Service"] =>
  SocketServer.SocketServer.of({
    address: server.address,
    run: (handler) =>
      server.run((socket) =>
        Effect.acquireUseRelease(
          Effect.sync(note.opened),
          () => handler(socket),
          () => Effect.sync(note.closed)
        )
      )
  })
