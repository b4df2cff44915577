/** The relay with a provider that lets its pools down whenever it loses its node. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { runMain } from "@holdfast/terminal/runMain"
import { Effect, Stream, SubscriptionRef } from "effect"
import { controlRoom } from "../../src/cli.ts"
import { serve } from "../../src/relay/provider/Provider.ts"
import { kill } from "../../src/relay/scenarios/kill.ts"
import { relay } from "../../src/relay/system.ts"

/** Listens in front of a provider; every connection that comes through it is dropped at a loss. */
const lettingDown: typeof serve = (options) =>
  Effect.gen(function* () {
    const provider = yield* serve(options)
    const sockets = new Set<Socket>()
    const drop = Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
    })
    const front = createServer((socket) => {
      const behind = connect({ host: "127.0.0.1", port: provider.port })
      for (const one of [socket, behind]) {
        sockets.add(one)
        one
          .on("error", () => {})
          .on("close", () => {
            socket.destroy()
            behind.destroy()
          })
      }
      socket.pipe(behind).pipe(socket)
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        front.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.andThen(
          drop,
          Effect.sync(() => front.close())
        )
    )
    yield* SubscriptionRef.changes(provider.node.status).pipe(
      Stream.runForEach(({ _tag }) => (_tag === "Lost" ? drop : Effect.void)),
      Effect.forkScoped
    )
    return { ...provider, port: (front.address() as AddressInfo).port }
  })

runMain(controlRoom([relay([kill], lettingDown)]))
