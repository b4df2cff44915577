/**
 * How the FallbackProvider of ethers decides, over any transport. Read from ethers 6.17.0: `providers/provider-fallback.ts`,
 * `utils/fetch.ts`.
 *
 * - Before the first request, every provider is asked for its block number, and all are waited for. One that fails then
 *   is left out for ever; one that hangs delays everybody by the time-out of its request, 300 s.
 * - A request goes to so many providers at once that their weights reach the quorum: half of all weights, rounded up, by
 *   default. Which ones is drawn for each request, among those of the lowest number of priority.
 * - One that has answered, or failed, or neither, for 400 ms (`stallTimeout`) calls in the next one, once.
 * - The request ends with the answer that so many agree on; errors count as answers. So with a quorum of 1 the first
 *   error is the result. With more, each node's error is one of its own, and only answers agree.
 * - After one was called in, it is looked again only when one that was there before answers, fails or stalls: with a
 *   quorum of 1, a provider that hangs holds the request up, whatever the one that was called in has answered.
 * - When all have ended and nothing has the quorum, the request fails. Nothing is retried (but a status of 429).
 * - A broadcast goes to all providers at once, and the first answer that is no error is the result.
 * - Nobody is interrupted: those who are not needed any more go on.
 *
 * Left out: the block number that ethers asks for beside each broadcast, and fails it for; the cache of 250 ms for equal
 * requests. A provider is taken to know its network, as without it one that is down at the start is waited for without end.
 */
import { Effect, Exit, Fiber, Queue, Random, Schema, Scope } from "effect"
import { type GaveUp, type Transport, within } from "./transports.ts"

/** Everybody has ended, or was left out, and too few agree. */
export class QuorumNotMet extends Schema.TaggedError<QuorumNotMet>("sim/QuorumNotMet")("QuorumNotMet", {}) {}

export interface EthersOptions<in out Req, in A> {
  /** The request for a block number. */
  readonly sync: Req
  readonly isBroadcast: (request: Req) => boolean
  /** What must be equal in answers that agree. */
  readonly tagOf: (value: A) => string
  readonly quorum?: number
  /** One for each provider, the lowest first; all are equal when it is left out. */
  readonly priorities?: ReadonlyArray<number>
  readonly stallMillis?: number
  readonly timeoutMillis?: number
}

interface Provider<in Req, out A, out E> {
  readonly send: Transport<Req, A, E>
  readonly priority: number
  failedFirstSync: boolean
}

/** A provider has answered or stalled. Libraries see one after the other, also those of one instant. */
interface Event {
  readonly happens: () => void
}

/** One provider that works on one request. */
interface Runner<out A, out E> {
  readonly provider: unknown
  readonly performed: Event
  readonly stalled: Event
  answer: Exit.Exit<A, E> | undefined
  isStalled: boolean
  hasCalledIn: boolean
}

/** The answer that has the quorum, or undefined; all weights are 1. */
const agreed = <A, E>(
  running: ReadonlyArray<Runner<A, E>>,
  quorum: number,
  tagOf: (value: A) => string
): Exit.Exit<A, E> | undefined => {
  const votes = new Map<unknown, { readonly answer: Exit.Exit<A, E>; count: number }>()
  for (const { answer } of running) {
    if (answer === undefined) continue
    const tag = Exit.isSuccess(answer) ? tagOf(answer.value) : answer
    const vote = votes.get(tag) ?? { answer, count: 0 }
    vote.count++
    votes.set(tag, vote)
  }
  const [best] = Array.from(votes.values()).sort((a, b) => b.count - a.count)
  return best !== undefined && best.count >= quorum ? best.answer : undefined
}

/** What makes the request look again, and how many others are called in by those who have stalled. */
const survey = <A, E>(running: ReadonlyArray<Runner<A, E>>) => {
  const awaited = new Set<Event>()
  let calledIn = 0
  for (const runner of running) {
    if (runner.answer === undefined) awaited.add(runner.performed)
    if (!runner.isStalled) awaited.add(runner.stalled)
    else if (!runner.hasCalledIn) {
      runner.hasCalledIn = true
      calledIn++
    }
  }
  return { awaited, calledIn }
}

export const ethersFallback = Effect.fnUntraced(function* <Req, A, E>(
  transports: ReadonlyArray<Transport<Req, A, E>>,
  options: EthersOptions<NoInfer<Req>, NoInfer<A>>
): Effect.fn.Return<Transport<Req, A, E | GaveUp | QuorumNotMet>, never, Scope.Scope> {
  const { isBroadcast, priorities = [], stallMillis = 400, sync, tagOf, timeoutMillis = 300_000 } = options
  const { quorum = Math.ceil(transports.length / 2) } = options
  const scope = yield* Scope.Scope
  const providers = transports.map(
    (transport, index): Provider<Req, A, E | GaveUp> => ({
      send: (request) => within(transport(request), timeoutMillis),
      priority: priorities[index] ?? 1,
      failedFirstSync: false
    })
  )

  const syncOne = (provider: Provider<Req, A, E | GaveUp>) =>
    Effect.map(Effect.isSuccess(provider.send(sync)), (succeeded) => {
      provider.failedFirstSync = !succeeded
    })
  const firstSync = yield* Effect.cached(
    Effect.forEach(providers, syncOne, { concurrency: "unbounded", discard: true })
  )

  const start = Effect.fnUntraced(function* (
    running: Array<Runner<A, E | GaveUp>>,
    request: Req,
    events: Queue.Queue<Event>
  ) {
    const candidates = (yield* Random.shuffle(providers)).sort((a, b) => a.priority - b.priority)
    const provider = candidates.find(
      (one) => !one.failedFirstSync && running.every((runner) => runner.provider !== one)
    )
    if (provider === undefined) return
    let result: Exit.Exit<A, E | GaveUp> | undefined
    const runner: Runner<A, E | GaveUp> = {
      provider,
      performed: {
        happens: () => {
          runner.answer = result
        }
      },
      stalled: {
        happens: () => {
          runner.isStalled = true
        }
      },
      answer: undefined,
      isStalled: false,
      hasCalledIn: false
    }
    running.push(runner)
    const perform = Effect.flatMap(Effect.exit(provider.send(request)), (exit) => {
      result = exit
      return Queue.offer(events, runner.performed)
    })
    const stall = Effect.andThen(Effect.sleep(stallMillis), Queue.offer(events, runner.stalled))
    yield* Effect.forkIn(perform, scope, { startImmediately: true })
    yield* Effect.forkIn(stall, scope, { startImmediately: true })
  })

  const ask = Effect.fnUntraced(function* (request: Req) {
    yield* firstSync
    const events = yield* Queue.unbounded<Event>()
    const running: Array<Runner<A, E | GaveUp>> = []
    for (let count = 0; count < quorum; count++) yield* start(running, request, events)
    while (true) {
      const { awaited, calledIn } = survey(running)
      const answer = agreed(running, quorum, tagOf)
      if (answer !== undefined) return yield* answer
      for (let count = 0; count < calledIn; count++) yield* start(running, request, events)
      if (awaited.size === 0) return yield* new QuorumNotMet()
      while (true) {
        const event = yield* Queue.take(events)
        event.happens()
        if (awaited.has(event)) break
      }
    }
  })

  const broadcast = Effect.fnUntraced(function* (request: Req) {
    const sent = yield* Effect.forEach(providers, ({ send }) =>
      Effect.forkIn(send(request), scope, { startImmediately: true })
    )
    return yield* Effect.raceAll(sent.map((fiber) => Fiber.join(fiber)))
  })

  return (request) => (isBroadcast(request) ? broadcast(request) : ask(request))
})
