/**
 * Effect's `Socket` and `SocketServer` over the simulated network: what was written for TCP runs unchanged.
 *
 * They behave as those of Node.js do (`NodeSocket`, `NodeSocketServer`): acquiring the reader connects, closing its scope
 * closes the connection, and every end of it is a `SocketError`.
 *
 * **Details**
 *
 * What happens to a connection is told by the reason of the error:
 *
 * - `SocketOpenError`: it could not be made; its `cause` is a `Network.ConnectFailed`.
 * - `SocketCloseError` with code 1000: the other side has ended it. With 1006: the scope of the reader was closed.
 * - `SocketReadError`, `SocketWriteError`: it was lost; the `cause` is a `Network.ConnectionLost`.
 * - `SocketUpgradeError`: there is no TLS here.
 *
 * As in Node.js, a socket ends with the other side: when that has ended and all was read, it cannot write any more after
 * its fiber has waited for anything.
 *
 * **Gotchas**
 *
 * A write on a connection that is closed fails. In Node.js some of them wait for ever.
 *
 * @since 0.1.0
 */
import { type Duration, Effect, Layer, type Scope } from "effect"
import { NetAddress } from "effect/net"
import { Socket, SocketServer } from "effect/socket"
import { here } from "./internal/machine.ts"
import { connectWith, listen } from "./internal/network/connection.ts"
import { netOf } from "./internal/network/net.ts"
import { fromConnection, openError, runWith } from "./internal/network/socket.ts"
import type { Address } from "./Network.ts"

/**
 * How to connect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long a connection may take to be made; without a limit, as by default, the network gives up after 127 s. */
  readonly openTimeout?: Duration.Input | undefined
}

/**
 * A client's socket.
 *
 * **Details**
 *
 * Each acquisition of its reader makes a new connection, from the host whose fiber acquires it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (to: Address, { openTimeout }: Options = {}): Effect.Effect<Socket.Socket> => {
  const open = Effect.mapError(
    connectWith(to, ({ close }) => close),
    (cause) => openError(cause)
  )
  if (openTimeout === undefined) return fromConnection(open)
  return fromConnection(
    Effect.timeoutOrElse(open, {
      duration: openTimeout,
      orElse: () => Effect.fail(openError(new Error("Connection timed out"), "Timeout"))
    })
  )
}

/**
 * A client's socket as a service, for example of `RpcClient.layerProtocolSocket`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (to: Address, options?: Options): Layer.Layer<Socket.Socket> =>
  Layer.effect(Socket.Socket, make(to, options))

/**
 * A server that listens on a port of the host that the fiber runs on, or on any that is free for 0, until its scope
 * closes.
 *
 * **Details**
 *
 * Its `address` is the host's number on the simulated network, which works as the `host` of an `Address` too. The port is
 * free again when the host has crashed. As in Node.js, the scope waits for the connections that handlers have not closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeServer = (options: {
  readonly port: number
}): Effect.Effect<SocketServer.SocketServer["Service"], SocketServer.SocketServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const { driver } = yield* here("SimSocket.makeServer")
    // Added first, so that it waits with the port closed.
    let drained: Effect.Effect<void> = Effect.void
    yield* Effect.addFinalizer(() => drained)
    const listening = yield* Effect.mapError(
      listen(options.port),
      (cause) =>
        new SocketServer.SocketServerError({ reason: new SocketServer.SocketServerOpenError({ cause }) })
    )
    drained = listening.drained
    const { host, port } = listening.address
    return SocketServer.SocketServer.of({
      address: NetAddress.inetAddressFromIpStringUnsafe(netOf(driver).ipOf(host), port),
      run: runWith(listening.acceptWith)
    })
  })

/**
 * A server as a service, for example of `RpcServer.layerProtocolSocketServer`.
 *
 * **Example** (A remote procedure call between two hosts)
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
 * import { Host, SimSocket, Simulation } from "@holdfast/sim"
 *
 * const Greeter = RpcGroup.make(
 *   Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String })
 * )
 *
 * const server = RpcServer.layer(Greeter).pipe(
 *   Layer.provide(Greeter.toLayer({ Greet: ({ name }) => Effect.succeed(`Hello, ${name}`) })),
 *   Layer.provide(RpcServer.layerProtocolSocketServer),
 *   Layer.provide([SimSocket.layerServer({ port: 80 }), RpcSerialization.layerNdjson])
 * )
 *
 * const client = RpcClient.layerProtocolSocket().pipe(
 *   Layer.provide([SimSocket.layer({ host: "server", port: 80 }), RpcSerialization.layerNdjson])
 * )
 *
 * const program = Effect.gen(function*() {
 *   yield* Host.make("server", Layer.launch(server))
 *   const greeter = yield* RpcClient.make(Greeter)
 *   return yield* greeter.Greet({ name: "Ada" })
 * }).pipe(Effect.provide(client), Effect.scoped)
 *
 * const { exit } = Simulation.run(program)
 * console.log(exit._tag === "Success" && exit.value) // => Hello, Ada
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServer = (options: {
  readonly port: number
}): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError> =>
  Layer.effect(SocketServer.SocketServer, makeServer(options))
