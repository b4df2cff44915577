import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Scope } from "effect"
import { HttpClient, HttpClientError, HttpRouter, HttpServerResponse } from "effect/http"
import type { Socket } from "effect/socket"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import * as SimHttp from "../src/SimHttp.ts"
import * as SimSocket from "../src/SimSocket.ts"
import { reasonOf, serving, world } from "./http/world.ts"
import { now, simulate } from "./network/simulate.ts"

const hello = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("hello")))

const foreign = [
  "GET /x HTTP/1.1\r\nhost: api\r\n\r\n",
  "G",
  "\0\0\0\x02{]",
  "\0\0\0\x02{}",
  "\0\0\0\x04null",
  "\0\0\0\0"
]

/** Writes, and waits until the other side ends. */
const speak = (socket: Socket.Socket, said: string): Effect.Effect<void, Socket.SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const { pull } = yield* socket.reader
    const { write } = yield* socket.writer
    yield* write(said)
    yield* Effect.ignore(Effect.forever(pull))
  })

describe("SimHttp and what is not SimHttp", { timeout: 60_000 }, () => {
  it("SIM-4 a server closes the connection of who does not speak as SimHttp does, and warns by name", () => {
    for (const said of foreign) {
      const program = world(serving(hello), () =>
        Effect.gen(function* () {
          yield* speak(yield* SimSocket.make({ host: "api", port: 80 }), said)
          return yield* now
        })
      )
      for (const seed of [undefined, 1, 2, 3]) {
        const { value, warnings } = simulate(program, { seed })
        assert.isBelow(value, 100)
        assert.strictEqual(warnings.length, 1)
        assert.include(warnings[0], 'on "api", ')
        assert.include(warnings[0], "real HTTP/1.1")
      }
    }
  })

  it("SIM-4 a server closes the connection of who ends it without a request", () => {
    const program = world(serving(hello), () =>
      Effect.gen(function* () {
        const socket = yield* SimSocket.make({ host: "api", port: 80 })
        const { pull } = yield* socket.reader
        yield* Effect.scoped(socket.writer)
        yield* Effect.ignore(Effect.forever(pull))
        return yield* now
      })
    )
    for (const seed of [undefined, 1, 2, 3]) {
      const { value, warnings } = simulate(program, { seed })
      assert.isBelow(value, 100)
      assert.deepStrictEqual(warnings, [])
    }
  })

  it("SIM-4 a response that is not SimHttp's is a TransportError that says so", () => {
    const answers = ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", ...foreign]
    for (const answer of answers) {
      const server = Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) =>
        run((socket) => Effect.scoped(speak(socket, answer)))
      )
      const program = Effect.gen(function* () {
        yield* Host.make("api", server)
        const client = yield* HttpClient.HttpClient
        return yield* Effect.exit(client.get("http://api/"))
      }).pipe(Effect.provide(SimHttp.layerClient))
      for (const seed of [undefined, 1, 2, 3]) {
        const { value: exit } = simulate(program, { seed })
        assert.strictEqual(reasonOf(exit), "TransportError")
        const error = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
        const cause =
          error?._tag === "Fail" && HttpClientError.isHttpClientError(error.error) ? error.error.cause : ""
        assert.include(String(cause), "real HTTP/1.1")
      }
    }
  })
})

describe("SimHttp: messages without a body", { timeout: 60_000 }, () => {
  const routes = HttpRouter.use((router) =>
    Effect.all([
      router.add("GET", "/204", Effect.succeed(HttpServerResponse.empty())),
      router.add("GET", "/304", Effect.succeed(HttpServerResponse.text("same", { status: 304 }))),
      router.add("GET", "/", Effect.succeed(HttpServerResponse.text("hello")))
    ])
  )

  it("they let go of their connection with their head, however slowly that comes in", () => {
    const conditions: ReadonlyArray<Network.Conditions> = [
      {},
      { readAtMost: 1 },
      { drip: { bytes: 1, every: "1 millis" } }
    ]
    for (const condition of conditions) {
      const program = world(serving(routes), ({ client }) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "api", condition)
          return [
            (yield* client.get("http://api/204")).status,
            (yield* client.get("http://api/304")).status,
            (yield* client.head("http://api/")).status
          ]
        })
      )
      for (const seed of [undefined, 1, 2, 3, 4, 5]) {
        const { trace, value } = simulate(program, { seed, trace: true })
        assert.deepStrictEqual(value, [204, 304, 200])
        const closed = trace.filter(({ data, text }) => text === "FIN main → api" && data?.phase === "send")
        assert.strictEqual(closed.length, 3)
      }
    }
  })
})
