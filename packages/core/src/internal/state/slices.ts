/**
 * How the processes of a machine share a document in time.
 *
 *   Free ──is first in the line──▶ Next ──a commit is through──▶ Slice ──its time is over──▶ Free
 *   Free ──somebody else is first──▶ Free (comes again)
 *   Next ──nobody of this process wants to commit any more──▶ Free
 *
 * Whoever has just committed would always be faster than those who sleep between two tries. So they stand in a line:
 * whoever wants to commit has to be first in it, and leaves it when he has committed. Within a slice of time after a
 * commit he does not need the line, as each change of hands costs a pause, and many commits a slice pay for it together.
 * Who was refused for long does without: one before him may stand still.
 */
import { Clock, Effect } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import { Line } from "./line.ts"

/** Long against what SQLite takes for a commit, and short against what a caller notices. */
const sliceNanos = 2_000_000n

/** So many tries take about a tenth of a second: far longer than the others need to move up, if they do. */
const maxRefusals = 48

/** Slices that are over are forgotten when there are so many. */
const maxKept = 1024

const lineOf = (document: string): string => `turn:${document}`

export class Slices {
  private readonly line: Line
  /** When the slice of a document ends. */
  private readonly ends = new Map<string, bigint>()
  /** How often in a row this process was refused at the same place. */
  private readonly refusals = new Map<string, number>()

  constructor(backend: StateBackend) {
    this.line = new Line(backend)
  }

  /** Who stands there has nobody to keep out of step with: nobody else tries for the place before. */
  isInLine(document: string): boolean {
    return this.line.placeIn(lineOf(document)) !== undefined
  }

  /** Whether this process may try to commit now. Not to be interrupted. */
  begin(document: string): Effect.Effect<boolean> {
    return Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) =>
      nowNanos < (this.ends.get(document) ?? 0n) ? Effect.succeed(true) : this.comeForward(document)
    )
  }

  /** A commit is through, or has failed. */
  committed(document: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) => {
      if (this.line.placeIn(lineOf(document)) === 0 || !this.ends.has(document)) {
        if (this.ends.size >= maxKept) this.forget(nowNanos)
        this.ends.set(document, nowNanos + sliceNanos)
      }
      return this.giveUp(document)
    })
  }

  /** Lets those behind it move up. */
  giveUp(document: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.refusals.delete(document)
      return this.line.leave(lineOf(document))
    })
  }

  private comeForward(document: string): Effect.Effect<boolean> {
    const line = lineOf(document)
    return Effect.suspend(() => {
      const before = this.line.placeIn(line)
      return Effect.map(
        // Where nothing can be locked, the commit says what is wrong.
        Effect.orElseSucceed(this.line.moveUp(line), () => true),
        (isFirst) => {
          if (isFirst) return true
          if (this.line.placeIn(line) !== before) this.refusals.delete(document)
          return this.isRefusedForLong(document)
        }
      )
    })
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
