/** Sends a message whose body comes piece by piece. */
import { Effect, Stream } from "effect"
import type { Connection, ConnectionLost } from "../network/connection.ts"
import { concat, end, frames } from "./message.ts"

export interface Options {
  readonly head: Uint8Array
  /** How long the body must be; any length when undefined. */
  readonly length?: number | undefined
}

export const sendStream = <E>(
  connection: Connection,
  body: Stream.Stream<Uint8Array, E>,
  { head, length }: Options
): Effect.Effect<void, E | ConnectionLost> =>
  Effect.suspend(() => {
    // It leaves with the first bytes of the body, as Node's does: whoever waits for it hears nothing before.
    let unsent: ReadonlyArray<Uint8Array> = [head]
    let sent = 0
    const send = (payload: Uint8Array) => {
      const bytes = frames(...unsent, payload)
      unsent = []
      sent += payload.length
      return connection.write(bytes)
    }
    const mismatch = () => Effect.die(new Error(`the body does not have its content-length of ${length} bytes`))
    const sending = Stream.runForEachArray(body, (pieces) => {
      const bytes = concat(pieces)
      if (length !== undefined && sent + bytes.length > length) return mismatch()
      // An empty frame would end the body.
      return bytes.length === 0 ? Effect.void : send(bytes)
    })
    return Effect.andThen(
      sending,
      Effect.suspend(() => (length !== undefined && sent < length ? mismatch() : send(end)))
    )
  })
