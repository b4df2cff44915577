/**
 * How one talks with the nodes: JSON-RPC over HTTP for their clients, and a server of its own for the demo, so that what
 * is done to a node in a scenario is none of the requests that it counts.
 */
// One by one, because the process of the nodes loads this too.

import * as Schema from "effect/Schema"

/** A payment that was given a nonce. Its hash follows from the rest. */
export const Transaction = Schema.Struct({
  account: Schema.String,
  nonce: Schema.Int,
  /** What is to be paid once, whatever nonce it is given. */
  payment: Schema.String,
  amount: Schema.Int,
  hash: Schema.String
})
export type Transaction = typeof Transaction.Type

/** What a node says to a transaction that is on the ledger now, or was before. */
export const Receipt = Schema.Struct({ hash: Schema.String, known: Schema.Boolean })
export type Receipt = typeof Receipt.Type

/** The codes of JSON-RPC errors that are about the nonce, whose data is the nonce that is expected. */
export const codes = { nonceUsed: -32001, nonceGap: -32002, invalidParams: -32602, internal: -32603 } as const

/** How a node is. */
export const Behaviour = Schema.Union([
  Schema.TaggedStruct("Answering", { latencyMillis: Schema.Finite }),
  /** Takes turns: one latency after the other, each for as long, and again from the beginning. */
  Schema.TaggedStruct("Alternating", {
    latenciesMillis: Schema.NonEmptyArray(Schema.Finite),
    everyMillis: Schema.Finite
  }),
  /** Answers at once, with an error: of HTTP, or of JSON-RPC. Nothing is applied. */
  Schema.TaggedStruct("Failing", { how: Schema.Literals(["HTTP 500", "internal error"]) }),
  /** Reads what it is sent and never answers. Of the transactions it applies every second one, from the first on. */
  Schema.TaggedStruct("BlackHole", {}),
  /** Nobody listens, and connections that were open are reset. */
  Schema.TaggedStruct("Dead", {})
])
export type Behaviour = typeof Behaviour.Type

/** Sets of nodes, each node with its latency in milliseconds. Those of one set have one ledger. */
export const Plan = Schema.Array(Schema.Array(Schema.Finite))
export type Plan = typeof Plan.Type

/** The line that the process prints once every node listens. */
export const Ready = Schema.Struct({
  control: Schema.String,
  /** For each set, in the order of the plan. */
  urls: Schema.Array(Schema.Array(Schema.String))
})
export type Ready = typeof Ready.Type

/** What a node is told. The answer comes when it is so. */
export const Command = Schema.Struct({ set: Schema.Int, node: Schema.Int, behaviour: Behaviour })
export type Command = typeof Command.Type

/** One request as its node saw it, by the node's own clock. */
export const SeenRequest = Schema.Struct({
  method: Schema.String,
  startMillis: Schema.Finite,
  /** When the node began its answer, or saw the client leave. Absent while neither has happened. */
  endMillis: Schema.optionalKey(Schema.Finite),
  end: Schema.Literals(["open", "answered", "dropped"])
})
export type SeenRequest = typeof SeenRequest.Type

/** What one set of nodes saw, and what is on its ledger. */
export const SeenSet = Schema.Struct({
  /** The requests of each node, in the order in which it read them. */
  nodes: Schema.Array(Schema.Struct({ requests: Schema.Array(SeenRequest), openConnections: Schema.Int })),
  /** In the order in which they were applied. */
  applied: Schema.Array(Transaction),
  /** How often a transaction was refused for its nonce. */
  refused: Schema.Struct({ used: Schema.Int, gap: Schema.Int })
})
export type SeenSet = typeof SeenSet.Type
