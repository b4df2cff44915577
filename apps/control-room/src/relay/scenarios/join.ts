/** Pools that come, wait and go at a bad time: one has nothing yet, one joins during the outage, one leaves. */
import { Effect } from "effect"
import { atMost, bySecond, exactly, type Promised } from "../../Promised.ts"
import { textsOf } from "../journal.ts"
import { inSeconds, timesOf } from "../measure.ts"
import type { Node } from "../Node.ts"
import type { Seen } from "../node/Wire.ts"
import type { Pool } from "../pool/Pool.ts"
import type { Scenario } from "../Scenario.ts"
import { type Observed, open } from "../Scene.ts"
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
    const first = yield* scene.node({ height: 0 })
    const provider = yield* scene.provider()
    const waits = yield* scene.pool("waits", provider)
    yield* first.seen.first(({ call, what }) => what === "called" && call === "WaitNext")
    const before = waits.received.items.length
    yield* first.kill
    yield* scene.line("node", "bad", "killed")
    yield* wait.lost(provider, 1)
    const joins = yield* scene.pool("joins", provider)
    yield* wait.failures(provider, 2)
    const second = yield* scene.node({ height: 7 })
    yield* Effect.forEach([waits, joins], (pool) => wait.atHeight(pool, 7))

    const left = yield* leave(joins, second)
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
      exactly({
        id: "join/silent",
        text: "… and nothing is said of dropped templates, as there were none",
        bound: 0,
        measured: textsOf(provider.journal, /^dropped/).length,
        unit: "warnings"
      }),
      ...left,
      ...aboutTheRest(provider, waits, second)
    ]
  })
}

const polls = ({ seen }: Node, what: Seen["what"]): number => timesOf(seen.items, what, "WaitNext").length

const pollsInFlight = (node: Node): number =>
  polls(node, "called") - polls(node, "answered") - polls(node, "interrupted")

const leave = (pool: Pool, node: Node) =>
  Effect.gen(function* () {
    yield* node.seen.until(() => (pollsInFlight(node) === 2 ? true : undefined))
    const leaveMillis = Date.now()
    yield* pool.leave
    const ended = yield* node.seen.first(({ call, what }) => what === "interrupted" && call === "WaitNext")
    return [
      bySecond({
        id: "join/leave",
        text: "When a pool leaves, its long-poll at the node is ended",
        bound: 0,
        measured: inSeconds(leaveMillis, ended.atMillis)
      })
    ]
  })

const aboutTheRest = (provider: Observed, stays: Pool, node: Node): ReadonlyArray<Promised> => [
  exactly({
    id: "join/forgotten",
    text: "… and its templates are dropped: pools / templates left, of those that stay",
    bound: `1 / ${stays.received.items.length}`,
    measured: `${provider.pools.open} / ${provider.templates.size}`,
    unit: ""
  }),
  atMost({
    id: "join/no-more-polls",
    text: "… and nobody polls for it: long-polls in flight at the node",
    bound: 1,
    measured: pollsInFlight(node),
    unit: "long-polls"
  })
]
