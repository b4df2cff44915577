/**
 * Suites: a program, what may happen to it, and what must hold whatever happens.
 *
 * A suite draws a workload and a plan of faults, runs its program with them under a schedule of its own, and checks its
 * oracles, thousands of times. A failure is made small, in its workload, its faults and its schedule, and comes with a
 * token that replays it.
 *
 * @since 0.1.0
 */
import type { Effect } from "effect"
import type * as fc from "fast-check"
import type * as FaultPlan from "./FaultPlan.ts"
import { Campaign as Running } from "./internal/suite/campaign.ts"
import { replayCase } from "./internal/suite/replay.ts"
import { suiteOf } from "./internal/token.ts"
import type { Failure, Report } from "./Report.ts"
import type { Level } from "./Simulation.ts"
import type { Strategy } from "./Strategy.ts"

/**
 * What a suite is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<W> {
  /** Unique among the suites that are run together; it names the suite on the command line. */
  readonly name: string
  /** The promises that it checks, such as `["FO-1", "FO-2"]`. */
  readonly guarantees: ReadonlyArray<string>
  /** Draws workloads: what the program is given to do. Shrinking is fast-check's. */
  readonly arbitrary: fc.Arbitrary<W>
  /** Draws the faults that are injected while the program runs; none by default. */
  readonly faults?: fc.Arbitrary<FaultPlan.Plan> | undefined
  /** The program with its oracles, see `Check`. An error that comes out of it is a failure too. */
  readonly run: (workload: W) => Effect.Effect<unknown, unknown>
  /** The guarantee that is broken when the program leaves a fiber, a timer or an open scope behind; unchecked by default. */
  readonly leaks?: string | undefined
  /** Places for `Check.reachable` and conditions for `Check.sometimes` that a campaign must have seen; none by default. */
  readonly reaches?: ReadonlyArray<string> | undefined
  /** A workload in words; its value by default. */
  readonly describe?: ((workload: W) => string) | undefined
  /** How freely fibers are interleaved; `"anywhere"` by default. */
  readonly level?: Level | undefined
  /** How schedules are searched; `Strategy.portfolio` by default. */
  readonly strategy?: Strategy | undefined
  /** Steps after which a run is given up; 1,000,000 by default. */
  readonly maxSteps?: number | undefined
}

/**
 * A suite. What its workloads are, only the suite itself needs to know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Suite {
  readonly name: string
  readonly guarantees: ReadonlyArray<string>
  /** Begins a campaign, which is advanced run by run. */
  readonly campaign: (settings: Settings) => Campaign
  /** Makes one recorded run again, and watches it. */
  readonly replay: (token: string) => Replayed
}

/**
 * Which runs a campaign makes.
 *
 * **Details**
 *
 * Runs are numbered from 0, and the campaign's seed and its number decide a run. A part of a campaign, for one of several
 * threads, makes every `step`th run, beginning with number `from`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly runs: number
  /** 0 by default. */
  readonly seed?: number | undefined
  /** 0 by default. */
  readonly from?: number | undefined
  /** 1 by default. */
  readonly step?: number | undefined
  /** Asked between the runs that make a failure small, which it ends: for a limit in real time. Never, by default. */
  readonly isExpired?: (() => boolean) | undefined
}

/**
 * A campaign that is under way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Campaign {
  /** All runs were made, or one failed and is as small as it gets. */
  readonly isDone: boolean
  /** Makes the next run; or, when the last one failed, makes that small. */
  readonly advance: () => void
  /** What was found so far. A failure is there as soon as it was found, and small later. */
  readonly report: () => Report
}

/**
 * A run that was made again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Replayed {
  /** Whether it failed again. */
  readonly failed: boolean
  /** What it was, with its trace; its message says so when nothing failed. */
  readonly failure: Failure
}

/**
 * Defines a suite.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <W>(options: Options<W>): Suite => ({
  name: options.name,
  guarantees: options.guarantees,
  campaign: (settings) => new Running(options, settings),
  replay: (token) => replayCase(options, token)
})

/**
 * Runs a whole campaign.
 *
 * @since 0.1.0
 * @category running
 */
export const check = (suite: Suite, settings: Settings): Report => {
  const campaign = suite.campaign(settings)
  while (!campaign.isDone) campaign.advance()
  return campaign.report()
}

/**
 * The name of the suite that a token belongs to.
 *
 * **Details**
 *
 * Throws when the text is no token, and says why.
 *
 * @since 0.1.0
 * @category replaying
 */
export const nameOf = (token: string): string => suiteOf(token)
