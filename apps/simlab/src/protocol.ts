/** What the main thread asks of its workers, and what they say. */
import type * as Report from "@holdfast/sim/Report"
import type * as Suite from "@holdfast/sim/Suite"
import type { Row } from "./look.ts"

/** Every `count`th run, beginning with number `index`: what one of several machines makes. */
export interface Shard {
  readonly index: number
  readonly count: number
}

export interface Listed {
  readonly name: string
  readonly guarantees: ReadonlyArray<string>
}

export type Request =
  | { readonly _tag: "List" }
  | {
      readonly _tag: "Campaign"
      readonly suite: string
      readonly seed: number
      readonly shard: Shard
    }
  | { readonly _tag: "Replay"; readonly token: string }
  | { readonly _tag: "Planted"; readonly bug: string }

/** What some runs of a campaign gave. */
export interface Part {
  readonly report: Report.Report
  /** Sums up what each run did, in any order. */
  readonly hash: number
}

export interface Answers {
  readonly List: ReadonlyArray<Listed>
  readonly Campaign: Part
  readonly Replay: Suite.Replayed
  readonly Planted: Row
}

export type FromWorker<A> =
  /** What a campaign gave so far. */
  | { readonly _tag: "Progress"; readonly part: Part }
  | { readonly _tag: "Answer"; readonly answer: A }
  /** It cannot be done, for a reason that concerns the person who asked. */
  | { readonly _tag: "Refused"; readonly problem: string }

/** What a worker is given when it starts. */
export interface Start {
  readonly pattern: string
  readonly index: number
  readonly cells: Int32Array<SharedArrayBuffer>
}
