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

/** A connection, in the scope of its attempt. */
interface Dialed<C> {
  readonly connection: C
  readonly scope: Scope.Closeable
}

/**
 * The attempts of one call, each in a scope of its own. The caller gets the scope of the one that it gets; all others are
 * closed, also of an attempt that nobody waited for any more when it connected.
 */
class Dialing<C> {
  count = 0
  /** The attempt whose connection is waited for. */
  wanted: number | undefined = undefined
  private readonly connected = new Set<Scope.Closeable>()

  dial<E, R>(
    connect: Effect.Effect<C, E, R>
  ): Effect.Effect<Dialed<C>, Cause.Cause<E>, Exclude<R, Scope.Scope>> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen({ self: this }, function* () {
        const number = ++this.count
        this.wanted = number
        const scope = yield* Scope.make()
        const exit = yield* Effect.exit(restore(Scope.provide(connect, scope)))
        if (Exit.isSuccess(exit) && this.wanted === number) {
          this.connected.add(scope)
          return { connection: exit.value, scope }
        }
        yield* Scope.close(scope, exit)
        if (Exit.isSuccess(exit)) return yield* Effect.interrupt
        // As an error, because a defect is worth another attempt too.
        return yield* Cause.hasInterruptsOnly(exit.cause) ? Effect.interrupt : Effect.fail(exit.cause)
      })
    )
  }

  /** Closes all but the one that is kept; nobody waits for it. */
  end(kept: Scope.Closeable | undefined): Effect.Effect<void> {
    this.wanted = undefined
    if (kept !== undefined) this.connected.delete(kept)
    return Effect.forEach(this.connected, (scope) => Effect.forkDetach(Scope.close(scope, Exit.void)), {
      discard: true
    })
  }
}

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
    const dialing = new Dialing<C>()
    let last: Cause.Cause<unknown> | undefined
    let isOutOfTime = false
    const elapsedMillis = (): number => Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e6
    const failed = (limit: EstablishFailed["limit"]): EstablishFailed => {
      const of = { label, limit, attempts: dialing.count, elapsedMillis: elapsedMillis() }
      return new EstablishFailed(last === undefined ? of : { ...of, cause: Cause.squash(last) })
    }
    const calling = call<Dialed<C>, Cause.Cause<E>, Exclude<R, Scope.Scope>, unknown>(
      dialing.dial(connect),
      { ...options, maxRetryAfter: undefined, while: undefined, retryAfter: undefined, budget: undefined },
      {
        label,
        onAttempt: ({ cause }) => {
          dialing.wanted = undefined
          const error = cause && Cause.squash(cause)
          last = Cause.isCause(error) ? error : cause
        },
        onStop: (why) => {
          isOutOfTime = why === "Deadline"
        }
      }
    )
    const bounded = Effect.mapError(
      limit(calling, { label, budgetNanos, inherit: true, outlived: true, expired: () => failed(timeUp) }),
      (error) => (error instanceof EstablishFailed ? error : failed(isOutOfTime ? timeUp : "Attempts"))
    )
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(restore(bounded))
        if (Exit.isFailure(exit)) {
          yield* dialing.end(undefined)
          return yield* Effect.failCause(exit.cause)
        }
        const { connection, scope } = exit.value
        yield* Scope.addFinalizerExit(outer, (end) => Scope.close(scope, end))
        yield* dialing.end(scope)
        return { connection, attempts: dialing.count, elapsedMillis: elapsedMillis() }
      })
    )
  })
