import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Schedule, Stream } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import * as Host from "../src/Host.ts"
import * as SimHttp from "../src/SimHttp.ts"
import { always, endOf, reasonOf, serving, text, world } from "./http/world.ts"
import { bytes, simulate } from "./network/simulate.ts"

describe("SimHttp: who leaves", { timeout: 60_000 }, () => {
  /** A handler that waits for ever, and notes how it ends. */
  const hanging = (ends: Array<string>) =>
    HttpRouter.add(
      "GET",
      "/hang",
      Effect.onExit(Effect.never, (exit) => Effect.sync(() => ends.push(endOf(exit))))
    )

  it("a client that times out interrupts the handler with ClientAbort", () => {
    const ends: Array<string> = []
    const program = world(serving(hanging(ends)), ({ client }) =>
      Effect.gen(function* () {
        const asked = yield* Effect.timeoutOption(client.get("http://api/hang"), "100 millis")
        yield* Effect.sleep("10 millis")
        return [Option.isNone(asked), ...ends.splice(0)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [true, "ClientAbort"]))
  })

  it("so does one that is interrupted while it connects, sends or waits, whenever that is", () => {
    const ends: Array<string> = []
    const program = world(serving(hanging(ends)), ({ client }) =>
      Effect.gen(function* () {
        const waits = [0.2, 1.5, 2, 2.5, 3, 3.5, 4]
        for (const wait of waits) {
          const fiber = yield* Effect.forkChild(client.get("http://api/hang"))
          yield* Effect.sleep(wait)
          yield* Fiber.interrupt(fiber)
        }
        yield* Effect.sleep("10 millis")
        return ends.splice(0)
      })
    )
    always(program, ({ value }) => {
      assert.isAtLeast(value.length, 2)
      for (const end of value) assert.strictEqual(end, "ClientAbort")
    })
  })

  it("so does one that stops reading a body, whether it reads the stream or the whole", () => {
    const ends: Array<string> = []
    const ticks = Stream.tick("10 millis").pipe(
      Stream.map(() => bytes("tick")),
      Stream.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
    )
    const routes = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.stream(ticks)))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const first = yield* client.get("http://api/")
        const taken = yield* Stream.runCollect(Stream.take(first.stream, 3))
        const second = yield* client.get("http://api/")
        yield* Effect.timeoutOption(second.text, "100 millis")
        yield* Effect.sleep("30 millis")
        return [taken.length, ...ends.splice(0)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [3, "ClientAbort", "ClientAbort"]))
  })

  it("with HttpClient.withScope, the end of the scope ends the exchange", () => {
    const ends: Array<string> = []
    const ticks = Stream.tick("10 millis").pipe(
      Stream.map(() => bytes("tick")),
      Stream.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
    )
    const routes = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.stream(ticks)))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const status = yield* Effect.scoped(
          Effect.map(HttpClient.withScope(client).get("http://api/"), (response) => response.status)
        )
        yield* Effect.sleep("30 millis")
        return [status, ...ends.splice(0)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [200, "ClientAbort"]))
  })

  it("retryTransient gets over a server that is not there yet", () => {
    const program = Effect.gen(function* () {
      const routes = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("here")))
      yield* Host.make("api", Effect.andThen(Effect.sleep("1 second"), serving(routes)))
      const client = HttpClient.retryTransient(yield* HttpClient.HttpClient, {
        schedule: Schedule.spaced("300 millis"),
        times: 5
      })
      return yield* text(client, "http://api/")
    }).pipe(Effect.provide(SimHttp.layerClient))
    const { value, virtualMillis } = simulate(program)
    assert.strictEqual(value, "here")
    assert.isAtLeast(virtualMillis, 1000)
  })

  it("an upload that fails is an EncodeError, and the handler's client has gone", () => {
    const ends: Array<string> = []
    const routes = HttpRouter.add("POST", "/", (request) =>
      Effect.as(request.text, HttpServerResponse.empty()).pipe(
        Effect.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
      )
    )
    const broken = Stream.concat(Stream.succeed(bytes("begun")), Stream.fail("no more"))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          client.execute(HttpClientRequest.bodyStream(HttpClientRequest.post("http://api/"), broken))
        )
        yield* Effect.sleep("10 millis")
        return [reasonOf(exit), ends.splice(0)]
      })
    )
    always(program, ({ value: [reason, seen] }) => {
      assert.strictEqual(reason, "EncodeError")
      assert.notInclude(seen, "Success")
    })
  })

  it("an effect that is served without a router is interrupted only where it says that it can be", () => {
    const ends: Array<string> = []
    const noted = <A>(effect: Effect.Effect<A>) =>
      Effect.onExit(effect, (exit) => Effect.sync(() => ends.push(endOf(exit))))
    const handler = Effect.gen(function* () {
      yield* noted(Effect.sleep("1 second"))
      return yield* noted(Effect.interruptible(Effect.never))
    })
    const server = HttpServer.serve(handler).pipe(
      Layer.provide(SimHttp.layerServer({ port: 80 })),
      Layer.launch
    )
    const program = world(server, ({ client }) =>
      Effect.gen(function* () {
        yield* Effect.timeoutOption(client.get("http://api/"), "100 millis")
        yield* Effect.sleep("2 seconds")
        return ends.splice(0)
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["Success", "ClientAbort"]))
  })
})
