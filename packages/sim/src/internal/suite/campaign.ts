/** A suite, run many times over. */
import type { Failure, Report } from "../../Report.ts"
import type { Options, Settings } from "../../Suite.ts"
import { whole } from "../limits.ts"
import { asFound, type Found, investigate } from "./investigate.ts"
import { printed } from "./print.ts"
import { type Case, differenceOf, draw, type Problem, type Ran, runCase, runSeed } from "./runner.ts"

/** One run in so many is made twice, to see that it is the same again. */
const repeatEvery = 50

/** Golden ratio: neighbouring campaigns share no runs. What of a seed is beyond 31 bits counts as well. */
const seedOf = (campaign: number, run: number): number => {
  const high = Math.trunc(campaign / 0x8000_0000)
  return (Math.imul(campaign, 0x9e3779b1) + Math.imul(high, 0x85ebca6b) + run) & 0x7fffffff
}

export class Campaign<W> {
  private readonly options: Options<W>
  private readonly settings: Settings
  private next: number
  private runs = 0
  private repeated = 0
  private virtualMillis = 0
  private steps = 0
  private hash = 0
  private readonly faults = new Map<string, number>()
  private readonly reached: Map<string, boolean>
  private readonly checked: Map<string, boolean>
  private warned: Report["warned"] = undefined
  private failure: Failure | undefined = undefined
  /** What is still to be made small. */
  private found: Found<W> | undefined = undefined

  constructor(options: Options<W>, settings: Settings) {
    whole("seed", settings.seed ?? 0)
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
    this.next = settings.from ?? 0
    this.reached = new Map(options.reaches?.map((what) => [what, false]))
    this.checked = new Map(options.guarantees.map((guarantee) => [guarantee, false]))
  }

  get isDone(): boolean {
    return this.found === undefined && (this.failure !== undefined || this.next >= this.settings.runs)
  }

  /** The next run; or, when the last one failed, that as small as it gets. */
  advance(): void {
    const { failure, found, options } = this
    if (found === undefined || failure === undefined) return this.make()
    this.found = undefined
    try {
      this.failure = investigate(options, found, this.settings.isExpired ?? (() => false))
    } catch (error) {
      const warning = `to make it smaller threw ${printed(error)}`
      this.failure = { ...failure, warnings: [warning, ...failure.warnings] }
    }
  }

  private make(): void {
    const run = this.next
    this.next += this.settings.step ?? 1
    const seed = seedOf(this.settings.seed ?? 0, run)
    const drawn = draw(this.options, seed)
    const workload = drawn.workload.value
    const faults = drawn.faults?.value ?? []
    const ran = runSeed(this.options, workload, faults, seed)
    this.sum(ran, run)
    const failing = { workload, faults, choices: ran.result.choices }
    const problem = ran.problem ?? (run % repeatEvery === 0 ? this.repeat(failing, ran) : undefined)
    if (problem === undefined) return
    this.found = { run, drawn: drawn.workload, failing, problem }
    this.failure = asFound(this.options, this.found, ran)
  }

  private sum({ result }: Ran, run: number): void {
    this.runs++
    this.virtualMillis += result.virtualMillis
    this.steps += result.steps
    this.hash = (this.hash + Number.parseInt(result.hash.slice(0, 8), 16)) >>> 0
    const { checked, faults, reached } = this
    for (const fault of result.planned) faults.set(fault, faults.get(fault) ?? 0)
    for (const [fault, count] of result.faults) faults.set(fault, (faults.get(fault) ?? 0) + count)
    for (const [what, was] of result.reached) reached.set(what, was || reached.get(what) === true)
    for (const guarantee of result.checked) checked.set(guarantee, true)
    if (this.options.leaks !== undefined) checked.set(this.options.leaks, true)
    if (result.warnings.length === 0) return
    this.warned =
      this.warned === undefined
        ? { runs: 1, run, warnings: result.warnings }
        : { ...this.warned, runs: this.warned.runs + 1 }
  }

  /** Repeats a run by its recorded choices; both must be the same to the last step. */
  private repeat(failing: Case<W>, ran: Ran): Problem | undefined {
    this.repeated++
    return differenceOf(ran, runCase(this.options, failing))
  }

  report(): Report {
    const { checked, faults, hash, options, reached, repeated, runs, steps, virtualMillis, warned } = this
    return {
      suite: options.name,
      guarantees: options.guarantees,
      runs,
      virtualMillis,
      steps,
      faults: Object.fromEntries(faults),
      reached: Object.fromEntries(reached),
      checked: Object.fromEntries(checked),
      warned,
      repeated,
      hash,
      failures: this.failure === undefined ? [] : [this.failure]
    }
  }
}
