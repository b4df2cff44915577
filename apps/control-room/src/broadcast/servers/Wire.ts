/** What the parent tells the child that runs the servers, and what the child tells back. */
import { Schema } from "effect"

/** The operations a will-executor server understands. */
export const Operation = Schema.Literals(["ping", "list", "push", "check"])
export type Operation = typeof Operation.Type

/** How one server behaves. Each kind is one way in which a real server disappoints, or does not. */
export const Behaviour = Schema.Union([
  Schema.TaggedStruct("Answering", {}),
  Schema.TaggedStruct("Slow", { delayMillis: Schema.Finite }),
  /** Nothing listens on its port. */
  Schema.TaggedStruct("Refusing", {}),
  /** Accepts and never answers: every operation, or only those named. */
  Schema.TaggedStruct("Stalling", { only: Schema.optionalKey(Schema.Array(Operation)) }),
  /** Sends one byte at a time, for ever. */
  Schema.TaggedStruct("Trickling", {
    part: Schema.Literals(["header", "body"]),
    only: Schema.optionalKey(Schema.Array(Operation))
  }),
  /** Replies with bytes that are not HTTP, with a body that is not what was agreed, or with no body. */
  Schema.TaggedStruct("Garbage", { reply: Schema.Literals(["http", "json", "empty"]) }),
  Schema.TaggedStruct("Failing", {}),
  /** Stores the transactions, and keeps back the reply of the first `stalls` pushes (-1: of every push). */
  Schema.TaggedStruct("CommitThenStall", { stalls: Schema.Int }),
  /** Listens with a full backlog, so that a connect neither succeeds nor fails. */
  Schema.TaggedStruct("BlackHoled", {}),
  /** Says that it has every transaction already; `holds` tells whether that is true. */
  Schema.TaggedStruct("AlreadyPresent", { holds: Schema.Boolean })
])
export type Behaviour = typeof Behaviour.Type

/** One server to start. Names are for people: nothing is keyed by them. */
export interface ServerSpec {
  readonly name: string
  /** The list that a server offers for download names every server of its group. */
  readonly group: string
  readonly behaviour: Behaviour
}

/** The line that the child prints once every server listens. Urls are in the order of the specs. */
export const Ready = Schema.Struct({
  control: Schema.String,
  urls: Schema.Array(Schema.String),
  /** What a connect to a black-holed server does on this platform. */
  blackHole: Schema.Literals(["none", "hangs", "refuses", "accepts"])
})
export type Ready = typeof Ready.Type

/** One request as its server saw it. Times are milliseconds on the clock of the child. */
export const SeenRequest = Schema.Struct({
  operation: Operation,
  startMillis: Schema.Finite,
  /** When the server began its reply, or saw the client leave. Absent while neither has happened. */
  endMillis: Schema.optionalKey(Schema.Finite),
  end: Schema.Literals(["open", "answered", "dropped"]),
  /** SHA-256 of the bytes received. */
  digest: Schema.String
})
export type SeenRequest = typeof SeenRequest.Type

/** Everything that one server saw. */
export const SeenServer = Schema.Struct({
  requests: Schema.Array(SeenRequest),
  openConnections: Schema.Int,
  /** How many times each transaction was stored, by its id. */
  stored: Schema.Record(Schema.String, Schema.Int)
})
export type SeenServer = typeof SeenServer.Type

export const Seen = Schema.Struct({ servers: Schema.Array(SeenServer) })
export type Seen = typeof Seen.Type
