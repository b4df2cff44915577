/** What a call to a node comes to: the four methods, and what is none of them. */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { isRefusal, type Ledger } from "./Ledger.ts"
import { codes, Transaction } from "./Wire.ts"

const Call = Schema.Struct({
  id: Schema.Union([Schema.String, Schema.Number]),
  method: Schema.String,
  params: Schema.optionalKey(Schema.Array(Schema.Unknown))
})
export type Call = typeof Call.Type

const decode = Schema.decodeUnknownExit(Schema.fromJsonString(Call))

export const callOf = (body: string): Call | undefined => {
  const call = decode(body)
  return Exit.isSuccess(call) ? call.value : undefined
}

interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export type Answer = { readonly result: unknown } | { readonly error: RpcError }

export const toBody = ({ id }: Call, answer: Answer): string =>
  JSON.stringify({ jsonrpc: "2.0", id, ...answer })

export const internalError: Answer = { error: { code: codes.internal, message: "internal error" } }

const isTransaction = Schema.is(Transaction)

/** Whatever it changes is changed when it returns, long before anybody reads the answer. */
export const answerOf = ({ method, params = [] }: Call, ledger: Ledger): Answer => {
  const [first] = params
  if (method === "getHealth") return { result: "ok" }
  if (method === "submit" && isTransaction(first)) {
    const answer = ledger.submit(first)
    return isRefusal(answer) ? { error: answer } : { result: answer }
  }
  if (typeof first === "string") {
    if (method === "getNonce") return { result: ledger.nextNonce(first) }
    if (method === "getBalance") return { result: ledger.balance(first) }
    if (method === "getTransaction") return { result: ledger.find(first) ?? null }
  }
  return { error: { code: codes.invalidParams, message: `no such call of ${method}` } }
}
