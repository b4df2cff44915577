/** One thing that can happen to the nodes of a gateway, and what is promised of it. */
import type { Effect, Scope } from "effect"
import type { HttpClient } from "effect/http"
import type { ChildProcessSpawner } from "effect/process"
import type { Live } from "../live/Live.ts"
import type { Promised } from "../Promised.ts"
import type { failoverRoute } from "./failoverRoute.ts"
import type { NodesGone } from "./Nodes.ts"

export interface Stage {
  readonly http: HttpClient.HttpClient
  /** The client that is looked at. */
  readonly gateway: typeof failoverRoute
  /** Told of each process that is started. */
  readonly started: (pid: number) => void
}

export interface Scenario {
  /** Unique among the scenarios; their promises begin with it. */
  readonly id: string
  readonly run: (
    stage: Stage
  ) => Effect.Effect<
    ReadonlyArray<Promised>,
    NodesGone,
    Live | ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
  >
}
