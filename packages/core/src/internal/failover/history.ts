/**
 * What has happened, for readers that come and go.
 *
 * The writer is synchronous code, which cannot wait for readers: so the latest are kept, and who reads too slowly misses
 * the oldest, as from a sliding `PubSub`, which can be written to by effects only.
 */
import { Effect, Stream } from "effect"
import { Watchers } from "../watchers.ts"

/** More changes of a route than anybody wants to read late. */
const kept = 256

export class History<A> {
  private readonly latest: Array<A> = []
  private readonly watchers = new Watchers()
  /** How many there have been. */
  private count = 0
  private isOver = false

  add(value: A): void {
    this.latest.push(value)
    if (this.latest.length > kept) this.latest.shift()
    this.count++
    this.watchers.tell()
  }

  end(): void {
    this.isOver = true
    this.watchers.tell()
  }

  /** The last one, and all that follow; it ends with the history. */
  get stream(): Stream.Stream<A> {
    return Stream.suspend(() =>
      Stream.unfold(Math.max(0, this.count - 1), (index) => this.watchers.until(() => this.at(index)))
    )
  }

  private at(index: number): Effect.Effect<readonly [A, number] | undefined> | undefined {
    const first = this.count - this.latest.length
    const next = Math.max(index, first)
    const value = this.latest[next - first]
    if (value !== undefined) return Effect.succeed([value, next + 1])
    return this.isOver ? Effect.undefined : undefined
  }
}
