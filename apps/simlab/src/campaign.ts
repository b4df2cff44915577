/** One suite's campaign, on all threads. */
import * as Report from "@holdfast/sim/Report"
import { type Duration, Effect } from "effect"
import type { Listed, Part, Shard } from "./protocol.ts"
import type { Crew } from "./workers.ts"

export interface Settings {
  readonly seed: number
  readonly runs: number
  readonly shard: Shard
}

/** How many runs of a campaign belong to a shard. */
export const runsOf = ({ runs, shard }: Settings): number =>
  Math.max(0, Math.ceil((runs - shard.index) / shard.count))

const sum = ({ guarantees, name }: Listed, parts: Iterable<Part>): Part => {
  let all: Part = { report: Report.empty(name, guarantees), hash: 0 }
  for (const { hash, report } of parts) {
    all = { report: Report.add(all.report, report), hash: (all.hash + hash) >>> 0 }
  }
  return all
}

/**
 * Makes the runs. Calls back with what all of them gave so far.
 *
 * **Details**
 *
 * When a run fails, no further one begins, and those that are under way are waited for: they are all that may have a
 * smaller number. So the failure that is reported is that of the smallest run of all, whatever the number of workers. It
 * is called back with as soon as it was found, before it is made small.
 */
export const runCampaign = Effect.fnUntraced(function* (
  suite: Listed,
  { runs, seed, shard }: Settings,
  { board, hands }: Crew,
  timeLeft: Duration.Duration,
  onProgress: (part: Part) => void
) {
  const parts = new Map<number, Part>()
  const note = (index: number) => (part: Part) => {
    parts.set(index, part)
    onProgress(sum(suite, parts.values()))
  }
  board.begin(runs)
  const request = { _tag: "Campaign", suite: suite.name, seed, shard } as const
  const work = Effect.forEach(
    hands,
    (hand, index) => Effect.map(hand.ask(request, note(index)), note(index)),
    { concurrency: "unbounded", discard: true }
  )
  const stop = Effect.sync(() => board.expire())
  yield* Effect.scoped(Effect.andThen(Effect.forkScoped(Effect.delay(stop, timeLeft)), work))
})
