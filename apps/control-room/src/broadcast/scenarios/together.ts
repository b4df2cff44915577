/** Eight servers of half a second, by eight, three and one at a time, and in a plain loop as it used to be. */
import { Clock, Effect } from "effect"
import { atLeast, bySecond, exactly, loopToleranceSeconds } from "../../Promised.ts"
import * as calls from "../calls.ts"
import type { Entry } from "../Entry.ts"
import { requestsOf } from "../observed.ts"
import { entriesOf, type Scenario, several, transaction } from "../Scenario.ts"
import type { SeenServer } from "../servers/Wire.ts"
import { pushAll } from "../wallet.ts"

const count = 8

const halfSecond = { _tag: "Slow", delayMillis: 500 } as const

export const together: Scenario = {
  id: "together",
  pace: "quick",
  servers: ["by-8", "by-3", "by-1", "loop"].flatMap((name) => several(count, name, halfSecond)),
  run: Effect.fnUntraced(function* (stage) {
    const entries = sameTransactions(entriesOf(stage))
    const fleet = (position: number) => entries.slice(position * count, (position + 1) * count)
    const seconds = yield* Effect.all(
      {
        by8: pushIn(fleet(0), 8),
        by3: pushIn(fleet(1), 3),
        by1: pushIn(fleet(2), 1),
        loop: inALoop(fleet(3))
      },
      { concurrency: "unbounded" }
    )
    const seen = yield* stage.seenIdle
    return [
      bySecond({
        id: "together/8",
        text: "8 servers of 0.5 s answer together",
        bound: 0.5,
        measured: seconds.by8
      }),
      bySecond({
        id: "together/3",
        text: "… with 3 workers, in three rounds",
        bound: 1.5,
        measured: seconds.by3
      }),
      bySecond({
        id: "together/1",
        text: "… with 1 worker, in eight rounds",
        bound: 4,
        measured: seconds.by1,
        // The rounds add up, and so does what each may cost.
        tolerance: 2 * loopToleranceSeconds
      }),
      atLeast({
        id: "together/loop",
        text: "… in a plain loop, as before",
        bound: 4,
        measured: seconds.loop,
        unit: "s"
      }),
      atLeast({
        id: "together/faster",
        text: "… so together they are faster than the loop",
        bound: 4,
        measured: seconds.loop / seconds.by8,
        unit: "times"
      }),
      exactly({
        id: "together/bytes",
        text: "The servers received the same bytes as from the loop",
        bound: count,
        measured: sameBytes(seen.slice(0, count), seen.slice(3 * count)),
        unit: "servers"
      })
    ]
  })
}

/** The servers of each fleet get the same transactions, so that their bytes can be compared. */
const sameTransactions = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  entries.map((entry, index) => ({
    ...entry,
    txs: [transaction(`together-${index % count}`), transaction(`together-${index % count}-second`)]
  }))

const pushIn = (entries: ReadonlyArray<Entry>, workers: number) =>
  Effect.map(
    pushAll(`push: 8 servers of 0.5 s, ${workers} at a time`, entries, { concurrency: workers }),
    ({ watched }) => watched.elapsedSeconds
  )

const inALoop = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>) {
  const start = yield* Clock.monotonicTimeNanos
  for (const entry of entries) yield* Effect.exit(calls.push(entry))
  return Number((yield* Clock.monotonicTimeNanos) - start) / 1e9
})

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
