/** In which order scenarios run, and what each of them sees. */
import { join } from "node:path"
import { Deadline } from "@holdfast/core"
import { Effect } from "effect"
import { describeCause } from "../cause.ts"
import { notMeasured, type Promised } from "../Promised.ts"
import type { Scenario, Stage } from "./Scenario.ts"
import { secondsMax } from "./Scene.ts"

/** Starting processes is what takes the time: more of them at once would only wait for each other. */
const atOnce = 3

/** Runs several at once, and then those that count what belongs to the whole process, one after the other. */
export const runScenarios = (
  scenarios: ReadonlyArray<Scenario>,
  { directory, serve }: { readonly directory: string; readonly serve: Stage["serve"] }
) =>
  Effect.gen(function* () {
    const promisesOf = new Map<Scenario, ReadonlyArray<Promised>>()
    const run = (scenario: Scenario) =>
      Effect.map(runOne(scenario, { path: join(directory, `${scenario.id}.sock`), serve }), (promises) =>
        promisesOf.set(scenario, promises)
      )
    yield* Effect.forEach(
      scenarios.filter(({ alone }) => !alone),
      run,
      { concurrency: atOnce }
    )
    yield* Effect.forEach(
      scenarios.filter(({ alone }) => alone),
      run
    )
    return scenarios.flatMap((scenario) => promisesOf.get(scenario) ?? [])
  })

/** A scenario that breaks down, or does not end, is a promise that is not kept, and no other scenario's business. */
const runOne = (scenario: Scenario, stage: Stage) =>
  scenario.run(stage).pipe(
    Effect.scoped,
    Deadline.within(`${secondsMax} seconds`, { label: scenario.id }),
    Effect.catchCause((cause) =>
      Effect.succeed([
        notMeasured({
          id: `${scenario.id}/run`,
          text: `The scenario "${scenario.id}" runs`,
          reason: describeCause(cause)
        })
      ])
    )
  )
