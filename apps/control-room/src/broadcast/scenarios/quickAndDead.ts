/** A person sees the quick server answer at once, while the dead one gets every attempt that it may have. */
import { Duration, Effect } from "effect"
import { at } from "../../at.ts"
import { atLeast, atSecond, atSeconds, bySecond, exactly } from "../../Promised.ts"
import { Numbers, tickInterval, worstCaseSeconds } from "../Numbers.ts"
import { attemptSeconds } from "../observed.ts"
import { type Scenario, withTransactions } from "../Scenario.ts"
import { pushAll } from "../wallet.ts"

export const quickAndDead: Scenario = {
  id: "quick-and-dead",
  pace: "patient",
  servers: [
    { name: "quick", behaviour: { _tag: "Slow", delayMillis: 200 } },
    { name: "dead", behaviour: { _tag: "Stalling" } }
  ],
  run: Effect.fnUntraced(function* (stage) {
    const { watched } = yield* pushAll(
      "push: a quick server and a dead one",
      withTransactions(stage.entries, "quick")
    )
    const dead = at(yield* stage.seenIdle, 1)
    const { failed, timedOut } = watched.report
    const { elapsedSeconds, settledSeconds, tickSeconds } = watched
    const silences = [...tickSeconds, elapsedSeconds].map((end, index) => end - (tickSeconds[index - 1] ?? 0))
    return [
      bySecond({
        id: "quick-and-dead/quick",
        text: "A server of 0.2 s is reported at once, next to a dead one",
        bound: 0.2,
        measured: at(settledSeconds, 0)
      }),
      atSeconds({
        id: "quick-and-dead/attempts",
        text: "The dead one sees three attempts, one second after each time-out",
        at: [0, 9, 18],
        measured: attemptSeconds(dead, "push")
      }),
      atSecond({
        id: "quick-and-dead/failure",
        text: "It has failed when its last attempt has, and not later",
        at: worstCaseSeconds(Numbers.push),
        measured: at(settledSeconds, 1)
      }),
      exactly({
        id: "quick-and-dead/outcome",
        text: "Retries used up are a failure with its attempts, not a time-out of the batch",
        bound: "failed after 3, timed out: 0",
        measured: `failed after ${failed.map(({ attempts }) => attempts.length).join()}, timed out: ${timedOut.length}`,
        unit: ""
      }),
      atLeast({
        id: "quick-and-dead/ticks",
        text: "Meanwhile progress is shown",
        bound: 25,
        measured: tickSeconds.length,
        unit: "ticks"
      }),
      bySecond({
        id: "quick-and-dead/tick-gap",
        text: "… at least once a second: the longest silence",
        bound: Duration.toSeconds(tickInterval),
        measured: Math.max(...silences)
      })
    ]
  })
}
