/** Sends a message whose body comes piece by piece. */
import { Effect, Stream } from "effect"
import { concat, encodeHead, end, frames, type RequestHead, type ResponseHead } from "./message.ts"

export interface Options {
  readonly head: RequestHead | ResponseHead
  /** How long the body must be; any length when undefined. */
  readonly length?: number | undefined
}

/** Writes everything but what it gives: the bytes that end the message. */
export const sendStream = <E, EW>(
  body: Stream.Stream<Uint8Array, E>,
  write: (bytes: Uint8Array) => Effect.Effect<void, EW>,
  { head, length }: Options
): Effect.Effect<Uint8Array, E | EW> =>
  Effect.suspend(() => {
    // It leaves with the first bytes of the body, as Node's does: whoever waits for it hears nothing before.
    let unsent: ReadonlyArray<Uint8Array> = [encodeHead(head)]
    let sent = 0
    const mismatch = () =>
      Effect.die(new Error(`the body does not have its content-length of ${length} bytes`))
    const sending = Stream.runForEachArray(body, (pieces) => {
      const bytes = concat(pieces)
      sent += bytes.length
      if (length !== undefined && sent > length) return mismatch()
      // An empty frame would end the body.
      if (bytes.length === 0) return Effect.void
      const message = concat([...unsent, frames(bytes)])
      unsent = []
      return write(message)
    })
    return Effect.andThen(
      sending,
      Effect.suspend(() =>
        length !== undefined && sent < length ? mismatch() : Effect.succeed(concat([...unsent, frames(end)]))
      )
    )
  })
