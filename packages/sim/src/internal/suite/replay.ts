/** A recorded run again, from its token. */
import type { Plan } from "../../FaultPlan.ts"
import type { Options, Replayed } from "../../Suite.ts"
import { decode } from "../token.ts"
import { failureOf, notAgain } from "./investigate.ts"
import { differenceOf, runCase } from "./runner.ts"

const nothing = { identity: "none", message: "the run does not fail any more" }

export const replayCase = <W>(options: Options<W>, text: string): Replayed => {
  const { choices, faults, level, workload } = decode(text, options.name)
  // house: a token is made by this suite, and says so; its workload has the suite's type
  const found = { workload: workload as W, faults: faults as Plan, choices }
  const ran = runCase(options, found, level, true)
  // Twice: a run that is not the same again has failed, whatever it says.
  const difference = differenceOf(ran, runCase(options, found, level))
  const repeats = difference === undefined
  const problem = repeats || ran.problem === undefined ? (ran.problem ?? difference) : notAgain(ran.problem)
  const told = { problem: problem ?? nothing, repeats, result: ran.result }
  const failure = failureOf(options, found, level, { run: 0, shrinkRuns: 0 }, told)
  return { failed: problem !== undefined, failure }
}
