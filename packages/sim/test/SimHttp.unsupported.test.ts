import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Layer, Stream } from "effect"
import {
  FetchHttpClient,
  HttpBody,
  HttpClient,
  HttpClientRequest,
  HttpClientResponse,
  HttpEffect,
  HttpMiddleware,
  type HttpPlatform,
  HttpRouter,
  HttpServer,
  HttpServerRequest,
  HttpServerResponse,
  HttpStaticServer
} from "effect/http"
import * as Disk from "../src/Disk.ts"
import * as SimHttp from "../src/SimHttp.ts"
import * as Simulation from "../src/Simulation.ts"
import { AmbientUse, Unsupported } from "../src/SimulationError.ts"
import { serving, world } from "./http/world.ts"
import { bytes, simulate } from "./network/simulate.ts"

const url = "http://api/"

const fine = Effect.succeed(HttpServerResponse.text("fine"))

type Handler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpPlatform.HttpPlatform | HttpServerRequest.HttpServerRequest
>

const formOf = (fields: Readonly<Record<string, string>>) => HttpBody.formDataRecord(fields)

const posting = (body: HttpBody.HttpBody) => HttpClientRequest.setBody(HttpClientRequest.post(url), body)

const asking = <A, E>(handler: Handler, ask: (client: HttpClient.HttpClient) => Effect.Effect<A, E>) =>
  world(serving(HttpRouter.add("*", "/", Effect.orDie(handler))), ({ client }) => ask(client))

/** The defect that a client's request ends with. */
const refusalOf = <A, E>(ask: (client: HttpClient.HttpClient) => Effect.Effect<A, E>): string => {
  const { exit } = Simulation.run(asking(fine, ask))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  return error instanceof Unsupported ? error.what : assert.fail(`no refusal: ${JSON.stringify(exit)}`)
}

/** As most programs serve, with the logger that is there by default. */
const logging = <R>(routes: Layer.Layer<never, never, R>) =>
  HttpRouter.serve(routes).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)

/** What the run warns of when a handler asks for what cannot be had. Its client gets a 500. */
const warningOf = (handler: Handler): string => {
  const routes = HttpRouter.add("*", "/", Effect.orDie(handler))
  const [plain, logged] = [serving(routes), logging(routes)].map((server) => {
    const { value, warnings } = simulate(world(server, ({ client }) => client.get(url)))
    assert.strictEqual(value.status, 500)
    assert.strictEqual(warnings.length, 1)
    return warnings[0]
  })
  assert.strictEqual(logged, plain)
  return plain ?? ""
}

/** What ambient thing fails the run. */
const ambientUseOf = (handler: Handler): string => {
  const { exit } = Simulation.run(asking(handler, (client) => client.execute(posting(HttpBody.text("body")))))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (!(error instanceof AmbientUse)) return assert.fail(`no ambient use: ${JSON.stringify(exit)}`)
  assert.include(error.message, "requests, responses and streams are made of native promises")
  assert.include(error.message, "Simulation.runPromise")
  return error.what
}

/** Whatever becomes of it, the run has failed. */
const answering = <A, E>(effect: Effect.Effect<A, E>): Handler =>
  Effect.as(Effect.ignore(effect), HttpServerResponse.empty())

describe("SimHttp and what needs native promises", () => {
  it("SIM-4 a client's FormData body is refused by name", () => {
    const what = refusalOf((client) => client.execute(posting(formOf({ a: "1" }))))
    assert.strictEqual(what, "a FormData body")
  })

  it("SIM-4 a client's Raw body is refused by name", () => {
    const what = refusalOf((client) => client.execute(posting(HttpBody.raw(new Blob(["bytes"])))))
    assert.include(what, "a Raw body")
  })

  it("SIM-4 reading a response as FormData is refused by name", () => {
    const what = refusalOf((client) => Effect.flatMap(client.get(url), ({ formData }) => formData))
    assert.strictEqual(what, "reading a body as FormData")
  })

  it("SIM-4 an upgrade to a WebSocket is refused by name", () => {
    const upgrade = HttpClientRequest.setHeader(HttpClientRequest.get(url), "upgrade", "websocket")
    assert.include(
      refusalOf((client) => client.execute(upgrade)),
      "WebSocket"
    )
  })

  it("SIM-4 a server's FormData and Raw bodies are refused by name", () => {
    const form = HttpServerResponse.empty({ status: 200 }).pipe(
      HttpServerResponse.setBody(formOf({ a: "1" }))
    )
    assert.include(warningOf(Effect.succeed(form)), 'on "api", a FormData body')
    assert.include(warningOf(Effect.sync(() => HttpServerResponse.raw(new Response(null)))), "a Raw body")
  })

  it("SIM-4 a file of a server without a disk is refused by name", () => {
    assert.include(warningOf(HttpServerResponse.file("a.txt")), 'on "api", a file system without a disk')
  })

  it("SIM-4 what a middleware asks for is refused by name", () => {
    const app = HttpServer.serve(fine, (handler) =>
      Effect.andThen(
        Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orDie(fs.readFileString("a.txt"))),
        handler
      )
    )
    const server = app.pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const { value, warnings } = simulate(world(server, ({ client }) => client.get(url)))
    assert.strictEqual(value.status, 500)
    assert.include(warnings[0], 'on "api", a file system without a disk')
  })

  it("SIM-4 conversions from and to web requests and responses fail the run by name", () => {
    const asked = new Request("http://api/", { method: "POST", body: "made before the run" })
    const made = () => new Response("made before the run")
    const [first, second, third, fourth, fifth] = [made(), made(), made(), made(), made()]
    const read = HttpServerRequest.HttpServerRequest.pipe(
      Effect.flatMap((request) => HttpServerRequest.toWeb(request)),
      Effect.flatMap((request) => Effect.promise(() => request.text())),
      Effect.map((text) => HttpServerResponse.text(text))
    )
    const toResponse = Effect.sync(() => HttpServerResponse.toWeb(HttpServerResponse.text("a")))
    const handle = HttpEffect.toWebHandler(Effect.succeed(HttpServerResponse.text("a")))
    const fetching = Effect.provide(HttpClient.get(url), FetchHttpClient.layer)
    const get = HttpClientRequest.get(url)
    const handlers: ReadonlyArray<readonly [what: string, handler: Handler]> = [
      ["ReadableStream.getReader", Effect.sync(() => HttpServerResponse.fromWeb(first))],
      ["Response.arrayBuffer", answering(HttpClientResponse.fromWeb(get, second).text)],
      ["Response.formData", answering(HttpClientResponse.fromWeb(get, third).formData)],
      ["Response.text", answering(Effect.promise(() => fourth.text()))],
      ["Request.arrayBuffer", answering(HttpServerRequest.fromWeb(asked).text)],
      ["Request.text", read],
      ["HttpServerResponse.toWeb", answering(toResponse)],
      ["HttpServerResponse.toWeb", answering(Effect.promise(() => handle(new Request(url))))],
      ["HttpEffect.fromWebHandler", HttpEffect.fromWebHandler(() => Promise.resolve(fifth))],
      ["new Response", answering(Effect.sync(() => new Response("a")))],
      ["Response.json", answering(Effect.sync(() => Response.json("a")))],
      ["new Request", answering(Effect.sync(() => new Request(url, { method: "POST", body: "a" })))],
      ["fetch", answering(fetching)]
    ]
    for (const [what, handler] of handlers) assert.strictEqual(ambientUseOf(handler), what)
  })

  it("what a handler uses itself is not named after the conversion that it runs in", () => {
    const handle = HttpEffect.toWebHandler(Effect.sync(() => HttpServerResponse.text(`${Date.now()}`)))
    const { exit } = Simulation.run(Effect.promise(() => handle(new Request(url))))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert.strictEqual(error instanceof AmbientUse ? error.what : "", "Date.now")
  })

  it("SIM-4 a response made of a web File is refused by name", () => {
    const routes = HttpRouter.add("*", "/", HttpServerResponse.fileWeb(new File(["x"], "a.txt")))
    const { warnings } = simulate(world(serving(routes), ({ client }) => client.get(url)))
    assert.include(warnings[0], "a response made of a web File or Blob")
  })

  it("SIM-4 static files are refused by name without a disk, and served from one", () => {
    const site = HttpStaticServer.layer({ root: "/site", index: "index.html" })
    const server = HttpRouter.serve(site, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provide(SimHttp.layerServer({ port: 80 }))
    )
    const read = (client: HttpClient.HttpClient) =>
      Effect.flatMap(client.get("http://api/index.html"), (response) =>
        Effect.map(response.text, (text) => [response.status, response.headers["content-type"], text])
      )
    const without = simulate(world(Layer.launch(server), ({ client }) => read(client)))
    assert.deepStrictEqual(without.value, [500, undefined, ""])
    assert.include(without.warnings[0], "a file system without a disk")

    const files = Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/site")
      yield* fs.writeFileString("/site/index.html", "<p>here")
      return yield* Layer.launch(server)
    }).pipe(Effect.provide(Disk.layer()))
    const { value, warnings } = simulate(world(files, ({ client }) => read(client)))
    assert.deepStrictEqual(value, [200, "text/html; charset=utf-8", "<p>here"])
    assert.deepStrictEqual(warnings, [])
  })

  it("SIM-4 the files of a multipart form are refused by name without a disk, and kept on one", () => {
    const form = [
      "--x\r\n",
      'Content-Disposition: form-data; name="title"\r\n\r\nA file\r\n--x\r\n',
      'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n--x--\r\n'
    ].join("")
    const body = HttpBody.uint8Array(bytes(form), "multipart/form-data; boundary=x")
    const handler = Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      yield* request.multipart
      const { file, title } = yield* request.multipart
      const [first] = Array.isArray(file) ? file : []
      const fs = yield* FileSystem.FileSystem
      const content = typeof first === "object" ? yield* fs.readFileString(first.path) : "nothing"
      return HttpServerResponse.text(`${title}: ${content}`)
    })
    const server = HttpRouter.serve(HttpRouter.add("POST", "/", handler), {
      disableLogger: true,
      disableListenLog: true
    }).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
    const send = (client: HttpClient.HttpClient) =>
      Effect.flatMap(client.execute(posting(body)), (response) => response.text)
    const without = simulate(world(server, ({ client }) => send(client)))
    assert.include(without.warnings[0], "a file system without a disk")
    const { value } = simulate(world(Effect.provide(server, Disk.layer()), ({ client }) => send(client)))
    assert.strictEqual(value, "A file: content")
  })

  it("SIM-4 the fields of a multipart form need no disk", () => {
    const form = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    const fields = HttpServerRequest.HttpServerRequest.pipe(
      Effect.flatMap(({ multipartStream }) => Stream.runCollect(multipartStream)),
      Effect.map((parts) => HttpServerResponse.text(parts.map((part) => part._tag + part.key).join()))
    )
    const body = HttpBody.uint8Array(bytes(form), "multipart/form-data; boundary=x")
    const { value } = simulate(
      asking(fields, (client) => Effect.flatMap(client.execute(posting(body)), ({ text }) => text))
    )
    assert.strictEqual(value, "Fielda")
  })

  it("SIM-4 responses that a client would take compressed are sent as they are", () => {
    const compressing = HttpRouter.middleware(HttpMiddleware.compression(), { global: true })
    const long = HttpRouter.add("GET", "/", Effect.succeed(HttpServerResponse.text("x".repeat(10_000))))
    const program = world(serving(Layer.merge(long, compressing)), ({ client }) =>
      Effect.flatMap(client.get(url, { headers: { "accept-encoding": "gzip" } }), (response) =>
        Effect.map(response.text, ({ length }) => [length, response.headers["content-encoding"]])
      )
    )
    assert.deepStrictEqual(simulate(program).value, [10_000, undefined])
  })

  it("outside of a run, the client says that it only exists in one", () => {
    const ask = Effect.provide(HttpClient.get(url), SimHttp.layerClient)
    const exit = Effect.runSyncExit(ask)
    assert.isTrue(Exit.isFailure(exit))
    if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "only exists in a simulation")
  })
})
