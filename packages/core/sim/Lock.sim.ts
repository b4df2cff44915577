/** Sections of a few keys: short and long, patient and not, interrupted at any time, and some that cannot be. */
import { Deadline, Lock, StateStore } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Exit, Fiber, type Layer } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { interruptAt, lengthOf, now, second, sleepUntil, toDuration, wait, words } from "./support/time.ts"

interface Section {
  readonly key: string
  readonly atNanos: number
  readonly workNanos: number
  /** It cannot be interrupted. */
  readonly holds: boolean
  readonly end: "done" | "fails" | "dies"
  readonly waitNanos: number | undefined
  readonly deadlineNanos: number
  readonly interruptNanos: number | undefined
}

const sectionOf = (unit: number): fc.Arbitrary<Section> =>
  fc.record({
    key: fc.constantFrom("a", "a", "a", "b"),
    atNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    workNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    holds: fc.constantFrom(false, false, false, true),
    end: fc.constantFrom("done" as const, "done" as const, "fails" as const, "dies" as const),
    waitNanos: fc.option(fc.oneof(fc.constant(0), lengthOf(2 * unit)), { nil: undefined }),
    deadlineNanos: fc.oneof(
      { weight: 2, arbitrary: fc.constant(Infinity) },
      { weight: 1, arbitrary: lengthOf(4 * unit) }
    ),
    interruptNanos: fc.option(lengthOf(4 * unit), { nil: undefined })
  })

const describe = (sections: ReadonlyArray<Section>): string =>
  sections
    .map(
      ({ atNanos, deadlineNanos, end, holds, interruptNanos, key, waitNanos, workNanos }) =>
        `at ${words(atNanos)} of "${key}" for ${words(workNanos)}` +
        `${holds ? ", which cannot be interrupted" : ""}${end === "done" ? "" : `, which ${end}`}` +
        `${waitNanos === undefined ? "" : `, waits ${words(waitNanos)}`}` +
        `${deadlineNanos === Infinity ? "" : `, within ${words(deadlineNanos)}`}` +
        `${interruptNanos === undefined ? "" : `, interrupted at ${words(interruptNanos)}`}`
    )
    .join("; ")

/** What is seen of the sections of one key, from inside of them. */
class Witness {
  inside = 0
  fence = 0
  /** Those that have asked and not been let in, in the order in which they asked. */
  readonly waiting: Array<Section> = []
}

/** `isOrdered`: nobody comes between asking and standing in the queue, so the order of both is the same. */
const play = (section: Section, witness: Witness, isOrdered: boolean) => {
  const { end, holds, key, workNanos } = section
  const work = (lease: Lock.Lease) =>
    Effect.gen(function* () {
      yield* Check.always("LK-1", witness.inside === 0, () => `two are inside of "${key}"`)
      yield* Check.always(
        "LK-2",
        lease.fence > witness.fence,
        () => `fence ${lease.fence} came after ${witness.fence}`
      )
      const place = witness.waiting.indexOf(section)
      if (isOrdered) {
        yield* Check.always(
          "LK-6",
          place === 0,
          () => `${place} that asked before are still waiting for "${key}"`
        )
      }
      yield* Check.sometimes("somebody waits", witness.waiting.length > 1)
      witness.waiting.splice(place, 1)
      witness.fence = lease.fence
      witness.inside++
      yield* wait(workNanos)
      if (end === "fails") return yield* Effect.fail("failed")
      return end === "dies" ? yield* Effect.die("bug") : undefined
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          witness.inside = 0
        })
      )
    )
  const ask = Effect.suspend(() => {
    witness.waiting.push(section)
    const options = section.waitNanos === undefined ? {} : { wait: toDuration(section.waitNanos) }
    return Lock.withLease(
      key,
      (lease) => (holds ? Effect.uninterruptible(work(lease)) : work(lease)),
      options
    )
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        const place = witness.waiting.indexOf(section)
        if (place !== -1) witness.waiting.splice(place, 1)
      })
    )
  )
  return Effect.andThen(sleepUntil(section.atNanos), Deadline.within(ask, toDuration(section.deadlineNanos)))
}

/** Nothing takes longer than all sections one after the other. */
const patience = (sections: ReadonlyArray<Section>): number =>
  sections.reduce((sum, { atNanos, workNanos }) => Math.max(sum, atNanos) + workNanos + 1e6, 0) + second

const runWith = (layer: Layer.Layer<Lock.Lock>, isOrdered: boolean) => (sections: ReadonlyArray<Section>) =>
  Effect.gen(function* () {
    const witnesses = new Map([
      ["a", new Witness()],
      ["b", new Witness()]
    ])
    const fibers = yield* Effect.forEach(sections, (section) => {
      const witness = witnesses.get(section.key) ?? new Witness()
      return Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Effect.exit(play(section, witness, isOrdered)))
        yield* Effect.forkChild(interruptAt(fiber, section.interruptNanos))
        return fiber
      })
    })
    const all = Effect.forEach(fibers, (fiber) => Fiber.await(fiber))
    yield* Check.endsWithin("LK-1", toDuration(patience(sections)), all)
    // What was abandoned ends, too.
    yield* sleepUntil((yield* now) + patience(sections))
    yield* TestClock.adjust(0)
    for (const key of witnesses.keys()) {
      const exit = yield* Effect.exit(Lock.withLock(Effect.void, key, { wait: 0 }))
      yield* Check.always("LK-1", Exit.isSuccess(exit), () => `nobody holds "${key}", and it is not free`)
    }
  }).pipe(Effect.provide(layer))

const common = {
  arbitrary: fc
    .constantFrom(1e6, second, 1)
    .chain((unit) => fc.array(sectionOf(unit), { minLength: 2, maxLength: 8 })),
  leaks: "LK-1",
  describe,
  reaches: ["somebody waits"]
}

const anywhere = Suite.make({
  ...common,
  run: runWith(Lock.layerMemory, false),
  name: "Lock",
  guarantees: ["LK-1", "LK-2"]
})

const stock = Suite.make({
  ...common,
  run: runWith(Lock.layerMemory, true),
  name: "Lock on the stock scheduler",
  guarantees: ["LK-1", "LK-2", "LK-6"],
  level: "realistic"
})

const ofStore = Suite.make({
  ...common,
  run: runWith(StateStore.layerMemory, false),
  name: "Lock of a store",
  guarantees: ["LK-1", "LK-2"]
})

const ofStoreStock = Suite.make({
  ...common,
  run: runWith(StateStore.layerMemory, true),
  name: "Lock of a store on the stock scheduler",
  guarantees: ["LK-1", "LK-2", "LK-6"],
  level: "realistic"
})

export const suites: ReadonlyArray<Suite.Suite> = [anywhere, stock, ofStore, ofStoreStock]
