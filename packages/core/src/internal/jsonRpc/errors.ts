/** What goes wrong with a call that was answered; see `JsonRpc`. */
import { Schema } from "effect"

export class JsonRpcError extends Schema.TaggedError<JsonRpcError>("@holdfast/core/JsonRpc/JsonRpcError")(
  "JsonRpcError",
  {
    method: Schema.String,
    code: Schema.Number,
    message: Schema.String,
    status: Schema.Number,
    data: Schema.optionalKey(Schema.Unknown)
  }
) {}

const problems = {
  TooLarge: "larger than is allowed",
  TooDeep: "nested too deeply",
  NotJson: "not JSON",
  NotAnAnswer: "no JSON-RPC answer",
  WrongId: "that to another call",
  Missing: "missing in the batch",
  Duplicate: "in the batch more than once",
  WrongStatus: "one that its status contradicts",
  WrongResult: "a result that does not fit its schema"
} as const

export class JsonRpcProtocolError extends Schema.TaggedError<JsonRpcProtocolError>(
  "@holdfast/core/JsonRpc/JsonRpcProtocolError"
)("JsonRpcProtocolError", {
  method: Schema.String,
  reason: Schema.Literals([
    "TooLarge",
    "TooDeep",
    "NotJson",
    "NotAnAnswer",
    "WrongId",
    "Missing",
    "Duplicate",
    "WrongStatus",
    "WrongResult"
  ]),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `the answer to "${this.method}" is ${problems[this.reason]}`
  }
}

export type AnswerError = JsonRpcError | JsonRpcProtocolError
