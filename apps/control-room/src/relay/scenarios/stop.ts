/** SIGSTOP: the connection stays open, and nobody is at the other end. Then SIGCONT. */
import { Duration, Effect } from "effect"
import { atMost, bySecond, exactly } from "../../Promised.ts"
import { textsOf } from "../journal.ts"
import { attemptsOf, inSeconds, stepsBack } from "../measure.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Scenario, Stage } from "../Scenario.ts"
import { play } from "../Scene.ts"
import * as wait from "../waits.ts"

const { interval, timeout } = Numbers.probe

export const stop: Scenario = {
  id: "stop",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const parts = yield* Effect.all([withPools(stage), withoutPools({ ...stage, path: `${stage.path}.2` })], {
      concurrency: "unbounded"
    })
    return parts.flat()
  })
}

const noticedMax = seconds(Duration.sum(interval, timeout))

/** Nobody asks the node for anything. */
const withoutPools = (stage: Stage) =>
  Effect.gen(function* () {
    const { node, provider, scene } = yield* play(stage, "stop: SIGSTOP, without any pool", { pools: [] })
    yield* wait.connected(provider, 1)
    const stopMillis = yield* node.stop
    yield* scene.line("node", "bad", "stopped")
    return [
      bySecond({
        id: "stop/idle",
        text: "A stopped node is noticed also while no pool is connected",
        bound: noticedMax,
        measured: inSeconds(stopMillis, (yield* wait.lost(provider, 1)).atMillis)
      })
    ]
  })

const withPools = (stage: Stage) =>
  Effect.gen(function* () {
    const { node, pools, provider, scene } = yield* play(
      stage,
      "stop: SIGSTOP, and SIGCONT after two attempts",
      { pools: ["pool 1", "pool 2"] }
    )
    const had = pools.map(({ received }) => received.items.length)
    const stopMillis = yield* node.stop
    yield* scene.line("node", "bad", "stopped")
    const lost = yield* wait.lost(provider, 1)
    yield* wait.failures(provider, 2)
    const seenBefore = node.seen.items.length
    const contMillis = yield* node.resume
    yield* scene.line("node", "good", `process ${node.pid}, goes on`)
    const connected = yield* wait.connected(provider, 2)
    yield* Effect.forEach(pools, (pool, index) => wait.fresh(pool, had[index] ?? 0))
    // A new block goes all the way: whatever the node had to say late, it has said before.
    yield* node.tell("tick")
    yield* Effect.forEach(pools, (pool) => wait.atHeight(pool, 2))

    const attempts = attemptsOf(provider.statuses.items).filter((at) => at > stopMillis)
    // Up to the last thing that an attempt asks, in the order of the node: clocks of two processes tell nothing so close.
    const calls = node.seen.items.slice(seenBefore).filter(({ what }) => what === "called")
    const late = calls.slice(0, calls.findLastIndex(({ call }) => call === "IsInitialBlockDownload") + 1)
    return [
      bySecond({
        id: "stop/noticed",
        text: "A stopped node, whose connection stays open, is noticed by the probe",
        bound: noticedMax,
        measured: inSeconds(stopMillis, lost.atMillis)
      }),
      bySecond({
        id: "stop/back",
        text: "… and when it goes on, by the next attempt",
        bound: seconds(Duration.sum(Numbers.attemptTimeout, Numbers.backoff.cap)),
        measured: inSeconds(contMillis, connected.atMillis)
      }),
      atMost({
        id: "stop/calls",
        // The last of the attempts succeeds, and asks one thing more.
        text: `What was asked of it meanwhile, as it found then: a probe, a goodbye, and what ${attempts.length} attempts ask`,
        bound: 3 + attempts.length,
        measured: late.length,
        unit: "calls"
      }),
      exactly({
        id: "stop/late",
        text: "… and its late answers touched nothing: generations lost",
        bound: 1,
        measured: textsOf(provider.journal, /^disconnected/).length,
        unit: "generations"
      }),
      exactly({
        id: "stop/sockets",
        text: "Both pools have the sockets that they had: connections of each / accepted",
        bound: "1, 1 / 2",
        measured: `${pools.map(({ ports }) => ports.items.length).join(", ")} / ${provider.pools.accepted}`,
        unit: "connections"
      }),
      exactly({
        id: "stop/ids",
        text: "… and the ids only ever increase, though it is the same node: steps back",
        bound: 0,
        measured: pools.reduce((sum, { received }) => sum + stepsBack(received.items.map(({ id }) => id)), 0),
        unit: "steps"
      })
    ]
  })
