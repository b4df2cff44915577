/** What a call is, by its own options and those of its pool. */
import { Duration, Effect } from "effect"
import type * as Backoff from "../../Backoff.ts"
import type { Execute, ExecuteOptions } from "../../Failover.ts"
import type { RetryBudget } from "../../RetryBudget.ts"
import { decode, ending, positive } from "../duration.ts"
import { toNanos } from "../limit.ts"
import { type Ask, Call, type Failed, type HedgeRule } from "./execute.ts"
import type { Pool } from "./pool.ts"
import type { Verdict } from "./verdict.ts"

/** What the calls of a pool have in common. */
export interface Defaults {
  readonly classify: <E>(error: E) => Verdict<E>
  readonly attemptTimeoutNanos: bigint
  readonly attempts: number | undefined
  readonly backoff: Backoff.Input
  readonly budget: RetryBudget | undefined
  readonly hedge: HedgeRule | undefined
}

/** Every attempt has an end. */
export const timeoutNanos = (input: Duration.Input): bigint => {
  positive("Failover", "attemptTimeout", input)
  return Duration.toNanosUnsafe(ending("Failover", "attemptTimeout", input))
}

const nanosOf = (option: string, input: Duration.Input): bigint | undefined =>
  toNanos(decode("Failover", option, input))

/** The operation of a pool. */
export const execution = <Client>(pool: Pool<Client>, defaults: Defaults): Execute<Client> => {
  const execute = <A, E, R, C>(
    f: (client: Client, endpoint: string) => Effect.Effect<A, E, R>,
    options: ExecuteOptions<E, C, boolean> = {}
  ): Effect.Effect<A, Failed<E, C>, R> => {
    const { attemptTimeout, classify, deadline, operationId } = options
    const idempotent = options.idempotent === true
    const ask: Ask<Client, A, E, R, C> = {
      f,
      idempotent,
      operationId,
      // house: without a `classify` of the call `C` is `E`, which is what the default gives
      classify: classify ?? (defaults.classify as (error: E) => Verdict<C>),
      attemptTimeoutNanos:
        attemptTimeout === undefined ? defaults.attemptTimeoutNanos : timeoutNanos(attemptTimeout),
      budgetNanos: deadline === undefined ? undefined : nanosOf("deadline", deadline),
      attempts: defaults.attempts,
      backoff: defaults.backoff,
      budget: defaults.budget,
      hedge: idempotent ? defaults.hedge : undefined
    }
    return Effect.withFiber((fiber) => new Call(pool, ask, fiber).run())
  }
  // house: a call that is idempotent is never `OutcomeUnknown`, as `failed` and `expired` have it
  return execute as Execute<Client>
}
