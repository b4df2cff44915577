/** From a run that failed to what is told about it: as small as it gets, at the level at which it happens. */
import * as fc from "fast-check"
import type * as Choices from "../../Choices.ts"
import { describe } from "../../FaultPlan.ts"
import type { Failure } from "../../Report.ts"
import type { Level } from "../../Simulation.ts"
import type { Options } from "../../Suite.ts"
import { shrinkFault } from "../faults/smaller.ts"
import { workloadShrinker } from "../shrink/workload.ts"
import { shrink } from "../shrink.ts"
import { encode, NotReplayable } from "../token.ts"
import { copyOf } from "./copy.ts"
import { attempt, printed } from "./print.ts"
import { type Case, type Problem, type Ran, runCase, runSeed } from "./runner.ts"

/** A run that failed. */
export interface Found<W> {
  readonly run: number
  /** What its workload was drawn as. */
  readonly drawn: fc.Value<W>
  readonly failing: Case<W>
  readonly problem: Problem
}

/** So many fresh schedules are tried to see a failure on the stock scheduler too. */
const realisticSeeds = 200

const levelOf = <W>({ level }: Options<W>): Level => level ?? "anywhere"

// ----------------------------------------------------------------------------
// Smaller
// ----------------------------------------------------------------------------

const tried = ({ problem, result }: Ran) => ({ failure: problem?.identity, consumed: result.choices })

/** What makes failures small. */
interface Tools<W> {
  readonly options: Options<W>
  readonly identity: string
  readonly shrinkWorkload: (workload: W) => Iterable<W>
  readonly isExpired: () => boolean
}

/** A case that fails, the level at which it does, and how many runs were made to find it. */
interface Small<W> {
  readonly found: Case<W>
  readonly level: Level
  readonly runs: number
}

const smaller = <W>(
  { identity, isExpired, options, shrinkWorkload }: Tools<W>,
  failing: Case<W>,
  level: Level
): Small<W> => {
  const { candidate, runs } = shrink(
    {
      tryCandidate: (candidate) => tried(runCase(options, candidate, level)),
      trySeed: (workload, faults, fresh) => tried(runSeed(options, workload, faults, fresh, level)),
      shrinkWorkload,
      shrinkFault
    },
    failing,
    identity,
    { isExpired }
  )
  return { found: candidate, level, runs }
}

/** The same failure on the stock scheduler, when there is one. */
const onStock = <W>({ identity, isExpired, options }: Tools<W>, small: Case<W>): Case<W> | undefined => {
  if (isExpired()) return undefined
  if (runCase(options, small, "realistic").problem?.identity === identity) return small
  for (let seed = 1; seed <= realisticSeeds && !isExpired(); seed++) {
    const { problem, result } = runSeed(options, small.workload, small.faults, seed, "realistic")
    if (problem?.identity === identity) return { ...small, choices: result.choices }
  }
  return undefined
}

/** An arbitrary that throws has no smaller workloads to offer, and everything else still gets smaller. */
const whileItLasts = <W>(
  shrinkWorkload: Tools<W>["shrinkWorkload"],
  onThrow: (error: unknown) => void
): Tools<W>["shrinkWorkload"] =>
  function* (workload) {
    try {
      yield* shrinkWorkload(workload)
    } catch (error) {
      onThrow(error)
    }
  }

const smallest = <W>(tools: Tools<W>, failing: Case<W>): Small<W> => {
  const level = levelOf(tools.options)
  if (level === "realistic") return smaller(tools, failing, level)
  // First of all on the stock scheduler: a smaller workload may need a schedule that only exists elsewhere.
  const stock = onStock(tools, failing)
  if (stock !== undefined) return smaller(tools, stock, "realistic")
  const first = smaller(tools, failing, level)
  const later = onStock(tools, first.found)
  if (later === undefined) return first
  const second = smaller(tools, later, "realistic")
  return { ...second, runs: first.runs + second.runs }
}

// ----------------------------------------------------------------------------
// What is told
// ----------------------------------------------------------------------------

const nonZero = (list: ReadonlyArray<number>): number => list.filter((choice) => choice !== 0).length

const countChoices = ({ fault, gap, pick, random }: Choices.Recording): Failure["choices"] => ({
  gap: nonZero(gap),
  pick: nonZero(pick),
  fault: nonZero(fault),
  random: nonZero(random)
})

const valueOf = (value: unknown): string => attempt(() => fc.stringify(value), "what cannot be printed")

const describeWorkload = <W>(options: Options<W>, workload: W): string => {
  try {
    return options.describe === undefined ? valueOf(workload) : options.describe(copyOf(workload))
  } catch (error) {
    return `${valueOf(workload)} (describing it threw ${printed(error)})`
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

/** How a run came to be told about. */
interface Counts {
  readonly run: number
  readonly shrinkRuns: number
}

/** What is told about a case, and about a run of it. */
export const failureOf = <W>(
  options: Options<W>,
  found: Case<W>,
  level: Level,
  counts: Counts,
  { problem, repeats, result }: Pick<Ran, "result"> & { readonly problem: Problem; readonly repeats: boolean }
): Failure => {
  const token = tokenOf(options, found, level)
  return {
    suite: options.name,
    ...problem,
    repeats,
    level,
    token: token.text,
    workload: describeWorkload(options, found.workload),
    faults: found.faults.map((fault) => attempt(() => describe(fault), valueOf(fault))),
    choices: countChoices(found.choices),
    ...counts,
    hash: result.hash,
    virtualMillis: result.virtualMillis,
    warnings: [...token.warnings, ...result.warnings],
    trace: result.trace
  }
}

/** A problem that was not there again when its run was repeated. */
export const notAgain = ({ identity, message }: Problem): Problem => ({
  identity,
  message: `${message}\nThe run did not fail again when it was repeated: something outlives a run, such as a module's variable.`
})

/** The failure before anything is done about it: what is left of it when to make it small ends badly. */
export const asFound = <W>(
  options: Options<W>,
  { failing, problem, run }: Found<W>,
  { result }: Ran
): Failure => {
  const failure = failureOf(
    options,
    failing,
    levelOf(options),
    { run, shrinkRuns: 0 },
    {
      problem,
      result,
      repeats: problem.identity !== "SIM-1"
    }
  )
  const warning = "it is as it was found: to make it smaller came to no end"
  return { ...failure, warnings: [warning, ...failure.warnings] }
}

/** The failure as small as it gets, from a run of it that is watched. */
export const investigate = <W>(
  options: Options<W>,
  { drawn, failing, problem, run }: Found<W>,
  isExpired: () => boolean
): Failure => {
  const told = ({ found, level, runs }: Small<W>, warnings: ReadonlyArray<string>): Failure => {
    const ran = runCase(options, found, level, true)
    const repeats = problem.identity !== "SIM-1" && ran.problem !== undefined
    const now = problem.identity === "SIM-1" ? problem : (ran.problem ?? notAgain(problem))
    const { result } = ran
    const failure = failureOf(
      options,
      found,
      level,
      { run, shrinkRuns: runs },
      { problem: now, repeats, result }
    )
    return { ...failure, warnings: [...warnings, ...failure.warnings] }
  }
  // Shrinking repeats runs, and these do not repeat.
  if (problem.identity === "SIM-1") return told({ found: failing, level: levelOf(options), runs: 0 }, [])
  const warnings = new Set<string>()
  // One for both levels: it remembers how what it made smaller was drawn.
  const shrinkWorkload = whileItLasts(workloadShrinker(options.arbitrary, drawn), (error) =>
    warnings.add(`the workload may be larger than it must be: to make it smaller threw ${printed(error)}`)
  )
  const small = smallest({ options, identity: problem.identity, shrinkWorkload, isExpired }, failing)
  if (isExpired()) warnings.add("the time was up before it was as small as it gets")
  return told(small, [...warnings])
}
