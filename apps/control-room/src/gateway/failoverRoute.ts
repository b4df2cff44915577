/** The gateway proper: requests go through `Failover`. */
import { Failover } from "@holdfast/core"
import { Effect, type Scope, type Stream } from "effect"
import { nameOf } from "./Nodes.ts"
import { Numbers } from "./Numbers.ts"
import { classify, type NodeClient } from "./nodeClient.ts"
import type { Route } from "./Route.ts"

export type Settings = Pick<Failover.Options<NodeClient>, "ejection" | "hysteresis" | "jitter">

/** One for each node, the primary first. */
export type Clients = readonly [NodeClient, ...ReadonlyArray<NodeClient>]

export interface Gateway {
  readonly route: Route
  readonly changes: Stream.Stream<Failover.Change>
}

/** The endpoints have the names of the nodes. */
export const failoverRoute = (
  [primary, ...fallbacks]: Clients,
  settings: Settings
): Effect.Effect<Gateway, never, Scope.Scope> =>
  Effect.map(
    Failover.make({
      label: "ledger",
      endpoints: [
        Failover.endpoint(nameOf(0), primary),
        ...fallbacks.map((client, index) => Failover.endpoint(nameOf(index + 1), client))
      ],
      probe: (node) => node.getHealth(),
      // Calls have a classification of their own, which knows what they fail with.
      classify: () => Failover.unknown,
      interval: Numbers.interval,
      threshold: Numbers.threshold,
      probeTimeout: Numbers.probeTimeout,
      attemptTimeout: Numbers.attemptTimeout,
      ...settings
    }),
    (pool) => ({
      changes: pool.changes,
      route: {
        ask: (call) => pool.execute((node) => call(node), { ...options, idempotent: true }),
        send: (transaction) => pool.execute((node) => node.submit([transaction]), options),
        sendAgain: (transaction) =>
          pool.execute((node) => node.submit([transaction]), { ...options, idempotent: true })
      }
    })
  )

const options = { classify, deadline: Numbers.deadline } as const
