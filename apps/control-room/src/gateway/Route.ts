/** How requests get to the nodes, whichever client does it, and what each of them came to. */
import type { Failover, JsonRpc, OutcomeUnknown } from "@holdfast/core"
import { Clock, Effect, Exit, Schema } from "effect"
import type { HttpClientError } from "effect/http"
import type { Verdict } from "./Nonces.ts"
import type { Receipt, Transaction } from "./node/Wire.ts"
import { type NodeClient, type NodeError, verdictOfRefusal } from "./nodeClient.ts"

/** The naive client has tried every node. */
export class NoneAnswered extends Schema.TaggedError<NoneAnswered>("control-room/gateway/NoneAnswered")(
  "NoneAnswered",
  { causes: Schema.Array(Schema.Defect()), mayHaveArrived: Schema.Boolean }
) {
  override get message(): string {
    return `none of ${this.causes.length} nodes has answered`
  }
}

export type AskError =
  | JsonRpc.JsonRpcError
  | HttpClientError.HttpClientError
  | Failover.AllEndpointsFailed<NodeError>
  | NoneAnswered

export type SendError = AskError | OutcomeUnknown

export interface Route {
  /** Nothing changes by being asked: as many nodes are, as it takes. */
  readonly ask: <A>(call: (node: NodeClient) => Effect.Effect<A, NodeError>) => Effect.Effect<A, AskError>
  /** Sends a transaction that nobody may have seen yet. */
  readonly send: (transaction: Transaction) => Effect.Effect<Receipt, SendError>
  /** Sends the same transaction once more, which changes nothing where it is known. */
  readonly sendAgain: (transaction: Transaction) => Effect.Effect<Receipt, AskError>
}

/** Of a transaction that was sent for the first time. */
export const verdictOf = (error: SendError): Verdict => {
  switch (error._tag) {
    case "JsonRpcError":
      return verdictOfRefusal(error)
    case "OutcomeUnknown":
      return "Unknown"
    case "NoneAnswered":
      return error.mayHaveArrived ? "Unknown" : "NotUsed"
    // One that may have arrived somewhere would be unknown.
    case "AllEndpointsFailed":
    case "HttpClientError":
      return "NotUsed"
  }
}

/** One request, timed from outside of the client. */
export interface Request {
  readonly kind: keyof Route
  readonly startSeconds: number
  /** When it ended; until then, nothing. */
  endSeconds: number | undefined
  /** Interrupted when the workload ended, it stays open. */
  outcome: "open" | "good" | "refused" | "failed" | "unknown"
  error: SendError | undefined
}

/** Seconds on the monotonic clock since an instant. */
export const secondsSince = (startNanos: bigint): Effect.Effect<number> =>
  Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - startNanos) / 1e9)

const outcomeOf = (error: SendError): Request["outcome"] => {
  if (error._tag === "OutcomeUnknown") return "unknown"
  return error._tag === "JsonRpcError" ? "refused" : "failed"
}

/** The same route, with books. */
export const recorded = (route: Route, requests: Array<Request>, now: Effect.Effect<number>): Route => {
  const record =
    (kind: Request["kind"]) =>
    <A, E extends SendError>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.flatMap(now, (startSeconds) => {
        const request: Request = {
          kind,
          startSeconds,
          endSeconds: undefined,
          outcome: "open",
          error: undefined
        }
        requests.push(request)
        return Effect.onExit(self, (exit) =>
          Effect.map(now, (endSeconds) => {
            request.endSeconds = endSeconds
            if (Exit.isSuccess(exit)) request.outcome = "good"
            const [reason] = Exit.isFailure(exit) ? exit.cause.reasons : []
            if (reason?._tag !== "Fail") return
            request.error = reason.error
            request.outcome = outcomeOf(reason.error)
          })
        )
      })
  return {
    ask: (call) => record("ask")(route.ask(call)),
    send: (transaction) => record("send")(route.send(transaction)),
    sendAgain: (transaction) => record("sendAgain")(route.sendAgain(transaction))
  }
}
