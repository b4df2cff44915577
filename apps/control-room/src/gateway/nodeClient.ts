/** How one talks with a node, and whose fault it is when that goes wrong. */
import { createHash } from "node:crypto"
import { JsonRpc } from "@holdfast/core"
import { Schema } from "effect"
import type { HttpClient } from "effect/http"
import type { Verdict } from "./Nonces.ts"
import { codes, Receipt, Transaction } from "./node/Wire.ts"

const methods = {
  getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
  getNonce: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.Int }),
  getBalance: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.Int }),
  getTransaction: JsonRpc.method({
    params: Schema.Tuple([Schema.String]),
    result: Schema.NullOr(Transaction)
  }),
  submit: JsonRpc.method({ params: Schema.Tuple([Transaction]), result: Receipt })
}

export type NodeClient = JsonRpc.Client<typeof methods>

export type NodeError = JsonRpc.Error

export const nodeClient = (http: HttpClient.HttpClient, url: string): NodeClient =>
  JsonRpc.client(http, url, methods)

/** What is refused for its nonce, every node would refuse. */
export const classify = JsonRpc.classifyWith({ callerFault: [codes.nonceUsed, codes.nonceGap] })

/** Of an error that a node gave as its answer. */
export const verdictOfRefusal = ({ code }: JsonRpc.JsonRpcError): Verdict =>
  code === codes.nonceUsed || code === codes.nonceGap ? "Refused" : "NotUsed"

export interface Payment {
  readonly id: string
  readonly account: string
  readonly amount: number
}

export const transactionOf = ({ account, amount, id }: Payment, nonce: number): Transaction => {
  const content = { account, nonce, payment: id, amount }
  return { ...content, hash: createHash("sha256").update(JSON.stringify(content)).digest("hex") }
}
