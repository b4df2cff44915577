/** A call that cannot be interrupted does not hold up the batch. */
import { Deadline, FanOut } from "@holdfast/core"
import { Duration, Effect, Layer } from "effect"
import { at } from "../../at.ts"
import { bySecond, exactly } from "../../Promised.ts"
import * as calls from "../calls.ts"
import { type Target, targetsOf } from "../Entry.ts"
import { Fleet } from "../operations.ts"
import { entriesOf, type Scenario } from "../Scenario.ts"
import { watch } from "../watch.ts"

const deadline = Duration.seconds(1)

class Stubborn extends FanOut.Service<Stubborn, Target>()("control-room/broadcast/Stubborn", {
  targets: Effect.flatMap(Fleet, (fleet) => Effect.map(fleet.entries, targetsOf)),
  call: ({ entry }) => Effect.uninterruptible(calls.ping(entry)),
  label: "stubborn",
  deadline
}) {}

export const stubborn: Scenario = {
  id: "stubborn",
  pace: "quick",
  servers: [{ name: "answers after 3 s", behaviour: { _tag: "Slow", delayMillis: 3000 } }],
  run: Effect.fnUntraced(function* (stage) {
    const entries = entriesOf(stage)
    const fleet = Layer.succeed(Fleet)({ entries: Effect.succeed(entries) })
    const { elapsedSeconds, report } = yield* watch(
      {
        title: "a call that cannot be interrupted",
        targets: targetsOf(entries),
        deadlineMillis: Duration.toMillis(deadline)
      },
      Stubborn.stream()
    ).pipe(Effect.provide(Layer.provide(Stubborn.layer(), fleet)))
    const abandoned = (yield* Deadline.abandoned).filter(({ label }) => label.startsWith("stubborn"))
    const atReturn = JSON.stringify(report.outcomes.map(({ _tag }) => _tag))
    const late = at(yield* stage.seenIdle, 0).requests.map((request) => request.end)
    const afterwards = JSON.stringify(report.outcomes.map(({ _tag }) => _tag))
    return [
      bySecond({
        id: "stubborn/deadline",
        text: "A call that cannot be interrupted does not delay the return",
        bound: Duration.toSeconds(deadline),
        measured: elapsedSeconds
      }),
      exactly({
        id: "stubborn/abandoned",
        text: "… it is listed as abandoned while it goes on",
        bound: 1,
        measured: abandoned.length,
        unit: "calls"
      }),
      exactly({
        id: "stubborn/report",
        text: "… and its late reply changes nothing in the report",
        bound: '["TimedOut"], then answered, ["TimedOut"]',
        measured: `${atReturn}, then ${late.join()}, ${afterwards}`,
        unit: ""
      })
    ]
  })
}
