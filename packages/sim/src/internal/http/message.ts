/**
 * How a message of HTTP travels on a connection: as frames, each a length and so many bytes. The first is the head, as
 * JSON; those after it are the body, and an empty one ends it.
 *
 * Of a frame of the body every byte counts as soon as it arrives, as with chunked transfer, so that a slow network is
 * seen by whoever reads the body.
 */
import { Effect } from "effect"

export interface RequestHead {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
}

export interface ResponseHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The values of its `set-cookie` headers. */
  readonly cookies: ReadonlyArray<string>
}

/** The other side closed the connection before its message was complete. */
export class Incomplete extends Error {
  override readonly name = "Incomplete"
  // What Node says of it, for code that looks.
  readonly code = "ECONNRESET"

  constructor() {
    super("the connection was closed before the message was complete")
  }
}

const lengthBytes = 4
const nothing = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const encodeHead = (head: RequestHead | ResponseHead): Uint8Array =>
  encoder.encode(JSON.stringify(head))

/** What ends a message. */
export const end = nothing

/** Each payload in a frame of its own, to be written at once. */
export const frames = (...payloads: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(payloads.reduce((sum, { length }) => sum + lengthBytes + length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const payload of payloads) {
    view.setUint32(at, payload.length)
    bytes.set(payload, at + lengthBytes)
    at += lengthBytes + payload.length
  }
  return bytes
}

export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const lengthOf = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getUint32(0)

/** Takes one message from a connection. One fiber at a time may read. */
export class MessageReader<E> {
  /** What the connection gives next; `undefined` when the other side will send no more. */
  private readonly source: Effect.Effect<Uint8Array | undefined, E>
  /** Has arrived, and was not taken. */
  private held: Uint8Array = nothing
  /** Of the present frame of the body. */
  private bytesLeft = 0
  private isEnded = false

  constructor(source: Effect.Effect<Uint8Array | undefined, E>) {
    this.source = source
  }

  /** Whether the message has arrived as a whole, and has no body. */
  get isBodyless(): boolean {
    return this.held.length === lengthBytes && lengthOf(this.held) === 0
  }

  /** What the head said, in the words of the other end. */
  readonly head: Effect.Effect<unknown, E | Incomplete> = Effect.suspend(() =>
    Effect.map(
      Effect.flatMap(this.take(lengthBytes), (bytes) => this.take(lengthOf(bytes))),
      (bytes) => JSON.parse(decoder.decode(bytes))
    )
  )

  /** The next bytes of the body; `undefined` after the last. */
  readonly piece: Effect.Effect<Uint8Array | undefined, E | Incomplete> = Effect.suspend(() => {
    if (this.isEnded) return Effect.undefined
    if (this.bytesLeft === 0) return Effect.andThen(this.beginFrame, this.piece)
    if (this.held.length === 0) return Effect.andThen(this.more, this.piece)
    const bytes = this.cut(Math.min(this.bytesLeft, this.held.length))
    this.bytesLeft -= bytes.length
    return Effect.succeed(bytes)
  })

  private readonly more: Effect.Effect<void, E | Incomplete> = Effect.suspend(() =>
    Effect.flatMap(this.source, (bytes) => {
      if (bytes === undefined) return Effect.fail(new Incomplete())
      this.held = this.held.length === 0 ? bytes : concat([this.held, bytes])
      return Effect.void
    })
  )

  private readonly beginFrame: Effect.Effect<void, E | Incomplete> = Effect.suspend(() =>
    Effect.map(this.take(lengthBytes), (bytes) => {
      this.bytesLeft = lengthOf(bytes)
      this.isEnded = this.bytesLeft === 0
    })
  )

  private take(count: number): Effect.Effect<Uint8Array, E | Incomplete> {
    if (this.held.length >= count) return Effect.succeed(this.cut(count))
    return Effect.andThen(
      this.more,
      Effect.suspend(() => this.take(count))
    )
  }

  private cut(count: number): Uint8Array {
    const bytes = this.held.subarray(0, count)
    this.held = this.held.length === count ? nothing : this.held.subarray(count)
    return bytes
  }
}
