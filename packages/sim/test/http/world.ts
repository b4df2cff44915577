import { assert } from "@effect/vitest"
import { Cause, Effect, Exit, Layer, type Scope } from "effect"
import { HttpClient, HttpClientError, HttpRouter, HttpServerError } from "effect/http"
import * as Host from "../../src/Host.ts"
import * as SimHttp from "../../src/SimHttp.ts"
import { everywhere, simulate } from "../network/simulate.ts"

/** Serves routes on port 80 of the host that it runs on. */
export const serving = <R>(routes: Layer.Layer<never, never, R>) =>
  HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provide(SimHttp.layerServer({ port: 80 })),
    Layer.launch
  )

export interface World {
  readonly client: HttpClient.HttpClient
  readonly api: Host.Host
}

/** A server on the host "api", and a client on the host of the test. */
export const world = <A, E>(
  server: Effect.Effect<unknown, unknown, Scope.Scope>,
  use: (world: World) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const api = yield* Host.make("api", server)
    const client = yield* HttpClient.HttpClient
    return yield* use({ api, client })
  }).pipe(Effect.scoped, Effect.provide(SimHttp.layerClient))

/** What must hold in the calm run and at every seed. Of every tenth the same run is made again. */
export const always = <A, E>(
  program: Effect.Effect<A, E>,
  check: (run: ReturnType<typeof simulate<A, E>>, seed: number | undefined) => void,
  seeds = 60
): void =>
  everywhere(program, seeds, (run, seed) => {
    check(run, seed)
    assert.deepStrictEqual(run.leaks, { fibers: [], timers: 0, scopes: 0 })
    assert.deepStrictEqual(run.warnings, [])
    if (seed !== undefined && seed % 10 === 0) assert.strictEqual(simulate(program, { seed }).hash, run.hash)
  })

/** Why a request failed: the tag of the error's reason. */
export const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  const error = Cause.squash(exit.cause)
  return HttpClientError.isHttpClientError(error) ? error.reason._tag : Cause.pretty(exit.cause)
}

/** What was beneath it, as Node calls it. */
export const codeOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  const cause = HttpClientError.isHttpClientError(error) ? error.cause : undefined
  return cause instanceof Error && "code" in cause ? cause.code : undefined
}

/** How a handler ended: interrupted because its client had gone, or in another way. */
export const endOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Interrupt") return reason?._tag ?? "Empty"
  return reason.annotations.has(HttpServerError.ClientAbort.key) ? "ClientAbort" : "Interrupt"
}

export const text = (client: HttpClient.HttpClient, url: string) =>
  Effect.flatMap(client.get(url), (response) => response.text)
