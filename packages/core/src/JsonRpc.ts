/**
 * A client for JSON-RPC 2.0 nodes over HTTP: typed methods, errors that say what the node did, batches in one request.
 *
 * The nodes are those of others, so nothing that they answer is trusted: an answer is bounded in size and depth, belongs
 * to its call by the id, and fits the schema of its method, or is a typed error.
 *
 * **Telemetry**
 *
 * None of its own: each request has the span of its `HttpClient`.
 *
 * @since 0.1.0
 */
import { Effect, type Result, Schema } from "effect"
import type { HttpClient, HttpClientError } from "effect/http"
import { InvalidOptions } from "./InvalidOptions.ts"
import { positiveInteger } from "./internal/duration.ts"
import type { Classify } from "./internal/failover/verdict.ts"
import { classifyOf } from "./internal/jsonRpc/classify.ts"
import * as errors from "./internal/jsonRpc/errors.ts"
import * as internal from "./internal/jsonRpc/send.ts"
import { asTuple, mapRecord } from "./internal/jsonRpc/typed.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * The node has answered with an error object: its `code`, its `message`, its `data`, if any.
 *
 * **Details**
 *
 * `status` is that of the HTTP response. `method` is "batch" when the node has refused a batch as a whole.
 *
 * **Gotchas**
 *
 * `message` and `data` are the node's own words: of any length and kind that fits into `maxBytes`.
 *
 * @since 0.1.0
 * @category errors
 */
export const JsonRpcError = errors.JsonRpcError

/**
 * @since 0.1.0
 * @category errors
 */
export type JsonRpcError = errors.JsonRpcError

/**
 * What the node has answered is no answer to the call.
 *
 * **Details**
 *
 * | `reason` | the body |
 * |---|---|
 * | `TooLarge` | has more than `maxBytes` |
 * | `TooDeep` | is nested in more than 512 levels |
 * | `NotJson` | is not JSON |
 * | `NotAnAnswer` | has no result and no error, or both, or an error without an integer code and a message |
 * | `WrongId` | answers another call |
 * | `Missing` | has no answer to this call of a batch; `cause` is an error that the node has sent for none in particular |
 * | `Duplicate` | has more than one answer to this call of a batch |
 * | `WrongStatus` | has a result, and the status is not 200: it may have been done |
 * | `WrongResult` | has a result that does not fit its schema; `cause` tells where |
 *
 * @since 0.1.0
 * @category errors
 */
export const JsonRpcProtocolError = errors.JsonRpcProtocolError

/**
 * @since 0.1.0
 * @category errors
 */
export type JsonRpcProtocolError = errors.JsonRpcProtocolError

/**
 * What the node's answer to one call can be instead of a result.
 *
 * @since 0.1.0
 * @category errors
 */
export type AnswerError = JsonRpcError | JsonRpcProtocolError

/**
 * Everything that a call can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type Error = HttpClientError.HttpClientError | AnswerError

// -----------------------------------------------------------------------------
// Methods
// -----------------------------------------------------------------------------

/**
 * What a call takes and gives: `Args` are the arguments of the client's function.
 *
 * @since 0.1.0
 * @category models
 */
export interface Method<in Args extends ReadonlyArray<unknown>, out A> {
  /** Its name on the wire, when that is not its key. */
  readonly name: string | undefined
  readonly encode: (...args: Args) => Effect.Effect<unknown, Schema.SchemaError>
  readonly decode: (result: unknown) => Effect.Effect<A, Schema.SchemaError>
}

/**
 * Methods by the names that they have in the client.
 *
 * @since 0.1.0
 * @category models
 */
export type Methods = Readonly<Record<string, Method<never, unknown>>> & { readonly batch?: never }

/**
 * Describes a method by the schemas of its params and its result.
 *
 * **Details**
 *
 * `params` is a tuple or an array for params by position, a struct for params by name. Without it the call has none,
 * and its function takes no argument. What crosses the wire is the JSON form of the schemas (`Schema.toCodecJson`).
 *
 * A method's key is its name on the wire; `name` is for those that are to have another in the program, and for one
 * called `batch`.
 *
 * **Example** (By position, by name, and without params)
 *
 * ```ts
 * import { JsonRpc } from "@holdfast/core"
 * import { Schema } from "effect"
 *
 * const methods = {
 *   getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
 *   getBalance: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.Number }),
 *   submit: JsonRpc.method({
 *     name: "tx.submit",
 *     params: Schema.Struct({ blob: Schema.String }),
 *     result: Schema.Struct({ hash: Schema.String })
 *   })
 * }
 *
 * console.log(methods.submit.name) // => tx.submit
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function method<A>(options: {
  readonly name?: string | undefined
  readonly params?: undefined
  readonly result: Schema.ConstraintCodec<A, unknown>
}): Method<[], A>
export function method<P, A>(options: {
  readonly name?: string | undefined
  readonly params: Schema.ConstraintCodec<P, object>
  readonly result: Schema.ConstraintCodec<A, unknown>
}): Method<[params: P], A>
export function method<P, A>(options: {
  readonly name?: string | undefined
  readonly params?: Schema.ConstraintCodec<P, object> | undefined
  readonly result: Schema.ConstraintCodec<A, unknown>
}): Method<[params: P], A> | Method<[], A> {
  const { name, params, result } = options
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(result))
  if (params === undefined) return { name, encode: () => Effect.succeed(undefined), decode }
  const encode = Schema.encodeEffect(Schema.toCodecJson(params))
  return { name, encode: (params: P) => encode(params), decode }
}

// -----------------------------------------------------------------------------
// Client
// -----------------------------------------------------------------------------

/**
 * A call of a batch, which has not been sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call<out A> extends internal.Call<A> {}

/**
 * The functions that make the calls of a batch.
 *
 * @since 0.1.0
 * @category models
 */
export type Calls<M> = {
  readonly [K in keyof M]: M[K] extends Method<infer Args, infer A> ? (...args: Args) => Call<A> : never
}

/**
 * What a batch gives: the result or the error of each call, in the order of the calls.
 *
 * @since 0.1.0
 * @category models
 */
export type Answers<Cs extends ReadonlyArray<Call<unknown>>> = {
  readonly [I in keyof Cs]: Cs[I] extends Call<infer A> ? Result.Result<A, AnswerError> : never
}

/**
 * The functions that send one call each.
 *
 * @since 0.1.0
 * @category models
 */
export type Functions<M> = {
  readonly [K in keyof M]: M[K] extends Method<infer Args, infer A>
    ? (...args: Args) => Effect.Effect<A, Error>
    : never
}

/**
 * A client of one node: a function for each method, and `batch`.
 *
 * @since 0.1.0
 * @category models
 */
export type Client<M> = Functions<M> & Batches<M>

/**
 * @since 0.1.0
 * @category models
 */
export interface Batches<M> {
  /**
   * Sends several calls in one HTTP request, and gives the result or the error of each.
   *
   * **Details**
   *
   * It fails as a whole when there is no answer to read, or none to any call in particular: an HTTP error, a body that
   * is no batch, one error for all of it; and, before anything is sent, when the params of one call do not encode. No
   * calls are no request.
   */
  readonly batch: <const Cs extends ReadonlyArray<Call<unknown>>>(
    calls: (call: Calls<M>) => Cs
  ) => Effect.Effect<Answers<Cs>, Error>
}

/** More than what nodes answer, and little enough to be held. */
const defaultMaxBytes = 16 * 1024 * 1024

/**
 * A client of the node at `url`.
 *
 * **Details**
 *
 * Each call is one POST with an id of its own. An answer counts only with that id. With a status other than 200 only an
 * error object counts, as many nodes send theirs with 4xx and 5xx. A result contradicts it, and may have been done
 * (`WrongStatus`); anything else is the error of the status (`StatusCodeError`). So is an error object without the id,
 * unless it says that the node could not read the id: null, and the version.
 *
 * Params that do not encode are an `HttpClientError` with the reason `EncodeError`, and nothing is sent.
 *
 * An answer may have `maxBytes`, 16 MiB by default, and 512 levels.
 *
 * Throws `InvalidOptions` for a method with the key `batch`, and a `maxBytes` that is no positive integer.
 *
 * **Gotchas**
 *
 * - `http` must not filter by status (`HttpClient.filterStatusOk`), nor be a pool of `Failover.httpClient`: they would
 *   hide the error objects. Make a pool of clients.
 * - `http` must not follow redirects (`HttpClient.followRedirects`): the error of the last hop says that nothing was
 *   sent. `fetch` follows them by itself; what it fails with is believed only if it tells of the very address of the node.
 * - There is no time-out: `Deadline.within` bounds a call, and `DeadlineHttp.client` tells the node. In a pool,
 *   `attemptTimeout` does.
 *
 * **Example** (Calls, and a batch)
 *
 * ```ts
 * import { JsonRpc } from "@holdfast/core"
 * import { Effect, Result, Schema } from "effect"
 * import { HttpClient, HttpClientResponse, HttpServerRequest } from "effect/http"
 *
 * // In place of a network: a node that knows one balance.
 * const answer = ({ id, method, params }: { id: number; method: string; params?: ReadonlyArray<string> }) => {
 *   if (method === "getHealth") return { jsonrpc: "2.0", id, result: "ok" }
 *   if (params?.[0] === "alice") return { jsonrpc: "2.0", id, result: 42 }
 *   return { jsonrpc: "2.0", id, error: { code: -32602, message: "no such account" } }
 * }
 * const http = HttpClient.make((request) =>
 *   Effect.map(Effect.orDie(HttpServerRequest.fromClientRequest(request).text), (text) => {
 *     const body = JSON.parse(text)
 *     return HttpClientResponse.fromWeb(request, Response.json(Array.isArray(body) ? body.map(answer) : answer(body)))
 *   })
 * )
 *
 * const node = JsonRpc.client(http, "https://node.example", {
 *   getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
 *   getBalance: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.Number })
 * })
 *
 * console.log(await Effect.runPromise(node.getHealth())) // => ok
 * console.log((await Effect.runPromise(Effect.flip(node.getBalance(["bob"])))).message) // => no such account
 *
 * const batch = node.batch((call) => [call.getBalance(["alice"]), call.getBalance(["bob"])])
 * const [alice, bob] = await Effect.runPromise(batch)
 * console.log(Result.getOrThrow(alice), Result.isFailure(bob)) // => 42 true
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const client = <const M extends Methods>(
  http: HttpClient.HttpClient,
  url: string | URL,
  methods: M,
  options?: { readonly maxBytes?: number | undefined }
): Client<M> => {
  if (Object.hasOwn(methods, "batch")) {
    const problem = 'must not have the key "batch": give that method another key, and its name'
    throw new InvalidOptions({ module: "JsonRpc", option: "methods", problem })
  }
  const maxBytes = positiveInteger("JsonRpc", "maxBytes", options?.maxBytes ?? defaultMaxBytes)
  const node = { http, url, maxBytes }
  let lastId = 0
  const numbered = <A>(call: Call<A>): internal.Numbered<A> => ({ ...call, id: ++lastId })
  const calls = mapRecord<Method<never, unknown>, Calls<M>>(methods, callOf)
  const functions = mapRecord<Method<never, unknown>, Functions<M>>(methods, (method, key) => {
    const call = callOf(method, key)
    return (...args: never) => Effect.suspend(() => internal.sendOne(node, numbered(call(...args))))
  })
  const batches: Batches<M> = {
    batch: <const Cs extends ReadonlyArray<Call<unknown>>>(f: (call: Calls<M>) => Cs) =>
      Effect.suspend(() => {
        const chosen = f(calls).map(numbered)
        return chosen.length === 0 ? Effect.succeed([]) : internal.sendBatch(node, chosen)
      }).pipe(Effect.map((answers) => asTuple<Answers<Cs>>(answers)))
  }
  return Object.assign(functions, batches)
}

const callOf =
  (method: Method<never, unknown>, key: string) =>
  (...args: never): Call<unknown> => ({
    method: method.name ?? key,
    params: Effect.suspend(() => method.encode(...args)),
    decode: method.decode
  })

// -----------------------------------------------------------------------------
// Classification
// -----------------------------------------------------------------------------

/**
 * Whose fault the error codes are that a node defines for itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codes {
  /** The node has not done it, and another may: overloaded, behind, not synchronised. */
  readonly endpointFault?: ReadonlyArray<number> | undefined
  /** Every node would say the same. */
  readonly callerFault?: ReadonlyArray<number> | undefined
  /** It may have been done. */
  readonly unknown?: ReadonlyArray<number> | undefined
}

/**
 * `classify`, with what is known of a node's own error codes.
 *
 * **Details**
 *
 * A code that is listed has its verdict, whatever the status of the response. Any code may be, one of the
 * specification's too.
 *
 * Throws `InvalidOptions` for a code that is no integer, and for one in two lists.
 *
 * **Example** (A node that is behind)
 *
 * ```ts
 * import { JsonRpc } from "@holdfast/core"
 *
 * const classify = JsonRpc.classifyWith({ endpointFault: [-32005], callerFault: [-32002] })
 *
 * const behind = new JsonRpc.JsonRpcError({ method: "submit", code: -32005, message: "node is behind", status: 200 })
 * console.log(classify(behind)._tag, JsonRpc.classify(behind)._tag) // => EndpointFault Unknown
 * ```
 *
 * @since 0.1.0
 * @category classification
 */
export const classifyWith: (codes: Codes) => Classify<Error, HttpClientError.HttpClientError | JsonRpcError> =
  classifyOf

/**
 * Whose fault an error is.
 *
 * **Details**
 *
 * `EndpointFault`: it is certain that nothing was done, and another node may be asked. `CallerFault`, with the error:
 * every node would say the same. `Unknown`: it may have been done.
 *
 * | error | verdict |
 * |---|---|
 * | no connection was made | `EndpointFault` |
 * | status 421, 425, 429, with an error object or without; 503 with `Retry-After` | `EndpointFault` |
 * | the URL is invalid | `EndpointFault`: it is the node's |
 * | params do not encode; any other status from 400 to 499 but 408; 501 | `CallerFault` |
 * | any other status, or failure of a request | `Unknown` |
 * | codes -32700, -32600, -32601, -32602 | `CallerFault` |
 * | other codes from -32768 to -32000: internal errors, and those that servers define | `Unknown` |
 * | any other code: the application's | `CallerFault`; with status 408, 502, 503 or 504 `Unknown` |
 * | `JsonRpcProtocolError`, and whatever is no error of this module | `Unknown` |
 *
 * **Gotchas**
 *
 * What the codes of a node mean, its documentation tells: see `classifyWith`.
 *
 * @since 0.1.0
 * @category classification
 */
export const classify: Classify<Error, HttpClientError.HttpClientError | JsonRpcError> = classifyWith({})
