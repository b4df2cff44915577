/** How an endpoint comes by its client. */
import { type Effect, Exit, type Scope } from "effect"

/** What it acquires belongs to a scope that the pool gives it. */
export const forEndpoint = <A, E, R>(
  acquire: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, Scope.Scope> | Scope.Scope> =>
  // house: taking the scope out and putting it in again adds it at most, which the compiler cannot see for any `R`
  acquire as Effect.Effect<A, E, Exclude<R, Scope.Scope> | Scope.Scope>

/** A client that is there already. */
export const isThere = <A, E, R>(acquire: Effect.Effect<A, E, R>): acquire is Exit.Success<A> =>
  Exit.isExit(acquire) && Exit.isSuccess(acquire)
