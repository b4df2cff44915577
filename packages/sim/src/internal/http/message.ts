/**
 * How a message of HTTP travels on a connection: a signature, and frames, each a length and so many bytes. The first is
 * the head, as JSON, which says whether there is a body: then the others are the body, and an empty one ends it.
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

/** Whoever speaks at the other end is not SimHttp. */
export class Foreign extends Error {
  override readonly name = "Foreign"

  constructor() {
    super(
      "what came was not sent by SimHttp: bytes of real HTTP/1.1 do not run in a simulation, both ends have to be SimHttp"
    )
  }
}

const lengthBytes = 4
const nothing = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** What every message begins with, so that anything else is told from it. */
const signature = encoder.encode("SimHttp ")

/** What ends a body. */
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

/** What the head of a message is sent as. */
interface Start {
  readonly head: RequestHead | ResponseHead
  /** As in HTTP, a message without a body is complete with its head. */
  readonly hasBody: boolean
}

const encodeStart = (start: Start): Uint8Array =>
  concat([signature, frames(encoder.encode(JSON.stringify(start)))])

/** A head that a body follows. */
export const encodeHead = (head: RequestHead | ResponseHead): Uint8Array =>
  encodeStart({ head, hasBody: true })

/** A whole message. */
export const encodeMessage = (head: RequestHead | ResponseHead, body: Uint8Array = nothing): Uint8Array =>
  body.length === 0 ? encodeStart({ head, hasBody: false }) : concat([encodeHead(head), frames(body, end)])

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

  /** Whether all of the message has been taken. */
  get isOver(): boolean {
    return this.isEnded
  }

  /** What the other end said in the head. */
  readonly head: Effect.Effect<unknown, E | Incomplete | Foreign> = Effect.suspend(() => this.takeHead())

  /** The next bytes of the body; `undefined` after the last. */
  readonly piece: Effect.Effect<Uint8Array | undefined, E | Incomplete> = Effect.suspend(() =>
    this.takePiece()
  )

  private takeHead(): Effect.Effect<unknown, E | Incomplete | Foreign> {
    const { held } = this
    const beforeHead = signature.length + lengthBytes
    // At the first byte that differs: more may never come.
    if (signature.some((byte, at) => at < held.length && held[at] !== byte)) return Effect.fail(new Foreign())
    if (held.length < beforeHead) return this.more(this.head)
    const length = lengthOf(held.subarray(signature.length))
    if (held.length < beforeHead + length) return this.more(this.head)
    this.cut(beforeHead)
    // house: what `encodeStart` of the other end wrote, as nothing else begins with the signature
    const { hasBody, head } = JSON.parse(decoder.decode(this.cut(length))) as Start
    this.isEnded = !hasBody
    return Effect.succeed(head)
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

  private more<A, E2>(again: Effect.Effect<A, E2>): Effect.Effect<A, E | E2 | Incomplete> {
    return Effect.flatMap(this.source, (bytes): Effect.Effect<A, E2 | Incomplete> => {
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
