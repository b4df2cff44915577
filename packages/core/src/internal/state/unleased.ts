/**
 * Those of this process who wait for the lock of a key because somebody has, or had, a lease of it. The first who gets the
 * lock ends that lease; then the others need no lock any more, and share the next commit.
 */
import { Effect } from "effect"
import { Watchers } from "../watchers.ts"

interface Waiting {
  readonly watchers: Watchers
  count: number
  ended: number
}

export class Unleased {
  private readonly waiting = new Map<string, Waiting>()

  /** Waits for what is waited for, or until a lease of the key is ended by another one of this process: `undefined`. */
  until<A, E, R>(key: string, self: Effect.Effect<A, E, R>): Effect.Effect<A | undefined, E, R> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.join(key)),
      (waiting) => {
        const { ended } = waiting
        const isEnded = waiting.watchers.until(() => (waiting.ended === ended ? undefined : Effect.undefined))
        return Effect.raceFirst(self, isEnded)
      },
      (waiting) => Effect.sync(() => this.leave(key, waiting))
    )
  }

  /** A lease of the key was ended, by one who has its lock still. */
  tell(key: string): void {
    const waiting = this.waiting.get(key)
    if (waiting === undefined) return
    waiting.ended++
    waiting.watchers.tell()
  }

  private join(key: string): Waiting {
    const waiting = this.waiting.get(key) ?? { watchers: new Watchers(), count: 0, ended: 0 }
    waiting.count++
    this.waiting.set(key, waiting)
    return waiting
  }

  private leave(key: string, waiting: Waiting): void {
    if (--waiting.count === 0) this.waiting.delete(key)
  }
}
