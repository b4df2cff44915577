/** A suite, run many times over. */
import { empty, type Failure, type Report } from "../../Report.ts"
import type { Options } from "../../Suite.ts"
import { type Case, draw, type Problem, type Ran, runCase, runSeed } from "./runner.ts"

/** Which of the numbered runs of a campaign are made: every `step`th, so that several threads share one campaign. */
export interface Settings {
  readonly seed: number
  readonly runs: number
  readonly from?: number | undefined
  readonly step?: number | undefined
}

/** One run in so many is made twice, to see that it is the same again. */
const repeatEvery = 50

/** Golden ratio: neighbouring campaigns share no runs. */
const seedOf = (campaign: number, run: number): number => (Math.imul(campaign, 0x9e3779b1) + run) & 0x7fffffff

/** What a campaign does with a case that fails. */
export type Investigate<W> = (found: {
  readonly run: number
  readonly seed: number
  readonly failing: Case<W>
  readonly problem: Problem
}) => Failure

export class Campaign<W> {
  private readonly options: Options<W>
  private readonly settings: Settings
  private readonly investigate: Investigate<W>
  private next: number
  private runs = 0
  private repeated = 0
  private virtualMillis = 0
  private steps = 0
  private hash = 0
  private readonly faults: Record<string, number> = {}
  private readonly reached: Record<string, boolean>
  private readonly checked: Record<string, boolean>
  private warned: Report["warned"] = undefined
  private failure: Failure | undefined = undefined

  constructor(options: Options<W>, settings: Settings, investigate: Investigate<W>) {
    for (const [name, value, least] of [
      ["runs", settings.runs, 0],
      ["from", settings.from ?? 0, 0],
      ["step", settings.step ?? 1, 1]
    ] as const) {
      if (!Number.isSafeInteger(value) || value < least) {
        throw new RangeError(`${name} must be a whole number of at least ${least}, but is ${value}`)
      }
    }
    this.options = options
    this.settings = settings
    this.investigate = investigate
    this.next = settings.from ?? 0
    const { checked, reached } = empty(options.name, options.guarantees, options.reaches)
    this.reached = { ...reached }
    this.checked = { ...checked }
  }

  get isDone(): boolean {
    return this.failure !== undefined || this.next >= this.settings.runs
  }

  /** The next run. */
  advance(): void {
    const run = this.next
    this.next += this.settings.step ?? 1
    const seed = seedOf(this.settings.seed, run)
    const drawn = draw(this.options, seed)
    const workload = drawn.workload.value
    const faults = drawn.faults?.value ?? []
    const ran = runSeed(this.options, workload, faults, seed)
    this.sum(ran, run)
    const failing = { workload, faults, choices: ran.result.choices }
    const problem = ran.problem ?? (run % repeatEvery === 0 ? this.repeat(failing, ran) : undefined)
    if (problem !== undefined) this.failure = this.investigate({ run, seed, failing, problem })
  }

  private sum({ result }: Ran, run: number): void {
    this.runs++
    this.virtualMillis += result.virtualMillis
    this.steps += result.steps
    this.hash = (this.hash + Number.parseInt(result.hash.slice(0, 8), 16)) >>> 0
    for (const fault of result.planned) this.faults[fault] ??= 0
    for (const [fault, count] of result.faults) this.faults[fault] = (this.faults[fault] ?? 0) + count
    for (const [what, was] of result.reached) this.reached[what] = was || this.reached[what] === true
    for (const guarantee of result.checked) this.checked[guarantee] = true
    if (this.options.leaks !== undefined) this.checked[this.options.leaks] = true
    if (result.warnings.length === 0) return
    this.warned =
      this.warned === undefined
        ? { runs: 1, run, warnings: result.warnings }
        : { ...this.warned, runs: this.warned.runs + 1 }
  }

  /** Repeats a run by its recorded choices; both must be the same to the last step. */
  private repeat(failing: Case<W>, ran: Ran): Problem | undefined {
    this.repeated++
    const again = runCase(this.options, failing)
    const isSame = again.result.hash === ran.result.hash && again.problem?.identity === ran.problem?.identity
    if (isSame) return undefined
    return {
      identity: "SIM-1",
      message:
        `the same choices gave two runs: ${ran.result.hash} and ${again.result.hash}. ` +
        "Something outlives a run (a module's variable, a cache), or comes from outside (named imports of node:crypto)."
    }
  }

  report(): Report {
    const { checked, faults, hash, options, reached, repeated, runs, steps, virtualMillis, warned } = this
    return {
      suite: options.name,
      guarantees: options.guarantees,
      runs,
      virtualMillis,
      steps,
      faults,
      reached,
      checked,
      warned,
      repeated,
      hash,
      failures: this.failure === undefined ? [] : [this.failure]
    }
  }
}
