/** SIGKILL while two pools are connected, and the node started again. */
import { Effect } from "effect"
import { atMost, bySecond, exactly, type Promised } from "../../Promised.ts"
import { textsOf } from "../journal.ts"
import { attemptsOf, inSeconds, stepsBack, timesOf } from "../measure.ts"
import type { Node } from "../Node.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Pool } from "../pool/Pool.ts"
import type { Scenario } from "../Scenario.ts"
import { type Observed, play } from "../Scene.ts"
import * as wait from "../waits.ts"

const ticks = 2

export const kill: Scenario = {
  id: "kill",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const { node, pools, provider, scene } = yield* play(
      stage,
      "kill: SIGKILL with two pools, and a restart",
      { pools: ["pool 1", "pool 2"] }
    )
    const tickMillis = Date.now()
    for (let tick = 0; tick < ticks; tick++) yield* node.tell("tick")
    const last = yield* Effect.forEach(pools, (pool) => wait.atHeight(pool, 1 + ticks))
    const tipSeconds = Math.max(...last.map(({ atMillis }) => inSeconds(tickMillis, atMillis)))

    const had = pools.map(({ received }) => received.items.length)
    const killMillis = yield* node.kill
    yield* scene.line("node", "bad", "killed")
    // The node stays away for long enough that the provider finds nobody there.
    yield* wait.failures(provider, 2)
    const reply = yield* pools[0] === undefined ? Effect.succeed("no pool") : pools[0].ask(last[0]?.id ?? 0)
    const second = yield* scene.node({ height: 1 + ticks })
    const fresh = yield* Effect.forEach(pools, (pool, index) => wait.fresh(pool, had[index] ?? 0))
    return [
      bySecond({
        id: "kill/tip",
        text: "A new tip is with both pools at once",
        bound: 0,
        measured: tipSeconds
      }),
      ...(yield* outage(provider, second, killMillis, Math.max(...fresh.map(({ atMillis }) => atMillis)))),
      ...aboutTemplates(provider, had, reply),
      ...aboutPools(provider, pools, second)
    ]
  })
}

const outage = (provider: Observed, second: Node, killMillis: number, freshMillis: number) =>
  Effect.gen(function* () {
    const lostMillis = (yield* wait.lost(provider, 1)).atMillis
    const listenMillis = timesOf(second.seen.items, "listening")[0] ?? NaN
    const refused = attemptsOf(provider.statuses.items).filter((at) => at > lostMillis && at < listenMillis)
    const away = inSeconds(killMillis, listenMillis)
    return [
      bySecond({
        id: "kill/noticed",
        text: "The provider notices a SIGKILL at once",
        bound: 0,
        measured: inSeconds(killMillis, lostMillis)
      }),
      atMost({
        id: "kill/attempts",
        text: `While the node was away for ${away.toFixed(2)} s, attempts to connect`,
        bound: attemptsIn(away),
        measured: refused.length,
        unit: "attempts"
      }),
      bySecond({
        id: "kill/gap",
        text: "The gap in which no pool got a template: the absence of the node and one delay",
        bound: Math.round(100 * (away + seconds(Numbers.backoff.cap))) / 100,
        measured: inSeconds(killMillis, freshMillis)
      })
    ]
  })

/** How many attempts the backoff has room for: each is preceded by its delay. */
export const attemptsIn = (awaySeconds: number): number => {
  const { base, cap, factor } = Numbers.backoff
  let count = 0
  let delay = seconds(base)
  for (let left = awaySeconds - delay; left >= 0; left -= delay) {
    count++
    delay = Math.min(delay * factor, seconds(cap))
  }
  return count
}

const aboutTemplates = (
  { journal }: Observed,
  had: ReadonlyArray<number>,
  reply: string
): ReadonlyArray<Promised> => [
  exactly({
    id: "kill/dropped",
    text: "One warning names how many templates were dropped: as many as the pools had been sent",
    bound: String(had.reduce((sum, count) => sum + count, 0)),
    measured: textsOf(journal, /^dropped/)
      .map((text) => /\d+/.exec(text)?.[0])
      .join(", "),
    unit: "templates"
  }),
  exactly({
    id: "kill/order",
    text: "… before the next generation could be used",
    bound: "dropped, connected",
    measured: textsOf(journal, /^dropped|is connected \(generation 2/)
      .map((text) => (text.startsWith("dropped") ? "dropped" : "connected"))
      .join(", "),
    unit: ""
  }),
  exactly({
    id: "kill/log",
    text: '… the log says "disconnected; reconnecting before resuming template creation" once, and never "restarting"',
    bound: "1, 0",
    measured: [/^disconnected; reconnecting before resuming template creation$/, /restart/]
      .map((pattern) => textsOf(journal, pattern).length)
      .join(", "),
    unit: "times"
  }),
  exactly({
    id: "kill/unknown",
    text: "Asked for a dropped template, the provider replies",
    bound: "UnknownTemplate",
    measured: reply,
    unit: ""
  })
]

const aboutPools = (
  provider: Observed,
  pools: ReadonlyArray<Pool>,
  second: Node
): ReadonlyArray<Promised> => [
  exactly({
    id: "kill/sockets",
    text: "Both pools have the sockets that they had: connections of each / accepted",
    bound: "1, 1 / 2",
    measured: `${pools.map(({ ports }) => ports.items.length).join(", ")} / ${provider.pools.accepted}`,
    unit: "connections"
  }),
  exactly({
    id: "kill/ids",
    text: "… and the ids that each was sent only ever increase: steps back",
    bound: 0,
    measured: pools.reduce((sum, { received }) => sum + stepsBack(received.items.map(({ id }) => id)), 0),
    unit: "steps"
  }),
  exactly({
    id: "kill/calls",
    text: "Two pools lost the node, and its new life saw one reconnect: connections / Hello / IsInitialBlockDownload",
    bound: "1 / 1 / 1",
    measured: [
      timesOf(second.seen.items, "accepted"),
      timesOf(second.seen.items, "called", "Hello"),
      timesOf(second.seen.items, "called", "IsInitialBlockDownload")
    ]
      .map((times) => times.length)
      .join(" / "),
    unit: ""
  })
]
