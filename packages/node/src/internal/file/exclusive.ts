/**
 * The lock of a document, in turns.
 *
 *   Asking ──has "turn"──▶ Next ──has "doc"──▶ Inside ──done──▶ Gone
 *   Asking ──somebody else is next──▶ Gone (busy)
 *   Next ──the document stays locked for too long──▶ Gone (busy)
 *
 * A commit takes longer than a process pauses between two tries, so whoever has just written and wants to write again
 * would always be faster than those who wait. Who is next keeps "turn" until it has the document; whoever has written
 * then finds it taken, and comes after.
 */
import type { StateBackend } from "@holdfast/core"
import { Effect, Exit, Scope } from "effect"
import { toWriteError } from "./errors.ts"
import { documentLock, type Store, turnLock } from "./store.ts"

/** How often the one that is next tries, a millisecond apart: longer than nearly all commits. */
const tries = 32

/** Runs an effect with the lock of a document; `false` when somebody else has it, or comes before. */
export const exclusively = <A>(
  store: Store,
  document: string,
  effect: Effect.Effect<A, StateBackend.CommitError, Scope.Scope>
): Effect.Effect<A | false, StateBackend.CommitError> => {
  const { disk, label, root } = store
  const take = (path: string) => Effect.mapError(disk.lock.tryLock(path), toWriteError(label, document))
  const untilMine = (left: number): ReturnType<typeof take> =>
    Effect.flatMap(take(documentLock(root, document)), (isMine) =>
      isMine || left === 0 ? Effect.succeed(isMine) : Effect.andThen(Effect.sleep(1), untilMine(left - 1))
    )
  return Effect.gen(function* () {
    const turn = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(turn, Exit.void))
    if (!(yield* Scope.provide(take(turnLock(root, document)), turn))) return false
    if (!(yield* untilMine(tries))) return false
    yield* Scope.close(turn, Exit.void)
    return yield* effect
  }).pipe(Effect.scoped, Effect.uninterruptible)
}
