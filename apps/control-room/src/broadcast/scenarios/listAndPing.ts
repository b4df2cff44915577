/** The list comes from the first source that has it; then every server on it is pinged. */
import { Clock, Effect } from "effect"
import { at } from "../../at.ts"
import { bySecond, exactly } from "../../Promised.ts"
import { Numbers, worstCaseSeconds } from "../Numbers.ts"
import { requestsOf } from "../observed.ts"
import { contactsBetween } from "../results.ts"
import type { Scenario } from "../Scenario.ts"
import { downloadList, pingAll } from "../wallet.ts"

const sources = 3

export const listAndPing: Scenario = {
  id: "list",
  pace: "quick",
  servers: [
    { name: "dead source", behaviour: { _tag: "Stalling" } },
    { name: "failing source", behaviour: { _tag: "Failing" } },
    { name: "good source", behaviour: { _tag: "Slow", delayMillis: 300 } },
    { name: "listed", behaviour: { _tag: "Answering" } },
    { name: "refusing", behaviour: { _tag: "Refusing" } },
    { name: "not http", behaviour: { _tag: "Garbage", reply: "http" } },
    { name: "not json", behaviour: { _tag: "Garbage", reply: "json" } },
    { name: "empty reply", behaviour: { _tag: "Garbage", reply: "empty" } },
    { name: "trickling header", behaviour: { _tag: "Trickling", part: "header" } },
    { name: "trickling body", behaviour: { _tag: "Trickling", part: "body" } }
  ],
  run: Effect.fnUntraced(function* (stage) {
    const urls = stage.entries.map(({ url }) => url)
    const list = yield* downloadList("list: three sources", stage.entries.slice(0, sources))
    const from = yield* Clock.currentTimeMillis
    const { results, watched } = yield* pingAll("ping: every server of the list", list.entries, {
      concurrency: list.entries.length
    })
    const to = yield* Clock.currentTimeMillis
    const seen = yield* stage.seenIdle
    const good = results.filter((result) => result.status === 200)
    return [
      bySecond({
        id: "list/first",
        text: "The list is there when the first source has answered",
        bound: 0.3,
        measured: list.watched.report.satisfied ? list.watched.elapsedSeconds : NaN
      }),
      exactly({
        id: "list/loser",
        text: "… and the source that is not needed any more is let go of",
        bound: "dropped",
        measured: requestsOf(at(seen, 0), "list")
          .map((request) => request.end)
          .join(),
        unit: ""
      }),
      exactly({
        id: "list/entries",
        text: "It names every server",
        bound: urls.length,
        measured: list.entries.filter(({ url }) => urls.includes(url)).length,
        unit: "servers"
      }),
      bySecond({
        id: "list/ping",
        text: "Pinging them all ends with the slowest time-out",
        bound: worstCaseSeconds(Numbers.ping),
        measured: watched.elapsedSeconds
      }),
      exactly({
        id: "list/ping-results",
        text: "Well-formed replies give fee, address and info; all others are KO: 200 / KO",
        bound: "2 / 8",
        measured: `${good.filter(({ address, baseFee, info }) => baseFee > 0 && address !== "" && info !== "").length} / ${
          results.filter((result) => result.status === "KO").length
        }`,
        unit: "servers"
      }),
      exactly({
        id: "list/ping-contact",
        text: "… and the time of the last contact is set either way",
        bound: urls.length,
        measured: contactsBetween(results, from, to),
        unit: "servers"
      })
    ]
  })
}
