/** The primary becomes slow: 600 ms in place of 50. */
import { Effect } from "effect"
import { bySecond, exactly } from "../../Promised.ts"
import { textsOf } from "../../relay/journal.ts"
import { begunIn, figuresOf } from "../measure.ts"
import { nameOf } from "../Nodes.ts"
import { Numbers, seconds } from "../Numbers.ts"
import { books, busySeconds, figuresBetween, served, wordsOf } from "../rows.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"

const slowMillis = 600

/** When it becomes so, and when it is over. */
const scriptSeconds = { slow: 3, end: 10 }

export const slow: Scenario = {
  id: "slow",
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, `slow: the primary takes ${slowMillis} ms`)
    yield* scene.until(scriptSeconds.slow)
    yield* scene.script(0, { _tag: "Answering", latencyMillis: slowMillis })
    const slowSeconds = yield* scene.now
    yield* scene.until(scriptSeconds.end)
    const ended = yield* scene.finish

    const change = scene.changes.items.find(({ atSeconds }) => atSeconds > slowSeconds)
    const shiftSeconds = change?.atSeconds ?? Infinity
    const threshold = seconds(Numbers.threshold)
    return [
      bySecond({
        id: "slow/left",
        text: `A primary of 50 ms takes ${slowMillis}: the route leaves it within a probe interval and the threshold`,
        bound: seconds(Numbers.interval) + threshold,
        measured: shiftSeconds - slowSeconds
      }),
      exactly({
        id: "slow/route",
        text: "… for the fastest node, and that is the only change",
        bound: wordsOf({ from: nameOf(0), to: nameOf(2), reason: "Slow", atSeconds: 0 }),
        measured: scene.changes.items.map(wordsOf).join(", "),
        unit: ""
      }),
      exactly({
        id: "slow/logged",
        text: "… of which the log tells the round-trip times of both",
        bound: 1,
        measured: textsOf(scene.journal, /from A \([\d.]+ ms\) to C \([\d.]+ ms\)/).length,
        unit: "lines"
      }),
      bySecond({
        id: "slow/slowest",
        text: "… and no request takes longer than the slow primary does",
        bound: slowMillis / 1000,
        measured: figuresOf(scene.gateway.requests, ended.atSeconds).slowestSeconds,
        tolerance: busySeconds
      }),
      served({
        id: "slow/after",
        text: "What begins after the shift",
        figures: figuresOf(begunIn(scene.gateway.requests, shiftSeconds), ended.atSeconds),
        failedMax: 0,
        p50: ["≤", threshold],
        p99: ["≤", busySeconds]
      }),
      served({
        id: "slow/naive",
        text: "… with the naive client in the same time",
        figures: figuresBetween(scene.naive, change?.atSeconds ?? slowSeconds, ended),
        failedMax: 0,
        p50: ["≥", slowMillis / 1000]
      }),
      books("slow", scene.gateway, ended.gateway)
    ]
  })
}
