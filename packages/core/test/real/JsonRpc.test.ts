/** Calls over real sockets on the loopback interface, with each of the HTTP clients: every wait is for an event. */
import type { RequestListener } from "node:http"
import type { LookupFunction } from "node:net"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { JsonRpc } from "@holdfast/core"
import { Deferred, Effect, Fiber, Layer, Result, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { refusing, serve } from "../utils/servers.ts"

const clients = {
  fetch: FetchHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  "node:http": NodeHttpClient.layerNodeHttp
}

const methods = {
  getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
  submit: JsonRpc.method({
    params: Schema.Tuple([Schema.String]),
    result: Schema.Struct({ hash: Schema.String })
  })
}

const nodeAt = (url: string) =>
  Effect.map(HttpClient.HttpClient, (http) => JsonRpc.client(http, url, methods))

/** The verdict on a call that fails. */
const verdictOn = (url: string) =>
  Effect.gen(function* () {
    const node = yield* nodeAt(url)
    const error = yield* Effect.flip(node.submit(["tx"]))
    return { error, verdict: JsonRpc.classify(error)._tag }
  })

const bodyOf: (request: AsyncIterable<Buffer>) => Promise<string> = async (request) => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

interface Call {
  readonly id: number
  readonly method: string
}

const answer = ({ id, method }: Call) =>
  method === "getHealth"
    ? { jsonrpc: "2.0", id, result: "ok" }
    : { jsonrpc: "2.0", id, error: { code: -32002, message: "rejected" } }

/** Answers errors with 500, as many nodes do, and writes bodies in two pieces. */
const node: RequestListener = async (request, response) => {
  const body: Call | ReadonlyArray<Call> = JSON.parse(await bodyOf(request))
  const text = JSON.stringify("id" in body ? answer(body) : body.map(answer))
  response.writeHead("id" in body && body.method !== "getHealth" ? 500 : 200)
  response.write(text.slice(0, 10))
  response.end(text.slice(10))
}

describe("JsonRpc over loopback", () => {
  for (const name of ["fetch", "undici", "node:http"] as const) {
    describe(name, () => {
      const live = <E>(title: string, effect: Effect.Effect<void, E, HttpClient.HttpClient>) =>
        it.live(title, () => Effect.provide(effect, clients[name]))

      live(
        "calls, errors with 500, and batches",
        Effect.gen(function* () {
          const client = yield* nodeAt(`http://127.0.0.1:${yield* serve(node)}/`)
          assert.strictEqual(yield* client.getHealth(), "ok")
          const error = yield* Effect.flip(client.submit(["tx"]))
          assert.isTrue(error._tag === "JsonRpcError")
          assert.deepInclude(error, { code: -32002, message: "rejected", status: 500 })
          const [health, submitted] = yield* client.batch((call) => [call.getHealth(), call.submit(["tx"])])
          assert.deepStrictEqual(health, Result.succeed("ok"))
          assert.isTrue(Result.isFailure(submitted))
        }).pipe(Effect.scoped)
      )

      live(
        "a refused connection is the endpoint's fault",
        Effect.gen(function* () {
          const { verdict } = yield* verdictOn(`http://127.0.0.1:${yield* refusing}/`)
          assert.strictEqual(verdict, "EndpointFault")
        })
      )

      live(
        "a connection that is destroyed after the request was read says nothing",
        Effect.gen(function* () {
          let read = ""
          const port = yield* serve(async (request) => {
            read = await bodyOf(request)
            request.socket.destroy()
          })
          const { error, verdict } = yield* verdictOn(`http://127.0.0.1:${port}/`)
          assert.isTrue(error._tag === "HttpClientError" && error.reason._tag === "TransportError")
          assert.include(read, "submit")
          assert.strictEqual(verdict, "Unknown")
        }).pipe(Effect.scoped)
      )

      live(
        "a body that breaks off says nothing",
        Effect.gen(function* () {
          const port = yield* serve((request, response) => {
            response.writeHead(200, { "content-length": 100 })
            response.write("{", () => request.socket.destroy())
          })
          const { error, verdict } = yield* verdictOn(`http://127.0.0.1:${port}/`)
          assert.isTrue(error._tag === "HttpClientError" && error.reason._tag === "DecodeError")
          assert.strictEqual(verdict, "Unknown")
        }).pipe(Effect.scoped)
      )

      for (const [where, begin] of [
        ["before it answers", () => undefined],
        [
          "within its answer",
          (response: Parameters<RequestListener>[1]) => response.writeHead(200).write("{")
        ]
      ] as const) {
        live(
          `a node that hangs ${where} is left when its caller is interrupted, and the connection is closed`,
          Effect.gen(function* () {
            const asked = yield* Deferred.make<void>()
            const left = yield* Deferred.make<void>()
            const port = yield* serve((request, response) => {
              request.socket.once("close", () => Deferred.doneUnsafe(left, Effect.void))
              begin(response)
              Deferred.doneUnsafe(asked, Effect.void)
            })
            const client = yield* nodeAt(`http://127.0.0.1:${port}/`)
            const call = yield* Effect.forkChild(client.submit(["tx"]))
            yield* Deferred.await(asked)
            yield* Fiber.interrupt(call)
            yield* Deferred.await(left)
          }).pipe(Effect.scoped)
        )
      }

      live(
        "an answer without end is cut off at maxBytes, and the connection is closed",
        Effect.gen(function* () {
          const left = yield* Deferred.make<void>()
          const port = yield* serve((request, response) => {
            request.socket.once("close", () => Deferred.doneUnsafe(left, Effect.void))
            const more = () => response.write(" ".repeat(10_000), (error) => error ?? more())
            more()
          })
          const http = yield* HttpClient.HttpClient
          const client = JsonRpc.client(http, `http://127.0.0.1:${port}/`, methods, { maxBytes: 100_000 })
          const error = yield* Effect.flip(client.getHealth())
          assert.isTrue(error._tag === "JsonRpcProtocolError" && error.reason === "TooLarge")
          yield* Deferred.await(left)
        }).pipe(Effect.scoped)
      )
    })
  }

  /** Two addresses that nobody listens on, tried one after the other. */
  const lookup: LookupFunction = (_host, _options, callback) =>
    callback(null, [
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.2", family: 4 }
    ])
  for (const [name, layer] of [
    [
      "undici",
      NodeHttpClient.layerUndiciNoDispatcher.pipe(
        Layer.provide(NodeHttpClient.layerDispatcherOptions({ connect: { lookup } }))
      )
    ],
    ["node:http", NodeHttpClient.layerNodeHttpOptions({ lookup })]
  ] as const) {
    it.live(`a name whose addresses all refuse is the endpoint's fault, with ${name}`, () =>
      Effect.gen(function* () {
        const { error, verdict } = yield* verdictOn(`http://node.example:${yield* refusing}/`)
        assert.isTrue(error.cause instanceof AggregateError)
        assert.strictEqual(verdict, "EndpointFault")
      }).pipe(Effect.provide(layer))
    )
  }

  it.live("undici's time-out for connecting is the endpoint's fault", () =>
    Effect.gen(function* () {
      const { error, verdict } = yield* verdictOn("http://node.example/")
      assert.include(String(error.cause), "Connect Timeout")
      assert.strictEqual(verdict, "EndpointFault")
    }).pipe(
      Effect.provide(
        NodeHttpClient.layerUndiciNoDispatcher.pipe(
          // A resolver that never answers.
          Layer.provide(
            NodeHttpClient.layerDispatcherOptions({ connect: { timeout: 50, lookup: () => undefined } })
          )
        )
      )
    )
  )
})
