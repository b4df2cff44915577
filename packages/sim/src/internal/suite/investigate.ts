/** From a run that failed to what is told about it: as small as it gets, at the level at which it happens. */
import * as fc from "fast-check"
import type * as Choices from "../../Choices.ts"
import { describe as describeFault } from "../../FaultPlan.ts"
import type { Failure } from "../../Report.ts"
import type { Level } from "../../Simulation.ts"
import type { Options } from "../../Suite.ts"
import { shrinkFault } from "../faults/smaller.ts"
import { workloadShrinker } from "../shrink/workload.ts"
import { shrink } from "../shrink.ts"
import { encode, NotReplayable } from "../token.ts"
import type { Investigate } from "./campaign.ts"
import { type Case, draw, type Problem, type Ran, runCase, runSeed } from "./runner.ts"

/** So many fresh schedules are tried to see a failure on the stock scheduler too. */
const realisticSeeds = 200

const tried = ({ problem, result }: Ran) => ({ failure: problem?.identity, consumed: result.choices })

const smaller = <W>(
  options: Options<W>,
  shrinkWorkload: (workload: W) => Iterable<W>,
  failing: Case<W>,
  identity: string,
  level: Level
): { readonly found: Case<W>; readonly runs: number } => {
  const { candidate, runs } = shrink(
    {
      tryCandidate: (candidate) => tried(runCase(options, candidate, level)),
      trySeed: (workload, faults, fresh) => tried(runSeed(options, workload, faults, fresh, level)),
      shrinkWorkload,
      shrinkFault
    },
    failing,
    identity
  )
  return { found: candidate, runs }
}

/** The same failure on the stock scheduler, when there is one. */
const onStock = <W>(options: Options<W>, small: Case<W>, identity: string): Case<W> | undefined => {
  if (runCase(options, small, "realistic").problem?.identity === identity) return small
  for (let seed = 1; seed <= realisticSeeds; seed++) {
    const { problem, result } = runSeed(options, small.workload, small.faults, seed, "realistic")
    if (problem?.identity === identity) return { ...small, choices: result.choices }
  }
  return undefined
}

const nonZero = (list: ReadonlyArray<number>): number => list.filter((choice) => choice !== 0).length

const countChoices = ({ fault, gap, pick, random }: Choices.Recording): Failure["choices"] => ({
  gap: nonZero(gap),
  pick: nonZero(pick),
  fault: nonZero(fault),
  random: nonZero(random)
})

const describeWorkload = <W>(options: Options<W>, workload: W): string => {
  try {
    return options.describe === undefined ? fc.stringify(workload) : options.describe(workload)
  } catch (error) {
    return `${fc.stringify(workload)} (describing it threw ${error})`
  }
}

/** A workload that a token cannot hold is a pity, but no reason to hide what failed. */
const tokenOf = <W>(
  { name }: Options<W>,
  { choices, faults, workload }: Case<W>,
  level: Level
): { readonly text: string; readonly warnings: ReadonlyArray<string> } => {
  try {
    return { text: encode({ suite: name, workload, faults, choices, level }), warnings: [] }
  } catch (error) {
    if (error instanceof NotReplayable) return { text: "", warnings: [error.message] }
    throw error
  }
}

const notAgain = (original: Problem | undefined): string =>
  original === undefined
    ? "the run does not fail any more"
    : `${original.message}\nThe run did not fail again when it was repeated: something outlives a run, such as a module's variable.`

/** What is told about a case that fails, from a run of it that is watched. */
export const failureOf = <W>(
  options: Options<W>,
  found: Case<W>,
  level: Level,
  counts: { readonly run: number; readonly shrinkRuns: number },
  original?: Problem
): Failure => {
  const { problem, result } = runCase(options, found, level, true)
  const token = tokenOf(options, found, level)
  return {
    suite: options.name,
    identity: problem?.identity ?? original?.identity ?? "none",
    message: problem?.message ?? notAgain(original),
    level,
    token: token.text,
    workload: describeWorkload(options, found.workload),
    faults: found.faults.map(describeFault),
    choices: countChoices(found.choices),
    ...counts,
    hash: result.hash,
    virtualMillis: result.virtualMillis,
    warnings: [...token.warnings, ...result.warnings],
    trace: result.trace
  }
}

export const investigate =
  <W>(options: Options<W>): Investigate<W> =>
  ({ failing, problem, run, seed }) => {
    const level = options.level ?? "anywhere"
    // Shrinking repeats runs, and these do not repeat.
    if (problem.identity === "SIM-1") {
      return { ...failureOf(options, failing, level, { run, shrinkRuns: 0 }), ...problem }
    }
    // One for both: it remembers how what it made smaller was drawn.
    const shrinkWorkload = workloadShrinker(options.arbitrary, draw(options, seed).workload)
    const { identity } = problem
    // First of all on the stock scheduler: a smaller workload may need a schedule that only exists elsewhere.
    const stock = level === "realistic" ? undefined : onStock(options, failing, identity)
    const first = smaller(
      options,
      shrinkWorkload,
      stock ?? failing,
      identity,
      stock === undefined ? level : "realistic"
    )
    const later =
      stock === undefined && level !== "realistic" ? onStock(options, first.found, identity) : undefined
    if (later === undefined) {
      const found = stock === undefined ? level : "realistic"
      return failureOf(options, first.found, found, { run, shrinkRuns: first.runs }, problem)
    }
    const second = smaller(options, shrinkWorkload, later, identity, "realistic")
    return failureOf(
      options,
      second.found,
      "realistic",
      { run, shrinkRuns: first.runs + second.runs },
      problem
    )
  }
