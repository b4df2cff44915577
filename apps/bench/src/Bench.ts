import type { Budget, Group } from "./harness.ts"

/** A comparison that has a name on the command line. */
export interface Bench {
  readonly name: string
  readonly summary: string
  readonly groups: ReadonlyArray<Group>
  readonly trials?: ReadonlyArray<Trial>
  readonly memory: ReadonlyArray<MemoryCase>
}

/**
 * What a process tells of a case: `"peak"` is its peak of resident memory. `"growth"` is by how much its heap has grown,
 * when it was warm before and all garbage is collected.
 */
export type Measure = "peak" | "growth"

/** What is run alone in a process of its own. */
export interface MemoryCase {
  readonly name: string
  readonly title: string
  readonly measure: Measure
  /** What the size counts, in words. */
  readonly unit: string
  readonly run: (size: number) => Promise<unknown>
  /** What was promised; a case without it is for information. */
  readonly limitMiB?: number
}

/** What a trial measures, and what was promised; one without either bound is for information. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly note?: string
}

/** What is more than calls in a row, such as several processes at once: it gives figures of its own. */
export interface Trial {
  readonly name: string
  readonly title: string
  readonly figures: ReadonlyArray<Figure>
  /** How often it is made, where that is less than usual. */
  readonly times?: number
  /** Measures all of them once, in their order. */
  readonly run: (effort: Effort) => Promise<ReadonlyArray<number>>
}

export const timesOf = ({ times = Number.POSITIVE_INFINITY }: Trial, { trials }: Effort): number =>
  Math.min(times, trials)

/** How much is run. */
export interface Effort extends Budget {
  /** Each group runs in so many processes, because what the compiler does may differ from one to the next. */
  readonly processes: number
  /** How often a trial is made. */
  readonly trials: number
  /** For how long each contender of a trial works. */
  readonly trialMillis: number
  /** The size of a memory case, and of what a trial fills. */
  readonly size: number
}

export const thorough: Effort = {
  processes: 3,
  rounds: 11,
  sampleMillis: 50,
  warmUpMillis: 300,
  trials: 5,
  trialMillis: 2_000,
  size: 100_000
}

/** Shows that everything runs; its figures say nothing. */
export const quick: Effort = {
  processes: 1,
  rounds: 2,
  sampleMillis: 1,
  warmUpMillis: 1,
  trials: 1,
  trialMillis: 50,
  size: 1_000
}
