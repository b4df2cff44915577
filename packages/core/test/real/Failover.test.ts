/** A pool of hosts over real sockets on the loopback interface: every wait is for an event. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Failover, OutcomeUnknown } from "@holdfast/core"
import { Cause, Deferred, Effect, Exit, Logger, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { refusing, serve } from "../utils/servers.ts"

const clients = {
  fetch: FetchHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  "node:http": NodeHttpClient.layerNodeHttp
}

/** What a host does with a request that is no probe. */
type Does = (request: IncomingMessage, response: ServerResponse) => void

/** A host whose health is fine; it notes what it is asked. */
const host = (seen: Array<string>, does: Does) =>
  serve((request, response) => {
    if (request.url === "/health") return response.end("ok")
    seen.push(`${request.method} ${request.url}`)
    request.resume().on("end", () => does(request, response))
    return undefined
  })

const says =
  (text: string): Does =>
  (_, response) =>
    response.end(text)

const breaks: Does = (request) => request.socket.destroy()

const poolOf = (
  ports: ReadonlyArray<number>,
  options: Partial<Failover.Options<HttpClient.HttpClient>> = {}
) =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    return yield* Failover.make({
      endpoints: Failover.endpoints(
        ports.map((port) => `http://127.0.0.1:${port}`),
        (url, id) => Failover.endpoint(id, HttpClient.mapRequest(http, HttpClientRequest.prependUrl(url)))
      ),
      probe: (client) => client.get("/health"),
      classify: Failover.classifyHttp,
      failback: "never",
      ...options
    })
  })

const textOf = <E>(client: HttpClient.HttpClient.With<E>, path: string) =>
  Effect.flatMap(client.get(path), (response) => response.text)

for (const [name, layer] of Object.entries(clients)) {
  describe(`Failover over ${name}`, () => {
    it.live("a submission goes on at the next host when nobody listens at the first", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const pool = yield* poolOf([yield* refusing, yield* host(seen, says("second"))])
        const response = yield* Failover.httpClient(pool).post("/orders")
        assert.strictEqual(yield* response.text, "second")
        assert.deepStrictEqual(seen, ["POST /orders"])
        const change = yield* pool.changes.pipe(
          Stream.filter(({ reason }) => reason === "Failed"),
          Stream.runHead
        )
        assert.strictEqual(change._tag, "Some")
      }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )

    it.live("a submission whose connection breaks is not sent again, a question is", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const pool = yield* poolOf([yield* host(seen, breaks), yield* host(seen, says("second"))], {
          feed: "probes"
        })
        const client = Failover.httpClient(pool)
        assert.instanceOf(yield* Effect.flip(client.post("/orders")), OutcomeUnknown)
        assert.deepStrictEqual(seen, ["POST /orders"])
        assert.strictEqual(yield* textOf(client, "/quotes"), "second")
        assert.deepStrictEqual(seen, ["POST /orders", "GET /quotes", "GET /quotes"])
      }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )

    it.live(
      "a submission that is redirected to where nobody listens, or is turned away, is not sent again",
      () =>
        Effect.gen(function* () {
          const gone = yield* refusing
          const busy = yield* host([], (_, response) => response.writeHead(429).end())
          for (const port of [gone, busy]) {
            const seen: Array<string> = []
            const first = yield* host(seen, (_, response) =>
              response.writeHead(303, { location: `http://127.0.0.1:${port}/` }).end()
            )
            const pool = yield* poolOf([first, yield* host(seen, says("second"))])
            const exit = yield* Effect.exit(Failover.httpClient(pool).post("/orders"))
            assert.deepStrictEqual(seen, ["POST /orders"])
            // Clients that follow no redirects give it as the answer.
            if (Exit.isSuccess(exit)) assert.strictEqual(exit.value.status, 303)
            else assert.instanceOf(Cause.squash(exit.cause), OutcomeUnknown)
          }
        }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )

    it.live(
      "an upload that its host breaks off has an unknown outcome, and goes on if it may be done twice",
      () =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          // It reads a little, and closes: no fault of the stream.
          const rude = yield* serve((request, response) => {
            if (request.url === "/health") return response.end("ok")
            seen.push(`${request.method} ${request.url}`)
            return request.once("data", () => request.socket.destroy())
          })
          // It answers before it has read everything.
          const quick = yield* serve((request, response) => {
            if (request.url !== "/health") seen.push(`${request.method} ${request.url}`)
            response.end("second")
          })
          const pool = yield* poolOf([rude, quick], { feed: "probes" })
          const client = Failover.httpClient(pool)
          // It is under way when the connection ends.
          const body = Stream.concat(Stream.succeed(new Uint8Array(65_536)), Stream.never)
          const upload = (request: HttpClientRequest.HttpClientRequest) =>
            client.execute(HttpClientRequest.bodyStream(request, body, { contentType: "text/csv" }))
          assert.instanceOf(yield* Effect.flip(upload(HttpClientRequest.post("/files"))), OutcomeUnknown)
          const response = yield* upload(HttpClientRequest.put("/files"))
          assert.strictEqual(yield* response.text, "second")
          assert.deepStrictEqual(seen, ["POST /files", "PUT /files", "PUT /files"])
        }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )

    it.live("a body that fails is the caller's fault, and one that has begun is not sent again", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const pool = yield* poolOf([yield* host(seen, says("first")), yield* host(seen, says("second"))])
        const refused = Object.assign(new Error("source"), { code: "ECONNREFUSED", syscall: "connect" })
        const body = Stream.concat(Stream.succeed(new Uint8Array(5)), Stream.fail(refused))
        const request = HttpClientRequest.post("/orders").pipe(HttpClientRequest.bodyStream(body))
        const error = yield* Effect.flip(Failover.httpClient(pool).execute(request))
        assert.notStrictEqual(error._tag, "AllEndpointsFailed")
        assert.isAtMost(seen.length, 1)
        const states = (yield* pool.status).map(({ health }) => health)
        assert.notInclude(states, "Failed")
      }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )

    it.live("the body of a hedge that wins is read in whole, and the connection of the loser is closed", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const left = yield* Deferred.make<string>()
        let isSlow = false
        const first = yield* host(seen, (request, response) => {
          if (!isSlow) return response.end("first")
          // It never answers: only its client can end this.
          return request.socket.once("close", () => Effect.runSync(Deferred.succeed(left, "left")))
        })
        const long = "second ".repeat(100_000)
        const second = yield* host(seen, (_, response) => {
          response.write(long.slice(0, 1000))
          setImmediate(() => response.end(long.slice(1000)))
        })
        const pool = yield* poolOf([first, second], { hedge: { budget: 1 } })
        const client = Failover.httpClient(pool)
        for (let n = 0; n < 16; n++) assert.strictEqual(yield* textOf(client, `/${n}`), "first")
        isSlow = true
        assert.strictEqual(yield* textOf(client, "/quotes"), long)
        assert.strictEqual(yield* Deferred.await(left), "left")
      }).pipe(Effect.scoped, Effect.provide([layer, Logger.layer([])]))
    )
  })
}
