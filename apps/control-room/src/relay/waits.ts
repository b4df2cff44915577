/** What scenarios wait for. */
import type { Effect } from "effect"
import type { StatusAt } from "./measure.ts"
import type { Pool, Received } from "./pool/Pool.ts"
import type { Observed } from "./Scene.ts"

/** The generation can be used. */
export const connected = ({ statuses }: Observed, generation: number): Effect.Effect<StatusAt> =>
  statuses.first(({ status }) => status._tag === "Connected" && status.generation === generation)

export const lost = ({ statuses }: Observed, generation: number): Effect.Effect<StatusAt> =>
  statuses.first(({ status }) => status._tag === "Lost" && status.generation === generation)

/** That many attempts have failed since the node was last stable. */
export const failures = ({ statuses }: Observed, count: number): Effect.Effect<StatusAt> =>
  statuses.first(
    ({ status }) => status._tag === "Connecting" && status.attempt > count && status.nextDelay !== undefined
  )

/** The first template after those that a pool had at a time. */
export const fresh = (pool: Pool, had: number): Effect.Effect<Received> =>
  pool.received.first(() => true, had)

/** The first template at this height, of those from a position on. */
export const atHeight = (pool: Pool, height: number, had = 0): Effect.Effect<Received> =>
  pool.received.first((template) => template.height >= height, had)
