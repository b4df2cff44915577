/** Pools that come, wait and go at a bad time: one has nothing yet, one joins during the outage, one leaves. */
import { Effect } from "effect"
import { bySecond, exactly } from "../../Promised.ts"
import { inSeconds, timesOf } from "../measure.ts"
import { start } from "../Node.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

export const join: Scenario = {
  id: "join",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, "join: pools that come and wait at a bad time", [
      "node",
      "provider",
      "waits",
      "joins"
    ])
    const first = yield* start({ path: stage.path, height: 0 })
    yield* scene.line("node", "good", `process ${first.pid}`)
    const provider = yield* scene.provider()
    const waits = yield* scene.pool("waits", provider)
    yield* first.seen.first(({ call, what }) => what === "called" && call === "WaitNext")
    const before = waits.received.items.length
    yield* first.kill
    yield* scene.line("node", "bad", "killed")
    yield* wait.lost(provider, 1)
    const joins = yield* scene.pool("joins", provider)
    yield* wait.failures(provider, 2)
    const second = yield* start({ path: stage.path, height: 7 })
    yield* scene.line("node", "good", `process ${second.pid}`)
    yield* Effect.forEach([waits, joins], (pool) => wait.atHeight(pool, 7))

    const leaveMillis = Date.now()
    yield* joins.leave
    const forgotten = yield* second.seen.first(
      ({ call, what }) => what === "interrupted" && call === "WaitNext"
    )
    yield* second.tell("tick")
    yield* wait.atHeight(waits, 8)
    return [
      exactly({
        id: "join/nothing",
        text: "A pool that had been sent nothing when the node died, and one that joined meanwhile, are sent: before / after",
        bound: "0 / height 7, height 7",
        measured: `${before} / ${[waits, joins].map(({ received }) => `height ${received.items[0]?.height ?? "none"}`).join(", ")}`,
        unit: ""
      }),
      exactly({
        id: "join/sockets",
        text: "… on the sockets that they had: connections of each / accepted",
        bound: "1, 1 / 2",
        measured: `${[waits, joins].map(({ ports }) => ports.items.length).join(", ")} / ${provider.pools.accepted}`,
        unit: "connections"
      }),
      bySecond({
        id: "join/leave",
        text: "When a pool leaves, its long-poll at the node is ended",
        bound: 0,
        measured: inSeconds(leaveMillis, forgotten.atMillis)
      }),
      exactly({
        id: "join/forgotten",
        text: "… and its templates are dropped: pools / templates left, of those that stay",
        bound: `1 / ${waits.received.items.length}`,
        measured: `${provider.pools.open} / ${provider.templates.size}`,
        unit: ""
      }),
      exactly({
        id: "join/no-more-polls",
        text: "… and nobody polls for it: long-polls in flight at the node",
        bound: 1,
        measured:
          timesOf(second.seen.items, "called", "WaitNext").length -
          timesOf(second.seen.items, "answered", "WaitNext").length -
          timesOf(second.seen.items, "interrupted", "WaitNext").length,
        unit: "long-polls"
      })
    ]
  })
}
