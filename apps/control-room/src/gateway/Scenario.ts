/** One thing that can happen to the nodes of a gateway, and what is promised of it. */
import type { Effect, Scope } from "effect"
import type { HttpClient } from "effect/http"
import type { Live } from "../live/Live.ts"
import type { Promised } from "../Promised.ts"
import type { failoverRoute } from "./failoverRoute.ts"
import type { NodeSet, NodesGone } from "./Nodes.ts"

/** The nodes of one scenario: for the gateway, for the naive client, and for another gateway. */
export type Sets = readonly [NodeSet, NodeSet, NodeSet]

export interface Stage {
  readonly http: HttpClient.HttpClient
  readonly sets: Sets
  /** The client that is looked at. */
  readonly gateway: typeof failoverRoute
}

export interface Scenario {
  /** Unique among the scenarios; their promises begin with it. */
  readonly id: string
  readonly run: (stage: Stage) => Effect.Effect<ReadonlyArray<Promised>, NodesGone, Live | Scope.Scope>
}
