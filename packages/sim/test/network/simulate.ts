import { assert } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import * as Simulation from "../../src/Simulation.ts"

/** Runs a program and gives its value beside what the run says about it. */
export const simulate = <A, E>(program: Effect.Effect<A, E>, options: Simulation.Options = {}) => {
  const result = Simulation.run(program, options)
  if (Exit.isFailure(result.exit)) {
    throw new Error(`seed ${options.seed}: ${Cause.pretty(result.exit.cause)}`)
  }
  return { ...result, value: result.exit.value }
}

/** What must hold in the calm run and at every seed. */
export const everywhere = <A, E>(
  program: Effect.Effect<A, E>,
  seeds: number,
  check: (run: ReturnType<typeof simulate<A, E>>, seed: number | undefined) => void,
  level?: Simulation.Level
): void => {
  const checked = (seed: number | undefined) => {
    const run = simulate(program, { seed, level })
    assert.deepStrictEqual(run.warnings, [])
    check(run, seed)
  }
  checked(undefined)
  for (let seed = 0; seed < seeds; seed++) checked(seed)
}

export const now: Effect.Effect<number> = Effect.clockWith((clock) => clock.currentTimeMillis)

export const faultsOf = ({ faults }: { readonly faults: ReadonlyMap<string, number> }) =>
  Object.fromEntries(faults)

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = (read: Uint8Array | undefined): string => new TextDecoder().decode(read)

/** Says when something happened, in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.exit(effect), (exit) => Effect.map(now, (at) => [at, exit] as const))

export const failsWith = (exit: Exit.Exit<unknown, unknown>, text: string): void => {
  assert.isTrue(Exit.isFailure(exit), "it succeeded")
  if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), text)
}
