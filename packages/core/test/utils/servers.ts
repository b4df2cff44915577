/** HTTP servers of tests, on the loopback interface. */
import { once } from "node:events"
import { createServer, type RequestListener, type Server } from "node:http"
import { assert } from "@effect/vitest"
import { Effect } from "effect"

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : assert.fail("not listening")
}

/** Serves on a free port of 127.0.0.1 for as long as the scope lasts; gives the port. */
export const serve = (listener: RequestListener) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const server = createServer(listener).listen(0, "127.0.0.1")
        await once(server, "listening")
        return server
      }),
      (server) =>
        Effect.promise(async () => {
          const closed = once(server, "close")
          server.close()
          server.closeAllConnections()
          await closed
        })
    ),
    portOf
  )

/** A port that nobody listens on. */
export const refusing = Effect.scoped(serve(() => undefined))
