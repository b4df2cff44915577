import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, DeadlineHttp, InvalidOptions, Retry } from "@holdfast/core"
import { Cause, Context, Duration, Effect, Exit, Fiber, Layer, Metric, type Scope } from "effect"
import {
  HttpClient,
  HttpClientRequest,
  HttpEffect,
  HttpRouter,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { during, timed } from "./utils/run.ts"
import { elapsedMillis } from "./utils/time.ts"

type App<E, R> = Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>

/** A client whose requests are handled by an app in the same fiber: the wire is left out, and nothing else. */
const clientOf = <R>(app: App<never, R | HttpServerRequest.HttpServerRequest>) =>
  Effect.map(Effect.context<Exclude<R, HttpServerRequest.HttpServerRequest>>(), (context) =>
    HttpClient.make((request) =>
      app.pipe(
        Effect.map((response) => HttpServerResponse.toClientResponse(response, { request })),
        Effect.provideService(
          HttpServerRequest.HttpServerRequest,
          HttpServerRequest.fromClientRequest(request)
        ),
        Effect.provide(context)
      )
    )
  )

/** A client that notes the header of each request. */
const listening = (answer: Effect.Effect<number> = Effect.succeed(200)) => {
  const headers: Array<string | undefined> = []
  const client = HttpClient.make((request) => {
    headers.push(request.headers["grpc-timeout"])
    return Effect.map(answer, (status) =>
      HttpServerResponse.toClientResponse(HttpServerResponse.empty({ status }), { request })
    )
  })
  return { client: DeadlineHttp.client(client), headers }
}

const url = "http://quotes.example/quote?symbol=X"

/** A request as a server sees it. */
const request = (header?: string, path = "/quote?symbol=X") =>
  HttpServerRequest.fromClientRequest(
    HttpClientRequest.get(`http://quotes.example${path}`, {
      headers: header === undefined ? {} : { "grpc-timeout": header }
    })
  )

const asking = <E, R>(app: App<E, R | HttpServerRequest.HttpServerRequest>, header?: string) =>
  Effect.provideService(app, HttpServerRequest.HttpServerRequest, request(header))

/** What a handler sees as remaining, in milliseconds; 504 when it was not even started. */
const remainingWith = (max: Duration.Input | undefined, header?: string) =>
  Effect.gen(function* () {
    let seen: number | undefined
    const handler = Effect.map(Deadline.remaining, (remaining) => {
      seen = Duration.toMillis(remaining)
      return HttpServerResponse.empty()
    })
    const { status } = yield* asking(DeadlineHttp.middleware({ max })(handler), header)
    return seen ?? status
  })

const bodyOf = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.toClientResponse(response).text

describe("DeadlineHttp", () => {
  describe("client", () => {
    it.effect("DL-2: a request carries what remains when it is sent", () =>
      Effect.gen(function* () {
        const { client, headers } = listening()
        const calls = Effect.andThen(
          client.get(url),
          Effect.andThen(Effect.sleep("1500 millis"), client.get(url))
        )
        yield* timed(Deadline.within(calls, "5 seconds"), "5 seconds")
        assert.deepStrictEqual(headers, ["5000000u", "3500000u"])
      })
    )

    it.effect("without a deadline a request is sent as it is", () =>
      Effect.gen(function* () {
        const { client, headers } = listening()
        yield* client.get(url)
        yield* client.get(url, { headers: { "grpc-timeout": "7S" } })
        yield* Deadline.within(client.get(url), Duration.infinity)
        yield* Deadline.within(Deadline.shield(client.get(url)), "1 second")
        assert.deepStrictEqual(headers, [undefined, "7S", undefined, undefined])
      })
    )

    it.effect("a header that came with the request gives way to the deadline", () =>
      Effect.gen(function* () {
        const { client, headers } = listening()
        yield* Deadline.within(client.get(url, { headers: { "grpc-timeout": "1H" } }), "1 second")
        assert.deepStrictEqual(headers, ["1000000u"])
      })
    )

    it.effect("past the deadline it sends that nothing is left", () =>
      Effect.gen(function* () {
        const { client, headers } = listening()
        const late = Effect.uninterruptible(Effect.andThen(Effect.sleep("2 seconds"), client.get(url)))
        yield* during(Effect.exit(Deadline.within(late, "1 second")), "2 seconds")
        assert.deepStrictEqual(headers, ["0n"])
      })
    )

    const everySecond = Retry.policy({ attempts: 3, backoff: Backoff.constant("1 second") })

    it.effect("each attempt of a retry around it tells what is left then", () =>
      Effect.gen(function* () {
        const { client, headers } = listening(Effect.succeed(503))
        const call = Retry.run(HttpClient.filterStatusOk(client).get(url), everySecond)
        yield* timed(Effect.exit(Deadline.within(call, "10 seconds")), "10 seconds")
        assert.deepStrictEqual(headers, ["10000000u", "9000000u", "8000000u"])
      })
    )

    it.effect("so does each attempt of a retrying client, whichever was applied first", () =>
      Effect.gen(function* () {
        const { client, headers } = listening(Effect.succeed(503))
        const retrying = client.pipe(
          HttpClient.filterStatusOk,
          HttpClient.retry({ times: 2, schedule: Backoff.toSchedule(Backoff.constant("1 second")) })
        )
        for (const each of [retrying, DeadlineHttp.client(retrying)]) {
          headers.length = 0
          yield* timed(Effect.exit(Deadline.within(each.get(url), "10 seconds")), "10 seconds")
          assert.deepStrictEqual(headers, ["10000000u", "9000000u", "8000000u"])
        }
      })
    )

    it.effect("the time-out of an attempt is a deadline too", () =>
      Effect.gen(function* () {
        const { client, headers } = listening()
        const policy = Retry.policy({ attempts: 2, attemptTimeout: "300 millis" })
        yield* Deadline.within(Retry.run(client.get(url), policy), "10 seconds")
        assert.deepStrictEqual(headers, ["300000u"])
      })
    )

    it.effect("a client that was built under a deadline does not send that one", () =>
      Effect.gen(function* () {
        const headers: Array<string | undefined> = []
        const layer = HttpClient.layerMergedContext(
          Effect.succeed(
            HttpClient.make((request) => {
              headers.push(request.headers["grpc-timeout"])
              return Effect.succeed(
                HttpServerResponse.toClientResponse(HttpServerResponse.empty(), { request })
              )
            })
          )
        )
        const context = yield* Deadline.within(Layer.build(layer), "30 seconds")
        const client = DeadlineHttp.client(Context.get(context, HttpClient.HttpClient))
        yield* client.get(url)
        yield* Deadline.within(client.get(url), "1 second")
        assert.deepStrictEqual(headers, [undefined, "1000000u"])
      })
    )

    it.effect("what the client does besides stays", () =>
      Effect.gen(function* () {
        const seen: Array<HttpClientRequest.HttpClientRequest> = []
        const client = HttpClient.make((request) => {
          seen.push(request)
          return Effect.succeed(HttpServerResponse.toClientResponse(HttpServerResponse.empty(), { request }))
        }).pipe(HttpClient.mapRequest(HttpClientRequest.setHeader("x-before", "1")), DeadlineHttp.client)
        const after = HttpClient.mapRequest(client, HttpClientRequest.setHeader("x-after", "2"))
        yield* Deadline.within(after.post(url), "1 second")
        const { headers, method } = seen[0] ?? assert.fail("nothing was sent")
        assert.deepStrictEqual(
          [method, headers["x-before"], headers["x-after"], headers["grpc-timeout"]],
          ["POST", "1", "2", "1000000u"]
        )
      })
    )
  })

  describe("middleware", () => {
    const cases: ReadonlyArray<
      readonly [name: string, max: Duration.Input | undefined, header: string | undefined, remaining: number]
    > = [
      ["neither a header nor a max is no deadline", undefined, undefined, Infinity],
      ["max is a deadline without a header", "10 seconds", undefined, 10_000],
      ["a header is a deadline without a max", undefined, "5S", 5000],
      ["a header shortens", "10 seconds", "5S", 5000],
      ["a header never lengthens", "10 seconds", "20S", 10_000],
      ["the longest header of all does not either", "10 seconds", "99999999H", 10_000],
      ["an infinite max is none", "Infinity", "5S", 5000],
      ["a header of nothing starts nothing", "10 seconds", "0n", 504],
      ["nor does a max of zero", 0, "5S", 504],
      ["nor does a negative one", "-1 second", undefined, 504]
    ]
    for (const [name, max, header, remaining] of cases) {
      it.effect(`DL-2: ${name}`, () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* remainingWith(max, header), remaining)
        })
      )
    }

    it.effect("a malformed header counts as none", () =>
      Effect.gen(function* () {
        const malformed = [
          "",
          " ",
          "5",
          "S",
          "5s",
          "5 S",
          " 5S",
          "5S ",
          "-5S",
          "+5S",
          "5.5S",
          "1e3S",
          "0x5S",
          "5S, 1n",
          "5S\n",
          "5S\u0000",
          "٥S",
          "NaN",
          "Infinity",
          "InfinityS",
          "999999999H",
          "9".repeat(100_000),
          "{}"
        ]
        for (const header of malformed) {
          assert.strictEqual(
            yield* remainingWith("10 seconds", header),
            10_000,
            JSON.stringify(header.slice(0, 20))
          )
        }
      })
    )

    it.effect("no header lengthens, whatever it is", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789HMSmun-+. ,") })),
            async (header) => {
              const remaining = await Effect.runPromise(
                Effect.provide(remainingWith("10 seconds", header), TestClock.layer())
              )
              assert.isTrue(remaining <= 10_000)
            }
          ),
          { numRuns: 300 }
        )
      )
    )

    it.effect("DL-1: when the deadline expires, the handler is interrupted and the response is 504", () =>
      Effect.gen(function* () {
        let interrupted = false
        const handler = Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            interrupted = true
          })
        )
        const { elapsedMillis, exit } = yield* timed(
          asking(DeadlineHttp.middleware()(handler), "250m"),
          "1 second"
        )
        assert.strictEqual(elapsedMillis, 250)
        assert.isTrue(Exit.isSuccess(exit))
        if (Exit.isFailure(exit)) return
        assert.strictEqual(exit.value.status, 504)
        assert.strictEqual(yield* bodyOf(exit.value), "deadline exceeded")
        assert.isTrue(interrupted)
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("DL-3: a response that is ready at the very instant is the response", () =>
      Effect.gen(function* () {
        const handler = Effect.as(Effect.sleep(250), HttpServerResponse.empty({ status: 201 }))
        const { exit } = yield* timed(asking(DeadlineHttp.middleware({ max: 250 })(handler)), "1 second")
        assert.strictEqual(Exit.isSuccess(exit) ? exit.value.status : 0, 201)
      })
    )

    it.effect("DL-1: a handler that cannot be interrupted is abandoned, listed by method and path", () =>
      Effect.gen(function* () {
        const handler = Effect.uninterruptible(
          Effect.as(Effect.sleep("5 seconds"), HttpServerResponse.empty())
        )
        const { elapsedMillis, exit } = yield* timed(
          asking(DeadlineHttp.middleware({ max: 250 })(handler)),
          250
        )
        assert.strictEqual(elapsedMillis, 250)
        assert.strictEqual(Exit.isSuccess(exit) ? exit.value.status : 0, 504)
        assert.deepStrictEqual(yield* Deadline.abandoned, [{ label: "GET /quote", sinceMillis: 250 }])
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("what Effect runs uninterruptibly stays so, and is answered for in time", () =>
      Effect.gen(function* () {
        let ended = false
        const handler = Effect.map(Effect.sleep("5 seconds"), () => {
          ended = true
          return HttpServerResponse.empty()
        })
        const served = Effect.uninterruptible(asking(DeadlineHttp.middleware({ max: 250 })(handler)))
        const { elapsedMillis, exit } = yield* timed(served, 250)
        assert.deepStrictEqual([elapsedMillis, Exit.isSuccess(exit) ? exit.value.status : 0], [250, 504])
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(ended)
      })
    )

    it.effect("a failure or a defect of the handler stays what it is", () =>
      Effect.gen(function* () {
        const mapped = DeadlineHttp.middleware({ max: "1 second" })
        assert.deepStrictEqual(
          yield* Effect.exit(asking(mapped(Effect.fail("refused")))),
          Exit.fail("refused")
        )
        assert.deepStrictEqual(yield* Effect.exit(asking(mapped(Effect.die("bug")))), Exit.die("bug"))
      })
    )

    it.effect("a shorter deadline of the handler's own is an error of its own", () =>
      Effect.gen(function* () {
        const handler = Deadline.within(Effect.never, 100, { label: "database" })
        const { exit } = yield* timed(
          Effect.flip(asking(DeadlineHttp.middleware({ max: "1 second" })(handler))),
          "1 second"
        )
        assert.isTrue(Exit.isSuccess(exit) && exit.value instanceof Deadline.DeadlineExceeded)
      })
    )

    it.effect(
      "DL-2: a deadline of the handler that inherits the request's tells so, and the response is 504",
      () =>
        Effect.gen(function* () {
          const seen: Array<unknown> = []
          const handler = Deadline.within(Effect.never, "1 minute", { label: "database" }).pipe(
            Effect.tapError((error) => Effect.sync(() => seen.push([error.label, error.inherited])))
          )
          const { exit } = yield* timed(asking(DeadlineHttp.middleware()(handler), "250m"), "1 second")
          assert.strictEqual(Exit.isSuccess(exit) ? exit.value.status : 0, 504)
          assert.deepStrictEqual(seen, [["GET /quote", true]])
        })
    )

    it.effect("DL-4: when the caller is interrupted, so is the handler, and it stays an interruption", () =>
      Effect.gen(function* () {
        for (const region of [Effect.interruptible, Effect.uninterruptible]) {
          let interrupted = false
          // As a router does it: routes are interruptible, whatever is around them is not.
          const handler = Effect.interruptible(
            Effect.onInterrupt(Effect.never, () =>
              Effect.sync(() => {
                interrupted = true
              })
            )
          )
          const served = region(asking(DeadlineHttp.middleware({ max: "1 second" })(handler)))
          const fiber = yield* during(served, 100)
          yield* Fiber.interrupt(fiber)
          const exit = yield* Fiber.await(fiber)
          assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
          assert.isTrue(interrupted)
        }
      })
    )

    it.effect("what was ambient when the server started is not in its requests", () =>
      Effect.gen(function* () {
        const started = (effect: Effect.Effect<number>) =>
          Deadline.within(Effect.provideService(effect, Retry.CurrentAttempt, 3), "1 second")
        assert.strictEqual(yield* started(remainingWith(undefined)), Infinity)
        assert.strictEqual(yield* started(remainingWith("1 minute")), 60_000)
        assert.strictEqual(yield* started(remainingWith("1 minute", "5S")), 5000)
        const attempt = DeadlineHttp.middleware()(
          Effect.map(Retry.CurrentAttempt, (attempt) => HttpServerResponse.text(`${attempt}`))
        )
        const response = yield* Effect.provideService(asking(attempt), Retry.CurrentAttempt, 3)
        assert.strictEqual(yield* bodyOf(response), "1")
      })
    )

    it.effect("DL-2: of nested ones the nearest holds, also when the request was changed in between", () =>
      Effect.gen(function* () {
        const elsewhere = <E, R>(app: App<E, R | HttpServerRequest.HttpServerRequest>) =>
          Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
            Effect.provideService(app, HttpServerRequest.HttpServerRequest, request.modify({ url: "/x" }))
          )
        for (const [outer, inner] of [
          [200, 500],
          [500, 200]
        ] as const) {
          const left: Array<number> = []
          const handler = Effect.flatMap(Deadline.remaining, (remaining) => {
            left.push(Duration.toMillis(remaining))
            return Effect.never
          })
          const app = DeadlineHttp.middleware({ max: outer })(
            elsewhere(DeadlineHttp.middleware({ max: inner })(handler))
          )
          const { elapsedMillis, exit } = yield* timed(asking(app, "1S"), "1 second")
          assert.deepStrictEqual(left, [200])
          assert.deepStrictEqual([elapsedMillis, Exit.isSuccess(exit) ? exit.value.status : 0], [200, 504])
        }
      })
    )

    it.effect("DL-2: of nested ones that share a deadline the inner one answers first", () =>
      Effect.gen(function* () {
        const apologetic = (response: HttpServerResponse.HttpServerResponse) =>
          response.status === 504 ? HttpServerResponse.empty({ status: 503 }) : response
        const app = DeadlineHttp.middleware({ max: 200 })(
          Effect.map(DeadlineHttp.middleware()(Effect.never), apologetic)
        )
        const { exit } = yield* timed(asking(app), "1 second")
        assert.strictEqual(Exit.isSuccess(exit) ? exit.value.status : 0, 503)
      })
    )

    it.effect("requests that ran out of time are counted", () =>
      Effect.gen(function* () {
        const counter = Metric.counter("holdfast_deadline_exceeded", {
          description: "Deadlines and attempt time-outs that fired",
          incremental: true
        })
        const before = (yield* Metric.value(counter)).count
        yield* timed(asking(DeadlineHttp.middleware({ max: 10 })(Effect.never)), 10)
        assert.strictEqual((yield* Metric.value(counter)).count, before + 1)
      })
    )

    it("a max that is no duration is refused where it is written", () => {
      assert.throws(() => DeadlineHttp.middleware({ max: NaN }), InvalidOptions)
    })
  })

  describe("in a server", () => {
    const notFound = HttpServerResponse.empty({ status: 404 })

    /** How a server answers: its status, its body and a header, and after how long. */
    const answer = (
      app: App<unknown, HttpServerRequest.HttpServerRequest | Scope.Scope>,
      options: {
        readonly path?: string
        readonly header?: string
        readonly around?: ReturnType<typeof DeadlineHttp.middleware>
      }
    ) =>
      Effect.gen(function* () {
        const context = yield* Effect.context<never>()
        const handler = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(
          context
        )(app, options.around)
        const headers = options.header === undefined ? {} : { "grpc-timeout": options.header }
        const request = new Request(`http://quotes.example${options.path ?? "/"}`, { headers })
        const fiber = yield* during(
          Effect.promise(() => handler(request)),
          250
        )
        const response = yield* Fiber.join(fiber)
        const body = yield* Effect.promise(() => response.text())
        return [response.status, body, response.headers.get("x-by"), yield* elapsedMillis]
      })

    const routes = Layer.mergeAll(
      HttpRouter.add("GET", "/hanging", Effect.never),
      HttpRouter.add("GET", "/other", Effect.as(Effect.sleep(100), HttpServerResponse.text("other")))
    )
    const signed = HttpRouter.middleware(
      (app) => Effect.map(app, HttpServerResponse.setHeader("x-by", "signed")),
      { global: true }
    )

    it.effect("as middleware of a router it holds for all routes, inside of what was added before", () =>
      Effect.gen(function* () {
        const all = HttpRouter.middleware(DeadlineHttp.middleware({ max: 250 }), { global: true })
        const app = yield* HttpRouter.toHttpEffect(Layer.mergeAll(signed, all, routes))
        assert.deepStrictEqual(yield* answer(app, { path: "/hanging" }), [
          504,
          "deadline exceeded",
          "signed",
          250
        ])
        assert.deepStrictEqual(yield* answer(app, { path: "/other" }), [200, "other", "signed", 500])
      })
    )

    it.effect("provided to a route it holds for that one, and what is around may change the response", () =>
      Effect.gen(function* () {
        const quick = HttpRouter.middleware(DeadlineHttp.middleware({ max: 100 })).layer
        const apologetic = HttpRouter.middleware((app) =>
          Effect.map(app, (response) =>
            response.status === 504 ? HttpServerResponse.text("sorry", { status: 503 }) : response
          )
        ).layer
        const app = yield* HttpRouter.toHttpEffect(
          Layer.mergeAll(
            HttpRouter.add("GET", "/quick", Effect.never).pipe(
              Layer.provide(quick),
              Layer.provide(apologetic)
            ),
            HttpRouter.add("GET", "/slow", Effect.as(Effect.sleep(200), HttpServerResponse.text("slow")))
          )
        )
        assert.deepStrictEqual(yield* answer(app, { path: "/quick" }), [503, "sorry", null, 250])
        assert.deepStrictEqual(yield* answer(app, { path: "/slow" }), [200, "slow", null, 500])
      })
    )

    const around = DeadlineHttp.middleware({ max: 250 })
    const sign = HttpEffect.appendPreResponseHandler((_, response) =>
      Effect.succeed(HttpServerResponse.setHeader(response, "x-by", "signed"))
    )

    it.effect(
      "around a server it answers for a handler that is interrupted, with the headers of others",
      () =>
        Effect.gen(function* () {
          const hanging = Effect.interruptible(Effect.never)
          const inside = Effect.andThen(sign, hanging)
          const outside: typeof around = (app) => Effect.andThen(sign, around(app))
          const expected = [504, "deadline exceeded", "signed"]
          assert.deepStrictEqual(yield* answer(inside, { around }), [...expected, 250])
          assert.deepStrictEqual(yield* answer(hanging, { around: outside }), [...expected, 500])
        })
    )

    it.effect("around a server it answers for a handler that cannot be interrupted", () =>
      Effect.gen(function* () {
        const app = Effect.as(Effect.uninterruptible(Effect.sleep("1 minute")), notFound)
        assert.deepStrictEqual(yield* answer(app, { around }), [504, "deadline exceeded", null, 250])
        yield* TestClock.adjust("1 minute")
      })
    )

    it.effect("around a server it answers for a handler whose finalizers hang", () =>
      Effect.gen(function* () {
        const app = Effect.interruptible(Effect.ensuring(Effect.never, Effect.sleep("1 minute")))
        assert.deepStrictEqual(yield* answer(app, { around }), [504, "deadline exceeded", null, 250])
        yield* TestClock.adjust("1 minute")
      })
    )

    it.effect("around a server it leaves other responses and failures alone", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* answer(Effect.succeed(notFound), { around }), [404, "", null, 250])
        assert.deepStrictEqual(yield* answer(Effect.fail("refused"), { around }), [500, "", null, 500])
      })
    )

    it.effect("a route that must not be interrupted is not, and its 504 is in time", () =>
      Effect.gen(function* () {
        let paid = false
        const pay = Effect.map(Effect.sleep("1 second"), () => {
          paid = true
          return HttpServerResponse.empty()
        })
        const all = HttpRouter.middleware(around, { global: true })
        const app = yield* HttpRouter.toHttpEffect(
          Layer.merge(all, HttpRouter.add("GET", "/pay", pay, { uninterruptible: true }))
        )
        assert.deepStrictEqual(yield* answer(app, { path: "/pay" }), [504, "deadline exceeded", null, 250])
        assert.deepStrictEqual(
          (yield* Deadline.abandoned).map(({ label }) => label),
          ["GET /pay"]
        )
        yield* TestClock.adjust("1 second")
        assert.isTrue(paid)
      })
    )
  })

  describe("across hops", () => {
    const noteOf = (log: Array<string>, name: string) =>
      Effect.flatMap(Deadline.remaining, (remaining) =>
        Effect.sync(() => log.push(`${name}: ${Duration.toMillis(remaining)}`))
      )

    it.effect("DL-2: what remains shrinks from hop to hop, and a max on the way holds for what follows", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const b = yield* clientOf(
          DeadlineHttp.middleware()(Effect.as(noteOf(log, "b"), HttpServerResponse.text("b")))
        )
        const a = yield* clientOf(
          DeadlineHttp.middleware({ max: "3 seconds" })(
            noteOf(log, "a").pipe(
              Effect.andThen(Effect.sleep(500)),
              Effect.andThen(Effect.orDie(DeadlineHttp.client(b).get(url))),
              Effect.map((response) => HttpServerResponse.empty({ status: response.status }))
            )
          )
        )
        const call = Effect.andThen(Effect.sleep(200), DeadlineHttp.client(a).get(url))
        yield* timed(Deadline.within(call, "1 second"), "5 seconds")
        yield* timed(Deadline.within(call, "10 seconds"), "5 seconds")
        yield* timed(call, "5 seconds")
        assert.deepStrictEqual(log, ["a: 800", "b: 300", "a: 3000", "b: 2500", "a: 3000", "b: 2500"])
      })
    )

    it.effect("a server knows nothing of a deadline that nobody told it", () =>
      Effect.gen(function* () {
        const log: Array<string> = []
        const app = DeadlineHttp.middleware()(Effect.as(noteOf(log, "app"), HttpServerResponse.empty()))
        const client = yield* clientOf(app)
        yield* Deadline.within(client.get(url), "1 second")
        assert.deepStrictEqual(log, ["app: Infinity"])
      })
    )

    it.effect(
      "the last hop ends first or together with the others, and the caller learns whose deadline it was",
      () =>
        Effect.gen(function* () {
          const b = yield* clientOf(DeadlineHttp.middleware({ max: 300 })(Effect.never))
          const statuses: Array<number> = []
          const a = yield* clientOf(
            DeadlineHttp.middleware()(
              Effect.map(Effect.orDie(DeadlineHttp.client(b).get(url)), (response) => {
                statuses.push(response.status)
                return HttpServerResponse.empty({ status: 502 })
              })
            )
          )
          const { elapsedMillis, exit } = yield* timed(
            Deadline.within(DeadlineHttp.client(a).get(url), "1 second"),
            "5 seconds"
          )
          assert.deepStrictEqual([statuses, elapsedMillis], [[504], 300])
          assert.strictEqual(Exit.isSuccess(exit) ? exit.value.status : 0, 502)
        })
    )
  })
})
