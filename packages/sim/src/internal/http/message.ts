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

  /** Whether the head is all there is, as far as one knows by now. */
  get isBodyless(): boolean {
    return this.held.length === lengthBytes && lengthOf(this.held) === 0
  }

  /** What the other end said in the head. */
  readonly head: Effect.Effect<unknown, E | Incomplete> = Effect.suspend(() => this.takeHead())

  /** The next bytes of the body; `undefined` after the last. */
  readonly piece: Effect.Effect<Uint8Array | undefined, E | Incomplete> = Effect.suspend(() =>
    this.takePiece()
  )

  private takeHead(): Effect.Effect<unknown, E | Incomplete> {
    const { held } = this
    if (held.length < lengthBytes) return this.more(this.head)
    const length = lengthOf(held)
    if (held.length < lengthBytes + length) return this.more(this.head)
    this.cut(lengthBytes)
    return Effect.succeed(JSON.parse(decoder.decode(this.cut(length))))
  }

  private takePiece(): Effect.Effect<Uint8Array | undefined, E | Incomplete> {
    if (this.bytesLeft === 0 && !this.isEnded) {
      if (this.held.length < lengthBytes) return this.more(this.piece)
      this.bytesLeft = lengthOf(this.cut(lengthBytes))
      this.isEnded = this.bytesLeft === 0
    }
    if (this.isEnded) return Effect.undefined
    if (this.held.length === 0) return this.more(this.piece)
    const bytes = this.cut(Math.min(this.bytesLeft, this.held.length))
    this.bytesLeft -= bytes.length
    return Effect.succeed(bytes)
  }

  private more<A>(again: Effect.Effect<A, E | Incomplete>): Effect.Effect<A, E | Incomplete> {
    return Effect.flatMap(this.source, (bytes) => {
      if (bytes === undefined) return Effect.fail(new Incomplete())
      this.held = this.held.length === 0 ? bytes : concat([this.held, bytes])
      return again
    })
  }

  private cut(count: number): Uint8Array {
    const bytes = this.held.subarray(0, count)
    this.held = this.held.length === count ? nothing : this.held.subarray(count)
    return bytes
  }
}
