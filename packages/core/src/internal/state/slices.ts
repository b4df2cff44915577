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
 * Who was refused for long finds that one before him stands still, and does without the line for a while.
 */
import { Clock, Effect } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import { Line } from "./line.ts"

/** Long against what SQLite takes for a commit, and short against what a caller notices. */
const sliceNanos = 2_000_000n

/** So many tries take about a tenth of a second: far longer than the others need to move up, if they do. */
const maxRefusals = 48

/** Then it may have got going again: finding out costs as much time as `maxRefusals` takes. */
const stuckNanos = 1_000_000_000n

/** Slices that are over are forgotten when there are so many. */
const maxKept = 1024

const lineOf = (document: string): string => `turn:${document}`

export class Slices {
  private readonly line: Line
  /** When the slice of a document ends. */
  private readonly ends = new Map<string, bigint>()
  private readonly refusals = new Map<string, Refusals>()
  /** Until when it does without the line of a document. */
  private readonly stuckUntil = new Map<string, bigint>()

  constructor(backend: StateBackend) {
    this.line = new Line(backend)
  }

  /** Who stands there has nobody to keep out of step with: nobody else tries for the place before. */
  isInLine(document: string): boolean {
    return this.line.placeIn(lineOf(document)) !== undefined
  }

  /** Whether this process may try to commit now; `isOnce`: it tries in any case. Not to be interrupted. */
  begin(document: string, isOnce: boolean): Effect.Effect<boolean> {
    return Effect.flatMap(Clock.monotonicTimeNanos, (nowNanos) =>
      nowNanos < (this.ends.get(document) ?? 0n)
        ? Effect.succeed(true)
        : Effect.map(this.comeForward(document, nowNanos), (mayCommit) => mayCommit || isOnce)
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
    return Effect.suspend(() => this.line.leave(lineOf(document)))
  }

  private comeForward(document: string, nowNanos: bigint): Effect.Effect<boolean> {
    const line = lineOf(document)
    return Effect.map(
      // Where nothing can be locked, the commit says what is wrong.
      Effect.orElseSucceed(this.line.moveUp(line), () => true),
      (isFirst) => {
        if (!isFirst) return this.isStuck(document, nowNanos)
        this.refusals.delete(document)
        this.stuckUntil.delete(document)
        return true
      }
    )
  }

  private isStuck(document: string, nowNanos: bigint): boolean {
    if (nowNanos < (this.stuckUntil.get(document) ?? 0n)) return true
    const place = this.line.placeIn(lineOf(document))
    const before = this.refusals.get(document)
    const goesOn = before !== undefined && before.place === place && nowNanos - before.atNanos < stuckNanos
    const count = goesOn ? before.count + 1 : 1
    this.refusals.set(document, { place, count, atNanos: nowNanos })
    if (count <= maxRefusals) return false
    this.refusals.delete(document)
    this.stuckUntil.set(document, nowNanos + stuckNanos)
    return true
  }

  private forget(nowNanos: bigint): void {
    for (const [document, end] of this.ends) if (end <= nowNanos) this.ends.delete(document)
    for (const [document, end] of this.stuckUntil) if (end <= nowNanos) this.stuckUntil.delete(document)
    for (const [document, { atNanos }] of this.refusals) {
      if (atNanos + stuckNanos <= nowNanos) this.refusals.delete(document)
    }
  }
}

/** How often this process was refused at one place of a line, also when it left meanwhile, and came again. */
interface Refusals {
  readonly place: number | undefined
  readonly count: number
  readonly atNanos: bigint
}
