/** Twenty dead servers under push: the deadline cuts, and the report tells apart what it cut. */
import { Duration, Effect } from "effect"
import { atSecond, exactly } from "../../Promised.ts"
import { concurrency, Numbers } from "../Numbers.ts"
import { requestsOf } from "../observed.ts"
import { type Scenario, several, withTransactions } from "../Scenario.ts"
import { pushAll } from "../wallet.ts"

const count = 20

export const deadPush: Scenario = {
  id: "dead-push",
  pace: "patient",
  servers: several(count, "dead", { _tag: "Stalling" }),
  run: Effect.fnUntraced(function* (stage) {
    const { results, watched } = yield* pushAll(
      "push: 20 dead servers",
      withTransactions(stage.entries, "dead-push")
    )
    const seen = yield* stage.seenIdle
    const { failed, notStarted, timedOut } = watched.report
    const attempts = seen.map((server) => requestsOf(server, "push").length)
    const withAttempts = (n: number) => attempts.filter((made) => made === n).length
    return [
      atSecond({
        id: "dead-push/deadline",
        text: "Pushing to 20 dead servers returns at the deadline",
        at: Duration.toSeconds(Numbers.push.deadline),
        measured: watched.elapsedSeconds
      }),
      exactly({
        id: "dead-push/apart",
        text: "The report tells apart: failed after retries / in flight / never contacted",
        bound: `${concurrency} / ${concurrency} / ${count - 2 * concurrency}`,
        measured: `${failed.length} / ${timedOut.length} / ${notStarted.length}`,
        unit: "servers"
      }),
      exactly({
        id: "dead-push/attempts",
        text: "… as the servers saw it: three attempts / one / none",
        bound: `${concurrency} / ${concurrency} / ${count - 2 * concurrency}`,
        measured: `${withAttempts(Numbers.push.attempts)} / ${withAttempts(1)} / ${withAttempts(0)}`,
        unit: "servers"
      }),
      exactly({
        id: "dead-push/unknown",
        text: "A push without a reply is unknown, never failed: unknown / never contacted",
        bound: `${2 * concurrency} / ${count - 2 * concurrency}`,
        measured: `${results.filter((result) => result._tag === "Unknown").length} / ${
          results.filter((result) => result._tag === "NeverContacted").length
        }`,
        unit: "servers"
      })
    ]
  })
}
