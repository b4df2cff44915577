/** Runs an effect with the lock of a document. */
import type { StateBackend } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { toWriteError } from "./errors.ts"
import { documentLock, type Store } from "./store.ts"

/** `false` when somebody else has it. */
export const exclusively = <A>(
  { disk, label, root, writes }: Store,
  document: string,
  effect: Effect.Effect<A, StateBackend.CommitError, Scope.Scope>
): Effect.Effect<A | false, StateBackend.CommitError> =>
  disk.lock.tryLock(documentLock(root, document)).pipe(
    Effect.mapError(toWriteError(label, document)),
    Effect.flatMap((isMine) => (isMine ? effect : Effect.succeed<A | false>(false))),
    Effect.scoped,
    writes.withPermit,
    Effect.uninterruptible
  )
