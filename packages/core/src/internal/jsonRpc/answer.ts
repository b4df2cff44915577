/** Reads what a node has answered. All of it is hostile until it is proven to be an answer to the call. */
import { Predicate, Result } from "effect"
import { type AnswerError, JsonRpcError, JsonRpcProtocolError } from "./errors.ts"

/** A call that was sent. */
interface Sent {
  readonly id: number
  readonly method: string
}

/** The body that came, with its status. */
interface Body {
  readonly status: number
  readonly text: string
}

type Answer =
  | { readonly _tag: "Result"; readonly id: unknown; readonly result: unknown }
  | { readonly _tag: "Error"; readonly id: unknown; readonly error: Failure }

interface Failure {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** Schemas that refer to themselves, and `JSON.stringify`, overflow the stack at a few thousand levels. */
const maxDepth = 512

/** The method that errors name which are of a whole batch. */
export const batchMethod = "batch"

/** Counts the brackets that are open at once, outside of strings. */
const isTooDeep = (text: string): boolean => {
  if (text.length <= 2 * maxDepth) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === "\\") i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === "[" || char === "{") depth++
    else if (char === "]" || char === "}") depth--
    if (depth > maxDepth) return true
  }
  return false
}

const protocolError = (method: string, reason: JsonRpcProtocolError["reason"], cause?: unknown) =>
  Result.fail(new JsonRpcProtocolError({ method, reason, ...(cause === undefined ? {} : { cause }) }))

const parse = (method: string, text: string): Result.Result<unknown, JsonRpcProtocolError> => {
  if (isTooDeep(text)) return protocolError(method, "TooDeep")
  try {
    return Result.succeed(JSON.parse(text))
  } catch (cause) {
    return protocolError(method, "NotJson", cause)
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && !Array.isArray(value)

const failureOf = (error: unknown): Failure | undefined => {
  if (!isRecord(error)) return undefined
  const { code, data, message } = error
  return Number.isInteger(code) && typeof code === "number" && typeof message === "string"
    ? { code, message, ...(data === undefined ? {} : { data }) }
    : undefined
}

/**
 * An answer has a result or an error. Old nodes leave out the version, and have both members, one of them null: what
 * tells is the other.
 */
const answerOf = (value: unknown): Answer | undefined => {
  if (!isRecord(value)) return undefined
  const { error, id, jsonrpc, result } = value
  if (jsonrpc !== undefined && jsonrpc !== "2.0") return undefined
  if (error === undefined || error === null) {
    return result === undefined ? undefined : { _tag: "Result", id, result }
  }
  const failure = result === undefined || result === null ? failureOf(error) : undefined
  return failure === undefined ? undefined : { _tag: "Error", id, error: failure }
}

/**
 * An error of a node that could not read which call it is about. The version must be there: error objects with a code
 * and a message are what gateways of all sorts send.
 */
const isAboutAll = (answer: Answer, value: unknown): answer is Extract<Answer, { readonly _tag: "Error" }> =>
  answer._tag === "Error" && answer.id === null && isRecord(value) && value.jsonrpc === "2.0"

const jsonRpcError = (method: string, status: number, error: Failure) =>
  Result.fail(new JsonRpcError({ method, status, ...error }))

const outcome = (method: string, status: number, answer: Answer): Result.Result<unknown, AnswerError> =>
  answer._tag === "Result" ? Result.succeed(answer.result) : jsonRpcError(method, status, answer.error)

/** The answer to a call that was sent alone. */
export const readOne = (
  { id, method }: Sent,
  { status, text }: Body
): Result.Result<unknown, AnswerError> => {
  const parsed = parse(method, text)
  if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
  const answer = answerOf(parsed.success)
  if (answer === undefined) return protocolError(method, "NotAnAnswer")
  if (answer.id !== id && !isAboutAll(answer, parsed.success)) return protocolError(method, "WrongId")
  return outcome(method, status, answer)
}

/** A call of a batch and what was answered to it. */
interface Answered<out C> {
  readonly call: C
  readonly outcome: Result.Result<unknown, AnswerError>
}

/** The answers to a batch, in the order of the calls; a failure when the node has refused the batch as a whole. */
export const readBatch = <C extends Sent>(
  calls: ReadonlyArray<C>,
  { status, text }: Body
): Result.Result<ReadonlyArray<Answered<C>>, AnswerError> => {
  const parsed = parse(batchMethod, text)
  if (Result.isFailure(parsed)) return Result.fail(parsed.failure)
  if (!Array.isArray(parsed.success)) {
    const answer = answerOf(parsed.success)
    return answer !== undefined && isAboutAll(answer, parsed.success)
      ? jsonRpcError(batchMethod, status, answer.error)
      : protocolError(batchMethod, "NotAnAnswer")
  }
  const { answers, stray } = sort(calls, parsed.success)
  const missing = stray && new JsonRpcError({ method: batchMethod, status, ...stray })
  const outcomeOf = ({ id, method }: Sent): Result.Result<unknown, AnswerError> => {
    const [answer, second] = answers.get(id) ?? []
    if (answer === undefined) return protocolError(method, "Missing", missing)
    if (second !== undefined) return protocolError(method, "Duplicate")
    if (answer === "Malformed") return protocolError(method, "NotAnAnswer")
    return outcome(method, status, answer)
  }
  return Result.succeed(calls.map((call) => ({ call, outcome: outcomeOf(call) })))
}

/** The answers of a batch by call. An error about no call in particular is kept, for those that have no answer. */
const sort = (calls: ReadonlyArray<Sent>, values: ReadonlyArray<unknown>) => {
  const answers = new Map(calls.map(({ id }): [unknown, Array<Answer | "Malformed">] => [id, []]))
  let stray: Failure | undefined
  for (const value of values) {
    const answer = answerOf(value)
    if (answer !== undefined && isAboutAll(answer, value)) stray ??= answer.error
    // What is no answer, but has the id of a call, is the only one that this call gets.
    else if (isRecord(value)) answers.get(value.id)?.push(answer ?? "Malformed")
  }
  return { answers, stray }
}
