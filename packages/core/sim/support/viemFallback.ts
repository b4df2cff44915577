/**
 * How viem's `fallback` decides, over any transport. Read from viem 2.57.20: `clients/transports/fallback.ts`,
 * `clients/transports/http.ts`, `utils/buildRequest.ts`, `utils/promise/withRetry.ts`.
 *
 * - A request goes to the transports one after the other, from the first one, whatever happened to the requests before.
 * - Each is given 10 s, and one attempt: `fallback` makes its transports with `retryCount: 0`, unless they set their own.
 * - When the last one has failed, the whole round is made again, three times by default, after 150, 300 and 600 ms.
 * - Errors of the caller (a rejected transaction, a reverted execution) end the request; what is left are errors of nodes,
 *   and those are all tried again: a refusal, a status of 500, a time-out. Whether a request may be repeated, nobody asks.
 * - With `rank`, all transports are pinged in parallel, each for 1 s at most, and again 4 s after the slowest has ended.
 *   Of the last ten samples, a score is made of 0.3 · (1 − mean latency / worst latency) + 0.7 · share of successes; the
 *   order of the scores is the order in which requests try the transports. A time-out counts with the time it took.
 *
 * Left out: a `Retry-After`, which replaces the delay; lists of methods; the caller's `signal`.
 */
import { Clock, Effect, Schedule, type Scope } from "effect"
import { type GaveUp, type Transport, within } from "./transports.ts"

export interface ViemOptions<in out Req> {
  readonly retries?: number
  readonly retryDelayMillis?: number
  readonly timeoutMillis?: number
  /** What each transport retries by itself. */
  readonly transportRetries?: number
  /** How transports are ranked; they are not, when it is left out. */
  readonly rank?: RankOptions<Req>
}

interface RankOptions<in out Req> {
  readonly ping: Req
  readonly intervalMillis?: number
  readonly timeoutMillis?: number
  readonly samples?: number
  readonly latencyWeight?: number
  readonly stabilityWeight?: number
}

/** What a ping of one transport gave. */
interface Sample {
  readonly latencyMillis: number
  readonly succeeded: boolean
}

/** The rounds of pings, of which each has one sample for each transport. */
type Samples = ReadonlyArray<ReadonlyArray<Sample>>

const mean = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length

/** The numbers of the transports, best first. */
const ranking = (samples: Samples, transports: number, latencyWeight: number, stabilityWeight: number) => {
  const worstMillis = Math.max(...samples.flat().map(({ latencyMillis }) => latencyMillis))
  const scoreOf = (index: number): number => {
    const own = samples.flatMap((round) => round.slice(index, index + 1))
    const stability = mean(own.map(({ succeeded }) => (succeeded ? 1 : 0)))
    if (stability === 0) return 0
    // Where all answer in no time, viem divides zero by zero; here they are all as good.
    const latency =
      worstMillis === 0 ? 0 : 1 - mean(own.map(({ latencyMillis }) => latencyMillis)) / worstMillis
    return latencyWeight * latency + stabilityWeight * stability
  }
  return Array.from({ length: transports }, (_, index) => ({ index, score: scoreOf(index) }))
    .sort((a, b) => b.score - a.score)
    .map(({ index }) => index)
}

/** Pings one transport. */
const sampled = <A, E>(asking: Effect.Effect<A, E>, timeoutMillis: number) =>
  Effect.gen(function* () {
    const startMillis = yield* Clock.currentTimeMillis
    const succeeded = yield* Effect.isSuccess(within(asking, timeoutMillis))
    return { latencyMillis: (yield* Clock.currentTimeMillis) - startMillis, succeeded }
  })

/** Ranks for ever. */
const rankAll = <Req, A, E>(
  transports: ReadonlyArray<Transport<Req, A, E>>,
  options: RankOptions<Req>,
  onRanked: (order: ReadonlyArray<number>) => void
) => {
  const { intervalMillis = 4000, latencyWeight = 0.3, ping, samples = 10, stabilityWeight = 0.7 } = options
  const rounds: Array<ReadonlyArray<Sample>> = []
  return Effect.forEach(transports, (transport) => sampled(transport(ping), options.timeoutMillis ?? 1000), {
    concurrency: "unbounded"
  }).pipe(
    Effect.flatMap((round) => {
      rounds.push(round)
      if (rounds.length > samples) rounds.shift()
      onRanked(ranking(rounds, transports.length, latencyWeight, stabilityWeight))
      return Effect.sleep(intervalMillis)
    }),
    Effect.forever
  )
}

/** The first transports of the list are preferred. */
export const viemFallback = Effect.fnUntraced(function* <Req, A, E>(
  transports: ReadonlyArray<Transport<Req, A, E>>,
  options: ViemOptions<NoInfer<Req>> = {}
): Effect.fn.Return<Transport<Req, A, E | GaveUp>, never, Scope.Scope> {
  const { rank, retries = 3, retryDelayMillis = 150, timeoutMillis = 10_000, transportRetries = 0 } = options
  const retried = (self: Effect.Effect<A, E | GaveUp>, times: number) =>
    times === 0 ? self : Effect.retry(self, { times, schedule: Schedule.exponential(retryDelayMillis) })
  const last = transports.length - 1
  let order: ReadonlyArray<number> = transports.map((_, index) => index)

  // A request that is under way goes on in the order that is the newest.
  const tryFrom = (position: number, request: Req): Effect.Effect<A, E | GaveUp> =>
    Effect.suspend(() => {
      const transport = transports[order[position] ?? position]
      if (transport === undefined) return Effect.die(new Error("a fallback needs a transport"))
      const sending = retried(within(transport(request), timeoutMillis), transportRetries)
      return position === last ? sending : Effect.catch(sending, () => tryFrom(position + 1, request))
    })

  if (rank !== undefined) {
    const onRanked = (newOrder: ReadonlyArray<number>) => {
      order = newOrder
    }
    yield* Effect.forkScoped(rankAll(transports, rank, onRanked))
  }
  return (request) => retried(tryFrom(0, request), retries)
})
