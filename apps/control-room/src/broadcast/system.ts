/** The broadcast: a wallet, and many servers of which few are good. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Deadline } from "@holdfast/core"
import { Duration, Effect, Layer } from "effect"
import { describeCause } from "../cause.ts"
import { Live } from "../live/Live.ts"
import { atMost, exactly, notMeasured, type Promised } from "../Promised.ts"
import type { System } from "../System.ts"
import { leftOpen } from "./observed.ts"
import { runScenarios, specsOf } from "./programme.ts"
import type { Scenario } from "./Scenario.ts"
import { start } from "./Servers.ts"

/** Every system ends by itself in this time. */
const secondsMax = 60

/** Leaves time to let go of everything. */
const deadline = "55 seconds"

/**
 * The client of node:http, which opens a connection for each request and destroys it when the request is given up,
 * also while it is still connecting. Not the one of undici: it goes on connecting after its request was aborted, and
 * its agent was destroyed, which holds up the end of the process; and after 10 seconds it ends the wait by itself.
 */
const httpClient = NodeHttpClient.layerNodeHttp

export const broadcast = (scenarios: ReadonlyArray<Scenario>): System => ({
  name: "broadcast",
  summary: "a wallet contacts many flaky servers at once, under deadlines",
  run: runWithServers(scenarios).pipe(
    Effect.catchCause((cause) => Effect.succeed([unfinished(describeCause(cause))])),
    Effect.timed,
    Effect.map(([duration, promises]) => [...promises, inTime(Duration.toSeconds(duration))])
  )
})

const runWithServers = (scenarios: ReadonlyArray<Scenario>) =>
  Effect.gen(function* () {
    const { pid, promises } = yield* Effect.scoped(
      Effect.gen(function* () {
        const servers = yield* start(specsOf(scenarios))
        yield* (yield* Live).say(
          `${servers.urls.length} servers in process ${servers.pid}; what they see: ${servers.seenUrl}`
        )
        const promises = yield* runScenarios(scenarios, servers).pipe(
          Effect.provide(Layer.fresh(httpClient)),
          Effect.raceFirst(servers.died),
          Deadline.within(deadline, { label: "broadcast" })
        )
        // The client of the scenarios has been released: whatever is open now has been left behind.
        const everyServer = servers.urls.map((_, index) => index)
        const seen = yield* Effect.catch(servers.seenIdle(everyServer), () => servers.seen)
        return {
          pid: servers.pid,
          promises: [...promises, nothingOpen(seen.length, leftOpen(seen)), noConnectPending()]
        }
      })
    )
    return [...promises, noProcess(pid)]
  }).pipe(Effect.provide(httpClient))

const unfinished = (reason: string): Promised =>
  notMeasured({ id: "broadcast/run", text: "The servers run until the end", reason })

const nothingOpen = (servers: number, open: number): Promised =>
  exactly({
    id: "broadcast/left-open",
    text: `Nothing is left behind: connections and requests open at the ${servers} servers`,
    bound: 0,
    measured: open,
    unit: "open"
  })

/** A connect that nobody waits for any more is invisible to the server, and can hold up the end of this process. */
const noConnectPending = (): Promised =>
  exactly({
    id: "broadcast/connecting",
    text: "… nor a connect of ours still pending",
    bound: 0,
    measured: process.getActiveResourcesInfo().filter((resource) => resource.endsWith("ConnectWrap")).length,
    unit: "pending"
  })

const noProcess = (pid: number): Promised =>
  exactly({
    id: "broadcast/process",
    text: "… and the servers' process is gone",
    bound: "gone",
    measured: isAlive(pid) ? "alive" : "gone",
    unit: ""
  })

const inTime = (seconds: number): Promised =>
  atMost({
    id: "broadcast/total",
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
