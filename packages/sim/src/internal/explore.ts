/**
 * All schedules of a small program, one after the other: depth first, with a bound on preemptions.
 *
 * A run repeats the decisions of the one before up to the last that has an alternative left, takes that, and decides
 * calmly from there on. Source: Musuvathi, Qadeer: "Iterative context bounding for systematic testing of multithreaded
 * programs" (PLDI 2007).
 */
import type { Effect } from "effect"
import type { Explored, ExploreOptions, Result } from "../Simulation.ts"
import { limit } from "./limits.ts"
import { maxChoices } from "./ready.ts"
import { simulate } from "./run.ts"
import { maxGap, never, type Steering } from "./steering.ts"

interface Pick {
  readonly _tag: "Pick"
  readonly n: number
  value: number
}

interface Gap {
  readonly _tag: "Gap"
  /** Operations until a preemption, or `never`. */
  value: number
  /** The run was long enough for it. */
  fired: boolean
}

type Decision = Pick | Gap

class Path implements Steering {
  readonly decisions: Array<Decision> = []
  private at = 0
  private preemptions = 0
  /** There were schedules that no path leads to. */
  isCut = false
  private gap: Gap | undefined = undefined
  private readonly maxPreemptions: number

  constructor(maxPreemptions: number) {
    this.maxPreemptions = maxPreemptions
  }

  pick(n: number): number {
    if (n >= maxChoices) this.isCut = true
    const known = this.decisions[this.at]
    const decision = known?._tag === "Pick" ? known : { _tag: "Pick" as const, n, value: 0 }
    this.decisions[this.at++] = decision
    return Math.min(decision.value, n - 1)
  }

  nextGap(): number {
    if (this.gap !== undefined) {
      this.gap.fired = true
      if (this.gap.value === maxGap) this.isCut = true
    }
    this.gap = undefined
    if (this.preemptions >= this.maxPreemptions) return never
    const known = this.decisions[this.at]
    const decision = known?._tag === "Gap" ? known : { _tag: "Gap" as const, value: never, fired: false }
    this.decisions[this.at++] = decision
    if (decision.value === never) return never
    this.preemptions++
    decision.fired = false
    this.gap = decision
    return decision.value
  }

  /** Goes on to the next path; false when there is none. */
  advance(): boolean {
    this.decisions.length = this.at
    this.at = 0
    this.preemptions = 0
    this.gap = undefined
    for (let last = this.decisions.pop(); last !== undefined; last = this.decisions.pop()) {
      const next = alternative(last)
      if (next === undefined) continue
      this.decisions.push(next)
      return true
    }
    return false
  }
}

const alternative = (decision: Decision): Decision | undefined => {
  if (decision._tag === "Pick") {
    return decision.value + 1 < decision.n ? { ...decision, value: decision.value + 1 } : undefined
  }
  if (decision.value === never) return { _tag: "Gap", value: 1, fired: false }
  // A preemption after the end of the run is none, and so is every later one.
  return decision.fired && decision.value < maxGap
    ? { _tag: "Gap", value: decision.value + 1, fired: false }
    : undefined
}

export const explore = <A, E>(
  program: Effect.Effect<A, E>,
  options: ExploreOptions<A, E>
): Explored<A, E> => {
  const {
    isBad = ({ exit }: Result<A, E>) => exit._tag === "Failure",
    maxRuns = 100_000,
    preemptions = 2
  } = options
  limit("maxRuns", maxRuns)
  const path = new Path(limit("preemptions", preemptions))
  for (let runs = 1; runs <= maxRuns; runs++) {
    const result = simulate(program, options, { steering: path })
    if (isBad(result)) return { runs, complete: false, bad: result }
    if (!path.advance()) return { runs, complete: !path.isCut, bad: undefined }
  }
  return { runs: maxRuns, complete: false, bad: undefined }
}
