import { assert, describe, it } from "@effect/vitest"
import { JsonRpc } from "@holdfast/core"
import { Effect, Fiber, Option, Result, Schema } from "effect"
import {
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  HttpClientResponse,
  HttpServerRequest
} from "effect/http"
import * as fc from "fast-check"
import { problemOf } from "./utils/problem.ts"

const url = "https://node.example/rpc"

const methods = {
  getHealth: JsonRpc.method({ result: Schema.Literal("ok") }),
  getBalance: JsonRpc.method({ params: Schema.Tuple([Schema.String]), result: Schema.Number }),
  submit: JsonRpc.method({
    name: "tx.submit",
    params: Schema.Struct({ blob: Schema.String, until: Schema.optionalKey(Schema.Date) }),
    result: Schema.Struct({ hash: Schema.String })
  }),
  trace: JsonRpc.method({ params: Schema.Array(Schema.Unknown), result: Schema.Unknown })
}

interface Request {
  readonly jsonrpc: string
  readonly id: number
  readonly method: string
  readonly params?: unknown
}

type Body = Request | ReadonlyArray<Request>

/** What a node answers: a value for the body, or a text, with 200 or another status. */
interface Reply {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
}

/** A client of a node that answers in the same fiber, and the bodies that the node has seen. */
const nodeOf = (answer: (body: Body) => Reply, options?: { readonly maxBytes?: number }) => {
  const bodies: Array<Body> = []
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const http = HttpClient.make((request) =>
    Effect.map(Effect.orDie(HttpServerRequest.fromClientRequest(request).text), (text) => {
      const body: Body = JSON.parse(text)
      bodies.push(body)
      requests.push(request)
      const { headers = {}, json, status = 200, text: raw } = answer(body)
      return HttpClientResponse.fromWeb(
        request,
        new Response(raw ?? (json === undefined ? null : JSON.stringify(json)), { status, headers })
      )
    })
  )
  return { client: JsonRpc.client(http, url, methods, options), bodies, requests }
}

const idOf = (body: Body): number => ("id" in body ? body.id : (body[0]?.id ?? 0))

const single = (make: (id: number) => Reply, options?: { readonly maxBytes?: number }) =>
  nodeOf((body) => make(idOf(body)), options).client

const result = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", id, result })

const refusal = (id: unknown, code: unknown = -32602, rest: object = { message: "no such account" }) => ({
  jsonrpc: "2.0",
  id,
  error: { code, ...rest }
})

/** The error of a call of `getBalance` that is answered so, in short. */
const failureOf = (make: (id: number) => Reply, options?: { readonly maxBytes?: number }) =>
  Effect.map(Effect.flip(single(make, options).getBalance(["a"])), shorten)

const shorten = (error: JsonRpc.Error) => {
  switch (error._tag) {
    case "JsonRpcError":
      return `${error.method} ${error.code} ${error.message} (${error.status})`
    case "JsonRpcProtocolError":
      return `${error.method} ${error.reason}`
    case "HttpClientError":
      return error.reason._tag === "StatusCodeError"
        ? `status ${error.reason.response.status}`
        : error.reason._tag
  }
}

const outcomeOf = (outcome: Result.Result<unknown, JsonRpc.AnswerError>) =>
  Result.isSuccess(outcome) ? outcome.success : shorten(outcome.failure)

describe("JsonRpc", () => {
  describe("a call", () => {
    it.effect("sends params by position, by name, and none", () =>
      Effect.gen(function* () {
        const { bodies, client, requests } = nodeOf((body) => ({ json: refusal(idOf(body)) }))
        yield* Effect.flip(client.getHealth())
        yield* Effect.flip(client.getBalance(["alice"]))
        yield* Effect.flip(client.submit({ blob: "b", until: new Date(0) }))
        assert.deepStrictEqual(bodies, [
          { jsonrpc: "2.0", id: 1, method: "getHealth" },
          { jsonrpc: "2.0", id: 2, method: "getBalance", params: ["alice"] },
          {
            jsonrpc: "2.0",
            id: 3,
            method: "tx.submit",
            params: { blob: "b", until: "1970-01-01T00:00:00.000Z" }
          }
        ])
        assert.deepStrictEqual(
          requests.map(({ headers, method, url }) => [method, url, headers["content-type"], headers.accept]),
          requests.map(() => ["POST", url, "application/json", "application/json"])
        )
      })
    )

    it.effect("gives the result that its schema decodes", () =>
      Effect.gen(function* () {
        const client = single((id) => ({ json: result(id, { hash: "h", more: true }) }))
        assert.deepStrictEqual(yield* client.submit({ blob: "b" }), { hash: "h" })
      })
    )

    it.effect("that is run again has another id", () =>
      Effect.gen(function* () {
        const { bodies, client } = nodeOf((body) => ({ json: result(idOf(body), "ok") }))
        yield* Effect.all(Array.from({ length: 3 }, () => client.getHealth()))
        yield* Effect.repeat(client.getHealth(), { times: 1 })
        assert.deepStrictEqual(bodies.map(idOf), [1, 2, 3, 4, 5])
      })
    )

    it.effect("fails with the node's error, its data included", () =>
      Effect.gen(function* () {
        const client = single((id) => ({ json: refusal(id, -32000, { message: "behind", data: { by: 7 } }) }))
        const error = yield* Effect.flip(client.getHealth())
        assert.isTrue(error._tag === "JsonRpcError")
        assert.deepStrictEqual(
          error,
          new JsonRpc.JsonRpcError({
            method: "getHealth",
            code: -32000,
            message: "behind",
            data: { by: 7 },
            status: 200
          })
        )
      })
    )

    it.effect("whose params do not encode fails, and sends nothing", () =>
      Effect.gen(function* () {
        const { bodies, client } = nodeOf(() => ({}))
        const cyclic: Array<unknown> = []
        cyclic.push(cyclic)
        for (const call of [
          client.submit({ blob: "b", until: new Date(NaN) }),
          client.trace([1n]),
          client.trace(cyclic),
          client.trace(JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)),
          client.batch((call) => [call.getHealth(), call.trace([Symbol("s")])])
        ]) {
          const error = yield* Effect.flip(Effect.asVoid(call))
          assert.strictEqual(shorten(error), "EncodeError")
          const verdict = JsonRpc.classify(error)
          assert.isTrue(verdict._tag === "CallerFault" && verdict.error === error)
        }
        assert.deepStrictEqual(bodies, [])
      })
    )

    it.effect("whose params encode to neither an array nor an object fails, and sends nothing", () =>
      Effect.gen(function* () {
        let sent = 0
        const http = HttpClient.make(() => Effect.sync(() => assert.fail(`sent ${++sent}`)))
        const client = JsonRpc.client(http, url, {
          at: JsonRpc.method({ params: Schema.Date, result: Schema.Null })
        })
        assert.strictEqual(shorten(yield* Effect.flip(client.at(new Date(0)))), "EncodeError")
        assert.strictEqual(sent, 0)
      })
    )
  })

  describe("an answer", () => {
    const cases: ReadonlyArray<readonly [name: string, reply: (id: number) => Reply, expected: string]> = [
      ["that is not JSON", () => ({ text: "<html>" }), "getBalance NotJson"],
      ["that is empty", () => ({ text: "" }), "getBalance NotJson"],
      ["without a body", () => ({}), "getBalance NotJson"],
      ["that is cut off", (id) => ({ text: `{"jsonrpc":"2.0","id":${id},"result":1` }), "getBalance NotJson"],
      ["that is null", () => ({ json: null }), "getBalance NotAnAnswer"],
      ["that is a number", () => ({ json: 1 }), "getBalance NotAnAnswer"],
      ["that is an array", (id) => ({ json: [result(id, 1)] }), "getBalance NotAnAnswer"],
      [
        "of another version",
        (id) => ({ json: { ...result(id, 1), jsonrpc: "1.0" } }),
        "getBalance NotAnAnswer"
      ],
      ["to another call", (id) => ({ json: result(id + 1, 1) }), "getBalance WrongId"],
      ["whose id is a string", (id) => ({ json: result(String(id), 1) }), "getBalance WrongId"],
      ["without an id", () => ({ json: { jsonrpc: "2.0", result: 1 } }), "getBalance WrongId"],
      ["whose id is null", () => ({ json: result(null, 1) }), "getBalance WrongId"],
      ["without result and error", (id) => ({ json: { jsonrpc: "2.0", id } }), "getBalance NotAnAnswer"],
      ["with result and error", (id) => ({ json: { ...refusal(id), result: 1 } }), "getBalance NotAnAnswer"],
      ["with a wrong result", (id) => ({ json: result(id, "1") }), "getBalance WrongResult"],
      ["with the result null", (id) => ({ json: result(id, null) }), "getBalance WrongResult"],
      [
        "whose error has no code",
        (id) => ({ json: { id, error: { message: "m" } } }),
        "getBalance NotAnAnswer"
      ],
      ["whose code is a fraction", (id) => ({ json: refusal(id, 1.5) }), "getBalance NotAnAnswer"],
      ["whose code is a string", (id) => ({ json: refusal(id, "-32602") }), "getBalance NotAnAnswer"],
      ["whose error has no message", (id) => ({ json: refusal(id, 1, {}) }), "getBalance NotAnAnswer"],
      ["whose error is a text", (id) => ({ json: { id, error: "no" } }), "getBalance NotAnAnswer"],
      ["whose error is an array", (id) => ({ json: { id, error: [1, "no"] } }), "getBalance NotAnAnswer"],
      ["with an error", (id) => ({ json: refusal(id) }), "getBalance -32602 no such account (200)"],
      [
        "with the result null and an error",
        (id) => ({ json: { ...refusal(id), result: null } }),
        "getBalance -32602 no such account (200)"
      ],
      [
        "with an error about no call",
        () => ({ json: refusal(null, -32700) }),
        "getBalance -32700 no such account (200)"
      ],
      [
        "with an error about no call, and without a version",
        () => ({ json: { ...refusal(null), jsonrpc: undefined } }),
        "getBalance WrongId"
      ],
      [
        "whose members are inherited from __proto__",
        (id) => ({ text: `{"__proto__":{"jsonrpc":"2.0","id":${id},"result":1}}` }),
        "getBalance NotAnAnswer"
      ],
      [
        "whose error code is inherited from __proto__",
        (id) => ({ text: `{"id":${id},"error":{"__proto__":{"code":1,"message":"m"}}}` }),
        "getBalance NotAnAnswer"
      ]
    ]
    for (const [name, reply, expected] of cases) {
      it.effect(`${name} is: ${expected}`, () =>
        Effect.map(failureOf(reply), (failure) => assert.strictEqual(failure, expected))
      )
    }

    it.effect("without a version, and with the error null, is that of an old node", () =>
      Effect.gen(function* () {
        const client = single((id) => ({ json: { id, result: 7, error: null } }))
        assert.strictEqual(yield* client.getBalance(["a"]), 7)
      })
    )

    it.effect("with a wrong result tells where", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          single((id) => ({ json: result(id, { hash: 1 }) })).submit({ blob: "b" })
        )
        assert.isTrue(error._tag === "JsonRpcProtocolError")
        assert.include(String(error.cause), "hash")
        assert.strictEqual(
          error.message,
          'the answer to "tx.submit" is a result that does not fit its schema'
        )
      })
    )

    it.effect("may have maxBytes, and not one more", () =>
      Effect.gen(function* () {
        const text = JSON.stringify(result(1, 7))
        const maxBytes = text.length
        assert.strictEqual(yield* single(() => ({ text }), { maxBytes }).getBalance(["a"]), 7)
        assert.strictEqual(
          yield* failureOf(() => ({ text: `${text} ` }), { maxBytes }),
          "getBalance TooLarge"
        )
      })
    )

    it.effect("that never ends is read to maxBytes only", () =>
      Effect.gen(function* () {
        let pulled = 0
        let cancelled = false
        const endless = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            pulled++
            controller.enqueue(new Uint8Array(1000))
          },
          cancel: () => {
            cancelled = true
          }
        })
        const http = HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response(endless)))
        )
        const client = JsonRpc.client(http, url, methods, { maxBytes: 10_000 })
        assert.strictEqual(shorten(yield* Effect.flip(client.getHealth())), "getHealth TooLarge")
        assert.isTrue(cancelled)
        assert.isBelow(pulled, 20)
      })
    )

    it.effect("is decoded as UTF-8 also where a character is cut in two", () =>
      Effect.gen(function* () {
        const bytes = new TextEncoder().encode(JSON.stringify(result(1, "€\u0000𝄞")))
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
            controller.close()
          }
        })
        const http = HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body)))
        )
        assert.strictEqual(yield* JsonRpc.client(http, url, methods).trace([]), "€\u0000𝄞")
      })
    )

    it.effect("may have 512 levels, and not one more", () =>
      Effect.gen(function* () {
        // The answer itself is the first.
        const nested = (levels: number) =>
          `{"id":1,"result":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`
        yield* single(() => ({ text: nested(512) })).trace([])
        assert.strictEqual(
          shorten(yield* Effect.flip(single(() => ({ text: nested(513) })).trace([]))),
          "trace TooDeep"
        )
      })
    )

    it.effect("of a million levels is an error also for a schema that refers to itself", () =>
      Effect.gen(function* () {
        interface Tree {
          readonly children: ReadonlyArray<Tree>
        }
        const Tree: Schema.Codec<Tree> = Schema.Struct({
          children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
        })
        const answered = (levels: number) => {
          const tree = `${'{"children":['.repeat(levels)}${"]}".repeat(levels)}`
          const http = HttpClient.make((request) =>
            Effect.succeed(HttpClientResponse.fromWeb(request, new Response(`{"id":1,"result":${tree}}`)))
          )
          return JsonRpc.client(http, url, { tree: JsonRpc.method({ result: Tree }) }).tree()
        }
        yield* answered(255)
        assert.strictEqual(shorten(yield* Effect.flip(answered(500_000))), "tree TooDeep")
      })
    )

    it.effect("brackets in strings are no levels", () =>
      Effect.gen(function* () {
        const value = `${"[".repeat(2000)}\\"{`
        const client = single((id) => ({ json: result(id, [value, value]) }))
        assert.deepStrictEqual(yield* client.trace([]), [value, value])
      })
    )

    it.effect("with keys such as __proto__ changes no prototype", () =>
      Effect.gen(function* () {
        const http = HttpClient.make((request) =>
          Effect.succeed(
            HttpClientResponse.fromWeb(
              request,
              new Response('{"id":1,"__proto__":{"polluted":1},"result":{"__proto__":{"polluted":1}}}')
            )
          )
        )
        const balances = JsonRpc.method({ result: Schema.Record(Schema.String, Schema.Unknown) })
        const answer = yield* JsonRpc.client(http, url, { balances }).balances()
        assert.isUndefined(answer.polluted)
        assert.strictEqual(Object.getPrototypeOf(answer), Object.prototype)
        assert.isFalse("polluted" in {})
      })
    )

    it.effect("of whatever kind is a result or a typed error, never a defect", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.oneof(
              fc.string({ unit: "binary" }),
              fc.json(),
              fc
                .record(
                  {
                    jsonrpc: fc.constantFrom("2.0", "1.0", null),
                    id: fc.constantFrom(1, "1", null, 2),
                    result: fc.jsonValue(),
                    error: fc.oneof(
                      fc.jsonValue(),
                      fc.record({ code: fc.jsonValue(), message: fc.jsonValue() })
                    )
                  },
                  { requiredKeys: [] }
                )
                .chain((answer) => fc.constantFrom(JSON.stringify(answer), JSON.stringify([answer])))
            ),
            fc.constantFrom(200, 204, 400, 500),
            async (text, status) => {
              const reply = (): Reply => (status === 204 ? { status } : { status, text })
              const { client } = nodeOf(reply)
              await Effect.runPromise(Effect.result(client.trace([])))
              const batch = nodeOf(reply).client.batch((call) => [call.trace([]), call.getHealth()])
              await Effect.runPromise(Effect.result(batch))
            }
          ),
          { numRuns: 300 }
        )
      )
    )
  })

  describe("a status other than 200", () => {
    const cases: ReadonlyArray<readonly [name: string, reply: (id: number) => Reply, expected: string]> = [
      [
        "with an error of the call is that error",
        (id) => ({ json: refusal(id) }),
        "getBalance -32602 no such account (500)"
      ],
      [
        "with an error about no call is that error",
        () => ({ json: refusal(null, -32700) }),
        "getBalance -32700 no such account (500)"
      ],
      ["with an error of another call is the status", (id) => ({ json: refusal(id + 1) }), "status 500"],
      [
        "with a gateway's error object is the status",
        () => ({ json: { error: { code: 500, message: "m" } } }),
        "status 500"
      ],
      ["with a result contradicts itself", (id) => ({ json: result(id, 7) }), "getBalance WrongStatus"],
      ["with a page is the status", () => ({ text: "<html>" }), "status 500"],
      ["with no body is the status", () => ({}), "status 500"],
      ["with too much is the status", () => ({ text: "x".repeat(101) }), "status 500"]
    ]
    for (const [name, reply, expected] of cases) {
      it.effect(name, () =>
        Effect.map(
          failureOf((id) => ({ ...reply(id), status: 500 }), { maxBytes: 100 }),
          (failure) => assert.strictEqual(failure, expected)
        )
      )
    }

    for (const status of [201, 204, 304, 400, 401, 429, 503]) {
      it.effect(`${status} is the status`, () =>
        Effect.map(
          failureOf(() => (status === 204 || status === 304 ? { status } : { text: "turned away", status })),
          (failure) => assert.strictEqual(failure, `status ${status}`)
        )
      )
    }

    it.effect("with a body that breaks off is the status, with 200 it is the broken body", () =>
      Effect.gen(function* () {
        const answering = (status: number) => {
          const http = HttpClient.make((request) => {
            const body = new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) })
            return Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status })))
          })
          return Effect.map(Effect.flip(JsonRpc.client(http, url, methods).getHealth()), shorten)
        }
        assert.strictEqual(yield* answering(503), "status 503")
        assert.strictEqual(yield* answering(200), "DecodeError")
      })
    )
  })

  describe("a batch", () => {
    /** The outcomes of three calls, answered so. */
    const three = (make: (ids: ReadonlyArray<number>) => Reply) => {
      const { client } = nodeOf((body) => make("id" in body ? [] : body.map(({ id }) => id)))
      return Effect.map(
        client.batch((call) => [call.getHealth(), call.getBalance(["a"]), call.getBalance(["b"])]),
        (outcomes) => outcomes.map(outcomeOf)
      )
    }
    const all = ["ok", 1, 2]

    it.effect("is one request, and each call has its own outcome", () =>
      Effect.gen(function* () {
        const { bodies, client } = nodeOf((body) => ({
          json: "id" in body ? {} : body.map(({ id }) => (id === 2 ? refusal(id) : result(id, "ok")))
        }))
        const outcomes = yield* client.batch((call) => [
          call.getHealth(),
          call.getBalance(["a"]),
          call.submit({ blob: "b" })
        ])
        assert.deepStrictEqual(outcomes.map(outcomeOf), [
          "ok",
          "getBalance -32602 no such account (200)",
          "tx.submit WrongResult"
        ])
        assert.deepStrictEqual(bodies, [
          [
            { jsonrpc: "2.0", id: 1, method: "getHealth" },
            { jsonrpc: "2.0", id: 2, method: "getBalance", params: ["a"] },
            { jsonrpc: "2.0", id: 3, method: "tx.submit", params: { blob: "b" } }
          ]
        ])
      })
    )

    it.effect("may be answered in any order", () =>
      Effect.gen(function* () {
        const outcomes = yield* three(([a, b, c]) => ({
          json: [result(c, 2), result(a, "ok"), result(b, 1)]
        }))
        assert.deepStrictEqual(outcomes, all)
      })
    )

    it.effect("answers to calls that it does not have are ignored", () =>
      Effect.gen(function* () {
        const outcomes = yield* three(([a, b, c]) => ({
          json: [result(99, 0), result("1", 0), result(a, "ok"), 7, [], null, result(b, 1), {}, result(c, 2)]
        }))
        assert.deepStrictEqual(outcomes, all)
      })
    )

    it.effect(
      "a call that is answered twice has no outcome that could be trusted, the others have theirs",
      () =>
        Effect.gen(function* () {
          const outcomes = yield* three(([a, b, c]) => ({
            json: [result(a, "ok"), result(b, 1), result(b, 3), result(c, 2)]
          }))
          assert.deepStrictEqual(outcomes, ["ok", "getBalance Duplicate", 2])
        })
    )

    it.effect("a call that is not answered fails, and so does one that is answered with nonsense", () =>
      Effect.gen(function* () {
        const outcomes = yield* three(([a, b]) => ({ json: [result(a, "ok"), { id: b }] }))
        assert.deepStrictEqual(outcomes, ["ok", "getBalance NotAnAnswer", "getBalance Missing"])
      })
    )

    it.effect("an error about no call is the cause of those that are missing", () =>
      Effect.gen(function* () {
        const { client } = nodeOf(() => ({ json: [refusal(null, -32600, { message: "too many" })] }))
        const [outcome] = yield* client.batch((call) => [call.getHealth()])
        const error = Option.getOrThrow(Result.getFailure(outcome))
        assert.isTrue(error._tag === "JsonRpcProtocolError" && error.reason === "Missing")
        assert.strictEqual(String(Reflect.get(Object(error.cause), "message")), "too many")
      })
    )

    const wholes: ReadonlyArray<readonly [name: string, reply: (id: number) => Reply, expected: string]> = [
      [
        "one error about no call",
        () => ({ json: refusal(null, -32600, { message: "too many" }) }),
        "batch -32600 too many (200)"
      ],
      [
        "such an error with 413",
        () => ({ json: refusal(null, -32600, { message: "too many" }), status: 413 }),
        "batch -32600 too many (413)"
      ],
      ["one error of a call", (id) => ({ json: refusal(id) }), "batch NotAnAnswer"],
      ["one result", (id) => ({ json: result(id, "ok") }), "batch NotAnAnswer"],
      ["what is not JSON", () => ({ text: "no" }), "batch NotJson"],
      ["a status", () => ({ text: "no", status: 502 }), "status 502"],
      ["a status, and a result", (id) => ({ json: [result(id, "ok")], status: 502 }), "batch WrongStatus"],
      ["a status, and an empty array", () => ({ json: [], status: 429 }), "status 429"],
      [
        "a status, and errors of no call",
        () => ({ json: [{ error: "rate limited" }], status: 429 }),
        "status 429"
      ]
    ]
    for (const [name, reply, expected] of wholes) {
      it.effect(`answered by ${name} fails as a whole: ${expected}`, () =>
        Effect.gen(function* () {
          const failure = yield* Effect.flip(single(reply).batch((call) => [call.getHealth()]))
          assert.strictEqual(shorten(failure), expected)
        })
      )
    }

    it.effect("with a status and an error for each call has these errors", () =>
      Effect.gen(function* () {
        const outcomes = yield* three((ids) => ({ json: ids.map((id) => refusal(id, -32005)), status: 429 }))
        assert.deepStrictEqual(outcomes, [
          "getHealth -32005 no such account (429)",
          "getBalance -32005 no such account (429)",
          "getBalance -32005 no such account (429)"
        ])
      })
    )

    it.effect("of no calls is no request", () =>
      Effect.gen(function* () {
        const { bodies, client } = nodeOf(() => ({ status: 500 }))
        assert.deepStrictEqual(yield* client.batch(() => []), [])
        assert.deepStrictEqual(bodies, [])
      })
    )

    it.effect("shares the ids with the calls of its client", () =>
      Effect.gen(function* () {
        const { bodies, client } = nodeOf(() => ({}))
        yield* Effect.flip(client.getHealth())
        yield* Effect.flip(client.batch((call) => [call.getHealth(), call.getHealth()]))
        yield* Effect.flip(client.getHealth())
        assert.deepStrictEqual(
          bodies.flat().map(({ id }) => id),
          [1, 2, 3, 4]
        )
      })
    )
  })

  it.effect("answers that cross in time go to their own calls", () =>
    Effect.gen(function* () {
      const waiting: Array<() => void> = []
      const http = HttpClient.make((request) =>
        Effect.flatMap(Effect.orDie(HttpServerRequest.fromClientRequest(request).text), (text) => {
          const { id, params } = JSON.parse(text)
          return Effect.callback<HttpClientResponse.HttpClientResponse>((resume) => {
            waiting.push(() =>
              resume(
                Effect.succeed(
                  HttpClientResponse.fromWeb(request, Response.json(result(id, Number(params[0]))))
                )
              )
            )
          })
        })
      )
      const client = JsonRpc.client(http, url, methods)
      const fiber = yield* Effect.forkChild(
        Effect.all(
          ["1", "2", "3"].map((name) => client.getBalance([name])),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      assert.strictEqual(waiting.length, 3)
      for (const answer of waiting.reverse()) answer()
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3])
    })
  )

  it("options without a meaning throw", () => {
    const http = HttpClient.make(() => Effect.never)
    for (const maxBytes of [0, -1, 1.5, NaN, Infinity]) {
      assert.strictEqual(problemOf(() => JsonRpc.client(http, url, methods, { maxBytes })).option, "maxBytes")
    }
    const batch: Record<string, JsonRpc.Method<[], string>> = {
      batch: JsonRpc.method({ result: Schema.String })
    }
    assert.strictEqual(problemOf(() => JsonRpc.client(http, url, batch)).option, "methods")
    assert.strictEqual(problemOf(() => JsonRpc.classifyWith({ callerFault: [1.5] })).option, "callerFault")
    const twice = problemOf(() => JsonRpc.classifyWith({ endpointFault: [1], unknown: [2, 1] }))
    assert.deepStrictEqual(
      [twice.option, twice.problem],
      ["unknown", "holds 1, which has another verdict too"]
    )
  })

  describe("classify", () => {
    const refused = (code: number, status = 200) =>
      new JsonRpc.JsonRpcError({ method: "submit", code, message: "m", status })

    const verdictOf = (error: JsonRpc.Error, classify = JsonRpc.classify) => {
      const verdict = classify(error)
      if (verdict._tag === "CallerFault") assert.strictEqual<unknown>(verdict.error, error)
      return verdict._tag
    }

    const codes: ReadonlyArray<readonly [code: number, verdict: string]> = [
      [-32700, "CallerFault"],
      [-32600, "CallerFault"],
      [-32601, "CallerFault"],
      [-32602, "CallerFault"],
      [-32603, "Unknown"],
      [-32000, "Unknown"],
      [-32050, "Unknown"],
      [-32099, "Unknown"],
      [-32100, "Unknown"],
      [-32599, "Unknown"],
      [-32768, "Unknown"],
      [-32769, "CallerFault"],
      [-31999, "CallerFault"],
      [-1, "CallerFault"],
      [0, "CallerFault"],
      [3, "CallerFault"]
    ]
    for (const [code, verdict] of codes) {
      it(`the code ${code} is: ${verdict}`, () => {
        assert.strictEqual(verdictOf(refused(code)), verdict)
      })
    }

    it("what the status says of the request goes before the code", () => {
      assert.deepStrictEqual(
        [421, 425, 429].map((status) => verdictOf(refused(-32600, status))),
        ["EndpointFault", "EndpointFault", "EndpointFault"]
      )
    })

    it("an application's code from a gateway is not believed, one of the specification is", () => {
      for (const status of [408, 502, 503, 504]) {
        assert.strictEqual(verdictOf(refused(1, status)), "Unknown")
        assert.strictEqual(verdictOf(refused(-32602, status)), "CallerFault")
      }
      assert.strictEqual(verdictOf(refused(1, 500)), "CallerFault")
    })

    it("the codes of a node go before all else", () => {
      const classify = JsonRpc.classifyWith({
        endpointFault: [-32005, 429],
        callerFault: [-32003],
        unknown: [7, -32601]
      })
      assert.deepStrictEqual(
        [-32005, 429, -32003, 7, -32601, -32602].map((code) => verdictOf(refused(code), classify)),
        ["EndpointFault", "EndpointFault", "CallerFault", "Unknown", "Unknown", "CallerFault"]
      )
      assert.strictEqual(verdictOf(refused(-32003, 429), classify), "CallerFault")
    })

    it("an answer that cannot be read says nothing", () => {
      const error = new JsonRpc.JsonRpcProtocolError({ method: "submit", reason: "NotJson" })
      assert.strictEqual(verdictOf(error), "Unknown")
    })

    const request = HttpClientRequest.post(url)
    const transport = (cause?: unknown) =>
      new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
    const statusError = (status: number, headers: Record<string, string> = {}) =>
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.StatusCodeError({
          request,
          response: HttpClientResponse.fromWeb(request, new Response(null, { status, headers }))
        })
      })

    const statuses: ReadonlyArray<readonly [status: number, verdict: string]> = [
      [202, "Unknown"],
      [302, "Unknown"],
      [400, "CallerFault"],
      [401, "CallerFault"],
      [404, "CallerFault"],
      [408, "Unknown"],
      [421, "EndpointFault"],
      [425, "EndpointFault"],
      [429, "EndpointFault"],
      [499, "CallerFault"],
      [500, "Unknown"],
      [501, "CallerFault"],
      [502, "Unknown"],
      [503, "Unknown"],
      [504, "Unknown"]
    ]
    for (const [status, verdict] of statuses) {
      it(`the status ${status} is: ${verdict}`, () => {
        assert.strictEqual(verdictOf(statusError(status)), verdict)
      })
    }

    it("503 is the endpoint's fault when it says when to come back", () => {
      assert.strictEqual(verdictOf(statusError(503, { "Retry-After": "5" })), "EndpointFault")
      assert.strictEqual(verdictOf(statusError(500, { "Retry-After": "5" })), "Unknown")
    })

    it.effect("a URL that is none is the endpoint's fault", () =>
      Effect.gen(function* () {
        const http = HttpClient.make(() => Effect.never)
        const error = yield* Effect.flip(JsonRpc.client(http, "http://[", methods).getHealth())
        assert.strictEqual(shorten(error), "InvalidUrlError")
        assert.strictEqual(verdictOf(error), "EndpointFault")
      })
    )

    it("a body that broke off says nothing", () => {
      const response = HttpClientResponse.fromWeb(request, new Response(null))
      for (const reason of [
        new HttpClientError.DecodeError({ request, response }),
        new HttpClientError.EmptyBodyError({ request, response })
      ]) {
        assert.strictEqual(verdictOf(new HttpClientError.HttpClientError({ reason })), "Unknown")
      }
    })

    const failed = (code: string, syscall?: string, cause?: unknown) =>
      Object.assign(new Error(code, { cause }), { code }, syscall === undefined ? {} : { syscall })
    const wrapped = (cause: unknown) => new TypeError("fetch failed", { cause })
    const { hostname, port: ownPort } = new URL(url)
    const refusedAt = (address: string, port = ownPort === "" ? 443 : Number(ownPort)) =>
      Object.assign(failed("ECONNREFUSED", "connect"), { address, port })
    const unknownName = (name: string) =>
      Object.assign(failed("ENOTFOUND", "getaddrinfo"), { hostname: name })

    const causes: ReadonlyArray<readonly [name: string, cause: unknown, verdict: string]> = [
      ["a refused connection", failed("ECONNREFUSED", "connect"), "EndpointFault"],
      ["a name that is not known", failed("ENOTFOUND", "getaddrinfo"), "EndpointFault"],
      ["a resolver that is away", failed("EAI_AGAIN", "getaddrinfo"), "EndpointFault"],
      ["a host that is not reached when connecting", failed("EHOSTUNREACH", "connect"), "EndpointFault"],
      ["a network that is not reached when connecting", failed("ENETUNREACH", "connect"), "EndpointFault"],
      ["a connection that is not made in time", failed("ETIMEDOUT", "connect"), "EndpointFault"],
      ["undici's time-out for connecting", failed("UND_ERR_CONNECT_TIMEOUT"), "EndpointFault"],
      ["a refusal without its system call", failed("ECONNREFUSED"), "EndpointFault"],
      ["fetch's error for a name that is not known", wrapped(unknownName(hostname)), "EndpointFault"],
      ["fetch's error for another name, after a redirect", wrapped(unknownName("other.example")), "Unknown"],
      [
        "a refusal inside of fetch's error, of which nobody knows",
        wrapped(refusedAt("192.0.2.1")),
        "Unknown"
      ],
      ["a host that is lost when reading", failed("EHOSTUNREACH", "read"), "Unknown"],
      ["a host that is lost, nobody knows when", failed("EHOSTUNREACH"), "Unknown"],
      ["a connection that was reset", failed("ECONNRESET", "read"), "Unknown"],
      [
        "a reset that was caused by a refusal",
        failed("ECONNRESET", undefined, failed("ECONNREFUSED")),
        "Unknown"
      ],
      ["undici's socket error", failed("UND_ERR_SOCKET"), "Unknown"],
      ["an error without a code", new Error("?"), "Unknown"],
      ["a text", "ECONNREFUSED", "Unknown"],
      ["no cause", undefined, "Unknown"],
      [
        "addresses that all refuse",
        new AggregateError([failed("ECONNREFUSED", "connect"), failed("ENETUNREACH", "connect")]),
        "EndpointFault"
      ],
      [
        "addresses of which one was connected",
        Object.assign(new AggregateError([failed("ECONNREFUSED", "connect"), failed("ECONNRESET", "read")]), {
          code: "ECONNREFUSED"
        }),
        "Unknown"
      ],
      ["no addresses", new AggregateError([]), "Unknown"]
    ]
    for (const [name, cause, verdict] of causes) {
      it(`${name} is: ${verdict}`, () => {
        assert.strictEqual(verdictOf(transport(cause)), verdict)
      })
    }

    it("fetch is believed when it tells of the address and the port of the request", () => {
      const verdictAt = (url: string, cause: unknown) =>
        verdictOf(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({
              request: HttpClientRequest.post(url),
              cause: wrapped(cause)
            })
          })
        )
      assert.strictEqual(verdictAt("http://127.0.0.1:8545/v1", refusedAt("127.0.0.1", 8545)), "EndpointFault")
      assert.strictEqual(verdictAt("http://[::1]:8545", refusedAt("::1", 8545)), "EndpointFault")
      assert.strictEqual(verdictAt("http://localhost", refusedAt("::1", 80)), "EndpointFault")
      assert.strictEqual(verdictAt("https://127.0.0.1", refusedAt("127.0.0.1", 443)), "EndpointFault")
      assert.strictEqual(verdictAt("http://127.0.0.1:8545", refusedAt("127.0.0.1", 8546)), "Unknown")
      assert.strictEqual(verdictAt("http://127.0.0.1:8545", refusedAt("127.0.0.2", 8545)), "Unknown")
      const both = new AggregateError([refusedAt("::1", 80), refusedAt("127.0.0.1", 80)])
      assert.strictEqual(verdictAt("http://localhost", both), "EndpointFault")
    })

    it("causes that turn in a circle, and long chains, are harmless", () => {
      const circle = new Error("circle")
      circle.cause = circle
      assert.strictEqual(verdictOf(transport(circle)), "Unknown")
      const members: Array<unknown> = []
      const everyone = new AggregateError(members)
      everyone.errors = [everyone, everyone]
      assert.strictEqual(verdictOf(transport(everyone)), "Unknown")
      const chain = (length: number) =>
        Array.from({ length }).reduce(
          (cause: unknown) => new Error("chain", { cause }),
          failed("ECONNREFUSED", "connect")
        )
      assert.strictEqual(verdictOf(transport(chain(10))), "EndpointFault")
      assert.strictEqual(verdictOf(transport(chain(100_000))), "Unknown")
    })
  })
})
