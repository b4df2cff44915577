import { Effect, Scope } from "effect"
import type { AcquireError, Fenced, Lease, Lock, Options } from "../../Lock.ts"

/** Runs a section with a lease of this lock; when the lease is lost, the section is interrupted, and then told so. */
export const useLease = <A, E, R>(
  lock: Lock["Service"],
  key: string,
  f: (lease: Lease) => Effect.Effect<A, E, R>,
  options?: Options
): Effect.Effect<A, E | AcquireError | Fenced, R> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(Scope.provide(lock.acquire(key, options), scope), (lease) =>
      Effect.raceFirst(
        Effect.suspend(() => f(lease)),
        Effect.flatMap(lease.lost, Effect.fail)
      )
    )
  )
