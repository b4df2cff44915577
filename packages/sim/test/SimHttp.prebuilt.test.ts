import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as Host from "../src/Host.ts"
import * as SimHttp from "../src/SimHttp.ts"
import { always, serving, text, world } from "./http/world.ts"
import { simulate } from "./network/simulate.ts"

const routes = HttpRouter.add(
  "GET",
  "/hello/:name",
  Effect.map(HttpRouter.params, ({ name }) => HttpServerResponse.text(`hello ${name}`))
)

const Api = HttpApi.make("clock").add(
  HttpApiGroup.make("clock").add(
    HttpApiEndpoint.get("wait", "/wait", { success: Schema.Array(Schema.Unknown) })
  )
)

/** Waits, yields and forks, all of which a scheduler of the outside would take out of the run. */
const Handlers = HttpApiBuilder.group(Api, "clock", (handlers) =>
  handlers.handle("wait", () =>
    Effect.gen(function* () {
      yield* Effect.yieldNow
      const child = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Host.current))
      yield* Effect.sleep("1 minute")
      return [yield* Fiber.join(child), yield* Clock.currentTimeMillis]
    })
  )
)

describe("SimHttp.prebuilt", { timeout: 60_000 }, () => {
  it("a router that was built once answers as one that is built in each run", () => {
    const app = HttpServer.serve(SimHttp.prebuilt(routes)).pipe(
      Layer.provide(SimHttp.layerServer({ port: 80 })),
      Layer.launch
    )
    const program = world(app, ({ client }) => text(client, "http://api/hello/you"))
    always(program, ({ value }) => assert.strictEqual(value, "hello you"), 300)
    const inRun = simulate(world(serving(routes), ({ client }) => text(client, "http://api/hello/you")))
    assert.strictEqual(inRun.value, "hello you")
  })

  it("handlers of an HttpApi that was built outside of the runs stay in the run that they serve", () => {
    const app = SimHttp.prebuilt(Layer.provide(HttpApiBuilder.layer(Api), Handlers))
    const server = HttpServer.serve(app).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const program = world(server, ({ client }) =>
      Effect.flatMap(HttpApiClient.makeWith(Api, { httpClient: client, baseUrl: "http://api" }), (api) =>
        api.clock.wait()
      )
    )
    always(
      program,
      ({ value, virtualMillis }) => {
        assert.deepStrictEqual(value, ["api", 60_003])
        assert.strictEqual(virtualMillis, 60_004)
      },
      300
    )
  })

  it("throws when the routes cannot be built at once", () => {
    const waits = HttpRouter.use(() => Effect.sleep("1 second"))
    assert.throws(() => SimHttp.prebuilt(waits))
  })
})
