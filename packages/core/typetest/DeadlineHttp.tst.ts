import { DeadlineHttp } from "@holdfast/core"
import type { Effect, Layer } from "effect"
import type { HttpClientError, HttpServerRequest } from "effect/http"
import { type HttpClient, HttpRouter, type HttpServerResponse } from "effect/http"
import { expect, test } from "tstyche"

declare const handler: Effect.Effect<HttpServerResponse.HttpServerResponse, "Refused", "Database">
declare const http: HttpClient.HttpClient
declare const scoped: HttpClient.HttpClient.With<"Refused", "Scope">

test("the middleware adds no error, and needs the request only", () => {
  expect(DeadlineHttp.middleware({ max: "1 second" })(handler)).type.toBe<
    Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      "Refused",
      "Database" | HttpServerRequest.HttpServerRequest
    >
  >()
})

test("as middleware of a router it needs nothing else", () => {
  expect(HttpRouter.middleware(DeadlineHttp.middleware(), { global: true })).type.toBe<
    Layer.Layer<never, never, HttpRouter.HttpRouter>
  >()
  expect(HttpRouter.middleware(DeadlineHttp.middleware()).layer).type.toBe<Layer.Layer<never>>()
})

test("a client fails and needs what it did before", () => {
  expect(DeadlineHttp.client(http)).type.toBe<HttpClient.HttpClient.With<HttpClientError.HttpClientError>>()
  expect(DeadlineHttp.client(scoped)).type.toBe<HttpClient.HttpClient.With<"Refused", "Scope">>()
})
