/**
 * How the processes of a machine share a document in time.
 *
 *   Free ──has "turn"──▶ Next ──a commit is through──▶ Slice ──its time is over──▶ Free
 *   Free ──somebody else is next──▶ Free (comes again)
 *   Next ──nobody of this process wants to commit any more──▶ Free
 *
 * Whoever has just committed would always be faster than those who sleep between two tries. So who is next keeps a lock,
 * "turn", until it has committed, and whoever wants to commit needs it first; but within a slice of time after a commit
 * he does not, as each change of hands costs a pause, and many commits a slice pay for it together. Who was refused for
 * long does without: who is next may stand still.
 */
import { Clock, Effect, Exit, Scope } from "effect"
import type { StateBackend } from "../../StateBackend.ts"

/** Long against what SQLite takes for a commit, and short against what a caller notices. */
const sliceNanos = 2_000_000n

/** So many tries take about a tenth of a second: far longer than the others need, if they are not very many. */
const maxRefusals = 48

/** Slices that are over are forgotten when there are so many. */
const maxKept = 1024

export class Slices {
  private readonly backend: StateBackend
  /** When the slice of a document ends. */
  private readonly ends = new Map<string, bigint>()
  private readonly turns = new Map<string, Scope.Closeable>()
  /** How often in a row somebody else was next. */
  private readonly refusals = new Map<string, number>()

  constructor(backend: StateBackend) {
    this.backend = backend
  }

  isNext(document: string): boolean {
    return this.turns.has(document)
  }

  /** Whether this process may try to commit now. Not to be interrupted. */
  begin(document: string): Effect.Effect<boolean> {
    return Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) =>
      this.isNext(document) || nowNanos < (this.ends.get(document) ?? 0n)
        ? Effect.succeed(true)
        : this.take(document)
    )
  }

  /** A commit is through, or has failed. */
  committed(document: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) => {
      if (this.turns.has(document) || !this.ends.has(document)) {
        if (this.ends.size >= maxKept) this.forget(nowNanos)
        this.ends.set(document, nowNanos + sliceNanos)
      }
      return this.giveUp(document)
    })
  }

  /** Who is next lets the others come. */
  giveUp(document: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.refusals.delete(document)
      const turn = this.turns.get(document)
      this.turns.delete(document)
      return turn === undefined ? Effect.void : Scope.close(turn, Exit.void)
    })
  }

  private take(document: string): Effect.Effect<boolean> {
    return Effect.flatMap(Scope.make(), (turn) =>
      Effect.flatMap(Effect.exit(Scope.provide(this.backend.tryLock(`turn:${document}`), turn)), (exit) => {
        if (Exit.isSuccess(exit) && exit.value) this.turns.set(document, turn)
        // Where nothing can be locked, the commit says what is wrong.
        const mayCommit = Exit.isFailure(exit) || exit.value || this.isRefusedForLong(document)
        return this.isNext(document)
          ? Effect.succeed(mayCommit)
          : Effect.as(Scope.close(turn, Exit.void), mayCommit)
      })
    )
  }

  private isRefusedForLong(document: string): boolean {
    const refusals = (this.refusals.get(document) ?? 0) + 1
    this.refusals.set(document, refusals)
    return refusals > maxRefusals
  }

  private forget(nowNanos: bigint): void {
    for (const [document, end] of this.ends) if (end <= nowNanos) this.ends.delete(document)
  }
}
