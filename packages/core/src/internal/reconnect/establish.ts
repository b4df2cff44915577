/** A connection within bounds, without a supervisor. */
import { Cause, Clock, type Duration, Effect, Exit, Scope } from "effect"
import type * as Backoff from "../../Backoff.ts"
import { ambientAlarm, limit } from "../limit.ts"
import { call } from "../retry.ts"
import { EstablishFailed } from "./errors.ts"

interface Options {
  readonly label: string
  readonly budgetNanos: bigint | undefined
  readonly attempts: number
  readonly attemptTimeout: Duration.Duration | undefined
  readonly backoff: Backoff.Input
}

/** In a scope of its own, which is handed on to the caller's when the connection is still wanted. */
const dial = <C, E, R>(
  connect: Effect.Effect<C, E, R>,
  outer: Scope.Scope,
  isWanted: () => boolean
): Effect.Effect<C, Cause.Cause<E>, Exclude<R, Scope.Scope>> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const exit = yield* Effect.exit(restore(Scope.provide(connect, scope)))
      if (Exit.isSuccess(exit) && isWanted()) {
        yield* Scope.addFinalizerExit(outer, (end) => Scope.close(scope, end))
        return exit.value
      }
      yield* Scope.close(scope, exit)
      if (Exit.isSuccess(exit)) return yield* Effect.interrupt
      // As an error, because a defect is worth another attempt too.
      return yield* Cause.hasInterruptsOnly(exit.cause) ? Effect.interrupt : Effect.fail(exit.cause)
    })
  )

export const establish = <C, E, R>(connect: Effect.Effect<C, E, R>, options: Options) =>
  Effect.gen(function* () {
    const { budgetNanos, label } = options
    const outer = yield* Scope.Scope
    const clock = yield* Clock.Clock
    const startNanos = clock.monotonicTimeNanosUnsafe()
    const ambientNanos = yield* Effect.withFiber((fiber) => Effect.succeed(ambientAlarm(fiber)?.leftNanos()))
    const isInherited =
      ambientNanos !== undefined && (budgetNanos === undefined || ambientNanos < budgetNanos)
    const timeUp = isInherited ? "InheritedDeadline" : "Deadline"
    let attempts = 0
    /** The attempt whose connection is waited for. */
    let wanted: number | undefined
    let last: Cause.Cause<unknown> | undefined
    let isOutOfTime = false
    const elapsedMillis = (): number => Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e6
    const failed = (limit: EstablishFailed["limit"]): EstablishFailed => {
      wanted = undefined
      const of = { label, limit, attempts, elapsedMillis: elapsedMillis() }
      return new EstablishFailed(last === undefined ? of : { ...of, cause: Cause.squash(last) })
    }
    const attempt = Effect.suspend(() => {
      const number = ++attempts
      wanted = number
      return dial(connect, outer, () => wanted === number)
    })
    const calling = call<C, Cause.Cause<E>, Exclude<R, Scope.Scope>, unknown>(
      attempt,
      { ...options, maxRetryAfter: undefined, while: undefined, retryAfter: undefined, budget: undefined },
      {
        label,
        onAttempt: ({ cause }) => {
          wanted = undefined
          const error = cause && Cause.squash(cause)
          last = Cause.isCause(error) ? error : cause
        },
        onStop: (why) => {
          isOutOfTime = why === "Deadline"
        }
      }
    )
    const bounded = limit(calling, { label, budgetNanos, inherit: true, expired: () => failed(timeUp) })
    const connection = yield* Effect.mapError(bounded, (error) =>
      error instanceof EstablishFailed ? error : failed(isOutOfTime ? timeUp : "Attempts")
    )
    return { connection, attempts, elapsedMillis: elapsedMillis() }
  })
