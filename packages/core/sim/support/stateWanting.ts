/** Who wants a key, with or without a lease, and what is seen of it. */
import { Lock, LockedState } from "@holdfast/core"
import { Check } from "@holdfast/sim"
import { Effect, Schema } from "effect"
import * as fc from "fast-check"
import type { Life } from "./stateHosts.ts"
import { now, sleep, sleepUntil, words } from "./time.ts"

export const key = "a"

export const millisecond = 1e6

export const counter = LockedState.make(key, { schema: Schema.Number, initial: 0 })

/** Within so many milliseconds, in steps of a twentieth. */
export const instant = (longestMillis: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: longestMillis * 20 }).map((ticks) => (ticks * millisecond) / 20)

export interface Wanting {
  readonly process: number
  readonly what: "section" | "change"
  readonly atNanos: number
}

export const wanting = (processes: ReadonlyArray<number>, longestMillis: number): fc.Arbitrary<Wanting> =>
  fc.record({
    process: fc.constantFrom(...processes),
    what: fc.constantFrom("section" as const, "change" as const),
    atNanos: instant(longestMillis)
  })

export const describeWanting = ({ atNanos, process, what }: Wanting): string =>
  `p${process} wants a ${what} at ${words(atNanos)}`

/** What those who want a key have seen. */
export class Seen {
  /** Since when each waits that has not had the key. */
  readonly waiting = new Map<Wanting, number>()
  hadIt = 0
  inside: string | undefined

  died(owner: string): void {
    if (this.inside === owner) this.inside = undefined
  }

  /** Runs what nobody else may come between. */
  section<A, E, R>(owner: string, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    const enter = Effect.suspend(() => {
      const other = this.inside
      this.inside = owner
      return Check.always("LK-1", other === undefined, () => `${owner} came in, and ${other} was inside`)
    })
    return Effect.andThen(enter, work).pipe(Effect.ensuring(Effect.sync(() => this.died(owner))))
  }
}

const want = (seen: Seen, { instance, owner }: Life, wanting: Wanting): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* sleepUntil(wanting.atNanos)
    seen.waiting.set(wanting, yield* now)
    if (wanting.what === "change") {
      const state = yield* counter
      yield* state.update((n) => n + 1)
    } else {
      yield* Lock.withLock(seen.section(owner, sleep(millisecond)), key)
    }
    seen.waiting.delete(wanting)
    seen.hadIt++
  }).pipe(Effect.provideContext(instance), Effect.orDie)

/** All that a process wants. */
export const wants = (
  seen: Seen,
  all: ReadonlyArray<Wanting>,
  process: number,
  life: Life
): Effect.Effect<void> =>
  Effect.forEach(
    all.filter((wanting) => wanting.process === process),
    (wanting) => want(seen, life, wanting),
    { concurrency: "unbounded", discard: true }
  )
