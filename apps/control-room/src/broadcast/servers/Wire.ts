/** What the parent tells the child that runs the servers, and what the child tells back. */
import { Schema } from "effect"

/** The operations a will-executor server understands. */
export const Operation = Schema.Literals(["ping", "list", "push", "check"])
export type Operation = typeof Operation.Type

/** How one server behaves. Each kind is one way in which a real server disappoints, or does not. */
export type Behaviour =
  | { readonly _tag: "Answering" }
  | { readonly _tag: "Slow"; readonly delayMillis: number }
  /** Nothing listens on its port. */
  | { readonly _tag: "Refusing" }
  /** Accepts and never answers: every operation, or only those named. */
  | { readonly _tag: "Stalling"; readonly only?: ReadonlyArray<Operation> }
  /** Sends one byte at a time, for ever. */
  | {
      readonly _tag: "Trickling"
      readonly part: "header" | "body"
      readonly only?: ReadonlyArray<Operation>
    }
  /** Replies with bytes that are not HTTP, with a body that is not what was agreed, or with no body. */
  | { readonly _tag: "Garbage"; readonly reply: "http" | "json" | "empty" }
  | { readonly _tag: "Failing" }
  /** Stores the transactions, and keeps back the reply to its first push, or to every push. */
  | { readonly _tag: "CommitThenStall"; readonly stalls: "first" | "every" }
  /** Listens with a full backlog, so that a connect neither succeeds nor fails. */
  | { readonly _tag: "BlackHoled" }
  /** Says that it has every transaction already; `holds` tells whether that is true. */
  | { readonly _tag: "AlreadyPresent"; readonly holds: boolean }

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
  /** The ids of the transactions that it stored. */
  stored: Schema.Array(Schema.String)
})
export type SeenServer = typeof SeenServer.Type

export const Seen = Schema.Struct({ servers: Schema.Array(SeenServer) })
export type Seen = typeof Seen.Type
