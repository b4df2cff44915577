import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema, Stream } from "effect"
import {
  Cookies,
  HttpClientRequest,
  HttpClientResponse,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse,
  UrlParams
} from "effect/http"
import { serving, text, world } from "./http/world.ts"
import { bytes, everywhere, now } from "./network/simulate.ts"

const seeds = 300

const Person = Schema.Struct({ name: Schema.String, born: Schema.DateFromString })

const greeting = Effect.map(HttpRouter.params, ({ name }) => HttpServerResponse.text(`hello ${name}`))

describe("SimHttp", () => {
  it("a router answers on another host: parameters, queries, 404, and 500 for a defect", () => {
    const routes = Layer.mergeAll(
      HttpRouter.add("GET", "/hello/:name", greeting),
      HttpRouter.add(
        "GET",
        "/search",
        Effect.map(HttpServerRequest.ParsedSearchParams, (params) => HttpServerResponse.jsonUnsafe(params))
      ),
      HttpRouter.add("GET", "/broken", Effect.die("a defect"))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const search = client.get("http://api/search?q=a%20b&q=c&n=1")
        return {
          hello: yield* text(client, "http://api/hello/Ada%20L"),
          search: yield* Effect.flatMap(search, (response) => response.json),
          missing: (yield* client.get("http://api/nothing")).status,
          broken: (yield* client.get("http://api/broken")).status
        }
      })
    )
    everywhere(program, seeds, ({ leaks, value, warnings }) => {
      const search = { q: ["a b", "c"], n: "1" }
      assert.deepStrictEqual(value, { hello: "hello Ada L", search, missing: 404, broken: 500 })
      assert.deepStrictEqual(leaks, { fibers: [], timers: 0, scopes: 0 })
      assert.deepStrictEqual(warnings, [])
    })
  })
})
