/** Looks for a planted bug. */
import type * as Report from "@holdfast/sim/Report"
import * as Simulation from "@holdfast/sim/Simulation"
import * as Strategy from "@holdfast/sim/Strategy"
import * as Suite from "@holdfast/sim/Suite"
import * as fc from "fast-check"
import { planted } from "../../../packages/sim/test/planted/index.ts"

const runs = 2000

export const bugs: ReadonlyArray<string> = planted.map(({ name }) => name)

type Program = (typeof planted)[number]

/** A program as a suite that has nothing to draw but the schedule, and what the world does. */
const suiteOf = (
  { correct, name }: Program,
  program: Program["program"],
  strategy?: Strategy.Strategy
): Suite.Suite => {
  // Both check the same, so the one that has no bug gets to say what.
  const guarantees = Array.from(Simulation.run(correct).checked)
  return Suite.make({ name, guarantees, arbitrary: fc.constant(undefined), run: () => program, strategy })
}

/** What looking for one bug gave. */
export interface Row {
  readonly name: string
  readonly interleaving: boolean
  readonly failure: Pick<Report.Failure, "run" | "choices" | "level"> | undefined
  /** Whether the calm schedule shows it too. */
  readonly calm: boolean
  /** Whether the program without the bug failed. */
  readonly falseAlarm: boolean
}

const lookFor = (planted: Program): Row => {
  const { correct, interleaving, name, program } = planted
  const firstFailure = (suite: Suite.Suite) => Suite.check(suite, { runs }).failures[0]
  const failure = firstFailure(suiteOf(planted, program))
  return {
    name,
    interleaving,
    failure: failure && { run: failure.run, choices: failure.choices, level: failure.level },
    calm: firstFailure(suiteOf(planted, program, Strategy.fifo)) !== undefined,
    falseAlarm: firstFailure(suiteOf(planted, correct)) !== undefined
  }
}

export const look = (name: string): Row => {
  const program = planted.find((one) => one.name === name)
  if (program === undefined) throw new Error(`no bug "${name}" was planted`)
  return lookFor(program)
}
