/**
 * How one talks with the node: Rpc over its socket for the provider, lines of JSON over its standard streams for the
 * demo, so that what is done to it in a scenario is none of the calls that it counts.
 */
// One by one, because the node loads this too, and is started dozens of times.

import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as Schema from "effect/Schema"

/** The template of a block on top of the block at that height. */
export const NodeTemplate = Schema.Struct({ height: Schema.Int })
export type NodeTemplate = typeof NodeTemplate.Type

/** What the node gives a client that may ask for templates. */
const Handle = Schema.Struct({ pid: Schema.Int })

export class NodeCalls extends RpcGroup.make(
  /** Null as long as the node has not begun. */
  Rpc.make("Hello", { success: Schema.NullOr(Handle) }),
  Rpc.make("Ping", { success: Schema.Void }),
  Rpc.make("IsInitialBlockDownload", { success: Schema.Boolean }),
  /** A long-poll for a template above a height; null when there is none in that time. */
  Rpc.make("WaitNext", {
    payload: { above: Schema.Int, waitMillis: Schema.Finite },
    success: Schema.NullOr(NodeTemplate)
  }),
  /** The client needs nothing any more of what it was given. */
  Rpc.make("Goodbye", { success: Schema.Void })
) {}

/** How a node is to be. */
export const Plan = Schema.Struct({
  path: Schema.String,
  /** The height of its chain; at 0 it has no template to give. */
  height: Schema.Int,
  /** Whether it listens at once, or waits until it is told to. */
  listens: Schema.Literals(["at once", "when told"]),
  /** How often it says that it still downloads. */
  downloadChecks: Schema.Int,
  /** Whether it says null to the first Hello. */
  handle: Schema.Literals(["at once", "second time"]),
  /** Whether a long-poll without a result takes its time, or comes back at once: with nothing, or with the last result. */
  polls: Schema.Literals(["wait", "come back empty", "repeat"])
})
export type Plan = typeof Plan.Type

/** What it is told, one a line. A `tick` is a new block. */
export const Command = Schema.Literals(["listen", "tick"])
export type Command = typeof Command.Type

/** What it saw, one a line. `ready` is the first. */
export const Seen = Schema.Struct({
  what: Schema.Literals(["ready", "listening", "accepted", "called", "answered", "interrupted", "closed"]),
  /** Of a call, its name. */
  call: Schema.String,
  /** Milliseconds since the Unix epoch: this clock is shared with the parent. */
  atMillis: Schema.Finite
})
export type Seen = typeof Seen.Type
