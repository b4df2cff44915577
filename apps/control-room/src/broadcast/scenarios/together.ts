/** Eight servers of half a second, by eight, three and one at a time, and in a plain loop as it used to be. */
import { Duration, Effect } from "effect"
import { atLeast, bySecond, exactly, loopToleranceSeconds } from "../../Promised.ts"
import * as calls from "../calls.ts"
import type { Entry } from "../Entry.ts"
import { mostInFlight, requestsOf } from "../observed.ts"
import { type Scenario, several, transaction } from "../Scenario.ts"
import type { SeenServer } from "../servers/Wire.ts"
import { pushAll } from "../wallet.ts"

const count = 8

const replySeconds = 0.5

const loopSeconds = count * replySeconds

/** The rounds add up, and so does what each may cost. */
const roundsTolerance = 2 * loopToleranceSeconds

export const together: Scenario = {
  id: "together",
  pace: "quick",
  servers: ["by-8", "by-3", "by-1", "loop"].flatMap((name) =>
    several(count, name, { _tag: "Slow", delayMillis: 1000 * replySeconds })
  ),
  run: Effect.fnUntraced(function* (stage) {
    const entries = sameTransactions(stage.entries)
    const part = <A>(items: ReadonlyArray<A>, position: number) =>
      items.slice(position * count, (position + 1) * count)
    const seconds = yield* Effect.all(
      {
        by8: pushIn(part(entries, 0), 8),
        by3: pushIn(part(entries, 1), 3),
        by1: pushIn(part(entries, 2), 1),
        loop: inALoop(part(entries, 3))
      },
      { concurrency: "unbounded" }
    )
    const seen = yield* stage.seenIdle
    return [
      bySecond({
        id: "together/8",
        text: "8 servers of 0.5 s answer together",
        bound: replySeconds,
        measured: seconds.by8
      }),
      bySecond({
        id: "together/3",
        text: "… with 3 workers, in three rounds",
        bound: 3 * replySeconds,
        measured: seconds.by3,
        tolerance: roundsTolerance
      }),
      bySecond({
        id: "together/1",
        text: "… with 1 worker, in eight rounds",
        bound: loopSeconds,
        measured: seconds.by1,
        tolerance: roundsTolerance
      }),
      exactly({
        id: "together/at-once",
        text: "… in flight at once, as the servers counted",
        bound: "8 / 3 / 1",
        measured: [0, 1, 2].map((position) => atOnce(part(seen, position))).join(" / "),
        unit: "requests"
      }),
      atLeast({
        id: "together/loop",
        text: "… in a plain loop, as before",
        bound: loopSeconds,
        measured: seconds.loop,
        unit: "s"
      }),
      atLeast({
        id: "together/faster",
        text: "… so together they are faster than the loop",
        bound: loopSeconds / (replySeconds + loopToleranceSeconds),
        measured: seconds.loop / seconds.by8,
        unit: "times"
      }),
      exactly({
        id: "together/bytes",
        text: "The servers received the same bytes as from the loop",
        bound: count,
        measured: sameBytes(part(seen, 0), part(seen, 3)),
        unit: "servers"
      })
    ]
  })
}

/** The servers of each part get the same transactions, so that their bytes can be compared. */
const sameTransactions = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  entries.map((entry, index) => ({
    ...entry,
    txs: [transaction(`together-${index % count}`), transaction(`together-${index % count}-second`)]
  }))

const pushIn = (entries: ReadonlyArray<Entry>, workers: number) =>
  Effect.map(
    pushAll(`push: 8 servers of 0.5 s, ${workers} at a time`, entries, { concurrency: workers }),
    ({ watched }) => (watched.report.satisfied ? watched.elapsedSeconds : NaN)
  )

const inALoop = (entries: ReadonlyArray<Entry>) =>
  Effect.forEach(entries, (entry) => Effect.exit(calls.push(entry)), { discard: true }).pipe(
    Effect.timed,
    Effect.map(([duration]) => Duration.toSeconds(duration))
  )

const atOnce = (servers: ReadonlyArray<SeenServer>): number =>
  mostInFlight(servers.flatMap((server) => server.requests))

/** How many servers received what their counterpart did: one push, of the same bytes. */
const sameBytes = (some: ReadonlyArray<SeenServer>, others: ReadonlyArray<SeenServer>): number => {
  const digests = (servers: ReadonlyArray<SeenServer>) =>
    servers.map((server) =>
      requestsOf(server, "push")
        .map((request) => request.digest)
        .join()
    )
  const expected = digests(others)
  return digests(some).filter((digest, index) => digest !== "" && digest === expected[index]).length
}
