/** How fibers of one life of a host wait for the network. */
import { Effect } from "effect"
import type { HostState } from "../host.ts"

/**
 * Something may have changed: whoever waits looks again.
 *
 * The network rings from its own tasks, those who wait are woken by a task of their host: a paused host is woken late, a
 * dead one never.
 */
export class Signal {
  private readonly host: HostState
  private readonly waiting = new Set<() => void>()
  private rings = 0
  private rung = false

  constructor(host: HostState) {
    this.host = host
  }

  /**
   * Waits until an attempt gives something. Attempts are only made by the host itself, and by the fiber that waits: what
   * is taken for a fiber that is interrupted before it goes on would be lost.
   */
  until<A, E>(attempt: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.suspend(() => {
      const { rings } = this
      return attempt() ?? Effect.andThen(this.next(rings), this.until(attempt))
    })
  }

  /** Waits for the next ring, unless it came since there were this many. */
  private next(rings: number): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (this.rings !== rings) return resume(Effect.void)
      const waiter = () => {
        this.waiting.delete(waiter)
        resume(Effect.void)
      }
      this.waiting.add(waiter)
      return Effect.sync(() => this.waiting.delete(waiter))
    })
  }

  ring(): void {
    this.rings++
    if (this.rung || this.waiting.size === 0) return
    this.rung = true
    this.host.driver.post(this.host, () => this.wake(), 0)
  }

  private wake(): void {
    this.rung = false
    // One that is woken may make others stop waiting.
    for (const waiter of Array.from(this.waiting)) if (this.waiting.has(waiter)) waiter()
  }
}
