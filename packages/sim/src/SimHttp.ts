/**
 * Effect's own `HttpClient` and `HttpServer` between simulated hosts.
 *
 * Routers, `HttpApi`, middleware and clients that are written for Effect run on it unchanged: only the two layers are
 * others. What a link does to bytes it does to requests and responses: they are late, they drip, they are cut in the
 * middle, and a server that crashed is silent.
 *
 * **Details**
 *
 * - The host of a URL is the name of a simulated host, or its address; `localhost` is the host that asks. `https` is
 *   treated like `http`, on port 443.
 * - Each request has a connection of its own, so that it costs two round trips. There is no keep-alive.
 * - Errors are those of Effect's clients for Node: a `TransportError` before the head of the response, with what the
 *   network said as its `cause` (and its `code`, such as `ECONNREFUSED`); a `DecodeError` when the body breaks; an
 *   `EncodeError` when the body of the request fails.
 * - What Node does not send is not sent here either: a request with an invalid method, header or protocol is a defect, as
 *   Node words it, and a response with an invalid status or header is a 500.
 * - A client that is interrupted, or stops reading the body, resets the connection, and the handler is interrupted with
 *   `HttpServerError.ClientAbort`. One that crashes says nothing, and the handler goes on.
 * - As on Node, the head of a response with a stream for a body leaves together with the first bytes of that.
 * - Static files, and the files of multipart forms, are on the disk that is provided to the server, see `Disk`.
 *
 * **What is refused**
 *
 * What the platform only offers with native promises is refused by name (guarantee SIM-4), and never hangs: bodies made
 * of `FormData`, a `Blob`, a `ReadableStream` or a web `Response`; upgrades to a WebSocket; files without a disk. It is
 * a defect `SimulationError.Unsupported` of the fiber that asks for it. In a handler that is a 500 for the client, as
 * with every defect, and a warning of the run. Code that makes a web `Request` or `Response`, or reads one, fails the
 * run with `SimulationError.AmbientUse`, which names it: `HttpServerResponse.toWeb`, `Response.text`, `fetch`.
 *
 * Both ends of a connection have to be of this module: the bytes of real HTTP/1.1 are not spoken here. A client that
 * gets them fails with a `TransportError`, a server closes their connection, and the run warns.
 *
 * **Gotchas**
 *
 * - A response that is never read holds its connection until the end of the run, as it does in Node until it is garbage.
 * - Heads hold no more than what the program says: no `date`, `connection` or `user-agent`. Responses are not compressed.
 *   A header such as `ü` arrives as it is, while Node garbles it in a response whose body is text.
 * - Only a handler that can be interrupted is, when its client leaves or the server ends: a route of `HttpRouter`, unless
 *   it is `uninterruptible`. An effect given to `HttpServer.serve` itself goes on, as it does live, where it has no
 *   `Effect.interruptible` of its own.
 *
 * **Example** (A client that gives up, and a handler that notices)
 *
 * ```ts
 * import { Host, Network, SimHttp, Simulation } from "@holdfast/sim"
 * import { Effect, Exit, Layer } from "effect"
 * import { HttpClient, HttpRouter, HttpServerResponse } from "effect/http"
 *
 * const Routes = HttpRouter.add(
 *   "GET",
 *   "/slow",
 *   Effect.as(Effect.sleep("1 minute"), HttpServerResponse.text("done")).pipe(
 *     Effect.onInterrupt(() => Effect.log("interrupted"))
 *   )
 * )
 *
 * const server = HttpRouter.serve(Routes).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
 *
 * const program = Effect.gen(function* () {
 *   yield* Host.make("api", server)
 *   yield* Network.setLink("main", "api", { latency: "20 millis" })
 *   const client = yield* HttpClient.HttpClient
 *   yield* Effect.timeoutOption(client.get("http://api/slow"), "1 second")
 *   yield* Effect.sleep("1 second")
 * }).pipe(Effect.provide(SimHttp.layerClient))
 *
 * const { exit, trace, virtualMillis } = Simulation.run(program, { trace: true })
 * console.log(Exit.isSuccess(exit), virtualMillis) // => true 2000
 * const interrupted = trace.find(({ text }) => text.includes("interrupted"))
 * console.log(interrupted?.host, (interrupted?.atNanos ?? 0) / 1e6) // => api 1020
 * ```
 *
 * @since 0.1.0
 */
import { type Duration, Effect, type FileSystem, Layer, type Path } from "effect"
import { type Etag, HttpClient, type HttpPlatform, HttpServer, type HttpServerError } from "effect/http"
import { client } from "./internal/http/client.ts"
import * as prebuilding from "./internal/http/prebuilt.ts"
import { make } from "./internal/http/server.ts"
import * as services from "./internal/http/services.ts"

/**
 * A client on the host that uses it.
 *
 * @since 0.1.0
 * @category client
 */
export const layerClient: Layer.Layer<HttpClient.HttpClient> = HttpClient.layerMergedContext(
  Effect.succeed(client)
)

/**
 * How a server listens.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerOptions {
  /** 0 is any port that is free, which the server's `address` then tells. */
  readonly port: number
  /**
   * How long the end of the server's scope waits for responses to requests that have begun, while new ones are refused.
   * What takes longer is interrupted, and answered with 503. 20 seconds by default, like Effect's server for Node. As
   * there, nobody waits for a client to read its response, nor for what a handler does after that.
   */
  readonly gracefulShutdownTimeout?: Duration.Input | undefined
}

/**
 * A server on the host that it is built on, and what routes may ask the platform for.
 *
 * **Details**
 *
 * It stands where `NodeHttpServer.layer` stands in the live program. It fails with `ServeError` when something else on
 * the host has the port. The `FileSystem` is the one that is provided to the layer; without one, whoever uses it is told
 * so by a defect `SimulationError.Unsupported`.
 *
 * @since 0.1.0
 * @category server
 */
export const layerServer = (
  options: ServerOptions
): Layer.Layer<
  HttpServer.HttpServer | HttpPlatform.HttpPlatform | Etag.Generator | FileSystem.FileSystem | Path.Path,
  HttpServerError.ServeError
> => Layer.merge(Layer.effect(HttpServer.HttpServer, make(options)), services.layer)

/**
 * Builds a router once, for all runs: for `HttpServer.serve`, in the place of `HttpRouter.serve`.
 *
 * **When to use**
 *
 * In a search. A small program with a router and one request spends a third of its time on building the router.
 *
 * **Details**
 *
 * Call it outside of the runs. It throws when the routes fail to be built, or wait for something.
 *
 * **Gotchas**
 *
 * Only for routes whose layers have no state. What they keep (a `Ref`, a `Semaphore`, a cache) would go from one run
 * into the next, and a run with the same choices would not be the same again. What they acquire is released at once.
 *
 * **Example** (One router, many runs)
 *
 * ```ts
 * import { Host, SimHttp, Simulation } from "@holdfast/sim"
 * import { Effect, Layer } from "effect"
 * import { HttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
 *
 * const app = SimHttp.prebuilt(
 *   HttpRouter.add(
 *     "GET",
 *     "/hello/:name",
 *     Effect.map(HttpRouter.params, ({ name }) => HttpServerResponse.text(`hello ${name}`))
 *   )
 * )
 * const server = HttpServer.serve(app).pipe(Layer.provide(SimHttp.layerServer({ port: 80 })), Layer.launch)
 *
 * const program = Effect.gen(function* () {
 *   yield* Host.make("api", server)
 *   const response = yield* HttpClient.get("http://api/hello/you")
 *   return yield* response.text
 * }).pipe(Effect.provide(SimHttp.layerClient))
 *
 * const exits = Array.from({ length: 100 }, (_, seed) => Simulation.run(program, { seed }).exit)
 * console.log(exits.every((exit) => exit._tag === "Success" && exit.value === "hello you")) // => true
 * ```
 *
 * @since 0.1.0
 * @category server
 */
export const prebuilt: <A, E, R extends prebuilding.Buildable>(
  routes: Layer.Layer<A, E, R>
) => prebuilding.App<A, E, R> = prebuilding.prebuilt
