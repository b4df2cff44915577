/** Many more servers than workers: never more of them at once than agreed. */
import { Effect } from "effect"
import { atMost, exactly } from "../../Promised.ts"
import { concurrency } from "../Numbers.ts"
import { mostInFlight } from "../observed.ts"
import { type Scenario, several, withTransactions } from "../Scenario.ts"
import { pushAll } from "../wallet.ts"

const count = 32

export const crowd: Scenario = {
  id: "crowd",
  pace: "quick",
  servers: several(count, "crowd", { _tag: "Slow", delayMillis: 250 }),
  run: Effect.fnUntraced(function* (stage) {
    const { results } = yield* pushAll(
      `push: ${count} servers, ${concurrency} at a time`,
      withTransactions(stage.entries, "crowd")
    )
    const seen = yield* stage.seenIdle
    return [
      atMost({
        id: "crowd/at-once",
        text: `${count} servers, as they counted themselves: requests in flight at once`,
        bound: concurrency,
        measured: mostInFlight(seen.flatMap((server) => server.requests)),
        unit: "requests"
      }),
      exactly({
        id: "crowd/all",
        text: "… and all of them were pushed to",
        bound: count,
        measured: results.filter((result) => result._tag === "Pushed").length,
        unit: "servers"
      })
    ]
  })
}
