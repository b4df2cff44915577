/** What happened, in order, for those who wait for it: a wait ends with an event, never with a guess at a time. */
import { Effect } from "effect"

export class Sequence<A> {
  readonly items: Array<A> = []
  private readonly watchers = new Set<() => void>()

  push(item: A): void {
    this.items.push(item)
    for (const watcher of Array.from(this.watchers)) watcher()
  }

  /** Waits until a look at everything so far finds something. */
  until<B>(look: (items: ReadonlyArray<A>) => B | undefined): Effect.Effect<B> {
    return Effect.callback<B>((resume) => {
      const watcher = () => {
        const found = look(this.items)
        if (found === undefined) return
        this.watchers.delete(watcher)
        resume(Effect.succeed(found))
      }
      this.watchers.add(watcher)
      watcher()
      return Effect.sync(() => this.watchers.delete(watcher))
    })
  }

  /** Waits for the first item that matches, of those from a position on. */
  first(matches: (item: A) => boolean, from = 0): Effect.Effect<A> {
    return this.until((items) => items.find((item, index) => index >= from && matches(item)))
  }
}
