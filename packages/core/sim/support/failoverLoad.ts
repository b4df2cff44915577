/** Callers that come at a steady rate while three nodes live through a trace, and what they got. */
import { OutcomeUnknown } from "@holdfast/core"
import { Clock, Effect, Fiber, Option, Result, Scope } from "effect"
import type { Strategy } from "./failoverStrategies.ts"
import type { Trace } from "./failoverTraces.ts"
import { ledgerOf, type Request } from "./ledgerNodes.ts"

export interface Load {
  readonly readEveryMillis: number
  readonly submitEveryMillis: number
  /** When a caller goes away. */
  readonly patienceMillis: number
}

/** A request, as its caller saw it. */
export interface Call {
  readonly request: Request
  readonly startMillis: number
  readonly tookMillis: number
  /** `"Unknown"`: the caller was told that nobody knows whether it was done. */
  readonly end: "Answered" | "Failed" | "Unknown" | "NoAnswer"
}

export interface Lived {
  readonly calls: ReadonlyArray<Call>
  /** How often nodes were asked for each request, in the end. */
  readonly asked: ReadonlyMap<number, number>
  /** How often each submission was carried out, in the end. */
  readonly applied: ReadonlyMap<number, number>
}

const everyMillis = (lengthMillis: number, interval: number, offset: number): ReadonlyArray<number> =>
  Array.from(
    { length: Math.max(0, Math.ceil((lengthMillis - offset) / interval)) },
    (_, n) => offset + n * interval
  )

/** Reads begin at once, submissions between them. */
const arrivals = (lengthMillis: number, { readEveryMillis, submitEveryMillis }: Load) => [
  ...everyMillis(lengthMillis, readEveryMillis, 0).map((atMillis) => ({ atMillis, kind: "read" as const })),
  ...everyMillis(lengthMillis, submitEveryMillis, submitEveryMillis / 2 + 1).map((atMillis) => ({
    atMillis,
    kind: "submission" as const
  }))
]

/**
 * A caller that goes away leaves the work behind: no peer would end it. One that was given a deadline has ended it then,
 * which is why callers wait for a millisecond longer.
 */
export const live = Effect.fnUntraced(function* (strategy: Strategy, trace: Trace, load: Load) {
  const { patienceMillis } = load
  const scope = yield* Scope.Scope
  const { applied, asked, nodes } = yield* ledgerOf(trace)
  const client = yield* strategy.make(nodes, patienceMillis)
  const beginMillis = yield* Clock.currentTimeMillis
  const ask = Effect.fnUntraced(function* (request: Request, atMillis: number) {
    yield* Effect.sleep(atMillis)
    const work = yield* Effect.forkIn(Effect.result(client(request)), scope, { startImmediately: true })
    const ended = yield* Effect.timeoutOption(Fiber.join(work), patienceMillis + 1)
    const tookMillis = (yield* Clock.currentTimeMillis) - beginMillis - atMillis
    return { request, startMillis: atMillis, tookMillis, end: endOf(ended) } satisfies Call
  })
  const calls = yield* Effect.forEach(
    arrivals(trace.lengthMillis, load),
    ({ atMillis, kind }, id) => ask({ id, kind }, atMillis),
    { concurrency: "unbounded" }
  )
  // What was left behind may still do something.
  yield* Effect.sleep(patienceMillis)
  return { calls, asked, applied } satisfies Lived
}, Effect.scoped)

const endOf = (ended: Option.Option<Result.Result<string, unknown>>): Call["end"] => {
  if (Option.isNone(ended)) return "NoAnswer"
  if (Result.isSuccess(ended.value)) return "Answered"
  return ended.value.failure instanceof OutcomeUnknown ? "Unknown" : "Failed"
}
