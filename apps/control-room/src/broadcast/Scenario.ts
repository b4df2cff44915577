/** One thing that can happen to a broadcast: the servers it takes, and what is promised of it. */
import type { Effect } from "effect"
import type { HttpClient } from "effect/http"
import type { Live } from "../live/Live.ts"
import type { Promised } from "../Promised.ts"
import type { Entry } from "./Entry.ts"
import type { ServersGone } from "./Servers.ts"
import { sha256 } from "./servers/protocol.ts"
import type { Behaviour, Ready, SeenServer } from "./servers/Wire.ts"

/** The servers of one scenario, while it runs. Positions are those of its own list. */
export interface Stage {
  /** One for each server, without transactions. */
  readonly entries: ReadonlyArray<Entry>
  readonly blackHole: Ready["blackHole"]
  /** What they saw, once every connection to them is closed. */
  readonly seenIdle: Effect.Effect<ReadonlyArray<SeenServer>, ServersGone>
}

export interface Scenario {
  /** Unique among the scenarios; their promises begin with it. */
  readonly id: string
  /** Whether it measures fractions of a second, or waits for time-outs: see `runScenarios`. */
  readonly pace: "quick" | "patient"
  readonly servers: ReadonlyArray<{ readonly name: string; readonly behaviour: Behaviour }>
  readonly run: (
    stage: Stage
  ) => Effect.Effect<ReadonlyArray<Promised>, ServersGone, Live | HttpClient.HttpClient>
}

/** A transaction like no other. */
export const transaction = (name: string): string => `02000000${sha256(name)}`

/** The same entries, each with a transaction of its own. */
export const withTransactions = (entries: ReadonlyArray<Entry>, id: string): ReadonlyArray<Entry> =>
  entries.map((entry, index) => ({ ...entry, txs: [transaction(`${id}-${index}`)] }))

/** So many servers that all behave alike: "dead-01", "dead-02" and so on. */
export const several = (count: number, name: string, behaviour: Behaviour) =>
  Array.from({ length: count }, (_, index) => ({
    name: `${name}-${String(index + 1).padStart(2, "0")}`,
    behaviour
  }))
