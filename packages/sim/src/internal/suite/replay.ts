/** A recorded run again, from its token. */
import type { Plan } from "../../FaultPlan.ts"
import type { Options, Replayed } from "../../Suite.ts"
import { decode } from "../token.ts"
import { failureOf } from "./investigate.ts"
import { runCase } from "./runner.ts"

export const replayCase = <W>(options: Options<W>, text: string): Replayed => {
  const { choices, faults, level, workload } = decode(text, options.name)
  // house: a token is made by this suite, and says so; its workload has the suite's type
  const found = { workload: workload as W, faults: faults as Plan, choices }
  const failed = runCase(options, found, level).problem !== undefined
  return { failed, failure: failureOf(options, found, level, { run: 0, shrinkRuns: 0 }) }
}
