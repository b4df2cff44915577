import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Scope, Stream } from "effect"
import {
  HttpClient,
  HttpClientRequest,
  HttpMiddleware,
  HttpRouter,
  HttpServer,
  HttpServerResponse
} from "effect/http"
import { IpNetwork } from "effect/net"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import * as SimHttp from "../src/SimHttp.ts"
import { always, codeOf, endOf, reasonOf, serving, text, world } from "./http/world.ts"
import { bytes, now, simulate } from "./network/simulate.ts"

const text13 = HttpRouter.add("GET", "/text", Effect.succeed(HttpServerResponse.text("thirteen char")))

const empty = HttpRouter.add("GET", "/empty", Effect.succeed(HttpServerResponse.empty()))

const uploading = (body: Stream.Stream<Uint8Array, unknown>) =>
  HttpClientRequest.bodyStream(HttpClientRequest.post("http://api/"), body)

/** A server that is told to stop after a second, and waits for what is open then. */
const stopping = <R>(routes: Layer.Layer<never, never, R>) =>
  Effect.timeoutOption(serving(routes), "1 second")

describe("SimHttp: connections", { timeout: 60_000 }, () => {
  it("an exchange that is over has closed its connection on both sides, and reset nothing", () => {
    const program = world(serving(text13), ({ client }) =>
      Effect.andThen(text(client, "http://api/text"), Effect.sleep("10 millis"))
    )
    const { trace } = simulate(program, { trace: true })
    const sent = trace.filter(({ data, kind }) => kind === "message" && data?.phase === "send")
    assert.deepStrictEqual(
      sent.map(({ text }) => text),
      [
        "SYN main → api",
        "SYN-ACK api → main",
        "ACK main → api",
        "data main → api",
        "data api → main",
        "FIN api → main",
        "FIN main → api"
      ]
    )
  })

  it("a response without a body lets go of its connection at once, an unread one holds it, but no server's end", () => {
    const routes = Layer.merge(text13, empty)
    const program = (path: string) =>
      world(stopping(routes), ({ api, client }) =>
        Effect.andThen(client.get(`http://api/${path}`), Effect.andThen(api.exited, now))
      )
    const closed = ({ trace }: ReturnType<typeof simulate>) =>
      trace.filter(({ data, text }) => text === "FIN main → api" && data?.phase === "send").length
    for (const [path, fins] of [
      ["empty", 1],
      ["text", 0]
    ] as const) {
      always(program(path), ({ value }) => assert.strictEqual(value, 1000))
      for (const seed of [undefined, 1, 2, 3]) {
        assert.strictEqual(closed(simulate(program(path), { seed, trace: true })), fins)
      }
    }
  })

  it("a response that was handed over holds up no server's end, however long it is, and is read after it", () => {
    const long = HttpRouter.add(
      "GET",
      "/",
      Effect.succeed(HttpServerResponse.uint8Array(new Uint8Array(500_000)))
    )
    const program = world(stopping(long), ({ api, client }) =>
      Effect.gen(function* () {
        const response = yield* client.get("http://api/")
        const { _tag } = yield* api.exited
        const endedAt = yield* now
        yield* Effect.sleep("10 minutes")
        return [_tag, endedAt, (yield* response.arrayBuffer).byteLength]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["Exited", 1000, 500_000]))
  })

  it("a client that crashed with its response unread holds up no server's end", () => {
    const long = HttpRouter.add(
      "GET",
      "/",
      Effect.succeed(HttpServerResponse.uint8Array(new Uint8Array(500_000)))
    )
    const program = Effect.gen(function* () {
      const api = yield* Host.make("api", stopping(long))
      const asking = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("http://api/"))
      const idle = Effect.andThen(asking, Effect.never)
      const caller = yield* Host.make("caller", Effect.provide(idle, SimHttp.layerClient))
      yield* Effect.sleep("500 millis")
      yield* caller.crash
      yield* api.exited
      return yield* now
    })
    always(program, ({ value }) => assert.strictEqual(value, 1000))
  })

  it("a stream that nobody reads is interrupted after the grace period, unless all but its end has left", () => {
    const body = Stream.succeed(new Uint8Array(1000))
    const streaming = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.stream(body)))
    const endedAt = (window: number) =>
      simulate(
        world(stopping(streaming), ({ api, client }) =>
          Effect.gen(function* () {
            yield* Network.setLink("main", "api", { window })
            yield* Effect.forkChild(Effect.ignore(client.get("http://api/")))
            yield* Effect.andThen(api.exited, now)
          })
        )
      ).virtualMillis
    // For one of them there is just room for the head and the body, and for the next for half of the end.
    const windows = Array.from({ length: 300 }, (_, index) => 400 + index)
    assert.deepStrictEqual(Array.from(new Set(windows.map(endedAt))), [21_000, 1000])
  })

  it("what a server does after its response is interrupted when the server ends", () => {
    const ends: Array<string> = []
    const after = Effect.interruptible(Effect.sleep("10 seconds")).pipe(
      Effect.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
    )
    const app = HttpServer.serve(Effect.succeed(HttpServerResponse.text("here")), (handler) =>
      Effect.tap(handler, () => after)
    ).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const program = world(Effect.timeoutOption(app, "1 second"), ({ api, client }) =>
      Effect.gen(function* () {
        const answer = yield* text(client, "http://api/")
        yield* api.exited
        return [answer, yield* now, ...ends.splice(0)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["here", 1000, "Interrupt"]))
  })

  it("a response that comes early ends the upload, which then holds up nothing", () => {
    const routes = HttpRouter.add("POST", "/", Effect.succeed(HttpServerResponse.text("no", { status: 413 })))
    const endless = Stream.forever(Stream.succeed(new Uint8Array(10_000)))
    const program = (request: HttpClientRequest.HttpClientRequest) =>
      world(stopping(routes), ({ api, client }) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "api", { bandwidth: 100_000 }, { oneWay: true })
          const response = yield* client.execute(request)
          const answer = yield* response.text
          const answeredAt = yield* now
          yield* api.exited
          return { answer, answeredAt, endedAt: yield* now }
        })
      )
    const whole = HttpClientRequest.bodyUint8Array(
      HttpClientRequest.post("http://api/"),
      new Uint8Array(1_000_000)
    )
    for (const request of [uploading(endless), whole]) {
      always(program(request), ({ value: { answer, answeredAt, endedAt } }) => {
        assert.strictEqual(answer, "no")
        assert.isBelow(answeredAt, 1000)
        assert.isBelow(endedAt, 3000)
      })
    }
  })

  it("what a handler has not read of a body keeps nobody from seeing that the client has gone", () => {
    const late = Effect.as(Effect.sleep("100 millis"), HttpServerResponse.text("no"))
    const ticks = Stream.tick("1 millis").pipe(Stream.map(() => bytes("tick")))
    const program = world(stopping(HttpRouter.add("POST", "/", late)), ({ api, client }) =>
      Effect.gen(function* () {
        const response = yield* client.execute(uploading(ticks))
        yield* response.text
        return yield* Effect.andThen(api.exited, now)
      })
    )
    always(program, ({ value }) => assert.strictEqual(value, 1000))
  })

  it("a body that breaks ends the upload", () => {
    const routes = HttpRouter.add("POST", "/", (request) =>
      Effect.succeed(HttpServerResponse.stream(request.stream))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const begun = Stream.concat(Stream.succeed(bytes("begun")), Stream.fromEffect(Effect.never))
        const response = yield* client.execute(uploading(begun))
        const reading = yield* Effect.forkChild(Effect.exit(response.text))
        yield* Effect.sleep("10 millis")
        yield* Network.reset("main", "api")
        return reasonOf(yield* Fiber.join(reading))
      })
    )
    always(program, ({ value }) => assert.strictEqual(value, "DecodeError"))
  })

  it("with HttpClient.withScope, nothing is sent once the scope is closed", () => {
    const program = world(serving(text13), ({ client }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const request = HttpClient.withScope(client).get("http://api/text").pipe(Scope.provide(scope))
        const first = yield* Effect.flatMap(request, (response) => response.text)
        yield* Scope.close(scope, yield* Effect.exit(Effect.void))
        return [first, reasonOf(yield* Effect.exit(request))]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["thirteen char", "TransportError"]))
  })

  it("a host whose name has capitals is found by a URL, which has none", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("Backend-A", serving(text13))
      return yield* text(yield* HttpClient.HttpClient, "http://Backend-A/text")
    }).pipe(Effect.provide(SimHttp.layerClient))
    assert.strictEqual(simulate(program).value, "thirteen char")
  })

  it("localhost, 127.0.0.1 and [::1] are the host that asks", () => {
    const asking = Effect.flatMap(HttpClient.HttpClient, (client) =>
      Effect.forEach(["localhost", "127.0.0.1", "[::1]"], (name) => text(client, `http://${name}/text`))
    )
    const program = Effect.gen(function* () {
      yield* Effect.forkChild(serving(text13))
      yield* Effect.sleep("1 millis")
      return yield* asking
    }).pipe(Effect.provide(SimHttp.layerClient))
    const { value } = simulate(program)
    assert.deepStrictEqual(new Set(value), new Set(["thirteen char"]))
  })

  it("prefixes, headers and addresses that routers and proxies change are seen by the handler", () => {
    const show = HttpRouter.use((router) =>
      router.prefixed("/v1").add("GET", "/show", (request) =>
        HttpServerResponse.json({
          url: request.url,
          host: request.headers.host,
          from: Option.getOrNull(request.remoteAddress),
          peer: Option.getOrNull(request.peerAddress),
          protocol: request.protocol
        })
      )
    )
    const proxied = HttpRouter.middleware(
      HttpMiddleware.xForwardedHeaders({ trustedProxies: [IpNetwork.fromStringUnsafe("10.0.0.0/8")] }),
      {
        global: true
      }
    )
    const program = world(serving(Layer.merge(show, proxied)), ({ client }) =>
      Effect.flatMap(
        client.get("http://api/v1/show", {
          headers: { "x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https", "x-forwarded-host": "shop" }
        }),
        (response) => response.json
      )
    )
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, {
        url: "/show",
        host: "shop",
        from: "1.2.3.4",
        peer: "10.0.0.1",
        protocol: "https"
      })
    })
  })
})

describe("SimHttp: handlers and their clients", { timeout: 60_000 }, () => {
  it("what a server does after its response is not interrupted by the client that has it", () => {
    const ends: Array<string> = []
    const after = Effect.interruptible(Effect.sleep("1 second")).pipe(
      Effect.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
    )
    const app = HttpServer.serve(Effect.succeed(HttpServerResponse.text("here")), (handler) =>
      Effect.tap(handler, () => after)
    ).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const program = world(app, ({ client }) =>
      Effect.gen(function* () {
        const answer = yield* text(client, "http://api/")
        yield* Effect.sleep("2 seconds")
        return [answer, ...ends.splice(0)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["here", "Success"]))
  })

  it("a handler that cannot be interrupted gets no more of a body whose client has gone", () => {
    const ends: Array<string> = []
    const routes = HttpRouter.add(
      "POST",
      "/",
      (request) =>
        Effect.as(request.text, HttpServerResponse.empty()).pipe(
          Effect.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
        ),
      { uninterruptible: true }
    )
    const begun = Stream.concat(Stream.succeed(bytes("begun")), Stream.fromEffect(Effect.never))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        yield* Effect.timeoutOption(client.execute(uploading(begun)), "1 second")
        yield* Effect.sleep("10 millis")
        return ends.splice(0)
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["Fail"]))
  })

  it("a handler that streams and reads nothing notices by its writing that its client has gone", () => {
    const ends: Array<string> = []
    const ticks = Stream.tick("10 millis").pipe(
      Stream.map(() => bytes("tick")),
      Stream.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
    )
    const routes = HttpRouter.add("POST", "/", Effect.succeed(HttpServerResponse.stream(ticks)))
    const endless = Stream.tick("1 millis").pipe(Stream.map(() => new Uint8Array(10)))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const response = yield* client.execute(uploading(endless))
        yield* Effect.timeoutOption(Stream.runDrain(response.stream), "1 second")
        yield* Effect.sleep("100 millis")
        return ends.splice(0)
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["ClientAbort"]))
  })

  it("a connection on which no request comes is reset when the server ends", () => {
    const program = world(stopping(text13), ({ client }) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "api", { blackHole: true }, { oneWay: true })
        const exit = yield* Effect.exit(client.get("http://api/text"))
        return [reasonOf(exit), codeOf(exit), yield* now]
      })
    )
    always(program, ({ value: [reason, code, at] }) => {
      assert.deepStrictEqual([reason, code], ["TransportError", "ECONNRESET"])
      assert.isAtLeast(Number(at), 21_000)
      assert.isAtMost(Number(at), 21_010)
    })
  })
})
