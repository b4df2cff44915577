/**
 * What a campaign of a suite found, as plain data: it crosses threads, becomes JSON, and adds up.
 *
 * @since 0.1.0
 */
import {
  formatFailure as formatOne,
  formatUnmet as formatSentences,
  formatWarned as formatWarnings
} from "./internal/suite/format.ts"
import type { Level } from "./Simulation.ts"
import type * as Trace from "./Trace.ts"

/**
 * A failure, made as small as it got.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly suite: string
  /** The guarantee that was broken, or the kind of error that came out. */
  readonly identity: string
  readonly message: string
  /** Whether the run was the same when it was made again. One that was not is told as it was found. */
  readonly repeats: boolean
  /** `"realistic"`: it happens on the stock scheduler. */
  readonly level: Level
  /** Repeats exactly this run. Empty when the workload is no plain data; a warning says what in it is not. */
  readonly token: string
  /** The workload in words. */
  readonly workload: string
  /** The faults in words, in order. */
  readonly faults: ReadonlyArray<string>
  /** How many preemptions, picks, choices of the world and random numbers are not the calm ones. */
  readonly choices: {
    readonly gap: number
    readonly pick: number
    readonly fault: number
    readonly random: number
  }
  /** The number of the run that failed first, and how many more were made to shrink it. */
  readonly run: number
  readonly shrinkRuns: number
  readonly hash: string
  readonly virtualMillis: number
  readonly warnings: ReadonlyArray<string>
  readonly trace: ReadonlyArray<Trace.Event>
}

/**
 * What a campaign found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  readonly suite: string
  readonly guarantees: ReadonlyArray<string>
  readonly runs: number
  readonly virtualMillis: number
  readonly steps: number
  /** The kinds of faults that were planned, and how often each took effect. */
  readonly faults: Readonly<Record<string, number>>
  /** What a run was to see at least once, and whether one did. */
  readonly reached: Readonly<Record<string, boolean>>
  /** The guarantees of the suite, and whether an oracle ever looked at them. */
  readonly checked: Readonly<Record<string, boolean>>
  /** How many runs looked wrong although nothing failed, and what the first of them, by number, had to say. */
  readonly warned:
    | { readonly runs: number; readonly run: number; readonly warnings: ReadonlyArray<string> }
    | undefined
  /** How many runs were made twice to compare their hashes. */
  readonly repeated: number
  /** The trace hashes of all runs, in a sum that does not depend on their order: an integer of 32 bits. */
  readonly hash: number
  readonly failures: ReadonlyArray<Failure>
}

/**
 * The report of no runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty = (
  suite: string,
  guarantees: ReadonlyArray<string>,
  reaches: ReadonlyArray<string> = []
): Report => ({
  suite,
  guarantees,
  runs: 0,
  virtualMillis: 0,
  steps: 0,
  faults: {},
  reached: Object.fromEntries(reaches.map((what) => [what, false])),
  checked: Object.fromEntries(guarantees.map((guarantee) => [guarantee, false])),
  warned: undefined,
  repeated: 0,
  hash: 0,
  failures: []
})

/**
 * Both reports as one. Of several failures the first is kept: the same bug is found many times.
 *
 * @since 0.1.0
 * @category combining
 */
export const add = (self: Report, that: Report): Report => ({
  suite: self.suite,
  guarantees: self.guarantees,
  runs: self.runs + that.runs,
  virtualMillis: self.virtualMillis + that.virtualMillis,
  steps: self.steps + that.steps,
  faults: merge(self.faults, that.faults, (a, b) => a + b),
  reached: merge(self.reached, that.reached, (a, b) => a || b),
  checked: merge(self.checked, that.checked, (a, b) => a || b),
  warned: addWarned(self.warned, that.warned),
  repeated: self.repeated + that.repeated,
  hash: (self.hash + that.hash) >>> 0,
  failures: [...self.failures, ...that.failures].sort((a, b) => a.run - b.run).slice(0, 1)
})

const addWarned = (self: Report["warned"], that: Report["warned"]): Report["warned"] => {
  if (self === undefined || that === undefined) return self ?? that
  return { ...(self.run < that.run ? self : that), runs: self.runs + that.runs }
}

/** Through maps: a guarantee or a place may be named like something that every object has. */
const merge = <A>(
  self: Readonly<Record<string, A>>,
  that: Readonly<Record<string, A>>,
  join: (a: A, b: A) => A
): Readonly<Record<string, A>> => {
  const joined = new Map(Object.entries(self))
  for (const [key, value] of Object.entries(that)) {
    const known = joined.get(key)
    joined.set(key, known === undefined ? value : join(known, value))
  }
  return Object.fromEntries(joined)
}

/**
 * What was meant to happen in a campaign and never did, as sentences; a whole campaign with any has failed.
 *
 * @since 0.1.0
 * @category accessors
 */
export const unmet = ({ checked, faults, reached }: Report): ReadonlyArray<string> => [
  ...Object.entries(checked)
    .filter(([, was]) => !was)
    .map(([guarantee]) => `no oracle ever looked at ${guarantee}`),
  ...Object.entries(faults)
    .filter(([, count]) => count === 0)
    .map(([fault]) => `the fault "${fault}" was planned and never took effect`),
  ...Object.entries(reached)
    .filter(([, was]) => !was)
    .map(([what]) => `never seen: ${what}`)
]

/**
 * Whether a whole campaign found nothing wrong, and everything that it should see.
 *
 * @since 0.1.0
 * @category accessors
 */
export const isGood = (report: Report): boolean =>
  report.runs > 0 && report.failures.length === 0 && unmet(report).length === 0

/**
 * A failure as a text for people: what broke, the smallest scenario, the last events, and how to replay it: with
 * `SIM_REPLAY` before the command that runs its test.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatFailure = (failure: Failure, command = "npx --yes pnpm@12 test"): string =>
  formatOne(failure, command)

/**
 * What a campaign should have seen and did not, as a text for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatUnmet = (report: Report): string => formatSentences(report, unmet(report))

/**
 * What looked wrong in runs that did not fail, as a text for people; empty when nothing did.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatWarned = (report: Report): string => formatWarnings(report).join("\n")
