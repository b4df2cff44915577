/**
 * From a run that fails to one that fails in the same way and is understood at a glance.
 *
 * Everything gets smaller in turn until nothing helps any more: the workload, the plan of faults, the recorded choices.
 * Choices only fit the workload that they were recorded with, so a smaller workload is also tried with fresh seeds.
 *
 * Blocks that are left out, in halves down to single ones, are delta debugging: Zeller, Hildebrandt: "Simplifying and
 * isolating failure-inducing input" (IEEE TSE 2002). To look at all schedules with a single preemption comes from
 * Musuvathi, Qadeer: "Iterative context bounding for systematic testing of multithreaded programs" (PLDI 2007).
 */
import type * as Choices from "../Choices.ts"
import {
  countNonZero,
  earlier,
  isSimpler,
  keyOf,
  kinds,
  lengthOf,
  shrinkList,
  singlePreemptions,
  sizes,
  trim,
  withoutOnePreemption
} from "./shrink/recordings.ts"

/** All that decides a run. */
export interface Candidate<W, F> {
  readonly workload: W
  readonly faults: ReadonlyArray<F>
  readonly choices: Choices.Recording
}

/** What running a candidate gave. */
export interface Tried {
  /** Tells what broke from what else might break, such as the id of a guarantee; undefined when nothing did. */
  readonly failure: string | undefined
  /** The choices that the run made, without zeros at the end. */
  readonly consumed: Choices.Recording
}

/** A simulation, seen as something that gets smaller. */
export interface Shrinkable<W, F> {
  readonly tryCandidate: (candidate: Candidate<W, F>) => Tried
  /** Runs with choices from a seed: 0, 1, 2 and so on. */
  readonly trySeed: (workload: W, faults: ReadonlyArray<F>, seed: number) => Tried
  /** Smaller workloads, those that differ most first. */
  readonly shrinkWorkload: (workload: W) => Iterable<W>
  /** Gentler faults, those that differ most first. */
  readonly shrinkFault: (fault: F) => Iterable<F>
}

/** How much effort is made. */
export interface Options {
  /** 5,000 by default: a second of a small suite. */
  readonly maxRuns?: number | undefined
  /** For each smaller workload; 60 by default: what one of ten schedules shows is then missed once in 500 times. */
  readonly freshSeeds?: number | undefined
  /** Asked before each run, so that time can be a limit as well. */
  readonly isExpired?: (() => boolean) | undefined
}

/** The smallest that was found. */
export interface Shrunk<W, F> {
  /** It was run and failed, unless the very first run did not: then it is what was given. */
  readonly candidate: Candidate<W, F>
  readonly failure: string
  /** Other failures that were met on the way, and not followed. */
  readonly otherFailures: ReadonlyArray<string>
  readonly runs: number
  /** False when something was left untried because the budget ended. */
  readonly complete: boolean
}

/** So many seeds are spent on each smaller workload before any is given all: large steps down need no more. */
const quickSeeds = 2

/** Where single preemptions are tried, in operations: what is shrunk is rarely longer until it goes wrong. */
const maxPreemptions = 512

/** Longer recordings are hardly ever met twice, and not worth their memory. */
const maxRemembered = 256

/** The best so far, and all that was learned about it. */
class Shrinking<W, F> {
  private readonly subject: Shrinkable<W, F>
  private readonly failure: string
  private readonly maxRuns: number
  private readonly freshSeeds: number
  private readonly isExpired: () => boolean
  private best: Candidate<W, F>
  /** The best for which no smaller workload failed with any of the seeds. */
  private settled: Candidate<W, F> | undefined = undefined
  /** Recordings that were tried with the best's workload and faults. */
  private readonly known = new Set<string>()
  private readonly otherFailures = new Set<string>()
  private runs = 0
  private lookingRuns = 0
  private complete = true

  constructor(subject: Shrinkable<W, F>, failing: Candidate<W, F>, failure: string, options: Options) {
    this.subject = subject
    this.failure = failure
    this.best = failing
    this.maxRuns = options.maxRuns ?? 5000
    this.freshSeeds = options.freshSeeds ?? 60
    this.isExpired = options.isExpired ?? (() => false)
  }

  run(): Shrunk<W, F> {
    const repeats = this.attempt(this.best)
    if (!repeats) this.complete = false
    for (let before: unknown; repeats && before !== this.best; ) {
      before = this.best
      this.shrinkWorkload()
      this.shrinkFaults()
      this.shrinkChoices()
    }
    return {
      candidate: this.best,
      failure: this.failure,
      otherFailures: [...this.otherFailures],
      runs: this.runs,
      complete: this.complete
    }
  }

  // --------------------------------------------------------------------------
  // Runs
  // --------------------------------------------------------------------------

  private isOver(): boolean {
    if (this.runs < this.maxRuns && !this.isExpired()) return false
    this.complete = false
    return true
  }

  private isWanted({ failure }: Tried): boolean {
    this.runs++
    if (failure !== undefined && failure !== this.failure) this.otherFailures.add(failure)
    return failure === this.failure
  }

  private isOfBest({ faults, workload }: Candidate<W, F>): boolean {
    return workload === this.best.workload && faults === this.best.faults
  }

  /** Runs a candidate; if it fails as it should, it is the best from now on. */
  private attempt(candidate: Candidate<W, F>): boolean {
    const { choices } = candidate
    if (this.isOfBest(candidate) && lengthOf(choices) <= maxRemembered) {
      const key = keyOf(choices)
      if (this.known.has(key)) return false
      this.known.add(key)
    }
    if (this.isOver()) return false
    const tried = this.subject.tryCandidate(candidate)
    if (!this.isWanted(tried)) return false
    if (!this.isOfBest(candidate)) this.known.clear()
    this.best = candidate
    // The same run again, it should be; but what comes out was seen to fail.
    if (isSimpler(tried.consumed, choices)) this.attempt({ ...candidate, choices: tried.consumed })
    return true
  }

  /**
   * Whether one more run may be made to find choices for another workload or plan. Half of all runs are kept: a large
   * workload shall not leave the choices, which are what is hard to read, as they are.
   */
  private mayLookForChoices(): boolean {
    if (this.isOver()) return false
    if (this.lookingRuns < this.maxRuns / 2) return true
    this.complete = false
    return false
  }

  /** Looks for choices with which this fails, with so many seeds that were not used before. */
  private attemptSeeds(workload: W, faults: ReadonlyArray<F>, count: number): boolean {
    for (let tries = 0; tries < count && this.mayLookForChoices(); tries++) {
      const tried = this.subject.trySeed(workload, faults, this.lookingRuns++)
      if (this.isWanted(tried) && this.attempt({ workload, faults, choices: tried.consumed })) return true
    }
    return false
  }

  /** Looks for choices with which this workload fails in the best's, a few operations earlier. */
  private attemptEarlier(workload: W): boolean {
    const { best } = this
    for (const gap of earlier(best.choices.gap, this.freshSeeds)) {
      if (!this.mayLookForChoices()) return false
      this.lookingRuns++
      if (this.attempt({ ...best, workload, choices: { ...best.choices, gap } })) return true
    }
    return false
  }

  // --------------------------------------------------------------------------
  // Workload
  // --------------------------------------------------------------------------

  private shrinkWorkload(): void {
    while (this.smallerWorkload()) {}
    this.settled = this.best
  }

  private smallerWorkload(): boolean {
    const { best } = this
    const atHand = (workload: W) => this.attempt({ ...best, workload })
    const seeds = (count: number) => (workload: W) => this.attemptSeeds(workload, best.faults, count)
    // When only the choices are others than before, it is they that may help now, not more seeds.
    if (this.isSettled()) {
      return this.someWorkload(atHand) || this.someWorkload((workload) => this.attemptEarlier(workload))
    }
    const quick = Math.min(quickSeeds, this.freshSeeds)
    const lookQuickly = (workload: W) => atHand(workload) || seeds(quick)(workload)
    return this.someWorkload(lookQuickly) || this.someWorkload(seeds(this.freshSeeds - quick))
  }

  private isSettled(): boolean {
    return this.settled !== undefined && this.isOfBest(this.settled)
  }

  private someWorkload(fails: (workload: W) => boolean): boolean {
    for (const workload of this.subject.shrinkWorkload(this.best.workload)) {
      if (this.isOver()) return false
      if (fails(workload)) return true
    }
    return false
  }

  // --------------------------------------------------------------------------
  // Faults
  // --------------------------------------------------------------------------

  private shrinkFaults(): void {
    for (const size of sizes(this.best.faults.length, 1)) {
      for (let end = this.best.faults.length; end > 0; end -= size) {
        const { faults } = this.best
        this.attemptFaults([...faults.slice(0, Math.max(0, end - size)), ...faults.slice(end)])
      }
    }
    for (let index = 0; index < this.best.faults.length; index++) while (this.gentlerFault(index)) {}
  }

  private gentlerFault(index: number): boolean {
    const { faults } = this.best
    const fault = faults[index]
    if (fault === undefined) return false
    for (const gentler of this.subject.shrinkFault(fault)) {
      if (this.isOver()) return false
      if (this.attemptFaults(faults.with(index, gentler))) return true
    }
    return false
  }

  private attemptFaults(faults: ReadonlyArray<F>): boolean {
    const { best } = this
    return (
      this.attempt({ ...best, faults }) ||
      this.attemptSeeds(best.workload, faults, Math.min(quickSeeds, this.freshSeeds))
    )
  }

  // --------------------------------------------------------------------------
  // Choices
  // --------------------------------------------------------------------------

  private shrinkChoices(): void {
    for (let before: unknown; before !== this.best; ) {
      before = this.best
      for (const kind of kinds) shrinkList(kind, this.editorOf(kind))
      while (this.undoPreemption()) {}
    }
    this.onePreemption()
  }

  /** A preemption makes one more pick: without it, one of the picks has to go as well, but which is not known. */
  private undoPreemption(): boolean {
    const { choices } = this.best
    for (const { gap, pick } of withoutOnePreemption(choices)) {
      if (this.isOver()) return false
      if (this.attemptChoices({ ...choices, gap, pick })) return true
    }
    return false
  }

  private editorOf(kind: Choices.Kind) {
    return {
      list: () => this.best.choices[kind],
      propose: (list: ReadonlyArray<number>) => this.attemptChoices({ ...this.best.choices, [kind]: list }),
      isOver: () => this.isOver()
    }
  }

  private attemptChoices(recording: Choices.Recording): boolean {
    const choices = trim(recording)
    return isSimpler(choices, this.best.choices) && this.attempt({ ...this.best, choices })
  }

  /**
   * Where tasks run out of turn, other operations are counted. So there are recordings that no small step makes simpler,
   * although a single preemption at the right operation does it.
   */
  private onePreemption(): void {
    const { choices } = this.best
    if (countNonZero(choices.gap, choices.pick) <= 1) return
    for (const gap of singlePreemptions(choices.gap, maxPreemptions)) {
      if (this.isOver() || this.attemptChoices({ ...choices, gap, pick: [] })) return
    }
  }
}

/**
 * Makes a failing run smaller.
 *
 * Ends after `maxRuns` runs at the latest. A run that does not fail in the same way when it is repeated comes back as it
 * is, as incomplete.
 */
export const shrink = <W, F>(
  subject: Shrinkable<W, F>,
  failing: Candidate<W, F>,
  failure: string,
  options: Options = {}
): Shrunk<W, F> => new Shrinking(subject, failing, failure, options).run()
