import type { Budget, Group } from "./harness.ts"

/** A comparison that has a name on the command line. */
export interface Bench {
  readonly name: string
  readonly summary: string
  readonly groups: ReadonlyArray<Group>
  readonly memory: ReadonlyArray<MemoryCase>
}

/** What is run alone in a process of its own, which then tells its peak of resident memory. */
export interface MemoryCase {
  readonly name: string
  readonly title: string
  readonly run: (size: number) => Promise<unknown>
  /** The peak that was promised; a case without one is for information. */
  readonly limitMiB?: number
}

/** How much is run. */
export interface Effort extends Budget {
  /** Each group runs in so many processes, because what the compiler does may differ from one to the next. */
  readonly processes: number
  /** The size of a memory case. */
  readonly size: number
}

export const thorough: Effort = {
  processes: 3,
  rounds: 11,
  sampleMillis: 50,
  warmUpMillis: 300,
  size: 100_000
}

/** Shows that everything runs; its figures say nothing. */
export const quick: Effort = { processes: 1, rounds: 2, sampleMillis: 1, warmUpMillis: 1, size: 1_000 }
