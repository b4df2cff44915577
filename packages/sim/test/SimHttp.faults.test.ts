import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Stream } from "effect"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import * as SimHttp from "../src/SimHttp.ts"
import { always, codeOf, endOf, reasonOf, serving, text, world } from "./http/world.ts"
import { bytes, now, timed } from "./network/simulate.ts"

const seeds = 300

const hello = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("hello")))

/** Two pieces, a second apart. */
const slowBody = Stream.concat(
  Stream.succeed(bytes("first ")),
  Stream.fromEffect(Effect.as(Effect.sleep("1 second"), bytes("second")))
)

const slow = HttpRouter.add("GET", "/slow", Effect.succeed(HttpServerResponse.stream(slowBody)))

describe("SimHttp under faults", { timeout: 60_000 }, () => {
  it("where nothing listens, a request is refused after a round trip; where nobody is, the name is unknown", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("idle")
      const client = yield* HttpClient.HttpClient
      const [refusedAt, refused] = yield* timed(client.get("http://idle/"))
      const [unknownAt, unknown] = yield* timed(client.get("http://nowhere/"))
      return [refusedAt, reasonOf(refused), codeOf(refused), unknownAt, reasonOf(unknown), codeOf(unknown)]
    }).pipe(Effect.provide(SimHttp.layerClient))
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, [2, "TransportError", "ECONNREFUSED", 2, "TransportError", "ENOTFOUND"])
    })
  })

  it("a partition is silence, and what was sent arrives when it heals", () => {
    const program = world(serving(hello), ({ client }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("1 millis")
        yield* Network.partition("main", "api")
        const silent = yield* Effect.timeoutOption(client.get("http://api/"), "10 seconds")
        const fiber = yield* Effect.forkChild(text(client, "http://api/"))
        yield* Effect.sleep("5 seconds")
        yield* Network.heal("main", "api")
        return [Option.isNone(silent), yield* Fiber.join(fiber)]
      })
    )
    always(
      program,
      ({ faults, value }) => {
        assert.deepStrictEqual(value, [true, "hello"])
        assert.isAbove(faults.get("partition") ?? 0, 0)
      },
      seeds
    )
  })

  it("a reset before the head is a TransportError, one in the body a DecodeError", () => {
    const hang = HttpRouter.add("GET", "/hang", Effect.never)
    const program = world(serving(Layer.mergeAll(slow, hang)), ({ client }) =>
      Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(Effect.exit(client.get("http://api/hang")))
        yield* Effect.sleep("100 millis")
        yield* Network.reset("main", "api")
        const before = yield* Fiber.join(waiting)
        const reading = yield* Effect.forkChild(Effect.exit(text(client, "http://api/slow")))
        yield* Effect.sleep("100 millis")
        yield* Network.reset("main", "api")
        const within = yield* Fiber.join(reading)
        return [reasonOf(before), codeOf(before), reasonOf(within), codeOf(within)]
      })
    )
    always(
      program,
      ({ value }) => {
        assert.deepStrictEqual(value, ["TransportError", "ECONNRESET", "DecodeError", "ECONNRESET"])
      },
      seeds
    )
  })

  it("a connection that is cut after some bytes breaks the body there", () => {
    const long = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("x".repeat(50_000))))
    const program = world(serving(long), ({ client }) =>
      Effect.gen(function* () {
        yield* Network.setLink("api", "main", { resetAfter: 20_000 }, { oneWay: true })
        const response = yield* client.get("http://api/")
        return [response.status, reasonOf(yield* Effect.exit(response.text))]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [200, "DecodeError"]))
  })

  it("a server that crashes in the middle of a body falls silent; its next life answers", () => {
    const program = world(serving(Layer.mergeAll(hello, slow)), ({ api, client }) =>
      Effect.gen(function* () {
        const response = yield* client.get("http://api/slow")
        const read = yield* Effect.forkChild(Effect.timeoutOption(response.text, "1 minute"))
        yield* Effect.sleep("100 millis")
        yield* api.crash
        const down = yield* Effect.timeoutOption(client.get("http://api/"), "10 seconds")
        yield* api.restart
        yield* Effect.sleep("1 second")
        return [
          Option.isNone(down),
          yield* text(client, "http://api/"),
          Option.isNone(yield* Fiber.join(read))
        ]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [true, "hello", true]), seeds)
  })

  it("an upload to a server that was restarted meanwhile is reset", () => {
    const upload = HttpRouter.add("POST", "/", (request) =>
      Effect.as(Effect.orDie(request.text), HttpServerResponse.empty())
    )
    const pieces = Stream.tick("100 millis").pipe(Stream.map(() => bytes("piece")))
    const program = world(serving(upload), ({ api, client }) =>
      Effect.gen(function* () {
        const request = HttpClientRequest.bodyStream(HttpClientRequest.post("http://api/"), pieces)
        const sending = yield* Effect.forkChild(Effect.exit(client.execute(request)))
        yield* Effect.sleep("1 second")
        yield* api.restart
        const exit = yield* Fiber.join(sending)
        return [reasonOf(exit), codeOf(exit)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["TransportError", "ECONNRESET"]), seeds)
  })

  it("a paused server answers when it goes on", () => {
    const program = world(serving(hello), ({ api, client }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("1 millis")
        yield* api.pause
        const asked = yield* Effect.forkChild(text(client, "http://api/"))
        yield* Effect.sleep("3 seconds")
        yield* api.resume
        return [yield* Fiber.join(asked), yield* now]
      })
    )
    always(
      program,
      ({ value: [answer, at] }) => {
        assert.strictEqual(answer, "hello")
        assert.isAtLeast(Number(at), 3001)
        assert.isAtMost(Number(at), 3010)
      },
      seeds
    )
  })

  it("a client that crashes leaves its handler running: nobody tells the server", () => {
    const ends: Array<string> = []
    const work = HttpRouter.add(
      "GET",
      "/",
      Effect.as(Effect.sleep("1 minute"), HttpServerResponse.text("done")).pipe(
        Effect.onExit((exit) => Effect.sync(() => ends.push(endOf(exit))))
      )
    )
    const program = Effect.gen(function* () {
      yield* Host.make("api", serving(work))
      const asking = Effect.flatMap(HttpClient.HttpClient, (client) => text(client, "http://api/"))
      const caller = yield* Host.make("caller", Effect.provide(asking, SimHttp.layerClient))
      yield* Effect.sleep("1 second")
      yield* caller.crash
      yield* Effect.sleep("2 minutes")
      return ends.splice(0)
    })
    always(program, ({ value }) => assert.deepStrictEqual(value, ["Success"]))
  })

  it("on a slow and crumbling network everything still arrives, later", () => {
    const routes = HttpRouter.add("POST", "/", (request) =>
      Effect.map(Effect.orDie(request.text), (body) => HttpServerResponse.text(body.toUpperCase()))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "api", {
          drip: { bytes: 7, every: "3 millis" },
          latency: { min: "1 millis", max: "50 millis" },
          readAtMost: 3
        })
        const response = yield* client.execute(
          HttpClientRequest.bodyText(HttpClientRequest.post("http://api/"), "abc".repeat(20))
        )
        return yield* response.text
      })
    )
    always(
      program,
      ({ faults, value, virtualMillis }) => {
        assert.strictEqual(value, "ABC".repeat(20))
        assert.isAbove(virtualMillis, 150)
        for (const fault of ["drip", "partialRead"]) assert.isAbove(faults.get(fault) ?? 0, 0)
      },
      seeds
    )
  })

  it("bytes of a body are read as they drip in, not when their piece is whole", () => {
    const routes = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("x".repeat(100))))
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        yield* Network.setLink("api", "main", { drip: { bytes: 10, every: "1 second" } }, { oneWay: true })
        const response = yield* client.get("http://api/")
        const headAt = yield* now
        const pieces = yield* Stream.runCollect(response.stream)
        return { headAt, pieces: pieces.length, sizes: pieces.reduce((sum, { length }) => sum + length, 0) }
      })
    )
    always(program, ({ value: { pieces, sizes }, virtualMillis }) => {
      assert.strictEqual(sizes, 100)
      assert.isAtLeast(pieces, 10)
      assert.isAtLeast(virtualMillis, 10_000)
    })
  })
})

describe("SimHttp: servers that fail", { timeout: 60_000 }, () => {
  it("a body that breaks after its first bytes is a DecodeError, before them a TransportError", () => {
    const broken = Stream.fail("out of paper")
    const routes = Layer.mergeAll(
      HttpRouter.add(
        "GET",
        "/late",
        Effect.succeed(HttpServerResponse.stream(Stream.concat(slowBody, broken)))
      ),
      HttpRouter.add("GET", "/soon", Effect.succeed(HttpServerResponse.stream(broken)))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const late = yield* client.get("http://api/late")
        const within = yield* Effect.exit(late.text)
        const before = yield* Effect.exit(client.get("http://api/soon"))
        return [reasonOf(within), reasonOf(before)]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["DecodeError", "TransportError"]))
  })

  it("so is a body that is longer or shorter than it says", () => {
    const saying = (contentLength: number) =>
      Effect.succeed(HttpServerResponse.stream(slowBody, { contentLength }))
    const routes = Layer.mergeAll(
      HttpRouter.add("GET", "/short", saying(13)),
      HttpRouter.add("GET", "/right", saying(12)),
      HttpRouter.add("GET", "/long", saying(11))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.forEach(["short", "right", "long"], (path) =>
        Effect.map(Effect.exit(text(client, `http://api/${path}`)), reasonOf)
      )
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["DecodeError", "Success", "DecodeError"]))
  })

  it("a server that shuts down lets requests end that have begun, and refuses new ones", () => {
    const work = HttpRouter.add(
      "GET",
      "/",
      Effect.as(Effect.sleep("5 seconds"), HttpServerResponse.text("done"))
    )
    const server = Effect.timeoutOption(serving(work), "1 second")
    const program = world(server, ({ api, client }) =>
      Effect.gen(function* () {
        const begun = yield* Effect.forkChild(text(client, "http://api/"))
        yield* Effect.sleep("2 seconds")
        const refused = yield* Effect.exit(client.get("http://api/"))
        const answer = yield* Fiber.join(begun)
        const { _tag } = yield* api.exited
        return [codeOf(refused), answer, _tag]
      })
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, ["ECONNREFUSED", "done", "Exited"]))
  })

  it("what takes longer than the graceful shutdown is answered with 503", () => {
    const hang = HttpRouter.add("GET", "/", Effect.never)
    const program = world(Effect.timeoutOption(serving(hang), "1 second"), ({ client }) =>
      Effect.all([Effect.map(client.get("http://api/"), ({ status }) => status), now])
    )
    always(program, ({ value: [status, at] }) => {
      assert.strictEqual(status, 503)
      assert.isAtLeast(at, 21_000)
      assert.isAtMost(at, 21_010)
    })
  })

  it("a port can be used once; port 0 is any that is free, and a test client finds it", () => {
    const app = HttpServer.serve(Effect.succeed(HttpServerResponse.text("here")))
    const twice = Effect.scoped(
      Effect.andThen(
        Layer.build(Layer.fresh(SimHttp.layerServer({ port: 80 }))),
        Effect.exit(Layer.build(Layer.fresh(SimHttp.layerServer({ port: 80 }))))
      )
    )
    const anywhere = Effect.flatMap(HttpClient.HttpClient, (client) => text(client, "/")).pipe(
      Effect.provide(
        Layer.merge(HttpServer.layerTestClient, app).pipe(
          Layer.provide(SimHttp.layerServer({ port: 0 })),
          Layer.provide(SimHttp.layerClient)
        )
      )
    )
    const program = Effect.all([twice, anywhere])
    always(program, ({ value: [second, found] }) => {
      assert.isTrue(Exit.isFailure(second))
      assert.strictEqual(found, "here")
    })
  })
})
