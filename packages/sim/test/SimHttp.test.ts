import { assert, describe, it } from "@effect/vitest"
import { ByteSize, Effect, Layer, Option, Schema, Stream } from "effect"
import {
  Cookies,
  HttpClientRequest,
  HttpClientResponse,
  HttpIncomingMessage,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse,
  UrlParams
} from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as SimHttp from "../src/SimHttp.ts"
import { always, endOf, serving, text, world } from "./http/world.ts"
import { bytes, now, simulate } from "./network/simulate.ts"

const Person = Schema.Struct({ name: Schema.String, born: Schema.Date })

const ada = { name: "Ada", born: new Date(0) }

const greeting = Effect.map(HttpRouter.params, ({ name }) => HttpServerResponse.text(`hello ${name}`))

describe("SimHttp", { timeout: 60_000 }, () => {
  // The first of the file: what is built on first use would be there already.
  it("SIM-1 the first run of a process has the hash of every later one", () => {
    const routes = HttpRouter.add("GET", "/hello/:name", greeting)
    const program = world(serving(routes), ({ client }) => text(client, "http://api/hello/you"))
    const [first, ...later] = [7, 7, 7].map((seed) => simulate(program, { seed }).hash)
    for (const hash of later) assert.strictEqual(hash, first)
  })

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
          broken: (yield* client.get("https://api:80/broken")).status
        }
      })
    )
    always(program, ({ value }) => {
      const search = { q: ["a b", "c"], n: "1" }
      assert.deepStrictEqual(value, { hello: "hello Ada L", search, missing: 404, broken: 500 })
    })
  })

  it("bodies go both ways as JSON, text, bytes, URL parameters and by a schema", () => {
    const routes = Layer.mergeAll(
      HttpRouter.add("POST", "/json", (request) =>
        Effect.map(Effect.andThen(request.text, request.json), (body) =>
          HttpServerResponse.jsonUnsafe([body])
        )
      ),
      HttpRouter.add("PUT", "/text", (request) =>
        Effect.map(request.text, (body) => HttpServerResponse.text(`«${body}»`))
      ),
      HttpRouter.add("POST", "/bytes", (request) =>
        Effect.map(request.arrayBuffer, (body) =>
          HttpServerResponse.uint8Array(new Uint8Array(body).reverse())
        )
      ),
      HttpRouter.add("POST", "/form", (request) =>
        Effect.map(request.urlParamsBody, (body) =>
          HttpServerResponse.urlParams([["was", UrlParams.toString(body)]])
        )
      ),
      HttpRouter.add(
        "POST",
        "/person",
        Effect.flatMap(HttpServerRequest.schemaBodyJson(Person), ({ born, name }) =>
          HttpServerResponse.schemaJson(Person)({ born, name: name.toUpperCase() })
        )
      )
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const post = (path: string) => HttpClientRequest.post(`http://api${path}`)
        const json = yield* client.execute(HttpClientRequest.bodyJsonUnsafe(post("/json"), { a: 1 }))
        const put = yield* client.execute(
          HttpClientRequest.bodyText(HttpClientRequest.put("http://api/text"), "é")
        )
        const sent = yield* client.execute(HttpClientRequest.bodyUint8Array(post("/bytes"), bytes("abc")))
        const form = yield* client.execute(HttpClientRequest.bodyText(post("/form"), "?q=a+b"))
        const person = yield* HttpClientRequest.schemaBodyJson(Person)(post("/person"), ada).pipe(
          Effect.flatMap(client.execute),
          Effect.flatMap(HttpClientResponse.schemaBodyJson(Person))
        )
        return {
          json: yield* json.json,
          text: yield* put.text,
          bytes: new TextDecoder().decode(yield* sent.arrayBuffer),
          form: UrlParams.getFirst(yield* form.urlParamsBody, "was"),
          person,
          again: [yield* json.text, yield* json.json]
        }
      })
    )
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, {
        json: [{ a: 1 }],
        text: "«é»",
        bytes: "cba",
        form: Option.some("%3Fq=a+b"),
        person: { name: "ADA", born: ada.born },
        again: ['[{"a":1}]', [{ a: 1 }]]
      })
    })
  })

  it("heads arrive whole: headers, cookies, the host, who asks; HEAD and 204 have no body", () => {
    const routes = Layer.mergeAll(
      HttpRouter.add("GET", "/cookies", (request) =>
        HttpServerResponse.text(`${request.cookies.session} ${request.headers["x-a"]}`, {
          headers: { "X-B": "2", "set-cookie": "three=3" }
        }).pipe(
          HttpServerResponse.setCookieUnsafe("one", "1", { path: "/" }),
          HttpServerResponse.setCookieUnsafe("two", "2"),
          Effect.succeed
        )
      ),
      HttpRouter.add("GET", "/me", (request) =>
        Effect.succeed(
          HttpServerResponse.jsonUnsafe({
            host: request.headers.host,
            from: Option.getOrNull(request.remoteAddress),
            url: request.url,
            original: request.originalUrl
          })
        )
      ),
      HttpRouter.add("DELETE", "/gone", Effect.succeed(HttpServerResponse.text("gone", { status: 204 })))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const headers = { cookie: "session=s1", "X-A": "1" }
        const cookies = yield* client.get("http://api/cookies?x=1#part", { headers })
        const head = yield* client.head("http://api/cookies", { headers })
        const gone = yield* client.del("http://api/gone")
        return {
          text: yield* cookies.text,
          cookies: Object.keys(cookies.cookies.cookies),
          url: cookies.url,
          path: Option.getOrThrow(Cookies.get(cookies.cookies, "one")).options?.path,
          header: cookies.headers["x-b"],
          me: yield* Effect.flatMap(client.get("http://api:80/me?x=1#part"), (response) => response.json),
          head: [head.status, head.headers["content-length"], yield* head.text],
          gone: [gone.status, gone.headers["content-length"], yield* gone.text]
        }
      })
    )
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, {
        text: "s1 1",
        cookies: ["one", "two", "three"],
        url: "http://api/cookies?x=1",
        path: "/",
        header: "2",
        me: { host: "api", from: "10.0.0.1", url: "/me?x=1", original: "http://api/me?x=1" },
        head: [200, "4", ""],
        gone: [204, undefined, ""]
      })
    })
  })

  it("SIM-4 an HttpApi and its client run unchanged, with declared errors and path parameters", () => {
    class NotHere extends Schema.TaggedError<NotHere>()(
      "NotHere",
      { id: Schema.Finite },
      { httpApiStatus: 404 }
    ) {}
    const Api = HttpApi.make("people").add(
      HttpApiGroup.make("people").add(
        HttpApiEndpoint.get("find", "/people/:id", {
          params: { id: Schema.FiniteFromString },
          success: Person,
          error: NotHere
        }),
        HttpApiEndpoint.post("create", "/people", { payload: Person, success: Schema.Finite })
      )
    )
    const Handlers = HttpApiBuilder.group(Api, "people", (handlers) =>
      handlers
        .handle("find", ({ params: { id } }) =>
          id === 1 ? Effect.succeed(ada) : Effect.fail(new NotHere({ id }))
        )
        .handle("create", ({ payload }) => Effect.succeed(payload.name.length))
    )
    const server = HttpRouter.serve(Layer.provide(HttpApiBuilder.layer(Api), Handlers), {
      disableLogger: true,
      disableListenLog: true
    }).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const program = world(server, ({ client }) =>
      Effect.gen(function* () {
        const { people } = yield* HttpApiClient.makeWith(Api, { httpClient: client, baseUrl: "http://api" })
        return [
          yield* people.find({ params: { id: 1 } }),
          yield* people.create({ payload: ada }),
          yield* Effect.flip(people.find({ params: { id: 2 } }))
        ]
      })
    )
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, [ada, 3, new NotHere({ id: 2 })])
    })
  })

  it("a time-out in a middleware answers 504, and interrupts the handler", () => {
    const ends: Array<string> = []
    const deadline = HttpRouter.middleware(
      (handler) =>
        Effect.timeoutOrElse(handler, {
          duration: "50 millis",
          orElse: () => Effect.succeed(HttpServerResponse.empty({ status: 504 }))
        }),
      { global: true }
    )
    const slow = Effect.onExit(Effect.never, (exit) => Effect.sync(() => ends.push(endOf(exit))))
    const routes = Layer.mergeAll(
      HttpRouter.add("GET", "/slow", slow),
      HttpRouter.add("GET", "/hello/:name", greeting),
      deadline
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.all([
        Effect.map(client.get("http://api/slow"), ({ status }) => status),
        text(client, "http://api/hello/you"),
        now,
        Effect.sync(() => ends.splice(0))
      ])
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [504, "hello you", 58, ["Interrupt"]]))
  })

  it("bodies stream both ways at the same time, each piece when it comes", () => {
    const routes = HttpRouter.add("POST", "/shout", (request) =>
      Effect.succeed(
        HttpServerResponse.stream(
          request.stream.pipe(
            Stream.decodeText,
            Stream.flatMap((piece) => Stream.concat(Stream.succeed(""), Stream.succeed(piece.toUpperCase()))),
            Stream.encodeText
          )
        )
      )
    )
    const spoken = Stream.fromIterable(["a", "b", "c"]).pipe(
      Stream.mapEffect((word) => Effect.as(Effect.sleep("100 millis"), word)),
      Stream.encodeText
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const response = yield* client.execute(
          HttpClientRequest.bodyStream(HttpClientRequest.post("http://api/shout"), spoken)
        )
        return yield* response.stream.pipe(
          Stream.decodeText,
          Stream.mapEffect((piece) => Effect.map(now, (at) => `${piece} ${at}`)),
          Stream.runCollect
        )
      })
    )
    always(program, ({ value }) => {
      assert.deepStrictEqual(value, ["A 104", "B 204", "C 304"])
    })
  })

  it("a body of a megabyte passes a window of 64 KiB in both directions", () => {
    const size = 1_048_576
    const routes = HttpRouter.add("POST", "/echo", (request) =>
      Effect.map(request.arrayBuffer, (body) => HttpServerResponse.uint8Array(new Uint8Array(body)))
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.gen(function* () {
        const body = Uint8Array.from({ length: size }, (_, index) => index % 251)
        const response = yield* client.execute(
          HttpClientRequest.bodyUint8Array(HttpClientRequest.post("http://api/echo"), body)
        )
        return Buffer.compare(body, new Uint8Array(yield* response.arrayBuffer))
      })
    )
    for (const seed of [undefined, 1, 2, 3, 4, 5]) assert.strictEqual(simulate(program, { seed }).value, 0)
  })

  it("a body that is longer than MaxBodySize is answered with 413", () => {
    const routes = HttpRouter.add("POST", "/", (request) =>
      Effect.as(request.text, HttpServerResponse.empty()).pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(4))
      )
    )
    const program = world(serving(routes), ({ client }) =>
      Effect.forEach(["1234", "12345"], (body) =>
        Effect.map(
          client.execute(HttpClientRequest.bodyText(HttpClientRequest.post("http://api/"), body)),
          ({ status }) => status
        )
      )
    )
    always(program, ({ value }) => assert.deepStrictEqual(value, [204, 413]))
  })
})
