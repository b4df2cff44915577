/** The gateway: transactions go to a ledger through nodes of which none can be relied on. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Deadline } from "@holdfast/core"
import { Duration, Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import { at } from "../at.ts"
import { describeCause } from "../cause.ts"
import { Live } from "../live/Live.ts"
import { atMost, exactly, notMeasured, type Promised } from "../Promised.ts"
import { noMoreDescriptors, openDescriptors, openLasting, settledDescriptors } from "../relay/descriptors.ts"
import type { System } from "../System.ts"
import { secondsMax as scenarioSecondsMax } from "./board.ts"
import { failoverRoute } from "./failoverRoute.ts"
import { start } from "./Nodes.ts"
import { Numbers } from "./Numbers.ts"
import type { Scenario, Stage } from "./Scenario.ts"

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
    const { pid, promises } = yield* Effect.gen(function* () {
      const http = yield* HttpClient.HttpClient
      const nodes = yield* start(
        http,
        scenarios.flatMap(() => Array.from({ length: setsOfEach }, () => Numbers.latencies))
      )
      yield* (yield* Live).say(
        `${nodes.sets.length * Numbers.latencies.length} nodes in process ${nodes.pid}; what they see: ${nodes.seenUrl}`
      )
      // They mostly wait. Each has nodes and clients of its own.
      const promises = yield* Effect.forEach(
        scenarios,
        (scenario, index) => {
          const set = (number: number) => at(nodes.sets, index * setsOfEach + number)
          return runOne(scenario, { http, gateway: route, sets: [set(0), set(1), set(2)] })
        },
        { concurrency: "unbounded" }
      ).pipe(Effect.raceFirst(nodes.died), Deadline.within(deadline, { label: "gateway" }))
      return { pid: nodes.pid, promises: promises.flat() }
      // The client of node:http, which ends a connection with its request; see docs/control-room.md.
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(NodeHttpClient.layerNodeHttp)))
    return [...promises, nothingOpen(before, yield* settledDescriptors(before)), noProcess(pid)]
  })

const setsOfEach = 3

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

const noProcess = (pid: number): Promised =>
  exactly({
    id: "gateway/process",
    text: "… and the nodes' process is gone",
    bound: "gone",
    measured: isAlive(pid) ? "alive" : "gone",
    unit: ""
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
