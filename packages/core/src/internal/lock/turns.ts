/**
 * Who comes when: one queue for each key, in the order of arrival. The first in a queue has its turn.
 *
 *   Waiting ──everybody before it has left──▶ Its turn ──leaves──▶ Gone
 *   Waiting ──gives up, or is interrupted──▶ Gone
 *
 * A turn is not handed over, it is found out by looking at the queue. So none can get lost on its way to somebody who
 * gives up at that very moment.
 */
import { Effect } from "effect"
import { Watchers } from "../watchers.ts"

export interface Turn {
  /** Who it is, for those who wait. */
  readonly holder: string | undefined
  readonly watchers: Watchers
}

export class Turns {
  private readonly queues = new Map<string, Array<Turn>>()
  private isOver = false

  /** Takes the last place. Whoever does has to leave. */
  join(key: string, holder: string | undefined): Turn {
    const turn = { holder, watchers: new Watchers() }
    const queue = this.queues.get(key)
    if (queue === undefined) this.queues.set(key, [turn])
    else queue.push(turn)
    return turn
  }

  /** Whose turn it is. */
  current(key: string): Turn | undefined {
    return this.queues.get(key)?.[0]
  }

  /** Waits until it is this one's turn, or for the end of all. */
  until(key: string, turn: Turn): Effect.Effect<void> {
    return turn.watchers.until(() => (this.isOver || this.current(key) === turn ? Effect.void : undefined))
  }

  /** Nobody waits any more. */
  end(): void {
    this.isOver = true
    // Who is told leaves his queue.
    for (const turn of Array.from(this.queues.values()).flat()) turn.watchers.tell()
  }

  leave(key: string, turn: Turn): void {
    const queue = this.queues.get(key)
    const place = queue?.indexOf(turn) ?? -1
    if (queue === undefined || place === -1) return
    queue.splice(place, 1)
    if (queue.length === 0) this.queues.delete(key)
    else if (place === 0) queue[0]?.watchers.tell()
  }
}
