import { Effect, Layer, Schema, Stream } from "effect"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import * as SimSocket from "../../src/SimSocket.ts"

/** What a server can be asked for. */
export const Calls = RpcGroup.make(
  Rpc.make("Double", { payload: { n: Schema.Number }, success: Schema.Number }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("Hang", { success: Schema.Void }),
  Rpc.make("Life", { success: Schema.Number })
)

export type Format = keyof typeof formats

export const formats = {
  ndjson: RpcSerialization.layerNdjson,
  ndJsonRpc: RpcSerialization.layerNdJsonRpc(),
  binary: RpcSerialization.layerSchemaBinary()
}

/** What the server has seen. Only looked at, so it is no memory that hosts share. */
export interface Seen {
  hanging: number
  interrupted: number
}

export const serverOf = (format: Format, seen: Seen, life: Effect.Effect<number> = Effect.succeed(0)) =>
  RpcServer.layer(Calls).pipe(
    Layer.provide(
      Calls.toLayer({
        Double: ({ n }) => Effect.succeed(2 * n),
        Count: ({ to }) => Stream.range(1, to),
        Hang: () =>
          Effect.suspend(() => {
            seen.hanging++
            return Effect.never
          }).pipe(
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                seen.interrupted++
              })
            )
          ),
        Life: () => life
      })
    ),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide([SimSocket.layerServer({ port: 80 }), formats[format]])
  )

export const clientOf = (format: Format) =>
  RpcClient.layerProtocolSocket({ retryTransientErrors: true }).pipe(
    Layer.provide([SimSocket.layer({ host: "server", port: 80 }), formats[format]])
  )
