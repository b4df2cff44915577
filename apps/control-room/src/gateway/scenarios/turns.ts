/** Two nodes take turns at being a little too slow, and the third is worse. */
import { Effect } from "effect"
import { atMost, exactly } from "../../Promised.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Behaviour } from "../node/Wire.ts"
import { askedOf, books, figuresBetween, served } from "../rows.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"

/** Below the threshold and above it. */
const [underMillis, overMillis] = [490, 510] as const

const everyMillis = 4000

const worseMillis = 800

const endSeconds = 20

/** No margin, no dwell, no trust to earn. */
const nervous = { hysteresis: { margin: 0, dwell: 0, consecutive: 1 }, jitter: "none" } as const

const script: ReadonlyArray<Behaviour> = [
  { _tag: "Alternating", latenciesMillis: [underMillis, overMillis], everyMillis },
  { _tag: "Alternating", latenciesMillis: [overMillis, underMillis], everyMillis },
  { _tag: "Answering", latencyMillis: worseMillis }
]

export const turns: Scenario = {
  id: "turns",
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, `turns: two nodes take ${underMillis} or ${overMillis} ms in turn`, {
      script,
      settings: { jitter: "none" }
    })
    const otherChanges = yield* scene.another(nervous)
    yield* scene.until(endSeconds)
    const ended = yield* scene.finish
    const { changes, gateway, naive } = scene
    return [
      atMost({
        id: "turns/changes",
        text: `Two nodes take turns at ${underMillis} and ${overMillis} ms: route changes in ${endSeconds} s, at most 1 + ${endSeconds} / ${seconds(Numbers.dwell)} (without hysteresis ${otherChanges.items.length})`,
        bound: Math.floor(1 + endSeconds / seconds(Numbers.dwell)),
        measured: changes.items.length,
        unit: "changes"
      }),
      exactly({
        id: "turns/third",
        text: `… and the third, of ${worseMillis} ms, is asked for nothing but probes, as it counts them`,
        bound: 0,
        measured: askedOf(ended.gateway, 2),
        unit: "requests"
      }),
      served({
        id: "turns/served",
        text: "The gateway",
        figures: figuresBetween(gateway, 0, ended),
        failedMax: 0,
        p50: ["≤", (overMillis + toleranceMillis) / 1000]
      }),
      served({
        id: "turns/naive",
        text: "… and the naive client, which stays with the first whatever happens",
        figures: figuresBetween(naive, 0, ended),
        failedMax: 0
      }),
      books("turns", gateway, ended.gateway)
    ]
  })
}

/** What a busy machine may add to each request. */
const toleranceMillis = 190
