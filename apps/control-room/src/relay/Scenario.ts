/** One thing that can happen between a node, a provider and its pools, and what is promised of it. */
import type { Effect, Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { SocketServer } from "effect/socket"
import type { Live } from "../live/Live.ts"
import type { Promised } from "../Promised.ts"
import type { NodeGone } from "./Node.ts"
import type { serve } from "./provider/Provider.ts"

export interface Stage {
  /** Where the node of this scenario listens. */
  readonly path: string
  /** The provider that is looked at. */
  readonly serve: typeof serve
}

export interface Scenario {
  /** Unique among the scenarios; their promises begin with it. */
  readonly id: string
  /** Whether it counts what belongs to the whole process. */
  readonly alone: boolean
  readonly run: (
    stage: Stage
  ) => Effect.Effect<
    ReadonlyArray<Promised>,
    NodeGone | SocketServer.SocketServerError,
    Live | ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
  >
}
