/** Calls on their way to a node and back. */
import { Effect, Result, type Schema } from "effect"
import type { HttpClientError } from "effect/http"
import { batchMethod, readBatch, readOne } from "./answer.ts"
import { type AnswerError, JsonRpcProtocolError } from "./errors.ts"
import { exchange, type Node, type Payload } from "./exchange.ts"

export interface Call<out A> {
  readonly method: string
  readonly params: Effect.Effect<unknown, Schema.SchemaError>
  readonly decode: (result: unknown) => Effect.Effect<A, Schema.SchemaError>
}

/** A call that is sent under an id. */
export interface Numbered<A> extends Call<A> {
  readonly id: number
}

/** The object that is sent; `JSON.stringify` leaves out params that are undefined. */
const payloadOf = ({ id, method, params }: Numbered<unknown>): Payload =>
  Effect.flatMap(params, (params) =>
    params === undefined || (typeof params === "object" && params !== null)
      ? Effect.succeed({ jsonrpc: "2.0", id, method, params })
      : Effect.fail("neither an array nor an object" as const)
  )

const resultOf = <A>({ decode, method }: Call<A>, result: unknown): Effect.Effect<A, JsonRpcProtocolError> =>
  Effect.mapError(
    decode(result),
    (cause) => new JsonRpcProtocolError({ method, reason: "WrongResult", cause })
  )

const isRefusal = (outcome: Result.Result<unknown, AnswerError>): boolean =>
  Result.isFailure(outcome) && outcome.failure._tag === "JsonRpcError"

/** Nothing in the answer speaks of it. */
const isMissing = (outcome: Result.Result<unknown, AnswerError>): boolean =>
  Result.isFailure(outcome) &&
  outcome.failure._tag === "JsonRpcProtocolError" &&
  outcome.failure.reason === "Missing"

export const sendOne = <A>(
  node: Node,
  call: Numbered<A>
): Effect.Effect<A, HttpClientError.HttpClientError | AnswerError> =>
  exchange(node, {
    method: call.method,
    payload: payloadOf(call),
    read: (body) => readOne(call, body),
    isError: isRefusal,
    tellsOfMore: Result.isSuccess
  }).pipe(Effect.flatMap((result) => resultOf(call, result)))

export const sendBatch = (node: Node, calls: ReadonlyArray<Numbered<unknown>>) =>
  exchange(node, {
    method: batchMethod,
    payload: Effect.forEach(calls, payloadOf),
    read: (body) => readBatch(calls, body),
    isError: (outcome) =>
      Result.isSuccess(outcome)
        ? outcome.success.every(({ outcome }) => isRefusal(outcome))
        : isRefusal(outcome),
    tellsOfMore: (outcome) =>
      Result.isSuccess(outcome) &&
      outcome.success.some(({ outcome }) => !isRefusal(outcome) && !isMissing(outcome))
  }).pipe(
    Effect.flatMap((answers) =>
      Effect.forEach(answers, ({ call, outcome }) =>
        Effect.result(Effect.flatMap(Effect.fromResult(outcome), (result) => resultOf(call, result)))
      )
    )
  )
