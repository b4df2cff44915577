/** In which order scenarios run, and which servers each of them sees. */
import { Effect } from "effect"
import type { HttpClient } from "effect/http"
import { at } from "../at.ts"
import { describeCause } from "../cause.ts"
import type { Live } from "../live/Live.ts"
import { notMeasured, type Promised } from "../Promised.ts"
import type { Scenario, Stage } from "./Scenario.ts"
import type { Servers } from "./Servers.ts"
import type { ServerSpec } from "./servers/Wire.ts"

/** The servers of all scenarios, one scenario after the other. */
export const specsOf = (scenarios: ReadonlyArray<Scenario>): ReadonlyArray<ServerSpec> =>
  scenarios.flatMap(({ id, servers }) => servers.map((server) => ({ ...server, group: id })))

/**
 * Runs the quick scenarios one after the other, and the patient ones all at once beside them. These begin when the
 * first quick one is over: from then on nothing that is measured is still being compiled.
 */
export const runScenarios = (
  scenarios: ReadonlyArray<Scenario>,
  servers: Servers
): Effect.Effect<ReadonlyArray<Promised>, never, Live | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const all = withStages(scenarios, servers)
    const promisesOf = new Map<Staged, ReadonlyArray<Promised>>()
    const run = (staged: Staged) => Effect.map(runOne(staged), (promises) => promisesOf.set(staged, promises))
    const [first, ...quick] = all.filter(({ scenario }) => scenario.pace === "quick")
    const patient = all.filter(({ scenario }) => scenario.pace === "patient")
    if (first !== undefined) yield* run(first)
    yield* Effect.all(
      [Effect.forEach(patient, run, { concurrency: "unbounded" }), Effect.forEach(quick, run)],
      { concurrency: 2 }
    )
    return all.flatMap((staged) => promisesOf.get(staged) ?? [])
  })

interface Staged {
  readonly scenario: Scenario
  readonly stage: Stage
}

/** A scenario that breaks down is a promise that is not kept, and no other scenario's business. */
const runOne = ({ scenario, stage }: Staged) =>
  Effect.catchCause(scenario.run(stage), (cause) =>
    Effect.succeed([
      notMeasured({
        id: `${scenario.id}/run`,
        text: `The scenario "${scenario.id}" runs`,
        reason: describeCause(cause)
      })
    ])
  )

/** Each scenario sees its own servers only, from position 0. */
const withStages = (scenarios: ReadonlyArray<Scenario>, servers: Servers): ReadonlyArray<Staged> => {
  let next = 0
  return scenarios.map((scenario) => {
    const indices = scenario.servers.map(() => next++)
    const stage: Stage = {
      entries: scenario.servers.map(({ name }, index) => ({
        name,
        url: at(servers.urls, at(indices, index))
      })),
      blackHole: servers.blackHole,
      seenIdle: Effect.map(servers.seenIdle(indices), (all) => indices.map((index) => at(all, index)))
    }
    return { scenario, stage }
  })
}
