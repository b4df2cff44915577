/** Waiting for a change of synchronous state: who waits looks at each change, whatever it is. */
import { Effect } from "effect"
import { apart } from "./apart.ts"

export class Watchers {
  private readonly watchers = new Set<() => void>()

  /** Waits until a look gives something. */
  until<A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      const now = look()
      if (now !== undefined) return resume(now)
      const watcher = () => {
        const later = look()
        if (later === undefined) return
        this.watchers.delete(watcher)
        resume(later)
      }
      this.watchers.add(watcher)
      return Effect.sync(() => {
        this.watchers.delete(watcher)
      })
    })
  }

  /** Something has changed. */
  tell(): void {
    // Who is told may go on at once, and wait again.
    for (const watcher of Array.from(this.watchers)) if (this.watchers.has(watcher)) apart(watcher)
  }
}
