/** A machine that several processes keep state on, each on a host of its own: rows in memory, and locks that die. */

import type { Lock } from "@holdfast/core"
import { StateBackend, type StateStore } from "@holdfast/core"
import { type Context, Effect, Result, type Scope, Stream } from "effect"

/** Whoever has locks. */
export interface Process {
  readonly name: string
}

export class Machine {
  readonly rows = new Map<string, StateBackend.Row>()
  private readonly locks = new Map<string, Process>()

  /** The store of a process, until the scope closes. */
  store(
    process: Process
  ): Effect.Effect<Context.Context<StateStore.StateStore | Lock.Lock>, never, Scope.Scope> {
    return StateBackend.make(this.backend(process))
  }

  /** What the operating system does when a process is gone. */
  freeAll(process: Process): void {
    for (const [name, holder] of this.locks) if (holder === process) this.locks.delete(name)
  }

  /** What happens to a process whose leases have expired, and that goes on: what it is about to write, it writes. */
  freeLeases(process: Process): void {
    for (const [name, holder] of this.locks) {
      if (holder === process && !name.startsWith("document:")) this.locks.delete(name)
    }
  }

  private take(name: string, process: Process): boolean {
    if (this.locks.has(name)) return false
    this.locks.set(name, process)
    return true
  }

  private backend(process: Process): StateBackend.StateBackend {
    const tryLock = (name: string) =>
      Effect.acquireRelease(
        Effect.sync(() => this.take(name, process)),
        (isHeld) =>
          Effect.sync(() => {
            if (isHeld && this.locks.get(name) === process) this.locks.delete(name)
          })
      )
    const commit = (decide: StateBackend.Decide) =>
      Effect.gen({ self: this }, function* () {
        yield* Effect.yieldNow
        const changed = decide((key) => Result.succeed(this.rows.get(key)))
        yield* Effect.sleep(1)
        for (const [key, row] of changed) this.rows.set(key, row)
        yield* Effect.yieldNow
        return true
      })
    return {
      label: "machine",
      owner: process.name,
      documentOf: (key) => key,
      read: (key) =>
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => this.rows.get(key))
        ),
      commit: (document, decide) =>
        Effect.scoped(
          Effect.flatMap(tryLock(`document:${document}`), (isHeld) =>
            isHeld ? commit(decide) : Effect.succeed(false)
          )
        ),
      tryLock: (name) => Effect.tap(Effect.andThen(Effect.yieldNow, tryLock(name)), Effect.yieldNow),
      hints: Stream.never,
      keys: () => Effect.succeed([]),
      repair: () => Effect.undefined
    }
  }
}
