/** What the main thread and its workers say to each other. */
import type { Report } from "@holdfast/sim"

/** A worker's share of a campaign: every `step`th run, beginning with number `from`. */
export interface Share {
  readonly _tag: "Share"
  readonly suite: string
  readonly seed: number
  readonly runs: number
  readonly from: number
  readonly step: number
}

export type ToWorker = Share | { readonly _tag: "Stop" }

/** What the share's runs have given so far; the last word on a share says so. */
export interface FromWorker {
  readonly _tag: "Progress" | "Done"
  readonly report: Report.Report
}
