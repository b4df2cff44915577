/** The gateway: transactions go to a ledger through nodes of which none can be relied on. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Deadline } from "@holdfast/core"
import { Duration, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import { describeCause } from "../cause.ts"
import { atMost, exactly, notMeasured, type Promised } from "../Promised.ts"
import { noMoreDescriptors, openDescriptors, openLasting, settledDescriptors } from "../relay/descriptors.ts"
import type { System } from "../System.ts"
import { failoverRoute } from "./failoverRoute.ts"
import type { Scenario, Stage } from "./Scenario.ts"
import { secondsMax as scenarioSecondsMax } from "./Scene.ts"

/** Every system ends by itself in this time. */
const secondsMax = 60

/** Leaves time to let go of everything. */
const deadline = "55 seconds"

export const gateway = (
  scenarios: ReadonlyArray<Scenario>,
  route: Stage["gateway"] = failoverRoute
): System => ({
  name: "gateway",
  summary: "payments reach a ledger through nodes that get slow, fall silent, and die",
  run: runAll(scenarios, route).pipe(
    Effect.catchCause((cause) => Effect.succeed([unfinished("gateway", describeCause(cause))])),
    Effect.timed,
    Effect.map(([duration, promises]) => [...promises, inTime(Duration.toSeconds(duration))])
  )
})

const runAll = (scenarios: ReadonlyArray<Scenario>, route: Stage["gateway"]) =>
  Effect.gen(function* () {
    yield* openLasting
    const before = openDescriptors()
    const pids: Array<number> = []
    const promises = yield* HttpClient.HttpClient.pipe(
      Effect.flatMap((http) => {
        const stage: Stage = { http, gateway: route, started: (pid) => pids.push(pid) }
        // They mostly wait. Each has nodes and clients of its own.
        return Effect.forEach(scenarios, (scenario) => runOne(scenario, stage), { concurrency: "unbounded" })
      }),
      // A client of node:http of its own, whose connections end with it; see docs/control-room.md.
      Effect.provide(Layer.fresh(NodeHttpClient.layerNodeHttp)),
      Deadline.within(deadline, { label: "gateway" })
    )
    return [...promises.flat(), nothingOpen(before, yield* settledDescriptors(before)), noProcess(pids)]
  })

/** A scenario that breaks down, or does not end, is a promise that is not kept, and no other scenario's business. */
const runOne = (scenario: Scenario, stage: Stage) =>
  scenario.run(stage).pipe(
    Effect.scoped,
    Deadline.within(`${scenarioSecondsMax} seconds`, { label: scenario.id }),
    Effect.catchCause((cause) => Effect.succeed([unfinished(scenario.id, describeCause(cause))]))
  )

const unfinished = (id: string, reason: string): Promised =>
  notMeasured({
    id: `${id}/run`,
    text: id === "gateway" ? "The scenarios run until the end" : `The scenario "${id}" runs`,
    reason
  })

const nothingOpen = (before: number | undefined, after: number | undefined): Promised =>
  noMoreDescriptors({
    id: "gateway/left-open",
    text: "Nothing is left behind: file descriptors that were open before / are open now",
    before,
    after
  })

const noProcess = (pids: ReadonlyArray<number>): Promised =>
  exactly({
    id: "gateway/processes",
    text: `… and of the ${pids.length} processes of nodes there are left`,
    bound: 0,
    measured: pids.filter(isAlive).length,
    unit: "processes"
  })

const inTime = (seconds: number): Promised =>
  atMost({
    id: "gateway/total",
    text: "Everything together",
    bound: secondsMax,
    measured: seconds,
    unit: "s"
  })

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
