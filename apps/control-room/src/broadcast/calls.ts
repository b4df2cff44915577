/** One attempt at one server, for each operation. Time-outs and retries are not here: they are the fan-out's. */
import { Effect, Schema } from "effect"
import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { type Entry, payload, question, transactionIds } from "./Entry.ts"
import { acknowledgement, alreadyPresent, paths } from "./servers/protocol.ts"

/** No connection was made, so nothing was sent. */
export class Unreachable extends Schema.TaggedError<Unreachable>("control-room/broadcast/Unreachable")(
  "Unreachable",
  {
    url: Schema.String,
    cause: Schema.Defect()
  }
) {
  override get message(): string {
    return `cannot connect: ${codeOf(this.cause)}`
  }
}

/** The request may have arrived; its reply did not, or not as HTTP. */
export class ReplyLost extends Schema.TaggedError<ReplyLost>("control-room/broadcast/ReplyLost")(
  "ReplyLost",
  {
    url: Schema.String,
    cause: Schema.Defect()
  }
) {
  override get message(): string {
    return `reply lost: ${codeOf(this.cause)}`
  }
}

/** The server replied, and it was not what was agreed. */
export class BadReply extends Schema.TaggedError<BadReply>("control-room/broadcast/BadReply")("BadReply", {
  url: Schema.String,
  status: Schema.Number,
  body: Schema.String
}) {
  override get message(): string {
    return `bad reply: ${this.status} ${this.body === "" ? "(empty)" : JSON.stringify(this.body.slice(0, 40))}`
  }
}

export type CallError = Unreachable | ReplyLost | BadReply

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : String(cause)

/** What a server says of itself. */
export const Info = Schema.Struct({
  address: Schema.NonEmptyString,
  base_fee: Schema.Int,
  info: Schema.String
})
export type Info = typeof Info.Type

const Listed = Schema.Array(Schema.Struct({ name: Schema.String, url: Schema.String }))

const Held = Schema.Struct({ held: Schema.Array(Schema.String) })

export const ping = (entry: Entry) => get(entry, paths.ping).pipe(Effect.flatMap(decode(entry, Info)))

export const list = (entry: Entry): Effect.Effect<ReadonlyArray<Entry>, CallError, HttpClient.HttpClient> =>
  get(entry, paths.list).pipe(Effect.flatMap(decode(entry, Listed)))

/** Whether the server stored the transactions now, or says that it held them before. */
export const push = (entry: Entry) =>
  post(entry, paths.push, payload(entry)).pipe(
    Effect.flatMap((reply) => {
      if (reply.status === 200 && reply.body === acknowledgement) return Effect.succeed("Stored" as const)
      if (reply.status === 200 && reply.body === alreadyPresent)
        return Effect.succeed("AlreadyPresent" as const)
      return Effect.fail(badReply(entry, reply))
    })
  )

/** Whether the server holds every transaction of the entry. */
export const check = (entry: Entry) =>
  post(entry, paths.check, question(entry)).pipe(
    Effect.flatMap(decode(entry, Held)),
    Effect.map(({ held }) => transactionIds(entry).every((id) => held.includes(id)))
  )

interface Reply {
  readonly status: number
  readonly body: string
}

const get = (entry: Entry, path: string) => exchange(entry, HttpClientRequest.get(entry.url + path))

const post = (entry: Entry, path: string, body: Uint8Array) =>
  exchange(entry, HttpClientRequest.post(entry.url + path, { body: HttpBody.uint8Array(body, "text/plain") }))

const exchange = (
  entry: Entry,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Reply, Unreachable | ReplyLost, HttpClient.HttpClient> =>
  HttpClient.execute(request).pipe(
    Effect.flatMap((response) => Effect.map(response.text, (body) => ({ status: response.status, body }))),
    Effect.mapError((error) => transportError(entry, error))
  )

/** Only a connect that failed is certain to have sent nothing. */
const transportError = (entry: Entry, error: HttpClientError.HttpClientError): Unreachable | ReplyLost => {
  const cause: unknown = error.reason.cause
  const failedToConnect =
    typeof cause === "object" &&
    cause !== null &&
    "syscall" in cause &&
    (cause.syscall === "connect" || cause.syscall === "getaddrinfo")
  return failedToConnect
    ? new Unreachable({ url: entry.url, cause })
    : new ReplyLost({ url: entry.url, cause })
}

const badReply = (entry: Entry, reply: Reply): BadReply => new BadReply({ url: entry.url, ...reply })

const decode =
  <A>(entry: Entry, schema: Schema.Codec<A, unknown>) =>
  (reply: Reply): Effect.Effect<A, BadReply> =>
    reply.status === 200
      ? Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(reply.body).pipe(
          Effect.mapError(() => badReply(entry, reply))
        )
      : Effect.fail(badReply(entry, reply))
