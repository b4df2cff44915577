/** A call that cannot be interrupted does not hold up the batch. */
import { Deadline, FanOut } from "@holdfast/core"
import { Duration, Effect } from "effect"
import { at } from "../../at.ts"
import { bySecond, exactly } from "../../Promised.ts"
import * as calls from "../calls.ts"
import type { Scenario } from "../Scenario.ts"
import { watch } from "../watch.ts"

const deadline = Duration.seconds(1)

export const stubborn: Scenario = {
  id: "stubborn",
  pace: "quick",
  servers: [{ name: "answers after 3 s", behaviour: { _tag: "Slow", delayMillis: 3000 } }],
  run: Effect.fnUntraced(function* ({ entries, seenIdle }) {
    const { elapsedSeconds, report } = yield* watch(
      { title: "a call that cannot be interrupted", entries, concurrency: 1, deadline },
      (callbacks) =>
        FanOut.run(entries, (entry) => Effect.uninterruptible(calls.ping(entry)), {
          label: "stubborn",
          deadline,
          ...callbacks
        })
    )
    const abandoned = (yield* Deadline.abandoned).filter(({ label }) => label === "stubborn")
    const atReturn = tagsOf(report)
    const late = at(yield* seenIdle, 0).requests.map(({ end }) => end)
    return [
      bySecond({
        id: "stubborn/deadline",
        text: "A call that cannot be interrupted does not delay the return",
        bound: Duration.toSeconds(deadline),
        measured: elapsedSeconds
      }),
      exactly({
        id: "stubborn/abandoned",
        text: "… it goes on, listed as abandoned",
        bound: 1,
        measured: abandoned.length,
        unit: "abandoned"
      }),
      exactly({
        id: "stubborn/report",
        text: "… and its late reply does not change the report: before / reply / after",
        bound: "TimedOut / answered / TimedOut",
        measured: [atReturn, late.join(), tagsOf(report)].join(" / "),
        unit: ""
      })
    ]
  })
}

const tagsOf = ({ outcomes }: FanOut.Report<unknown, unknown, unknown>): string =>
  outcomes.map(({ _tag }) => _tag).join()
