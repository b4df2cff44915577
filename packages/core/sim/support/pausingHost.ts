/** A host on which nothing runs for a while: a long garbage collection, or an event loop that is blocked. */
import { Backoff, Deadline, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Host from "@holdfast/sim/Host"
import { Effect } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, sleep, sleepUntil, toDuration, words } from "./time.ts"

interface Pause {
  readonly fromNanos: number
  readonly toNanos: number
}

/** Fractions of a unit that no sum of lengths has, nor a sum of lengths and one of the others. */
const fractions = [0.13, 0.29, 0.43, 0.71] as const

/** One after the other; none begins or ends when something else happens. */
const pausesOf = (unit: number): fc.Arbitrary<ReadonlyArray<Pause>> =>
  fc
    .tuple(fc.constantFrom(1, 2, 2, 0), fc.nat(5), fc.nat(9), fc.nat(5), fc.nat(5))
    .map(([count, first, second, third, fourth]) => {
      const at = (units: number, index: 0 | 1 | 2 | 3) => Math.round((units + fractions[index]) * unit)
      const pauses = [
        { fromNanos: at(first, 0), toNanos: at(first + second, 1) },
        { fromNanos: at(first + second + third, 2), toNanos: at(first + second + third + fourth, 3) }
      ]
      return pauses.slice(0, count)
    })

const describePauses = (pauses: ReadonlyArray<Pause>): ReadonlyArray<string> =>
  pauses.map(({ fromNanos, toNanos }) => `a pause from ${words(fromNanos)} to ${words(toNanos)}`)

/** When something happens on the host that was to happen at an instant. */
const delayed = (pauses: ReadonlyArray<Pause>, nanos: number): number =>
  pauses.find(({ fromNanos, toNanos }) => fromNanos < nanos && nanos < toNanos)?.toNanos ?? nanos

const onPausingHost = <A, E>(pauses: ReadonlyArray<Pause>, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const host = yield* Host.make("service")
    const pausing = Effect.forEach(
      pauses,
      ({ fromNanos, toNanos }) =>
        sleepUntil(fromNanos).pipe(
          Effect.andThen(host.pause),
          Effect.andThen(sleepUntil(toNanos)),
          Effect.andThen(host.resume)
        ),
      { discard: true }
    )
    yield* Effect.all([host.run(effect), pausing], { concurrency: "unbounded", discard: true })
  })

/** Units of over a millisecond, so that there are instants between them. */
const unitsOf = <A>(of: (unit: number) => fc.Arbitrary<A>): fc.Arbitrary<A> => fc.oneof(of(2e6), of(1e9))

const positive = (unit: number): fc.Arbitrary<number> => lengthOf(unit).map((nanos) => Math.max(1, nanos))

// ----------------------------------------------------------------------------
// DL-1, DL-3
// ----------------------------------------------------------------------------

interface Held {
  readonly budgetNanos: number
  readonly parts: ReadonlyArray<number>
  readonly pauses: ReadonlyArray<Pause>
}

export const heldCalls: fc.Arbitrary<Held> = unitsOf((unit) =>
  fc.record({
    budgetNanos: positive(unit),
    parts: fc.oneof(
      positive(unit).map((nanos) => [nanos]),
      fc.array(positive(unit), { minLength: 2, maxLength: 3 })
    ),
    pauses: pausesOf(unit)
  })
)

export const describeHeld = ({ budgetNanos, parts, pauses }: Held): string =>
  [`within ${words(budgetNanos)}, waits of ${parts.map(words).join(", ")}`, ...describePauses(pauses)].join(
    "; "
  )

export const runHeld = ({ budgetNanos, parts, pauses }: Held) => {
  const work = Effect.forEach(parts, sleep, { discard: true })
  const endNanos = parts.reduce((nanos, part) => delayed(pauses, nanos + part), 0)
  const limitNanos = delayed(pauses, budgetNanos)
  const judged = Effect.gen(function* () {
    const elapsedMillis = yield* Effect.match(Deadline.within(work, toDuration(budgetNanos)), {
      onFailure: (error) => error.elapsedMillis,
      onSuccess: () => undefined
    })
    const atNanos = yield* now
    const found = `it ended at ${atNanos}, with ${elapsedMillis} ms told, where work ends at ${endNanos} and its limit is at ${limitNanos}`
    yield* Check.always("DL-1", atNanos <= limitNanos, found)
    if (endNanos <= limitNanos)
      yield* Check.always("DL-3", elapsedMillis === undefined && atNanos === endNanos, found)
    else yield* Check.always("DL-1", elapsedMillis === limitNanos / 1e6 && atNanos === limitNanos, found)
    yield* Check.sometimes(
      "a deadline during a pause",
      limitNanos > budgetNanos && elapsedMillis !== undefined
    )
    const isLate = endNanos === limitNanos && endNanos > budgetNanos
    yield* Check.sometimes("a result that is ready when a pause is over, like its deadline", isLate)
  })
  return onPausingHost(pauses, judged)
}

// ----------------------------------------------------------------------------
// RT-3
// ----------------------------------------------------------------------------

interface Slept {
  readonly deadlineNanos: number
  readonly attempts: number
  readonly delayNanos: number
  readonly pauses: ReadonlyArray<Pause>
}

export const sleptCalls: fc.Arbitrary<Slept> = unitsOf((unit) =>
  fc.record({
    deadlineNanos: positive(unit),
    attempts: fc.integer({ min: 2, max: 5 }),
    delayNanos: positive(unit),
    pauses: pausesOf(unit)
  })
)

export const describeSlept = ({ attempts, deadlineNanos, delayNanos, pauses }: Slept): string =>
  [
    `within ${words(deadlineNanos)}, ${attempts} attempts that fail at once, ${words(delayNanos)} between them`,
    ...describePauses(pauses)
  ].join("; ")

export const runSlept = ({ attempts, deadlineNanos, delayNanos, pauses }: Slept) => {
  const expected: Array<number> = []
  let startNanos = 0
  while (expected.length < attempts && startNanos < deadlineNanos) {
    expected.push(startNanos)
    startNanos = delayed(pauses, startNanos + delayNanos)
  }
  const policy = Retry.policy({ attempts, backoff: Backoff.constant(toDuration(delayNanos)) })
  const judged = Effect.gen(function* () {
    const begun: Array<number> = []
    const attempt = Effect.flatMap(now, (nanos) => {
      begun.push(nanos)
      return Effect.fail("refused")
    })
    yield* Effect.exit(Deadline.within(Retry.run(attempt, policy), toDuration(deadlineNanos)))
    const isSame =
      begun.length === expected.length && begun.every((nanos, index) => nanos === expected[index])
    yield* Check.always("RT-3", isSame, () => `attempts began at ${begun} instead of ${expected}`)
    const lastNanos = expected.at(-1) ?? 0
    const isPast = expected.length < attempts && lastNanos + delayNanos < deadlineNanos
    yield* Check.sometimes("a delay that a pause takes past the deadline", isPast)
  })
  return onPausingHost(pauses, judged)
}
