/**
 * A server whose behaviour over time is data: it answers, hangs, refuses, errs, does as asked and loses the reply, by the
 * number of the call or by the time.
 *
 * It is a plain function from a request to an effect. It needs no host, no network and no simulation: it waits on `Clock`,
 * so it works under `TestClock` as well. In a simulation its misbehaviour is counted in the run's `faults`, under
 * `server.hang`, `server.refuse`, `server.error`, `server.lostReply`, `server.die` and `server.uninterruptible`, when it
 * does something to a caller; and its calls are in the trace.
 *
 * What a caller sees and what the server did are two things. `calls` tells the one, `committed` the other: the requests
 * that took effect, whoever still waited for them. With both a test finds what was done twice, and what was reported as
 * failed although it was done.
 *
 * @since 0.1.0
 */
import { Duration, type Effect, Schema } from "effect"
import type * as fc from "fast-check"
import { scriptOf } from "./internal/flaky/arbitrary.ts"
import { words } from "./internal/flaky/script.ts"
import { serve } from "./internal/flaky/server.ts"

/**
 * What a server does with one call.
 *
 * **Details**
 *
 * | behaviour | the caller sees | the request takes effect |
 * |---|---|---|
 * | `Answer` | the reply, after the latency | after the latency |
 * | `Hang` | nothing, for ever | never |
 * | `Refuse` | `Refused`, after the latency | never |
 * | `Error` | `ServerError`, after the latency | after the latency if it `commits`, otherwise never |
 * | `LoseReply` | nothing, for ever | after the latency |
 * | `Die` | a defect, after the latency | never |
 * | `Uninterruptible` | the reply, after the latency; meanwhile it cannot be interrupted | after the latency |
 *
 * **Gotchas**
 *
 * A server goes on when its caller gives up: a request that was interrupted during its latency takes effect all the
 * same, later. Its caller cannot know.
 *
 * @category models
 * @since 0.1.0
 */
export type Behaviour =
  | { readonly _tag: "Answer"; readonly latencyMillis: number }
  | { readonly _tag: "Hang" }
  | { readonly _tag: "Refuse"; readonly latencyMillis: number }
  | {
      readonly _tag: "Error"
      readonly latencyMillis: number
      readonly status: number
      readonly commits: boolean
    }
  | { readonly _tag: "LoseReply"; readonly latencyMillis: number }
  | { readonly _tag: "Die"; readonly latencyMillis: number }
  | { readonly _tag: "Uninterruptible"; readonly latencyMillis: number }

/**
 * A behaviour for a while. What counts is when a call begins: one that hangs stays hung when better times come.
 *
 * @category models
 * @since 0.1.0
 */
export interface Phase {
  readonly behaviour: Behaviour
  readonly forMillis: number
}

/**
 * How a server behaves over time, as plain data: it can be printed, drawn, shrunk, and read back from JSON.
 *
 * **Details**
 *
 * - `Calls`: one behaviour for each of the first calls, and one for all that come then.
 * - `Phases`: one after the other from the time when the server was made, and one behaviour for ever after.
 * - `Flap`: up and down in turns, up first.
 *
 * @category models
 * @since 0.1.0
 */
export type Script =
  | { readonly _tag: "Calls"; readonly calls: ReadonlyArray<Behaviour>; readonly afterwards: Behaviour }
  | { readonly _tag: "Phases"; readonly phases: ReadonlyArray<Phase>; readonly afterwards: Behaviour }
  | { readonly _tag: "Flap"; readonly up: Phase; readonly down: Phase }

/**
 * A call, as the server's log has it. Times are in milliseconds since the server was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call<out Req> {
  readonly request: Req
  readonly behaviour: Behaviour
  readonly startMillis: number
  /** When its caller stopped waiting; `undefined` while it waits, or when its host has crashed. */
  readonly endMillis: number | undefined
  /** How it ended for its caller, if it did. */
  readonly outcome: "Answered" | "Refused" | "Failed" | "Died" | "Interrupted" | undefined
  /** When the request took effect, if it did. */
  readonly committedMillis: number | undefined
}

/**
 * A server that does what its script says.
 *
 * @category models
 * @since 0.1.0
 */
export interface FlakyServer<in out Req, out A> {
  readonly name: string
  readonly script: Script
  readonly call: (request: Req) => Effect.Effect<A, Refused | ServerError>
  /** All calls until now, in the order in which they began. */
  readonly calls: Effect.Effect<ReadonlyArray<Call<Req>>>
  /** The requests that have taken effect until now, in that order: once for each time that they did. */
  readonly committed: Effect.Effect<ReadonlyArray<Req>>
  /** How many callers wait now. Those that gave up, or cannot be answered any more, do not. */
  readonly inFlight: Effect.Effect<number>
  /** The largest number of callers that ever waited at once. */
  readonly maxInFlight: Effect.Effect<number>
}

/**
 * The server took no connection: the request did not take effect.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refused extends Schema.TaggedError<Refused>("@holdfast/sim/FlakyServer/Refused")("Refused", {
  server: Schema.String
}) {
  override get message(): string {
    return `${this.server} refuses connections: nothing was done, so it is safe to try again`
  }
}

/**
 * The server answered with an error. The request may have taken effect before that.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerError extends Schema.TaggedError<ServerError>("@holdfast/sim/FlakyServer/ServerError")(
  "ServerError",
  { server: Schema.String, status: Schema.Finite }
) {
  override get message(): string {
    return `${this.server} answered with status ${this.status}: ask it what was done before you try again`
  }
}

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/**
 * Answers, at once by default.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const answer = (latency: Duration.Input = 0): Behaviour => ({
  _tag: "Answer",
  latencyMillis: millis(latency)
})

/**
 * Takes the request, does nothing and says nothing.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const hang: Behaviour = { _tag: "Hang" }

/**
 * Takes no connection, at once by default.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const refuse = (latency: Duration.Input = 0): Behaviour => ({
  _tag: "Refuse",
  latencyMillis: millis(latency)
})

/**
 * Answers with an error, at once by default.
 *
 * **Details**
 *
 * `status` is 500 by default. With `commits` the request takes effect all the same: a failure after the fact, as of a
 * proxy. By default it does not.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const error = (
  latency: Duration.Input = 0,
  options?: { readonly status?: number | undefined; readonly commits?: boolean | undefined }
): Behaviour => ({
  _tag: "Error",
  latencyMillis: millis(latency),
  status: options?.status ?? 500,
  commits: options?.commits ?? false
})

/**
 * Does as asked, at once by default, and its reply never arrives.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const loseReply = (latency: Duration.Input = 0): Behaviour => ({
  _tag: "LoseReply",
  latencyMillis: millis(latency)
})

/**
 * Makes its caller die with a defect, as a client library with a bug does; at once by default.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const die = (latency: Duration.Input = 0): Behaviour => ({
  _tag: "Die",
  latencyMillis: millis(latency)
})

/**
 * Answers, and its caller cannot be interrupted meanwhile, as in a client library that ignores its signal.
 *
 * @category behaviours
 * @since 0.1.0
 */
export const uninterruptible = (latency: Duration.Input): Behaviour => ({
  _tag: "Uninterruptible",
  latencyMillis: millis(latency)
})

/**
 * The same at every call.
 *
 * @category scripts
 * @since 0.1.0
 */
export const always = (behaviour: Behaviour): Script => calls([], behaviour)

/**
 * One behaviour for each of the first calls, and one for all that come then.
 *
 * @category scripts
 * @since 0.1.0
 */
export const calls = (first: ReadonlyArray<Behaviour>, afterwards: Behaviour): Script => ({
  _tag: "Calls",
  calls: first,
  afterwards
})

/**
 * One behaviour after the other from the time when the server is made, and one for ever after.
 *
 * @category scripts
 * @since 0.1.0
 */
export const phases = (
  first: ReadonlyArray<readonly [behaviour: Behaviour, length: Duration.Input]>,
  afterwards: Behaviour
): Script => ({
  _tag: "Phases",
  phases: first.map(([behaviour, length]) => ({ behaviour, forMillis: millis(length) })),
  afterwards
})

/**
 * Up and down in turns, up first.
 *
 * @category scripts
 * @since 0.1.0
 */
export const flap = (
  up: readonly [behaviour: Behaviour, length: Duration.Input],
  down: readonly [behaviour: Behaviour, length: Duration.Input]
): Script => ({
  _tag: "Flap",
  up: { behaviour: up[0], forMillis: millis(up[1]) },
  down: { behaviour: down[0], forMillis: millis(down[1]) }
})

/**
 * A script in words.
 *
 * **Example** (A reply that is lost)
 *
 * ```ts
 * import { FlakyServer } from "@holdfast/sim"
 *
 * const script = FlakyServer.calls([FlakyServer.loseReply("3 millis")], FlakyServer.answer("5 millis"))
 * console.log(FlakyServer.describe(script)) // => at call 1 it does as asked after 3 ms and its reply is lost, then it always answers after 5 ms
 * ```
 *
 * @category scripts
 * @since 0.1.0
 */
export const describe = (script: Script): string => words(script)

/**
 * Draws scripts of every kind, and shrinks them towards a server that always answers at once.
 *
 * **Details**
 *
 * Latencies are those of `latencyMillis`, by default anything up to a minute. Give it the instants at which the program
 * under test does something, and those just before and after: that is where its bugs are.
 *
 * Shrinking works on scripts that were drawn elsewhere too, such as one from a recorded failure.
 *
 * **Gotchas**
 *
 * A behaviour that is no cause of a failure shrinks to an answer without latency, also when `latencyMillis` never draws 0.
 *
 * @category scripts
 * @since 0.1.0
 */
export const arbitrary = (options?: {
  readonly latencyMillis?: fc.Arbitrary<number> | undefined
}): fc.Arbitrary<Script> => scriptOf(options?.latencyMillis)

/**
 * Makes a server. Its handler gives the reply to a request, from the requests that have taken effect before it.
 *
 * **Details**
 *
 * The handler is called once for each request that the server carries out, whether somebody waits for the reply or not.
 * What a server knows is what it was asked to do, so the handler needs no state of its own. When it throws, its caller
 * dies with that, and the request takes no effect.
 *
 * `changes` says whether a request has an effect at all, by default yes: not for one that only reads, nor for what the
 * server finds to be done already. Those that have none are not in `committed`.
 *
 * Time is the true time of the simulation, whatever the clock of a caller's host shows; outside of a simulation it is
 * the monotonic time of `Clock`. Dies when the script has a length of time that is negative or no finite number.
 *
 * **Gotchas**
 *
 * Let the handler be a pure function: what took effect after its caller gave up is worked out when somebody looks next.
 *
 * **Example** (A push whose reply is lost, and is repeated)
 *
 * ```ts
 * import { FlakyServer, Simulation } from "@holdfast/sim"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* FlakyServer.make(
 *     "executor",
 *     FlakyServer.calls([FlakyServer.loseReply()], FlakyServer.answer("20 millis")),
 *     (push: string, stored) => stored.includes(push) ? "already present" : "stored",
 *     { changes: (push, stored) => !stored.includes(push) }
 *   )
 *   const attempt = server.call("tx 1").pipe(Effect.timeout("8 seconds"))
 *   const reply = yield* Effect.retry(attempt, { times: 2 })
 *   return `${reply}: ${yield* server.committed}`
 * })
 *
 * const { exit, virtualMillis } = Simulation.run(program)
 * console.log(exit._tag === "Success" && exit.value) // => already present: tx 1
 * console.log(virtualMillis) // => 8020
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <Req, A>(
  name: string,
  script: Script,
  handler: (request: Req, committed: ReadonlyArray<Req>) => A,
  options?: { readonly changes?: ((request: Req, committed: ReadonlyArray<Req>) => boolean) | undefined }
): Effect.Effect<FlakyServer<Req, A>> =>
  serve<Req, A, Refused | ServerError>(
    name,
    script,
    { handler, changes: options?.changes ?? (() => true) },
    {
      refused: () => new Refused({ server: name }),
      failed: (status) => new ServerError({ server: name, status })
    }
  )
