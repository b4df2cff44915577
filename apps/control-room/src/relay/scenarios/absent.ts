/** Nobody is there: attempts, ever further apart, until somebody is. */
import { Reconnect } from "@holdfast/core"
import { Effect, Exit, Scope } from "effect"
import { afterDelays, bySecond, exactly } from "../../Promised.ts"
import { attemptsOf, inSeconds, steps, timesOf } from "../measure.ts"
import { Numbers, seconds } from "../Numbers.ts"
import { connectTo } from "../provider/nodeConnection.ts"
import type { Scenario, Stage } from "../Scenario.ts"
import { open } from "../Scene.ts"
import * as wait from "../waits.ts"

export const absent: Scenario = {
  id: "absent",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, "absent: a node that is not there yet", ["node", "provider"])
    const startMillis = Date.now()
    const provider = yield* scene.provider()
    yield* scene.line("node", "bad", "absent")
    // The last failed attempt before the node is there, and the delay after it, which is the cap by then.
    yield* wait.failures(provider, 4)
    const node = yield* scene.node({ handle: "second time" })
    const connected = yield* wait.connected(provider, 1)
    const attempts = attemptsOf(provider.statuses.items).map((at) => inSeconds(startMillis, at))
    const established = yield* establish(stage)
    return [
      afterDelays({
        id: "absent/attempts",
        text: "A node that is absent is looked for ever less often: from one attempt to the next",
        delays: [0.1, 0.2, 0.4, 0.8],
        measured: steps(attempts).slice(0, 4)
      }),
      exactly({
        id: "absent/logged",
        text: "… each that fails is logged, with its cause and the delay that follows",
        bound: attempts.length - 1,
        measured: provider.journal.entries.items.filter(
          ({ hasCause, text }) =>
            hasCause && /attempt \d+ failed; the next attempt follows in \d+ms$/.test(text)
        ).length,
        unit: "attempts"
      }),
      bySecond({
        id: "absent/connected",
        text: "… it is found by the attempt after it listens, the one before having got no handle",
        bound: 2 * seconds(Numbers.backoff.cap),
        measured: inSeconds(timesOf(node.seen.items, "listening")[0] ?? NaN, connected.atMillis)
      }),
      exactly({
        id: "absent/null",
        text: "… which was a failed attempt like any other: Hellos that the node saw",
        bound: 2,
        measured: timesOf(node.seen.items, "called", "Hello").length,
        unit: "calls"
      }),
      ...established,
      yield* shutdown(stage)
    ]
  })
}

/** One connection, without a supervisor, to a socket that nobody listens on. */
const establish = (stage: Stage) =>
  Effect.gen(function* () {
    const path = `${stage.path}.nobody`
    const byAttempts = yield* failed(path, { deadline: "5 seconds", attempts: 3 })
    const byTime = yield* failed(path, { deadline: "400 millis", attempts: 100 })
    return [
      exactly({
        id: "absent/establish",
        text: "Without a supervisor: 3 attempts or 5 s, 100 attempts or 0.4 s, whichever ends first",
        bound: "Attempts, Deadline",
        measured: `${byAttempts.limit}, ${byTime.limit}`,
        unit: ""
      }),
      bySecond({
        id: "absent/in-time",
        text: "… and no later than when the time is up",
        bound: 0.4,
        measured: byTime.elapsedMillis / 1000,
        tolerance: 0.3
      })
    ]
  })

const failed = (
  path: string,
  options: { readonly deadline: `${number} ${"seconds" | "millis"}`; readonly attempts: number }
) =>
  Reconnect.establish(connectTo(path), { ...options, backoff: Numbers.backoff }).pipe(
    Effect.scoped,
    Effect.flip,
    Effect.orElseSucceed(() => ({ limit: "it connected", elapsedMillis: NaN }))
  )

/** Closed in the middle of a delay. */
const shutdown = (stage: Stage) =>
  Effect.gen(function* () {
    const nobody = { ...stage, path: `${stage.path}.nobody` }
    const scene = yield* open(nobody, "absent: closed during a delay", ["provider"])
    const scope = yield* Scope.make()
    const provider = yield* Scope.provide(scene.provider(), scope)
    yield* wait.failures(provider, 4)
    const closeMillis = Date.now()
    yield* Scope.close(scope, Exit.void)
    const closedMillis = Date.now()
    yield* scene.line("provider", "good", "closed")
    return bySecond({
      id: "absent/close",
      text: "A provider that is waiting for its next attempt ends at once",
      bound: 0,
      measured: inSeconds(closeMillis, closedMillis),
      tolerance: 0.3
    })
  })
