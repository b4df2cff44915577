/** Twenty servers that accept and never answer: how long a person waits for the ping. */
import { Clock, Effect } from "effect"
import { atMost, atSecond, exactly } from "../../Promised.ts"
import { concurrency, Numbers, worstCaseSeconds } from "../Numbers.ts"
import { mostInFlight, requestsOf } from "../observed.ts"
import { contactsBetween } from "../results.ts"
import { type Scenario, several } from "../Scenario.ts"
import { pingAll } from "../wallet.ts"

const count = 20

/** See `mostInFlight`. */
const handOverMillis = 100

export const deadPings: Scenario = {
  id: "dead-pings",
  pace: "patient",
  servers: [
    ...several(count, "all-at-once", { _tag: "Stalling" }),
    ...several(count, "by-8", { _tag: "Stalling" })
  ],
  run: Effect.fnUntraced(function* (stage) {
    const { entries } = stage
    const startMillis = yield* Clock.currentTimeMillis
    const [atOnce, by8] = yield* Effect.all(
      [
        pingAll("ping: 20 dead servers, all at once", entries.slice(0, count), { concurrency: count }),
        pingAll("ping: 20 dead servers, 8 at a time", entries.slice(count))
      ],
      { concurrency: 2 }
    )
    const endMillis = yield* Clock.currentTimeMillis
    const seen = yield* stage.seenIdle
    const ko = [...atOnce.results, ...by8.results].filter((result) => result.status === "KO")
    const firstTimeoutMillis = startMillis + 1000 * worstCaseSeconds(Numbers.ping)
    const rounds = Math.ceil(count / concurrency)
    return [
      atSecond({
        id: "dead-pings/20",
        text: "Pinging 20 dead servers, 20 at a time, takes one time-out",
        at: worstCaseSeconds(Numbers.ping),
        measured: atOnce.watched.elapsedSeconds
      }),
      atSecond({
        id: "dead-pings/8",
        text: "… 8 at a time, three of them",
        at: rounds * worstCaseSeconds(Numbers.ping),
        measured: by8.watched.elapsedSeconds
      }),
      atMost({
        id: "dead-pings/at-once",
        text: `… never more than ${concurrency} at once (overlaps of more than ${handOverMillis} ms)`,
        bound: concurrency,
        measured: mostInFlight(
          seen.slice(count).flatMap((server) => server.requests),
          handOverMillis
        ),
        unit: "requests"
      }),
      exactly({
        id: "dead-pings/once",
        text: "A ping is never retried: requests that the 40 servers saw",
        bound: 2 * count,
        measured: seen.flatMap((server) => requestsOf(server, "ping")).length,
        unit: "requests"
      }),
      exactly({
        id: "dead-pings/ko",
        text: "Each is KO, and its last contact is when its time-out was",
        bound: 2 * count,
        measured: contactsBetween(ko, firstTimeoutMillis, endMillis),
        unit: "servers"
      })
    ]
  })
}
