/** Long-polls that come back at once with nothing are asked ever less often; those that take their time are not. */
import { Effect } from "effect"
import { afterDelays, atMost, exactly } from "../../Promised.ts"
import { inSeconds, steps, timesOf } from "../measure.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Scenario, Stage } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

const calls = 6

const names = ["node", "provider", "pool 1"]

export const emptyPolls: Scenario = {
  id: "empty-polls",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const parts = yield* Effect.all(
      [
        early(stage),
        legitimate({ ...stage, path: `${stage.path}.2` }),
        repeated({ ...stage, path: `${stage.path}.3` })
      ],
      { concurrency: "unbounded" }
    )
    return parts.flat()
  })
}

const polled = (call: { readonly what: string; readonly call: string }): boolean =>
  call.what === "called" && call.call === "WaitNext"

const early = (stage: Stage) =>
  Effect.gen(function* () {
    const scene = yield* open(stage, "empty-polls: nothing, and at once", names)
    const node = yield* scene.node({ height: 0, polls: "come back empty" })
    const provider = yield* scene.provider()
    const pool = yield* scene.pool("pool 1", provider)
    const first = yield* node.seen.first(polled)
    yield* node.seen.until((seen) => (seen.filter(polled).length >= calls ? true : undefined))
    yield* node.tell("tick")
    yield* wait.fresh(pool, 0)
    const before = node.seen.items.filter(polled).length
    // After the result: one that is empty, and the next after the shortest delay.
    yield* node.seen.until((seen) => (seen.filter(polled).length >= before + 3 ? true : undefined))
    const times = timesOf(node.seen.items, "called", "WaitNext").map((at) => inSeconds(first.atMillis, at))
    const answer = (pool.received.items[0]?.atMillis ?? NaN) - first.atMillis
    const after = times.filter((at) => at >= answer / 1000)
    return [
      atMost({
        id: "empty-polls/350",
        text: "Long-polls that come back empty at once, as the node counted: in 350 ms",
        bound: 3,
        measured: times.filter((at) => at <= 0.35).length,
        unit: "calls"
      }),
      afterDelays({
        id: "empty-polls/delays",
        text: "… with delays that grow to a second between them",
        delays: [0.1, 0.2, 0.4, 0.8, 1],
        measured: steps(times.slice(0, calls))
      }),
      afterDelays({
        id: "empty-polls/reset",
        text: "… which begin anew after a real result: the next delays",
        delays: [0.1, 0.2],
        measured: steps(after.slice(0, 3))
      })
    ]
  })

const legitimate = (stage: Stage) =>
  Effect.gen(function* () {
    const scene = yield* open(stage, "empty-polls: nothing, after the whole time", names)
    const node = yield* scene.node({ height: 0 })
    yield* scene.pool("pool 1", yield* scene.provider())
    yield* node.seen.until((seen) => (seen.filter(polled).length >= 4 ? true : undefined))
    return [
      afterDelays({
        id: "empty-polls/legitimate",
        text: "A long-poll that took its whole time is followed by the next without a delay: from one to the next",
        delays: [1, 2, 3].map(() => seconds(Numbers.poll)),
        measured: steps(timesOf(node.seen.items, "called", "WaitNext"))
          .slice(0, 3)
          .map((step) => step / 1000)
      }),
      exactly({
        id: "empty-polls/pauses",
        text: "… pauses of more than 50 ms between answer and next call",
        bound: 0,
        measured: pauses(node.seen.items).filter((pause) => pause > 50).length,
        unit: "pauses"
      })
    ]
  })

const repeats = 5

const repeated = (stage: Stage) =>
  Effect.gen(function* () {
    const scene = yield* open(stage, "empty-polls: the same template again and again", names)
    const node = yield* scene.node({ polls: "repeat" })
    const pool = yield* scene.pool("pool 1", yield* scene.provider())
    yield* node.seen.until((seen) => (seen.filter(polled).length > repeats ? true : undefined))
    yield* wait.fresh(pool, 0)
    return [
      exactly({
        id: "empty-polls/repeated",
        text: `A template that the node gives ${repeats} times is sent`,
        bound: 1,
        measured: pool.received.items.length,
        unit: "times"
      }),
      afterDelays({
        id: "empty-polls/repeated-delays",
        text: "… and one that is given again is met like nothing: delays before the next call",
        delays: [0.1, 0.2, 0.4],
        measured: steps(timesOf(node.seen.items, "called", "WaitNext"))
          .slice(1, 4)
          .map((step) => step / 1000)
      })
    ]
  })

/** From each answer to the next call. */
const pauses = (seen: Parameters<typeof timesOf>[0]): ReadonlyArray<number> => {
  const called = timesOf(seen, "called", "WaitNext")
  return timesOf(seen, "answered", "WaitNext").map((at, index) => (called[index + 1] ?? NaN) - at)
}
