import { assert, describe, it } from "@effect/vitest"
import { Failover, InvalidOptions, OutcomeUnknown } from "@holdfast/core"
import { Cause, Context, Effect, Exit, Layer, Logger, Scope, Stream } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { quiet } from "./nodes.ts"

/** Hosts that answer with a status, or refuse; what they were sent. */
class Hosts {
  readonly seen: Array<string> = []
  readonly answers: Record<string, number | "refuses" | "resets">

  constructor(answers: Record<string, number | "refuses" | "resets">) {
    this.answers = answers
  }

  readonly client = HttpClient.make((request, url) => {
    if (url.pathname.endsWith("/health")) {
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("ok")))
    }
    this.seen.push(`${request.method} ${url.host}${url.pathname}`)
    const answer = this.answers[url.host] ?? 404
    if (typeof answer === "number") {
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(url.host, { status: answer })))
    }
    const cause = Object.assign(new Error(answer), {
      code: answer === "refuses" ? "ECONNREFUSED" : "ECONNRESET",
      syscall: answer === "refuses" ? "connect" : "read"
    })
    const reason = new HttpClientError.TransportError({ request, cause })
    return Effect.fail(new HttpClientError.HttpClientError({ reason }))
  })

  get pool() {
    return Failover.make({
      label: "quotes",
      endpoints: Failover.endpoints(["https://one.example/v1/", "https://two.example/v1"], (url, id) =>
        Failover.endpoint(id, HttpClient.mapRequest(this.client, HttpClientRequest.prependUrl(url)))
      ),
      probe: (client) => client.get("/health"),
      classify: Failover.classifyHttp
    })
  }
}

const textOf = (response: HttpClientResponse.HttpClientResponse) => response.text

const ok = (hosts: Hosts) => Effect.map(hosts.pool, Failover.httpClient)

describe("Failover.httpClient", () => {
  it.effect("asks the next host when one tells of its own fault, or is not there", () =>
    Effect.gen(function* () {
      for (const answer of [500, 502, 503, 429, 408, "refuses", "resets"] as const) {
        const hosts = new Hosts({ "one.example": answer, "two.example": 200 })
        const client = yield* ok(hosts)
        assert.strictEqual(yield* Effect.flatMap(client.get("/quotes"), textOf), "two.example")
        assert.deepStrictEqual(hosts.seen, ["GET one.example/v1/quotes", "GET two.example/v1/quotes"])
      }
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("gives any other response as the answer, whoever is at fault", () =>
    Effect.gen(function* () {
      for (const status of [200, 202, 302, 400, 404, 409, 501]) {
        const hosts = new Hosts({ "one.example": status })
        const client = yield* ok(hosts)
        assert.strictEqual((yield* client.get("/quotes")).status, status)
        assert.deepStrictEqual(hosts.seen, ["GET one.example/v1/quotes"])
      }
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("sends nothing twice that may not be done twice", () =>
    Effect.gen(function* () {
      const hosts = new Hosts({ "one.example": 500, "two.example": 200 })
      const client = yield* ok(hosts)
      const error = yield* Effect.flip(client.post("/orders"))
      assert.instanceOf(error, OutcomeUnknown)
      const { cause } = error
      assert.isTrue(HttpClientError.isHttpClientError(cause) && cause.response?.status === 500)
      assert.deepStrictEqual(hosts.seen, ["POST one.example/v1/orders"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect(
    "sends it to the next host when nothing has happened, or when it says which operation it is",
    () =>
      Effect.gen(function* () {
        const refusing = new Hosts({ "one.example": "refuses", "two.example": 201 })
        const sent = yield* (yield* ok(refusing)).post("/orders")
        assert.strictEqual(sent.status, 201)
        const resetting = new Hosts({ "one.example": "resets", "two.example": 201 })
        const named = yield* (yield* ok(resetting)).post("/orders", { headers: { "Idempotency-Key": "1" } })
        assert.strictEqual(named.status, 201)
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("fails with what each host said when none has an answer", () =>
    Effect.gen(function* () {
      const client = yield* ok(new Hosts({ "one.example": "refuses", "two.example": 503 }))
      const error = yield* Effect.flip(client.get("/quotes"))
      if (error._tag !== "AllEndpointsFailed") return assert.fail(String(error))
      const [one, two] = error.failures.map(({ cause }) => cause && Cause.squash(cause))
      assert.isTrue(HttpClientError.isHttpClientError(one) && one.reason._tag === "TransportError")
      assert.isTrue(HttpClientError.isHttpClientError(two) && two.reason._tag === "StatusCodeError")
      assert.deepStrictEqual(
        error.failures.map(({ endpoint }) => endpoint),
        ["one.example", "two.example"]
      )
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("is a service whose errors are those of HTTP, ours being their cause", () =>
    Effect.gen(function* () {
      class Quotes extends Context.Service<Quotes, Failover.Failover<HttpClient.HttpClient>>()(
        "test/Quotes"
      ) {}
      const hosts = new Hosts({ "one.example": "refuses", "two.example": 503 })
      const live = Failover.layerHttpClient(Quotes).pipe(Layer.provide(Layer.effect(Quotes, hosts.pool)))
      const exit = yield* Effect.exit(Effect.provide(HttpClient.get("/quotes"), live))
      assert.isTrue(Exit.isFailure(exit))
      const error = yield* Effect.flip(Effect.provide(HttpClient.get("/quotes"), live))
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.instanceOf(error.cause, Failover.AllEndpointsFailed)
    }).pipe(Effect.provide(quiet))
  )
})

describe("Failover.httpClient and what is the caller's fault", () => {
  it.effect("a header that nobody can send is told before anybody is asked", () =>
    Effect.gen(function* () {
      const hosts = new Hosts({ "one.example": 200 })
      const client = yield* ok(hosts)
      for (const headers of [
        { "x-name": "Łukasz" },
        { "x-name": "two\nlines" },
        { "x-name": "\u0001" },
        { "x name": "spaced" }
      ]) {
        const error = yield* Effect.flip(client.get("/quotes", { headers }))
        assert.isTrue(HttpClientError.isHttpClientError(error) && error.reason._tag === "EncodeError")
      }
      assert.deepStrictEqual(hosts.seen, [])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("a header that is only unusual is sent, and that of a stream is its own", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const http = HttpClient.make((request) => {
        seen.push(request.headers["content-type"], request.headers["x-name"])
        return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("ok")))
      })
      const pool = yield* Failover.make({
        endpoints: [Failover.endpoint("a", http)],
        probe: () => Effect.void,
        classify: Failover.classifyHttp
      })
      const request = HttpClientRequest.put("https://a.example/").pipe(
        HttpClientRequest.bodyStream(Stream.succeed(new Uint8Array(1))),
        HttpClientRequest.setHeaders({ "content-type": "text/csv", "x-name": "caf\u00e9\t" })
      )
      yield* Failover.httpClient(pool).execute(request)
      assert.deepStrictEqual(seen, ["text/csv", "caf\u00e9\t"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("a status is that of the host, also where the body has failed by itself", () =>
    Effect.gen(function* () {
      const http = HttpClient.make((request, url) => {
        const { body } = request
        const status = url.host === "one.example" ? 500 : 200
        const read = body._tag === "Stream" ? Effect.ignore(Stream.runDrain(body.stream)) : Effect.void
        return Effect.as(read, HttpClientResponse.fromWeb(request, new Response(url.host, { status })))
      })
      const pool = yield* Failover.make({
        endpoints: Failover.endpoints(["https://one.example", "https://two.example"], (url, id) =>
          Failover.endpoint(id, HttpClient.mapRequest(http, HttpClientRequest.prependUrl(url)))
        ),
        probe: () => Effect.void,
        classify: Failover.classifyHttp
      })
      const request = HttpClientRequest.put("/files").pipe(
        HttpClientRequest.bodyStream(Stream.fail(new Error("disk")))
      )
      const response = yield* Failover.httpClient(pool).execute(request)
      assert.strictEqual(yield* response.text, "two.example")
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("an empty key names no operation", () =>
    Effect.gen(function* () {
      const client = yield* ok(new Hosts({ "one.example": "resets", "two.example": 201 }))
      const error = yield* Effect.flip(client.post("/orders", { headers: { "idempotency-key": " " } }))
      assert.instanceOf(error, OutcomeUnknown)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})

describe("AllEndpointsFailed", () => {
  it.effect("tells no URL, and what the system has said", () =>
    Effect.gen(function* () {
      const pool = yield* new Hosts({ "one.example": "refuses", "two.example": 503 }).pool
      const error = yield* Effect.flip(
        Failover.httpClient(pool).get("/secret", { urlParams: { key: "secret" } })
      )
      assert.strictEqual(
        error.message,
        '"quotes" got no answer, every endpoint has failed (one.example: TransportError (refuses); two.example: StatusCodeError 503)'
      )
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})

describe("what is said of HTTP errors", () => {
  it.effect("holds no URL, in the log neither, which tells of a death once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ cause, message }) => {
        lines.push(`${String(message)} ${cause.reasons.length}`)
      })
      let isUp = false
      const http = HttpClient.make((request) => {
        if (isUp) return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("ok")))
        const cause = new TypeError("fetch failed for https://user:secret@one.example/secret")
        const reason = new HttpClientError.TransportError({ request, cause })
        return Effect.fail(new HttpClientError.HttpClientError({ reason }))
      })
      const scope = yield* Scope.make()
      const pool = yield* Failover.make({
        label: "quotes",
        endpoints: [Failover.endpoint("one", http)],
        probe: (client) => client.get("https://one.example/secret"),
        classify: Failover.classifyHttp,
        jitter: "none"
      }).pipe(Scope.provide(scope), Effect.provide(Logger.layer([logger])))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Effect.flip(Failover.httpClient(pool).get("https://one.example/secret"))
      assert.notMatch(error.message, /secret/)
      isUp = true
      yield* TestClock.adjust("5 seconds")
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(lines, [
        '"quotes": one has failed: TransportError 0',
        '"quotes": one answers again 0'
      ])
    })
  )
})

describe("Failover.endpoints", () => {
  const idsOf = (urls: ReadonlyArray<string>) =>
    Failover.endpoints(urls, (url, id) => Failover.endpoint(id, url)).map(({ id }) => id)

  it("leaves out blanks and repetitions, and keeps the order", () => {
    const urls = [
      "  ",
      "https://B.example/",
      "https://a.example",
      "https://b.example",
      "",
      "https://a.example//"
    ]
    assert.deepStrictEqual(idsOf(urls), ["b.example", "a.example"])
  })

  it("tells no keys", () => {
    const ids = idsOf(["https://user:secret@a.example/key", "https://a.example/v3/other-key?x=1"])
    assert.deepStrictEqual(ids, ["a.example", "a.example#2"])
    try {
      idsOf(["https://a.example", "not a url with a secret"])
    } catch (error) {
      assert.instanceOf(error, InvalidOptions)
      assert.notMatch(error.message, /secret/)
      return
    }
    assert.fail("nothing was thrown")
  })

  it("gives the whole URL to the client", () => {
    const seen: Array<string> = []
    Failover.endpoints(["https://a.example/v3/key/"], (url, id) => Failover.endpoint(id, seen.push(url)))
    assert.deepStrictEqual(seen, ["https://a.example/v3/key"])
  })

  it("needs one", () => {
    assert.throws(() => idsOf([" ", ""]), /must have one URL at least/)
  })
})
