/** A node in its initial block download is not asked for templates, and is asked only once when it is over. */
import { Effect } from "effect"
import { afterDelays, atLeast, exactly } from "../../Promised.ts"
import { inSeconds, steps, timesOf } from "../measure.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Scenario } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

const downloading = 3

const ticks = 3

export const download: Scenario = {
  id: "download",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, `download: ${downloading} checks until it is over`, [
      "node",
      "provider",
      "pool 1"
    ])
    const first = yield* scene.node({ downloadChecks: downloading })
    yield* scene.line("node", "in flight", "downloads")
    const provider = yield* scene.provider()
    const pool = yield* scene.pool("pool 1", provider)
    yield* wait.fresh(pool, 0)
    yield* scene.line("node", "good", `process ${first.pid}`)
    for (let tick = 1; tick <= ticks; tick++) {
      yield* first.tell("tick")
      yield* wait.atHeight(pool, 1 + tick)
    }
    const had = pool.received.items.length
    yield* first.kill
    const second = yield* scene.node()
    yield* wait.fresh(pool, had)

    const checks = timesOf(first.seen.items, "called", "IsInitialBlockDownload")
    const firstPoll = timesOf(first.seen.items, "called", "WaitNext")[0] ?? NaN
    return [
      exactly({
        id: "download/checks",
        text: "A node says three times that it downloads, is asked a fourth time and then no more; after a reconnect once",
        bound: `${downloading + 1}, 1`,
        measured: [first, second]
          .map(({ seen }) => timesOf(seen.items, "called", "IsInitialBlockDownload").length)
          .join(", "),
        unit: "checks"
      }),
      afterDelays({
        id: "download/pause",
        text: "… with a pause between checks",
        delays: Array.from({ length: downloading }, () => seconds(Numbers.downloadCheck)),
        measured: steps(checks).map((millis) => millis / 1000)
      }),
      atLeast({
        id: "download/after",
        text: "… and the first long-poll comes after the last of them, by",
        bound: 0,
        measured: inSeconds(checks.at(-1) ?? NaN, firstPoll),
        unit: "s"
      })
    ]
  })
}
