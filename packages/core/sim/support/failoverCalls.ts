/** Callers of a pool, as data: what they ask, and what came of it. */
import { Deadline, Failover, Retry } from "@holdfast/core"
import { Cause, Effect, Exit, Fiber } from "effect"
import * as fc from "fast-check"
import { classify, type Pool } from "./failoverPool.ts"
import { type Client, type Request, recorded, Trouble, type World } from "./failoverWorld.ts"
import { interruptAt, lengthOf, now, toDuration, wait, words } from "./time.ts"

export interface Caller {
  readonly atNanos: number
  readonly calls: number
  readonly pauseNanos: number
  readonly idempotent: boolean
  /** Of each call; infinite: none. */
  readonly deadlineNanos: number
  readonly ambientNanos: number
  readonly attemptTimeoutNanos: number | undefined
  /** When each call is interrupted, from its start. */
  readonly interruptNanos: number | undefined
  readonly manner: "plain" | "is wrong" | "dies" | "throws" | "holds"
  /** It cannot be interrupted while it calls, and so sees itself what comes of that. */
  readonly isFirm: boolean
  readonly classify: "as the pool" | "all certain" | "all doubtful" | "throws"
}

export const callerOf = (unit: number): fc.Arbitrary<Caller> =>
  fc.record({
    atNanos: fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(8 * unit)),
    calls: fc.integer({ min: 1, max: 8 }),
    pauseNanos: fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(2 * unit)),
    idempotent: fc.boolean(),
    deadlineNanos: fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, lengthOf(2 * unit)),
    ambientNanos: fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, lengthOf(2 * unit)),
    attemptTimeoutNanos: fc.option(
      lengthOf(unit).map((nanos) => nanos + 1),
      { nil: undefined, freq: 3 }
    ),
    interruptNanos: fc.option(fc.oneof(fc.constant(0), lengthOf(unit)), { nil: undefined, freq: 2 }),
    manner: fc.constantFrom<Caller["manner"]>(
      "plain",
      "plain",
      "plain",
      "plain",
      "holds",
      "is wrong",
      "dies",
      "throws"
    ),
    isFirm: fc.constantFrom(false, false, true),
    classify: fc.constantFrom<Caller["classify"]>(
      "as the pool",
      "as the pool",
      "as the pool",
      "all certain",
      "all doubtful",
      "throws"
    )
  })

export const describeCaller = (caller: Caller): string =>
  [
    `at ${words(caller.atNanos)} ${caller.calls} calls, ${words(caller.pauseNanos)} between them`,
    ...(caller.idempotent ? ["idempotent"] : []),
    ...(caller.deadlineNanos === Infinity ? [] : [`within ${words(caller.deadlineNanos)}`]),
    ...(caller.ambientNanos === Infinity ? [] : [`given ${words(caller.ambientNanos)}`]),
    ...(caller.attemptTimeoutNanos === undefined ? [] : [`attempts of ${words(caller.attemptTimeoutNanos)}`]),
    ...(caller.interruptNanos === undefined ? [] : [`interrupted after ${words(caller.interruptNanos)}`]),
    ...(caller.manner === "plain" ? [] : [caller.manner]),
    ...(caller.isFirm ? ["firm"] : []),
    ...(caller.classify === "as the pool" ? [] : [`classified ${caller.classify}`])
  ].join(", ")

// ----------------------------------------------------------------------------
// What came of it
// ----------------------------------------------------------------------------

/** One call. */
export interface Call {
  readonly caller: Caller
  readonly startNanos: number
  /** When it has to be over: by its own deadline, and by that of its caller. */
  readonly deadlineNanos: number
  readonly ambientNanos: number
  readonly attempts: Array<Request>
  /** Which attempt it is, as each of them was told. */
  readonly numbers: Array<number>
  interruptedNanos: number | undefined
  endNanos: number | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
  /** When it came to an end for one who is firm. */
  firmNanos: number | undefined
}

export type Told =
  | "answered"
  | "rejected"
  | "all failed"
  | "unknown"
  | "deadline"
  | "died"
  | "interrupted"
  | "something else"

/** What a call was told in the end. */
export const toldOf = ({ exit }: Call): Told | undefined => {
  if (exit === undefined) return undefined
  if (Exit.isSuccess(exit)) return "answered"
  if (Cause.hasDies(exit.cause)) return "died"
  const error = Cause.squash(exit.cause)
  if (error instanceof Trouble && error.kind === "rejected") return "rejected"
  if (error instanceof Failover.AllEndpointsFailed) return "all failed"
  if (error instanceof Deadline.DeadlineExceeded) return "deadline"
  if (Cause.hasFails(exit.cause)) {
    return typeof error === "object" && error !== null && Reflect.get(error, "_tag") === "OutcomeUnknown"
      ? "unknown"
      : "something else"
  }
  return "interrupted"
}

export const allFailedOf = ({ exit }: Call): Failover.AllEndpointsFailed<unknown> | undefined => {
  if (exit === undefined || Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  return error instanceof Failover.AllEndpointsFailed ? error : undefined
}

/** Whose fault a trouble is for a caller; `undefined`: finding that out dies. */
export const verdictFor = (
  { classify }: Caller,
  kind: Trouble["kind"]
): "fault" | "unknown" | "caller" | undefined => {
  if (kind === "rejected") return "caller"
  if (classify === "throws") return undefined
  if (classify === "all certain") return "fault"
  if (classify === "all doubtful") return "unknown"
  return kind === "refused" ? "fault" : "unknown"
}

const classifier = (caller: Caller) => (error: Trouble) => {
  if (caller.classify === "throws" && error.kind !== "rejected") throw new Error("a bug of a classification")
  const verdict = verdictFor(caller, error.kind)
  if (verdict === "caller") return Failover.callerFault(error)
  return verdict === "fault" ? Failover.endpointFault : Failover.unknown
}

// ----------------------------------------------------------------------------
// The call
// ----------------------------------------------------------------------------

/** One attempt: what the caller asks of the endpoint. */
const ask = (world: World, call: Call, client: Client): Effect.Effect<string, Trouble> => {
  const { caller } = call
  if (caller.manner === "throws") throw new Error("a bug of a caller")
  return Effect.gen(function* () {
    const mood = world.mood(client, yield* now)
    const isUp = mood.call.how === "answers"
    const reaction = caller.manner === "holds" ? { ...mood.call, holds: true } : mood.call
    call.numbers.push(yield* Retry.CurrentAttempt)
    const wrong = new Trouble({ endpoint: client.endpoint, kind: "rejected" })
    const ends =
      isUp && caller.manner === "is wrong"
        ? Effect.andThen(wait(reaction.nanos), Effect.fail(wrong))
        : isUp && caller.manner === "dies"
          ? Effect.andThen(wait(reaction.nanos), Effect.die(new Error("a bug of a caller")))
          : world.react(client.endpoint, reaction)
    const work = reaction.holds ? Effect.uninterruptible(ends) : ends
    return yield* recorded(call.attempts, client.endpoint, reaction.holds, work)
  })
}

/** Makes one call of a caller, and waits for its end. */
export const makeCall = (world: World, pool: Pool, calls: Array<Call>, caller: Caller): Effect.Effect<Call> =>
  Effect.gen(function* () {
    const startNanos = yield* now
    const call: Call = {
      caller,
      startNanos,
      deadlineNanos: startNanos + caller.deadlineNanos,
      ambientNanos: startNanos + caller.ambientNanos,
      attempts: [],
      numbers: [],
      interruptedNanos: undefined,
      endNanos: undefined,
      exit: undefined,
      firmNanos: undefined
    }
    calls.push(call)
    const { attemptTimeoutNanos, classify: by, idempotent } = caller
    const execute = pool.execute<string, Trouble, never, Trouble, boolean>(
      (client) => ask(world, call, client),
      {
        idempotent,
        deadline: toDuration(caller.deadlineNanos),
        attemptTimeout: attemptTimeoutNanos === undefined ? undefined : toDuration(attemptTimeoutNanos),
        classify: by === "as the pool" ? classify : classifier(caller)
      }
    )
    const noted = Effect.onExit(execute, () =>
      Effect.map(now, (nanos) => {
        call.firmNanos = nanos
      })
    )
    const calling = caller.isFirm ? Effect.uninterruptible(noted) : execute
    const whole = Effect.onExit(Deadline.within(calling, toDuration(caller.ambientNanos)), (exit) =>
      Effect.map(now, (endNanos) => {
        call.endNanos = endNanos
        call.exit = exit
      })
    )
    const fiber = yield* Effect.forkChild(whole, { startImmediately: true })
    const { interruptNanos } = caller
    if (interruptNanos !== undefined) {
      const interrupting = Effect.andThen(
        wait(interruptNanos),
        Effect.flatMap(now, (nanos) => {
          call.interruptedNanos = call.endNanos === undefined && !caller.isFirm ? nanos : undefined
          return interruptAt(fiber, nanos)
        })
      )
      const interrupter = yield* Effect.forkChild(interrupting)
      yield* Fiber.await(fiber)
      yield* Fiber.interrupt(interrupter)
    } else yield* Fiber.await(fiber)
    return call
  })

/** One call without any trouble of its own. */
export const plainCaller: Caller = {
  atNanos: 0,
  calls: 1,
  pauseNanos: 0,
  idempotent: true,
  deadlineNanos: Infinity,
  ambientNanos: Infinity,
  attemptTimeoutNanos: undefined,
  interruptNanos: undefined,
  isFirm: false,
  manner: "plain",
  classify: "as the pool"
}
