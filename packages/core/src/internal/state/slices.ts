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
import { Clock, Effect } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import { Held } from "./held.ts"

/** Long against what SQLite takes for a commit, and short against what a caller notices. */
const sliceNanos = 2_000_000n

/** So many tries take about a tenth of a second: far longer than the others need, if they are not very many. */
const maxRefusals = 48

/** Slices that are over are forgotten when there are so many. */
const maxKept = 1024

const turnOf = (document: string): string => `turn:${document}`

export class Slices {
  private readonly held: Held
  /** When the slice of a document ends. */
  private readonly ends = new Map<string, bigint>()
  /** How often in a row somebody else was next. */
  private readonly refusals = new Map<string, number>()

  constructor(backend: StateBackend) {
    this.held = new Held(backend)
  }

  isNext(document: string): boolean {
    return this.held.has(turnOf(document))
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
      if (this.isNext(document) || !this.ends.has(document)) {
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
      return this.held.letGoOf(turnOf(document))
    })
  }

  private take(document: string): Effect.Effect<boolean> {
    return Effect.map(
      // Where nothing can be locked, the commit says what is wrong.
      Effect.orElseSucceed(this.held.attempt(turnOf(document)), () => true),
      (mayCommit) => mayCommit || this.isRefusedForLong(document)
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
