/** The node is killed and started again twenty times, while the pools stay. */
import { Backoff } from "@holdfast/core"
import { Effect } from "effect"
import { atLeast, atMost, exactly } from "../../Promised.ts"
import { noMoreDescriptors, openDescriptors, settledDescriptors } from "../descriptors.ts"
import { textsOf } from "../journal.ts"
import { inSeconds, stepsBack } from "../measure.ts"
import type { Pool } from "../pool/Pool.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

/** A node that is not there for as long as it takes to start has a busy machine; nobody waits for more. */
const gapSecondsMax = 3

export const churn = (kills: number): Scenario => ({
  id: "churn",
  alone: true,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, `churn: ${kills} times SIGKILL and a restart`, ["kills", "pools"])
    let node = yield* scene.node()
    // What is looked at here is not the backoff.
    const provider = yield* scene.provider({ backoff: Backoff.constant("50 millis") })
    const pools = yield* Effect.forEach(["pool 1", "pool 2"], (name) => scene.pool(name, provider))
    yield* Effect.forEach(pools, (pool) => wait.fresh(pool, 0))
    const gaps: Array<number> = []
    let before: number | undefined
    for (let kill = 1; kill <= kills; kill++) {
      const had = pools.map(({ received }) => received.items.length)
      const killMillis = yield* node.kill
      node = yield* scene.node({ height: kill + 1 })
      const fresh = yield* Effect.forEach(pools, (pool, index) => wait.fresh(pool, had[index] ?? 0))
      gaps.push(Math.max(...fresh.map(({ atMillis }) => inSeconds(killMillis, atMillis))))
      yield* scene.line("kills", kill < kills ? "in flight" : "good", `killed ${kill} of ${kills} times`)
      yield* scene.line("pools", kill < kills ? "in flight" : "good", portsOf(pools))
      // The first time, what is opened once and then kept has been opened.
      if (kill === 1) before = openDescriptors()
    }
    const after = yield* settledDescriptors(before)
    return [
      exactly({
        id: "churn/sockets",
        text: `${kills} times SIGKILL and a restart: connections of each pool / accepted`,
        bound: "1, 1 / 2",
        measured: `${pools.map(({ ports }) => ports.items.length).join(", ")} / ${provider.pools.accepted}`,
        unit: "connections"
      }),
      exactly({
        id: "churn/losses",
        text: "… each was one loss and one reconnect: losses logged",
        bound: kills,
        measured: textsOf(provider.journal, /^disconnected; reconnecting/).length,
        unit: "losses"
      }),
      atLeast({
        id: "churn/fresh",
        text: "… after each, both pools were sent a fresh template: the fewer",
        bound: kills + 1,
        measured: Math.min(...pools.map(({ received }) => received.items.length)),
        unit: "templates"
      }),
      exactly({
        id: "churn/ids",
        text: "… with ids that only ever increase: steps back",
        bound: 0,
        measured: pools.reduce((sum, { received }) => sum + stepsBack(received.items.map(({ id }) => id)), 0),
        unit: "steps"
      }),
      atMost({
        id: "churn/gap",
        text: "… the longest gap, most of it the start of the node",
        bound: gapSecondsMax,
        measured: Math.max(...gaps),
        unit: "s"
      }),
      noMoreDescriptors({
        id: "churn/descriptors",
        text: "… and the file descriptors are as many as after the first time",
        before,
        after
      })
    ]
  })
})

const portsOf = (pools: ReadonlyArray<Pool>): string =>
  pools
    .map(({ ports, received }) => `port ${ports.items.join()}: ${received.items.length} templates`)
    .join("; ")
