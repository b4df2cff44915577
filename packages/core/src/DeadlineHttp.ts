/**
 * Deadlines that cross the wire.
 *
 * `client` tells a server how much time is left, in the header `grpc-timeout`, and `middleware` gives a
 * server's handlers that much time and no more. What travels is a duration, never an instant, so no two
 * clocks need to agree.
 *
 * **Telemetry**
 *
 * Requests that ran out of time are counted in `holdfast_deadline_exceeded`; handlers that go on after their
 * response in `holdfast_deadline_abandoned`.
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect } from "effect"
import { HttpClient, HttpClientRequest, HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as Deadline from "./Deadline.ts"
import { decode } from "./internal/duration.ts"
import { limit, toNanos } from "./internal/limit.ts"
import { CurrentAttempt } from "./Retry.ts"

/** A header that every gRPC implementation knows, and so some proxies too. */
const headerName = "grpc-timeout"

/**
 * A client that sends what remains until the caller's ambient deadline with every request.
 *
 * **Details**
 *
 * Without an ambient deadline the request is sent as it is. The remaining time is read when a request is
 * sent: under a retry, by each attempt anew.
 *
 * **Gotchas**
 *
 * - It bounds nothing here: to stop waiting for the response is what `Deadline.within` does. Past the deadline,
 *   where only work that cannot be interrupted still is, it sends `0n`, for which a server starts nothing.
 * - Apply it before `HttpClient.retry` and before what sets time-outs of single attempts, so that the header
 *   tells of those too.
 *
 * **Example** (A request carries the time that is left)
 *
 * ```ts
 * import { Deadline, DeadlineHttp } from "@holdfast/core"
 * import { Effect } from "effect"
 * import { HttpClient, HttpClientResponse, HttpServerResponse } from "effect/http"
 *
 * const echo = HttpClient.make((request) =>
 *   Effect.succeed(
 *     HttpClientResponse.fromWeb(request, new Response(request.headers["grpc-timeout"] ?? "no deadline"))
 *   )
 * )
 * const client = DeadlineHttp.client(echo)
 * const ask = Effect.flatMap(client.get("http://quotes.example/"), (response) => response.text)
 *
 * console.log(await Effect.runPromise(ask)) // => no deadline
 * const bounded = Deadline.within(ask, "5 seconds")
 * console.log(/^\d+u$/.test(await Effect.runPromise(bounded))) // => true
 * ```
 *
 * @since 0.1.0
 * @category client
 */
export const client = <E, R>(self: HttpClient.HttpClient.With<E, R>): HttpClient.HttpClient.With<E, R> =>
  HttpClient.makeWith(
    (request) =>
      // Read here: further in, clients run in the context that they were built in, which may hold a deadline too.
      Effect.flatMap(Deadline.Current, (deadline) =>
        self.postprocess(
          Effect.flatMap(request, (request) =>
            Effect.provideService(withRemaining(request), Deadline.Current, deadline)
          )
        )
      ),
    self.preprocess
  )

const withRemaining = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.map(Deadline.remaining, (remaining) => {
    const header = Deadline.toHeader(remaining)
    return header === undefined ? request : HttpClientRequest.setHeader(request, headerName, header)
  })

/**
 * A server's middleware that gives each request a deadline: the time that its `grpc-timeout` header tells, and
 * `max` at most.
 *
 * **Details**
 *
 * - `max` is none by default: only the header bounds. A header that is absent or malformed counts as none, and
 *   no header can lengthen: a hostile one can only make its own request fail sooner.
 * - The deadline is ambient in the handler, labelled by method and path. What was ambient when the server
 *   started is not: that time was for the start.
 * - When it expires, the handler is interrupted, and the response is 504 with the body `deadline exceeded`. A
 *   handler that does not end at once goes on as abandoned work (`Deadline.abandoned`).
 * - Middleware may be nested, for a shorter `max` on some routes: the nearest deadline holds.
 *
 * Throws `InvalidOptions` when `max` is no duration.
 *
 * **Gotchas**
 *
 * - Inside a router it bounds the making of a response, not the sending of a body that is a stream. Around a
 *   whole server (`HttpServer.serve`, the `middleware` option of `HttpRouter.serve`) it bounds both, and a body
 *   whose sending has begun is cut off.
 * - A handler that is cut off while it reads the body of its request takes the connection with it on Node, where
 *   a request that is not read to its end is destroyed: the client sees it closed, and no 504.
 * - Effect runs some handlers uninterruptibly: routes with `uninterruptible: true`, and effects that are served
 *   without a router. Their 504 is in time too, and they go on as abandoned work.
 *
 * **Example** (For all routes of a router, and a shorter one for some)
 *
 * ```ts
 * import { Deadline, DeadlineHttp } from "@holdfast/core"
 * import { Effect, Layer } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 *
 * const All = HttpRouter.middleware(DeadlineHttp.middleware({ max: "30 seconds" }), { global: true })
 * const Quick = HttpRouter.middleware(DeadlineHttp.middleware({ max: "20 millis" })).layer
 *
 * const left = Effect.map(Deadline.remaining, (remaining) => HttpServerResponse.text(String(remaining)))
 * const App = Layer.mergeAll(
 *   HttpRouter.add("GET", "/left", left),
 *   HttpRouter.add("GET", "/slow", Effect.never).pipe(Layer.provide(Quick)),
 *   All
 * )
 *
 * const { dispose, handler } = HttpRouter.toWebHandler(App, { disableLogger: true })
 * const slow = await handler(new Request("http://localhost/slow"))
 * console.log(slow.status, await slow.text()) // => 504 deadline exceeded
 * const hurried = new Request("http://localhost/left", { headers: { "grpc-timeout": "0n" } })
 * console.log((await handler(hurried)).status) // => 504
 * await dispose()
 * ```
 *
 * **Example** (Around a whole server)
 *
 * ```ts no-run
 * import { createServer } from "node:http"
 * import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
 * import { DeadlineHttp } from "@holdfast/core"
 * import { Effect, Layer } from "effect"
 * import { HttpServer, HttpServerResponse } from "effect/http"
 *
 * const app = Effect.interruptible(Effect.as(Effect.sleep("1 second"), HttpServerResponse.text("done")))
 *
 * HttpServer.serve(app, DeadlineHttp.middleware({ max: "30 seconds" })).pipe(
 *   Layer.provide(NodeHttpServer.layer(createServer, { port: 3000 })),
 *   Layer.launch,
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * @since 0.1.0
 * @category server
 */
export const middleware = (options?: {
  readonly max?: Duration.Input | undefined
}): (<E, R>(
  self: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest>) => {
  const max = options?.max === undefined ? undefined : toNanos(decode("DeadlineHttp", "max", options.max))
  return (self) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
      Effect.uninterruptibleMask((restore) =>
        // The handler stays as interruptible as it is. Its caller only waits, so it may be: clients leave.
        Effect.interruptible(ofRequest(request, bounded(Effect.uninterruptible(restore(self)), request, max)))
      )
    )
}

/** Whose request the ambient deadline is of. */
const Owner = Context.Reference<object | undefined>("@holdfast/core/DeadlineHttp/Owner", {
  defaultValue: () => undefined
})

/** A request begins a call of its own; what is ambient counts only when it is of this very request. */
const ofRequest = <A, E, R>(
  { source }: HttpServerRequest.HttpServerRequest,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Owner, (owner) =>
    owner === source
      ? self
      : Effect.updateContext(self, (context: Context.Context<R>) =>
          context.pipe(
            Context.add(Owner, source),
            Context.add(Deadline.Current, undefined),
            Context.add(CurrentAttempt, 1)
          )
        )
  )

class Expired {
  readonly _tag = "Expired"
}

const isExpired = (error: unknown): error is Expired => error instanceof Expired

const exceeded = HttpServerResponse.text("deadline exceeded", { status: 504 })

const bounded = <E, R>(
  self: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  request: HttpServerRequest.HttpServerRequest,
  max: bigint | undefined
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest> =>
  Effect.suspend(() => {
    let state: "Running" | "Expired" | "Answered" = "Running"
    const limited = limit(self, {
      label: `${request.method} ${request.url.replace(/[?#].*$/s, "")}`,
      budgetNanos: shorter(headerNanos(request), max),
      inherit: true,
      expired: () => {
        state = "Expired"
        return new Expired()
      }
    })
    // Around a whole server, the handler that is interrupted sends a response of its own: it becomes this one.
    return HttpEffect.withPreResponseHandler(limited, (_, response) =>
      Effect.succeed(state === "Expired" ? toExceeded(response) : response)
    ).pipe(
      Effect.catchIf(isExpired, () => {
        state = "Answered"
        return Effect.succeed(exceeded)
      })
    )
  })

/** Keeps the headers that other middleware has set. */
const toExceeded = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  response.pipe(HttpServerResponse.setStatus(exceeded.status), HttpServerResponse.setBody(exceeded.body))

const headerNanos = ({ headers }: HttpServerRequest.HttpServerRequest): bigint | undefined => {
  const duration = Deadline.fromHeader(headers[headerName] ?? "")
  return duration === undefined ? undefined : toNanos(duration)
}

const shorter = (left: bigint | undefined, right: bigint | undefined): bigint | undefined =>
  left === undefined || (right !== undefined && right < left) ? right : left
