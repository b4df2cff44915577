/** The rows that several scenarios have. */
import { exactly, type Promised } from "../Promised.ts"
import { begunIn, discrepancies, type Figures, figuresOf } from "./measure.ts"
import type { SeenSet } from "./node/Wire.ts"
import type { ChangeAt, Ended, Side } from "./Scene.ts"

/** What a busy machine may add to a request. It is less than what any time-out takes. */
export const busySeconds = 1

interface Row {
  readonly id: string
  readonly text: string
}

interface Bounds {
  readonly failedMax?: number
  readonly p50?: readonly ["≤" | "≥", number]
  readonly p99?: readonly ["≤" | "≥", number]
}

const holds = (bound: Bounds["p50"], value: number): boolean =>
  bound === undefined || (bound[0] === "≤" ? value <= bound[1] : value >= bound[1])

/** Requests, failures, and the median and the 99th percentile of how long they took. What has no bound is shown. */
export const served = (row: Row & { readonly figures: Figures } & Bounds): Promised => {
  const { failedMax, figures, id, p50, p99, text } = row
  const { failed, p50Seconds, p99Seconds, requests } = figures
  const words = (bound: Bounds["p50"]) => (bound === undefined ? "any" : `${bound.join(" ")} s`)
  return {
    id,
    text: `${text}: requests / failed / p50 / p99`,
    bound: `> 0 / ${failedMax ?? "any"} / ${words(p50)} / ${words(p99)}`,
    measured: `${requests} / ${failed} / ${p50Seconds.toFixed(2)} / ${p99Seconds.toFixed(2)} s`,
    unit: "",
    ok: requests > 0 && failed <= (failedMax ?? Infinity) && holds(p50, p50Seconds) && holds(p99, p99Seconds)
  }
}

export const figuresBetween = ({ requests }: Side, fromSeconds: number, { atSeconds }: Ended): Figures =>
  figuresOf(begunIn(requests, fromSeconds, atSeconds), atSeconds)

/** "A → C (Slow)" */
export const wordsOf = ({ from, reason, to }: ChangeAt): string => `${from} → ${to} (${reason})`

/** What must not be found when the ledger is compared with what is known of the payments. */
export const books = (id: string, { payments }: Side, { applied, refused }: SeenSet): Promised => {
  const { ghosts, lost, nonces, twice } = discrepancies(applied, payments)
  return exactly({
    id: `${id}/books`,
    text: `The ledger, after ${payments.length} payments: nonces that are missing, there twice, or were refused / payments made twice / acknowledged and not made / failed and made`,
    bound: "0 / 0 / 0 / 0",
    measured: [nonces + refused.used + refused.gap, twice, lost, ghosts].join(" / "),
    unit: ""
  })
}

/** All that a node was asked but for probes, in its own order, from a position on. */
export const askedOf = (seen: SeenSet, node: number, from = 0): number =>
  (seen.nodes[node]?.requests ?? []).slice(from).filter(({ method }) => method !== "getHealth").length
