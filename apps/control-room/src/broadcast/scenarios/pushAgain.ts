/** A push that failed is not repeated by itself; asked again, only what is missing is pushed. */
import { Effect } from "effect"
import { exactly } from "../../Promised.ts"
import { requestsOf } from "../observed.ts"
import { remember } from "../results.ts"
import { type Scenario, withTransactions } from "../Scenario.ts"
import type { SeenServer } from "../servers/Wire.ts"
import { pushAll } from "../wallet.ts"

export const pushAgain: Scenario = {
  id: "push-again",
  pace: "quick",
  servers: [
    { name: "first", behaviour: { _tag: "Answering" } },
    { name: "second", behaviour: { _tag: "Answering" } },
    { name: "failing", behaviour: { _tag: "Failing" } }
  ],
  run: Effect.fnUntraced(function* (stage) {
    const entries = withTransactions(stage.entries, "again")
    const { results } = yield* pushAll("push: two good servers, one failing", entries)
    const before = yield* stage.seenIdle
    yield* pushAll("push: the same list again", remember(entries, results))
    const after = yield* stage.seenIdle
    return [
      exactly({
        id: "push-again/once",
        text: "A push that failed is not repeated by itself: pushes to good / good / failing",
        bound: "1 / 1 / 1",
        measured: pushesOf(before),
        unit: "pushes"
      }),
      exactly({
        id: "push-again/missing",
        text: "… and pushing the same list again leaves out what was delivered",
        bound: "1 / 1 / 2",
        measured: pushesOf(after),
        unit: "pushes"
      })
    ]
  })
}

const pushesOf = (seen: ReadonlyArray<SeenServer>): string =>
  seen.map((server) => requestsOf(server, "push").length).join(" / ")
