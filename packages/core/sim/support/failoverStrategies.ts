/** The strategies of fail-over that are compared, each over the nodes of one ledger. */
import { Failover } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { type EthersOptions, ethersFallback } from "./ethersFallback.ts"
import type { Refused, Request, ServerError } from "./ledgerNodes.ts"
import type { Transport } from "./transports.ts"
import { type ViemOptions, viemFallback } from "./viemFallback.ts"

type Node = Transport<Request, string, Refused | ServerError>

export interface Strategy {
  readonly name: string
  readonly isOurs: boolean
  /** How often it sends a request at most, to three nodes together. */
  readonly attempts: number
  /** A client, for callers that wait for so long. */
  readonly make: (
    nodes: ReadonlyArray<Node>,
    patienceMillis: number
  ) => Effect.Effect<Transport<Request, string, unknown>, never, Scope.Scope>
}

const probe: Request = { kind: "probe", id: -1 }

/** A submission that was refused was not carried out; after anything else, nobody knows. */
const classifySubmission = (error: Refused | ServerError) =>
  error._tag === "Refused" ? Failover.endpointFault : Failover.unknown

const holdfast = (
  name: string,
  options: Pick<Failover.Options<Node, never, never>, "select" | "hedge" | "attempts"> = {}
): Strategy => ({
  name,
  isOurs: true,
  attempts: options.attempts ?? 3,
  make: ([primary, ...others], patienceMillis) => {
    if (primary === undefined) return Effect.die(new Error("a pool needs an endpoint"))
    const fallbacks = others.map((node, index) => Failover.endpoint(`fallback-${index + 1}`, node))
    const pool = Failover.make({
      label: "ledger",
      endpoints: [Failover.endpoint("primary", primary), ...fallbacks],
      probe: (node) => node(probe),
      classify: () => Failover.endpointFault,
      ...options
    })
    return Effect.map(pool, ({ execute }) => (request) => {
      const deadline = patienceMillis
      return request.kind === "submission"
        ? execute((node) => node(request), { deadline, classify: (error) => classifySubmission(error) })
        : execute((node) => node(request), { deadline, idempotent: true })
    })
  }
})

const viem = (name: string, options: ViemOptions<Request>): Strategy => ({
  name,
  isOurs: false,
  attempts: 12,
  make: (nodes) => viemFallback(nodes, options)
})

const ethers = (
  name: string,
  options: Pick<EthersOptions<Request, string>, "quorum" | "priorities">
): Strategy => ({
  name,
  isOurs: false,
  attempts: 3,
  make: (nodes) =>
    ethersFallback(nodes, {
      sync: probe,
      isBroadcast: ({ kind }) => kind === "submission",
      tagOf: (answer) => answer,
      ...options
    })
})

/**
 * All with their defaults, except for what their names say. The first is what the others are compared with. Twelve
 * attempts are as many as viem makes, which goes round its three transports four times; a pool tries each endpoint once.
 */
export const strategies: readonly [Strategy, ...ReadonlyArray<Strategy>] = [
  holdfast("Holdfast"),
  holdfast("Holdfast, fastest, hedged", { select: "fastest", hedge: {} }),
  holdfast("Holdfast, 12 attempts", { attempts: 12 }),
  viem("viem", {}),
  viem("viem, ranked", { rank: { ping: probe } }),
  ethers("ethers, quorum of 1, by priority", { quorum: 1, priorities: [1, 2, 3] }),
  ethers("ethers, quorum of 2", {})
]
