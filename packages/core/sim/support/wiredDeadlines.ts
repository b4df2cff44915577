/** A deadline that crosses the wire, from server to server. */
import { Deadline, DeadlineHttp } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Cause, Duration, Effect, Exit, Fiber } from "effect"
import { HttpClient, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as fc from "fast-check"
import { interruptAt, lengthOf, now, toDuration, wait, words } from "./time.ts"

/** A server, and the way to it. */
interface Hop {
  readonly thereNanos: number
  readonly backNanos: number
  /** The longest that a handler may take; infinite for none. */
  readonly maxNanos: number
  /** How long its handler works, before it asks the next server. */
  readonly workNanos: number
  readonly isStubborn: boolean
}

interface Chain {
  readonly budgetNanos: number
  readonly hops: ReadonlyArray<Hop>
  readonly interruptNanos: number | undefined
}

const rarely = (unit: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), lengthOf(unit))

const hopOf = (unit: number): fc.Arbitrary<Hop> =>
  fc.record({
    thereNanos: rarely(unit),
    backNanos: rarely(unit),
    maxNanos: fc.oneof(fc.constant(Infinity), lengthOf(2 * unit)),
    workNanos: rarely(unit),
    isStubborn: fc.constantFrom(false, false, false, true)
  })

export const chainOf = (unit: number): fc.Arbitrary<Chain> =>
  fc.record({
    budgetNanos: fc.oneof(
      { weight: 6, arbitrary: lengthOf(2 * unit).map((nanos) => nanos + unit) },
      { weight: 1, arbitrary: fc.constant(Infinity) }
    ),
    hops: fc.array(hopOf(unit), { minLength: 1, maxLength: 3 }),
    interruptNanos: fc.option(
      lengthOf(unit).map((nanos) => Math.max(1, nanos)),
      { freq: 2, nil: undefined }
    )
  })

const describeHop = ({ backNanos, isStubborn, maxNanos, thereNanos, workNanos }: Hop): string =>
  `${words(thereNanos)} to a server of at most ${words(maxNanos)}, which works for ${words(workNanos)}` +
  `${isStubborn ? " and cannot be interrupted" : ""}, ${words(backNanos)} back`

export const describeChain = ({ budgetNanos, hops, interruptNanos }: Chain): string =>
  [
    `within ${words(budgetNanos)}`,
    ...hops.map(describeHop),
    ...(interruptNanos === undefined ? [] : [`interrupted at ${words(interruptNanos)}`])
  ].join("; ")

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** The answer that somebody waits for: "exceeded" where no server has given one. */
interface Answer {
  readonly status: 200 | 504 | "exceeded"
  readonly atNanos: number
  /** Something else happens at the same instant, and may come first. */
  readonly isTied: boolean
}

/** What a header of at most eight digits can tell: the finest unit that fits, rounded down. */
const sent = (nanos: number): number => {
  const sizes = [1, 1e3, 1e6, 1e9, 60e9, 3600e9]
  const size = sizes.find((one) => Math.floor(nanos / one) <= 99_999_999) ?? Infinity
  return nanos === Infinity ? Infinity : Math.floor(nanos / size) * size
}

/** An answer that comes by a limit at the latest. */
const limited = (answer: Answer, limitNanos: number, late: Answer["status"]): Answer => {
  if (answer.atNanos > limitNanos) return { status: late, atNanos: limitNanos, isTied: answer.isTied }
  return { ...answer, isTied: answer.isTied || answer.atNanos === limitNanos }
}

const late = (atNanos: number): Answer => ({ status: 504, atNanos, isTied: false })

/** What the client of the first of some servers gets, if it asks at an instant and has until another. */
const ask = ([hop, ...others]: ReadonlyArray<Hop>, askNanos: number, untilNanos: number): Answer => {
  if (hop === undefined) return { status: 200, atNanos: askNanos, isTied: false }
  const startNanos = askNanos + hop.thereNanos
  const limitNanos = startNanos + Math.min(hop.maxNanos, sent(Math.max(0, untilNanos - askNanos)))
  const answer =
    limitNanos <= startNanos
      ? late(startNanos)
      : limited(ask(others, startNanos + hop.workNanos, limitNanos), limitNanos, 504)
  return { ...answer, atNanos: answer.atNanos + hop.backNanos }
}

const predict = ({ budgetNanos, hops }: Chain): Answer =>
  limited(ask(hops, 0, budgetNanos), budgetNanos, "exceeded")

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const remaining: Effect.Effect<number> = Effect.map(Deadline.remaining, (left) =>
  Duration.isFinite(left) ? Number(Duration.toNanosUnsafe(left)) : Infinity
)

/** The client of the first of some servers. The wire is a pause; what goes over it is a request as any other. */
const clientOf = (hop: Hop, others: ReadonlyArray<Hop>): HttpClient.HttpClient => {
  const wire = HttpClient.make((request) =>
    Effect.gen(function* () {
      const leftNanos = yield* remaining
      yield* wait(hop.thereNanos)
      const response = yield* Effect.provideService(
        DeadlineHttp.middleware({ max: toDuration(hop.maxNanos) })(handlerOf(hop, others, leftNanos)),
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromClientRequest(request)
      )
      yield* wait(hop.backNanos)
      return HttpServerResponse.toClientResponse(response, { request })
    })
  )
  return DeadlineHttp.client(wire)
}

/** Asks the first of some servers; where there is none, all is done. */
const send = ([hop, ...others]: ReadonlyArray<Hop>): Effect.Effect<number> =>
  hop === undefined
    ? Effect.succeed(200)
    : clientOf(hop, others)
        .get("http://server.example/")
        .pipe(
          Effect.map(({ status }) => status),
          Effect.orDie
        )

/** Works, and gives the answer of the next server. */
const handlerOf = (
  { isStubborn, maxNanos, workNanos }: Hop,
  others: ReadonlyArray<Hop>,
  clientNanos: number
) =>
  Effect.gen(function* () {
    const leftNanos = yield* remaining
    const expected = Math.min(maxNanos, sent(clientNanos))
    yield* Check.always(
      "DL-2",
      leftNanos === expected && leftNanos <= clientNanos,
      `a handler has ${leftNanos} ns instead of ${expected}, and its client ${clientNanos}`
    )
    yield* isStubborn ? Effect.uninterruptible(wait(workNanos)) : wait(workNanos)
    return HttpServerResponse.empty({ status: yield* send(others) })
  })

type Got = Answer["status"] | "interrupted" | "dies"

const gotOf = (exit: Exit.Exit<number, Deadline.DeadlineExceeded>): Got => {
  if (Exit.isSuccess(exit)) return exit.value === 200 ? 200 : 504
  if (Cause.hasInterruptsOnly(exit.cause)) return "interrupted"
  return Cause.hasDies(exit.cause) ? "dies" : "exceeded"
}

const judge = (chain: Chain, got: Got, atNanos: number) =>
  Effect.gen(function* () {
    const { budgetNanos, hops, interruptNanos = Infinity } = chain
    const answer = predict(chain)
    const found = () => `${got} at ${atNanos} instead of ${JSON.stringify(answer)}`
    yield* Check.always("DL-1", atNanos <= budgetNanos, found)
    if (interruptNanos < answer.atNanos) {
      const isInTime = atNanos === interruptNanos || hops.some(({ isStubborn }) => isStubborn)
      return yield* Check.always("DL-4", got === "interrupted" && isInTime, found)
    }
    const isRight = got === answer.status || answer.isTied
    const isSame = interruptNanos === answer.atNanos || (atNanos === answer.atNanos && isRight)
    yield* Check.always("DL-1", isSame, found)
    yield* Check.sometimes("a client whose own time is up first", got === "exceeded" && hops.length > 1)
    yield* Check.sometimes("a 504 in time", got === 504)
    yield* Check.sometimes("an answer of the last server", got === 200 && hops.length > 1)
  })

export const runChain = (chain: Chain) =>
  Effect.gen(function* () {
    let ended: { readonly got: Got; readonly atNanos: number } | undefined
    const asking = send(chain.hops).pipe(
      Deadline.within(toDuration(chain.budgetNanos)),
      Effect.onExit((exit) =>
        Effect.map(now, (atNanos) => {
          ended = { got: gotOf(exit), atNanos }
        })
      )
    )
    const application = Effect.gen(function* () {
      const caller = yield* Effect.forkChild(Effect.exit(asking))
      yield* Effect.forkChild(interruptAt(caller, chain.interruptNanos))
      yield* Fiber.await(caller)
    })
    // The application ends when all handlers have.
    yield* Effect.provide(application, Deadline.layerAbandoned({ joinTimeout: Duration.infinity }))
    if (ended === undefined) return yield* Check.violated("DL-1", "it did not return")
    yield* judge(chain, ended.got, ended.atNanos)
  })
