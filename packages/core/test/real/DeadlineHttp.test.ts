/** Deadlines over real sockets on the loopback interface: every wait is for an event, and no bound is tight. */
import { createServer } from "node:http"
import { NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deadline, DeadlineHttp } from "@holdfast/core"
import { Cause, Context, Deferred, Duration, Effect, Exit, Latch, Layer, type Scope, Stream } from "effect"
import {
  HttpClient,
  HttpClientRequest,
  HttpRouter,
  HttpServer,
  type HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { NetAddress } from "effect/net"

type App<E> = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  E,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** Serves an app on a free port of 127.0.0.1 for as long as the scope lasts; gives the URL. */
const serve = <E>(app: App<E>, around?: ReturnType<typeof DeadlineHttp.middleware>) =>
  Effect.gen(function* () {
    const layer = NodeHttpServer.layerServer(() => createServer(), { host: "127.0.0.1", port: 0 })
    const server = Context.get(yield* Layer.build(layer), HttpServer.HttpServer)
    yield* around === undefined ? server.serve(app) : server.serve(app, around)
    return NetAddress.formatUrlUnsafe(server.address)
  })

/** Serves routes, whose handlers are interruptible, unlike those of an app without a router. */
const serveRoutes = <E>(
  routes: Layer.Layer<never, E, HttpRouter.HttpRouter>,
  around?: ReturnType<typeof DeadlineHttp.middleware>
) => Effect.flatMap(HttpRouter.toHttpEffect(routes), (app) => serve(app, around))

const withDeadlines = HttpRouter.middleware(DeadlineHttp.middleware(), { global: true })

/** A handler that hangs; the deferred tells that it was interrupted. */
const hanging = Effect.map(Deferred.make<void>(), (interrupted) => ({
  interrupted,
  handler: Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
}))

/** A client that no deadline of its own interrupts: it hears the whole answer. */
const askWith = (url: string, header: string) =>
  Effect.flatMap(HttpClient.get(url, { headers: { "grpc-timeout": header } }), (response) =>
    Effect.map(response.text, (body) => [response.status, body])
  )

const clients = { undici: NodeHttpClient.layerUndici, "node:http": NodeHttpClient.layerNodeHttp }

describe("DeadlineHttp over loopback", () => {
  for (const name of ["undici", "node:http"] as const) {
    it.live(`DL-2: over two hops with ${name}, what remains shrinks with each`, () =>
      Effect.gen(function* () {
        const left: Array<number> = []
        const note = Effect.map(Deadline.remaining, (remaining) => left.push(Duration.toMillis(remaining)))
        const client = DeadlineHttp.client(yield* HttpClient.HttpClient)
        const b = yield* serveRoutes(
          Layer.merge(
            withDeadlines,
            HttpRouter.add("GET", "/b", Effect.as(note, HttpServerResponse.text("b")))
          )
        )
        const relay = Effect.andThen(note, Effect.orDie(client.get(`${b}/b`))).pipe(
          Effect.flatMap((response) => Effect.orDie(response.text)),
          Effect.map((body) => HttpServerResponse.text(`a, ${body}`))
        )
        const a = yield* serveRoutes(Layer.merge(withDeadlines, HttpRouter.add("GET", "/a", relay)))

        const call = Effect.flatMap(client.get(`${a}/a`), (response) => response.text)
        assert.strictEqual(yield* Deadline.within(call, "1 minute"), "a, b")
        const [atA = 0, atB = 0] = left
        assert.isTrue(60_000 > atA && atA > atB && atB > 0, `60000 > ${atA} > ${atB} > 0`)

        assert.strictEqual(yield* call, "a, b")
        assert.deepStrictEqual(left.slice(2), [Infinity, Infinity])
      }).pipe(Effect.provide(clients[name]), Effect.scoped)
    )
  }

  it.live("DL-2: a deadline is inherited across the wire, and ends the work on every hop", () =>
    Effect.gen(function* () {
      const client = DeadlineHttp.client(yield* HttpClient.HttpClient)
      const inherited = yield* Deferred.make<Deadline.DeadlineExceeded>()
      const last = Deadline.within(Effect.never, "1 minute", { label: "database" }).pipe(
        Effect.tapError((error) => Deferred.succeed(inherited, error))
      )
      const b = yield* serve(DeadlineHttp.middleware()(Effect.interruptible(last)))
      const ofB = yield* Deferred.make<number>()
      // Not interrupted at its own deadline, so that it hears how the next hop ended.
      const relay = Effect.uninterruptible(
        Effect.flatMap(Effect.orDie(client.get(`${b}/b`)), ({ status }) => Deferred.succeed(ofB, status))
      )
      const a = yield* serveRoutes(
        Layer.merge(withDeadlines, HttpRouter.add("GET", "/a", Effect.as(relay, HttpServerResponse.empty())))
      )

      assert.deepStrictEqual(yield* askWith(`${a}/a`, "300m"), [504, "deadline exceeded"])
      assert.strictEqual(yield* Deferred.await(ofB), 504)
      const error = yield* Deferred.await(inherited)
      assert.deepStrictEqual([error.label, error.inherited], ["GET /b", true])
      assert.isBelow(error.budgetMillis, 300)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )

  it.live("DL-1: the response is 504 at the deadline, and the handler is interrupted", () =>
    Effect.gen(function* () {
      const { handler, interrupted } = yield* hanging
      const url = yield* serveRoutes(Layer.merge(withDeadlines, HttpRouter.add("GET", "/", handler)))
      assert.deepStrictEqual(yield* askWith(url, "50m"), [504, "deadline exceeded"])
      yield* Deferred.await(interrupted)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )

  it.live("DL-1: around a server, too", () =>
    Effect.gen(function* () {
      const { handler, interrupted } = yield* hanging
      const around = DeadlineHttp.middleware({ max: "50 millis" })
      const url = yield* serveRoutes(HttpRouter.add("GET", "/", handler), around)
      assert.deepStrictEqual(yield* askWith(url, "1H"), [504, "deadline exceeded"])
      yield* Deferred.await(interrupted)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )

  it.live("DL-1: a handler that cannot be interrupted does not hold its response", () =>
    Effect.gen(function* () {
      const release = yield* Latch.make()
      const stubborn = Effect.as(Effect.uninterruptible(release.await), HttpServerResponse.text("late"))
      const around = DeadlineHttp.middleware({ max: "50 millis" })
      const routed = yield* serveRoutes(Layer.merge(withDeadlines, HttpRouter.add("GET", "/", stubborn)))
      const served = yield* serve(stubborn, around)
      assert.deepStrictEqual(yield* askWith(routed, "50m"), [504, "deadline exceeded"])
      assert.deepStrictEqual(yield* askWith(served, "1H"), [504, "deadline exceeded"])
      assert.deepStrictEqual(
        (yield* Deadline.abandoned).map(({ label }) => label),
        ["GET /", "GET /"]
      )
      yield* release.open
      // The late response finds that the request was answered; the next one is served as ever.
      assert.deepStrictEqual(yield* askWith(routed, "1H"), [200, "late"])
    }).pipe(
      Effect.provide(NodeHttpClient.layerUndici),
      Effect.scoped,
      Effect.provide(Deadline.layerAbandoned())
    )
  )

  it.live("DL-4: a client that leaves interrupts the handler long before its deadline", () =>
    Effect.gen(function* () {
      const { handler, interrupted } = yield* hanging
      const url = yield* serveRoutes(
        Layer.merge(
          HttpRouter.middleware(DeadlineHttp.middleware({ max: "1 hour" }), { global: true }),
          HttpRouter.add("GET", "/", handler)
        )
      )
      const exit = yield* Effect.exit(Deadline.within(HttpClient.get(url), "50 millis"))
      assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Deadline.DeadlineExceeded)
      yield* Deferred.await(interrupted)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )

  /** A body that needs longer than the deadline of 50 ms, once its sending has begun. */
  const long = Stream.concat(
    Stream.succeed("begun, "),
    Stream.fromEffect(Effect.as(Effect.sleep("200 millis"), "ended"))
  ).pipe(Stream.encodeText, (body) => Effect.succeed(HttpServerResponse.stream(body)))

  it.live("in a router, a body that is a stream is sent to its end", () =>
    Effect.gen(function* () {
      const url = yield* serveRoutes(Layer.merge(withDeadlines, HttpRouter.add("GET", "/", long)))
      assert.deepStrictEqual(yield* askWith(url, "50m"), [200, "begun, ended"])
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )

  it.live("around a server, a body whose sending has begun is cut off", () =>
    Effect.gen(function* () {
      const url = yield* serveRoutes(
        HttpRouter.add("GET", "/", long),
        DeadlineHttp.middleware({ max: "50 millis" })
      )
      const response = yield* HttpClient.execute(HttpClientRequest.get(url))
      assert.strictEqual(response.status, 200)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(response.text)))
    }).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.scoped)
  )
})
