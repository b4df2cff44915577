/** Lives through traces with each strategy of fail-over, and says by how much they differ. */
import * as Simulation from "@holdfast/sim/Simulation"
import { Cause, Exit, Random } from "effect"
import { type Figures, figuresOf } from "../../../packages/core/sim/support/failoverFigures.ts"
import { type Lived, type Load, live } from "../../../packages/core/sim/support/failoverLoad.ts"
import { type Strategy, strategies } from "../../../packages/core/sim/support/failoverStrategies.ts"
import { type Family, families, traceOf } from "../../../packages/core/sim/support/failoverTraces.ts"

export { type Family, families, type Strategy, strategies }

export const load: Load & { readonly lengthMillis: number } = {
  lengthMillis: 300_000,
  readEveryMillis: 200,
  submitEveryMillis: 1000,
  patienceMillis: 30_000
}

/** What decides everything: the traces of a family have the numbers from `seed · traces` on. */
export interface Settings {
  readonly seed: number
  readonly traces: number
}

/** One strategy on all traces of a family. Nothing is left to the schedule, and chance is the same for all. */
export const livesOf = (strategy: Strategy, family: Family, { seed, traces }: Settings) =>
  Array.from({ length: traces }, (_, index): Lived => {
    const number = seed * traces + index
    const life = live(strategy, traceOf(family, number, load.lengthMillis), load)
    const { exit } = Simulation.run(Random.withSeed(life, number))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    return exit.value
  })

/** A strategy beside the first one. */
export interface Compared extends Figures {
  readonly strategy: string
  /** The p99 of its reads, as a multiple of that of the first. */
  readonly p99Ratio: number
  readonly p99MoreMillis: number
  readonly failedReadsMore: number
  readonly failedSubmissionsMore: number
}

export interface Table {
  /** A family of traces, or all of them. */
  readonly title: string
  readonly rows: ReadonlyArray<Compared>
}

/** The first strategy is what the others are compared with. */
export const tableOf = (title: string, lives: ReadonlyArray<ReadonlyArray<Lived>>): Table => {
  const all = lives.map(figuresOf)
  return {
    title,
    rows: strategies.flatMap(({ name }, index) => {
      const figures = all[index]
      const first = all[0]
      if (figures === undefined || first === undefined) return []
      return {
        strategy: name,
        ...figures,
        p99Ratio: figures.reads.p99Millis / first.reads.p99Millis,
        p99MoreMillis: figures.reads.p99Millis - first.reads.p99Millis,
        failedReadsMore: figures.reads.failed - first.reads.failed,
        failedSubmissionsMore: figures.submissions.failed - first.submissions.failed
      }
    })
  }
}
