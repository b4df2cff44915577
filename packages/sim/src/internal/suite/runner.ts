/** Runs the cases of a suite: fresh ones from a seed, and given ones again. */
import { Cause, Effect, Exit } from "effect"
import * as fc from "fast-check"
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import type * as Choices from "../../Choices.ts"
import type { Fault, Plan } from "../../FaultPlan.ts"
import type { Level, Result } from "../../Simulation.ts"
import {
  AmbientUse,
  Deadlock,
  LimitExceeded,
  Livelock,
  type SimulationError,
  Violation
} from "../../SimulationError.ts"
import type { Options } from "../../Suite.ts"
import { simulate } from "../run.ts"
import { scramble } from "../source.ts"
import { copyOf } from "./copy.ts"
import { attempt } from "./print.ts"

/** What went wrong. `identity` tells one failure from another while a case is made smaller. */
export interface Problem {
  /** The guarantee that was broken, or the kind of error that nobody promised to be absent. */
  readonly identity: string
  readonly message: string
}

/** One run, as data: with the same choices it is the same again. */
export interface Case<W> {
  readonly workload: W
  readonly faults: Plan
  readonly choices: Choices.Recording
}

export interface Ran {
  readonly problem: Problem | undefined
  readonly result: Result<unknown, unknown>
}

const maxSteps = 1_000_000

const firstError = (cause: Cause.Cause<unknown>): unknown => {
  const reason = cause.reasons[0]
  if (reason === undefined) return undefined
  return reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : "interruption"
}

const tagOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return String(error)
  const tag: unknown = Reflect.get(error, "_tag") ?? Reflect.get(error, "name")
  return typeof tag === "string" ? tag : "unknown error"
}

const isSimulationError = (error: unknown): error is SimulationError =>
  [AmbientUse, Deadlock, LimitExceeded, Livelock, Violation].some((known) => error instanceof known)

const failureOf = (cause: Cause.Cause<unknown>): Problem => {
  const error = firstError(cause)
  // It says all that there is to say; its own stack is of the simulator.
  const own = attempt(() => (isSimulationError(error) ? error : undefined), undefined)
  if (own !== undefined) {
    return { identity: own._tag === "Violation" ? own.guarantee : own._tag, message: own.message }
  }
  const identity = attempt(() => tagOf(error), "unknown error")
  return { identity, message: attempt(() => Cause.pretty(cause), `${identity}, which cannot be printed`) }
}

const leakOf = (guarantee: string, { leaks }: Result<unknown, unknown>): Problem | undefined => {
  const parts = [
    ...leaks.fibers.map(({ interrupted, name }) => `${name} still ${interrupted ? "ends" : "runs"}`),
    ...(leaks.timers > 0 ? [`${leaks.timers} timers are set`] : []),
    ...(leaks.scopes > 0 ? [`${leaks.scopes} scopes are open`] : [])
  ]
  if (parts.length === 0) return undefined
  return { identity: guarantee, message: `${guarantee} does not hold: after the end ${parts.join(", ")}` }
}

/** An oracle for a promise that the suite does not name: nobody would know that it is checked, or where. */
const unnamedOf = <W>(
  { guarantees, leaks }: Options<W>,
  { checked }: Result<unknown, unknown>
): Problem | undefined => {
  const unnamed = [...checked, ...(leaks === undefined ? [] : [leaks])].find((id) => !guarantees.includes(id))
  if (unnamed === undefined) return undefined
  const message = `an oracle checks "${unnamed}", which is not among the guarantees of the suite: name it there`
  return { identity: "UnnamedGuarantee", message }
}

const judge = <W>(options: Options<W>, result: Result<unknown, unknown>): Problem | undefined => {
  if (Exit.isFailure(result.exit)) return failureOf(result.exit.cause)
  const leak = options.leaks === undefined ? undefined : leakOf(options.leaks, result)
  return leak ?? unnamedOf(options, result)
}

/** What is wrong when a run and the same run again are not the same. */
export const differenceOf = (ran: Ran, again: Ran): Problem | undefined => {
  const isSame = again.result.hash === ran.result.hash && again.problem?.identity === ran.problem?.identity
  if (isSame) return undefined
  return {
    identity: "SIM-1",
    message:
      `the same choices gave two runs: ${ran.result.hash} and ${again.result.hash}. ` +
      "Something outlives a run (a module's variable, a cache, a Map in the workload that is changed), or comes from outside (named imports of node:crypto)."
  }
}

/** The generator of a fast-check arbitrary for one seed. */
const randomOf = (seed: number): fc.Random => new fc.Random(xoroshiro128plus(scramble(seed)))

/**
 * Every other run favours small and extreme values, as fast-check does in the beginning: bugs live there, but not all.
 */
const biasOf = (seed: number): number | undefined => (seed % 2 === 0 ? 3 : undefined)

/** What a seed draws, with what fast-check needs to make it smaller. */
export const draw = <W>(
  options: Options<W>,
  seed: number
): { readonly workload: fc.Value<W>; readonly faults: fc.Value<Plan> | undefined } => {
  const random = randomOf(seed)
  return {
    workload: options.arbitrary.generate(random, biasOf(seed)),
    faults: options.faults?.generate(random, biasOf(seed))
  }
}

const settings = <W>(options: Options<W>) => ({
  strategy: options.strategy,
  maxSteps: options.maxSteps ?? maxSteps
})

/** A workload and a plan under the schedule of a seed. */
export const runSeed = <W>(
  options: Options<W>,
  workload: W,
  faults: ReadonlyArray<Fault>,
  seed: number,
  level: Level = options.level ?? "anywhere"
): Ran => {
  const result = simulate(
    Effect.suspend(() => options.run(copyOf(workload))),
    { ...settings(options), seed, level },
    { plan: faults }
  )
  return { result, problem: judge(options, result) }
}

/** A case again, as it was. */
export const runCase = <W>(
  options: Options<W>,
  { choices, faults, workload }: Case<W>,
  level: Level = options.level ?? "anywhere",
  trace = false
): Ran => {
  const result = simulate(
    Effect.suspend(() => options.run(copyOf(workload))),
    { ...settings(options), choices, level, trace },
    { plan: faults }
  )
  return { result, problem: judge(options, result) }
}
