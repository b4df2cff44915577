/** One connection to the node, as `Reconnect` wants it. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { Deadline } from "@holdfast/core"
import { Effect, Schedule, Schema } from "effect"
import { type Rpc, RpcClient, RpcClientError, type RpcGroup, RpcSerialization } from "effect/rpc"
import { Socket } from "effect/socket"
import { Numbers } from "../Numbers.ts"
import { NodeCalls } from "../node/Wire.ts"

export type NodeConnection = RpcClient.RpcClient<
  RpcGroup.Rpcs<typeof NodeCalls>,
  RpcClientError.RpcClientError
>

/** The node listens, and is not ready to be asked. */
class NoHandle extends Schema.TaggedError<NoHandle>("control-room/relay/NoHandle")("NoHandle", {}) {
  override get message(): string {
    return "the node has not begun yet"
  }
}

/** The socket broke, or what came over it was no Rpc. */
export const isLost = (error: unknown): error is RpcClientError.RpcClientError =>
  error instanceof RpcClientError.RpcClientError

/** A socket that breaks while something is written to it makes a defect of that; it is lost all the same. */
export const brokenIsLost = Effect.catchDefect((defect) =>
  Socket.isSocketError(defect)
    ? Effect.fail(new RpcClientError.RpcClientError({ reason: defect.reason }))
    : Effect.die(defect)
)

/** A client of Rpcs over a socket, which does not reconnect by itself: that is somebody else's business. */
export const clientOver = <Rpcs extends Rpc.Any>(socket: Socket.Socket, group: RpcGroup.RpcGroup<Rpcs>) => {
  const protocol = RpcClient.makeProtocolSocket({ retryPolicy: Schedule.recurs(0) }).pipe(
    Effect.provideService(Socket.Socket, socket),
    Effect.provide(RpcSerialization.layerNdjson)
  )
  return Effect.flatMap(protocol, (protocol) =>
    Effect.provideService(RpcClient.make(group, { disableTracing: true }), RpcClient.Protocol, protocol)
  )
}

export const connectTo = (path: string) =>
  Effect.gen(function* () {
    const client = yield* clientOver(yield* NodeSocket.makeNet({ path }), NodeCalls)
    if ((yield* client.Hello()) === null) return yield* new NoHandle()
    yield* Effect.addFinalizer(() => goodbye(client))
    return client
  })

/** The node is often gone by now, or does not answer: then nobody has anything to let go of. */
const goodbye = (client: NodeConnection) =>
  client.Goodbye().pipe(
    Deadline.within(Numbers.goodbyeTimeout, { label: "goodbye" }),
    Effect.catchCause(() => Effect.logWarning("the node took no notice of the goodbye"))
  )
