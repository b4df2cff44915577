/** The body of a message that came over the network, in all the forms in which Effect offers one. */
import { Cause, Effect, Inspectable, type Option, type Schema, Stream } from "effect"
import { type Headers, HttpIncomingMessage, UrlParams } from "effect/http"
import { concat } from "./message.ts"

/** The next bytes of a body; `undefined` after the last. */
export type Pieces = Effect.Effect<Uint8Array | undefined, unknown>

export class TooLarge extends Error {
  override readonly name = "TooLarge"

  constructor(maxBytes: number) {
    super(`the body is longer than ${maxBytes} bytes`)
  }
}

const decoder = new TextDecoder()
const formDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

const collect = (pieces: Pieces): Effect.Effect<Uint8Array, unknown> =>
  Effect.withFiber((fiber) => {
    const limit = fiber.getRef(HttpIncomingMessage.MaxBodySize)
    const maxBytes = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
    const taken: Array<Uint8Array> = []
    let bytes = 0
    const next: Effect.Effect<Uint8Array, unknown> = Effect.flatMap(pieces, (piece) => {
      if (piece === undefined) return Effect.succeed(concat(taken))
      taken.push(piece)
      bytes += piece.length
      return bytes > maxBytes ? Effect.fail(new TooLarge(maxBytes)) : next
    })
    return next
  })

export abstract class Incoming<E>
  extends Inspectable.Class
  implements HttpIncomingMessage.HttpIncomingMessage<E>
{
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  abstract readonly headers: Headers.Headers
  abstract readonly remoteAddress: Option.Option<string>
  protected readonly pieces: Pieces
  private whole: Effect.Effect<Uint8Array, E> | undefined = undefined

  constructor(pieces: Pieces) {
    super()
    this.pieces = pieces
  }

  protected abstract failure(cause: unknown): E

  get stream(): Stream.Stream<Uint8Array, E> {
    const pull = Effect.flatMap(
      Effect.mapError(this.pieces, (cause) => this.failure(cause)),
      (piece) => (piece === undefined ? Cause.done() : Effect.succeed([piece] as const))
    )
    return Stream.fromPull(Effect.succeed(pull))
  }

  /** Read once, however often and in whatever form it is asked for. */
  private get bytes(): Effect.Effect<Uint8Array, E> {
    return Effect.suspend(() => {
      if (this.whole !== undefined) return this.whole
      const read = Effect.mapError(collect(this.pieces), (cause) => this.failure(cause))
      return Effect.flatMap(Effect.cached(read), (cached) => {
        this.whole ??= cached
        return this.whole
      })
    })
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, E> {
    return Effect.map(this.bytes, (bytes) => new Uint8Array(bytes).buffer)
  }

  get text(): Effect.Effect<string, E> {
    return Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): Effect.Effect<Schema.Json, E> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        try: () => (text === "" ? null : JSON.parse(text)),
        catch: (cause) => this.failure(cause)
      })
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, E> {
    // A leading "?" belongs to the first name, and is no mark of a query.
    return Effect.map(this.bytes, (bytes) =>
      UrlParams.fromInput(new URLSearchParams(formDecoder.decode(bytes).replace(/^\?/, "%3F")))
    )
  }
}
