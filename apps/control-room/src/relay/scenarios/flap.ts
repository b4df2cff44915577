/** A node that accepts and dies, again and again. */
import { Effect } from "effect"
import { at } from "../../at.ts"
import { afterDelays, exactly } from "../../Promised.ts"
import { attemptsOf, inSeconds, timesOf } from "../measure.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

const deaths = 3

export const flap: Scenario = {
  id: "flap",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, `flap: a node that accepts and dies ${deaths} times`, [
      "node",
      "provider",
      "pool 1"
    ])
    // Started before, so that each listens again at once: then every attempt finds somebody, and it is no absence.
    const nodes = yield* Effect.forEach(
      Array.from({ length: deaths + 1 }),
      () => scene.node({ listens: "when told" }),
      { concurrency: 2 }
    )
    const listen = (index: number) =>
      Effect.gen(function* () {
        const node = at(nodes, index)
        yield* node.tell("listen")
        yield* node.seen.first(({ what }) => what === "listening")
        yield* scene.line("node", "good", `process ${node.pid}`)
        return node
      })
    let node = yield* listen(0)
    const provider = yield* scene.provider()
    const pool = yield* scene.pool("pool 1", provider)
    const lostMillis: Array<number> = []
    let had = 0
    for (let death = 1; death <= deaths; death++) {
      yield* wait.connected(provider, death)
      yield* node.kill
      yield* scene.line("node", "bad", `killed ${death} of ${deaths} times`)
      lostMillis.push((yield* wait.lost(provider, death)).atMillis)
      had = pool.received.items.length
      node = yield* listen(death)
    }
    yield* wait.fresh(pool, had)
    const attempts = attemptsOf(provider.statuses.items)
    const delays = lostMillis.map((lost) => inSeconds(lost, attempts.find((at) => at > lost) ?? NaN))
    const announced = provider.statuses.items.flatMap(({ status }) =>
      status._tag === "Connecting" && status.nextDelay !== undefined ? [seconds(status.nextDelay)] : []
    )
    const { base, factor } = Numbers.backoff
    return [
      afterDelays({
        id: "flap/delays",
        text: "A node that accepts and dies is met with delays that grow, as it never was stable",
        delays: delays.map((_, index) => seconds(base) * factor ** index),
        measured: delays
      }),
      exactly({
        id: "flap/announced",
        text: "… as it says before each",
        bound: delays.map((_, index) => seconds(base) * factor ** index).join(", "),
        measured: announced.join(", "),
        unit: "s"
      }),
      exactly({
        id: "flap/hammer",
        text: "… and each life of the node sees one connection",
        bound: nodes.map(() => 1).join(", "),
        measured: nodes.map(({ seen }) => timesOf(seen.items, "accepted").length).join(", "),
        unit: "connections"
      })
    ]
  })
}
