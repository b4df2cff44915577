import { JsonRpc } from "@holdfast/core"
import { type Effect, type Result, Schema } from "effect"
import type { HttpClient, HttpClientError } from "effect/http"
import { expect, test } from "tstyche"

declare const http: HttpClient.HttpClient
declare const addresses: ReadonlyArray<string>
declare const error: JsonRpc.Error
declare const needy: Schema.Codec<string, string, "Service", "Service">

const methods = {
  getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
  getBalance: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.BigInt }),
  submit: JsonRpc.method({
    name: "tx.submit",
    params: Schema.Struct({ until: Schema.Date }),
    result: Schema.Struct({ hash: Schema.String })
  })
}
const node = JsonRpc.client(http, "https://node.example", methods)

test("a call takes the params and gives the result that its schemas tell", () => {
  expect(node.getBalance).type.toBe<(params: readonly [string]) => Effect.Effect<bigint, JsonRpc.Error>>()
  expect(node.submit({ until: new Date() })).type.toBe<
    Effect.Effect<{ readonly hash: string }, JsonRpc.Error>
  >()
  expect(node.submit).type.not.toBeCallableWith({ until: "now" })
  expect(node.getBalance).type.not.toBeCallableWith("alice")
  expect(node.getBalance).type.not.toBeCallableWith([])
  expect(node.getBalance).type.not.toBeCallableWith()
})

test("a method without params is called without argument", () => {
  expect(node.getHealth).type.toBe<() => Effect.Effect<"ok", JsonRpc.Error>>()
})

test("a client has its methods, and no others", () => {
  expect<keyof typeof node>().type.toBe<"getHealth" | "getBalance" | "submit" | "batch">()
})

test("errors are three classes", () => {
  expect<JsonRpc.Error>().type.toBe<
    HttpClientError.HttpClientError | JsonRpc.JsonRpcError | JsonRpc.JsonRpcProtocolError
  >()
})

test("a batch gives a tuple with the outcome of each call", () => {
  expect(node.batch((call) => [call.getHealth(), call.getBalance(["alice"])])).type.toBe<
    Effect.Effect<
      readonly [Result.Result<"ok", JsonRpc.AnswerError>, Result.Result<bigint, JsonRpc.AnswerError>],
      JsonRpc.Error
    >
  >()
})

test("a batch of a list gives a list", () => {
  expect(node.batch((call) => addresses.map((address) => call.getBalance([address])))).type.toBe<
    Effect.Effect<ReadonlyArray<Result.Result<bigint, JsonRpc.AnswerError>>, JsonRpc.Error>
  >()
})

test("a batch takes calls of this client, and is not made of effects", () => {
  expect(node.batch).type.not.toBeCallableWith(() => [node.getHealth()])
})

test("what a batch calls is as exact as the client", () => {
  type Calls = JsonRpc.Calls<typeof methods>
  expect<Calls["getHealth"]>().type.toBe<() => JsonRpc.Call<"ok">>()
  expect<Calls["getBalance"]>().type.toBe<(params: readonly [string]) => JsonRpc.Call<bigint>>()
})

test("a method cannot take the place of batch", () => {
  expect(JsonRpc.client).type.not.toBeCallableWith(http, "https://node.example", { batch: methods.getHealth })
})

test("params are an array or an object", () => {
  expect(JsonRpc.method).type.not.toBeCallableWith({ params: Schema.String, result: Schema.Null })
})

test("schemas that need services are refused", () => {
  expect(JsonRpc.method).type.not.toBeCallableWith({ result: needy })
  expect(JsonRpc.method).type.not.toBeCallableWith({ params: Schema.Tuple([needy]), result: Schema.Null })
})

test("a client of given methods has a name", () => {
  expect(node).type.toBe<JsonRpc.Client<typeof methods>>()
})

test("the verdict on the caller carries the errors that can be the caller's", () => {
  const verdict = JsonRpc.classify(error)
  if (verdict._tag === "CallerFault") {
    expect(verdict.error).type.toBe<HttpClientError.HttpClientError | JsonRpc.JsonRpcError>()
  }
  expect(JsonRpc.classifyWith({ endpointFault: [-32005] })).type.toBe<typeof JsonRpc.classify>()
})
