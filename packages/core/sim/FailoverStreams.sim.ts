/** Readers of a route that changes all the time, until its pool is closed at any instant; nothing is left behind then. */
import { Failover } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Exit, Fiber, Logger, Scope, Stream } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, second, sleep, toDuration, wait, words } from "./support/time.ts"

interface Reader {
  readonly atNanos: number
  /** How long it takes for each change. */
  readonly readNanos: number
  /** When it stops reading. */
  readonly stopNanos: number | undefined
}

interface Workload {
  readonly intervalNanos: number
  readonly probeNanos: number
  readonly thresholdNanos: number
  readonly endpoints: number
  readonly readers: ReadonlyArray<Reader>
  readonly closeNanos: number
}

const readerOf = (unit: number): fc.Arbitrary<Reader> =>
  fc.record({
    atNanos: fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(4 * unit)),
    readNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    stopNanos: fc.option(lengthOf(4 * unit), { nil: undefined })
  })

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    intervalNanos: fc.constantFrom(unit, unit + 1),
    probeNanos: fc.constantFrom(0, 1, unit / 4, unit / 2),
    thresholdNanos: fc.constantFrom(0, unit / 4, unit),
    endpoints: fc.integer({ min: 1, max: 3 }),
    readers: fc.array(readerOf(unit), { maxLength: 3 }),
    closeNanos: fc.oneof(lengthOf(unit), lengthOf(2 * unit))
  })

/** Two endpoints that take turns for hundreds of rounds, and a reader who sleeps over that. */
const lateOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.tuple(readerOf(unit), fc.nat(50)).map(([reader, rounds]) => ({
    intervalNanos: unit,
    probeNanos: 0,
    thresholdNanos: unit,
    endpoints: 2,
    readers: [{ ...reader, readNanos: 300 * unit, stopNanos: undefined }],
    closeNanos: (310 + rounds) * unit
  }))

const describe = ({
  closeNanos,
  endpoints,
  intervalNanos,
  probeNanos,
  readers,
  thresholdNanos
}: Workload): string =>
  [
    `${endpoints} endpoints take turns in refusing, probed each ${words(intervalNanos)} in ${words(probeNanos)}, slow above ${words(thresholdNanos)}`,
    ...readers.map(
      ({ atNanos, readNanos, stopNanos }) =>
        `a reader at ${words(atNanos)}, ${words(readNanos)} for each${stopNanos === undefined ? "" : `, until ${words(stopNanos)} later`}`
    ),
    `closed at ${words(closeNanos)}`
  ].join("; ")

// ----------------------------------------------------------------------------
// What was read
// ----------------------------------------------------------------------------

interface Reading {
  readonly reader: Reader
  readonly items: Array<Failover.Change>
  /** When it came to its end by itself. */
  endNanos: number | undefined
}

/** As many as are kept for those who read slowly. */
const kept = 256

const gist = ({ atMillis, from, reason, to }: Failover.Change): string =>
  `${from} → ${to} ${reason} ${atMillis}`

/** All that one read who is never late, from the last change before it began, in order; only who is late misses some. */
const judge = (all: ReadonlyArray<Failover.Change>, { items }: Reading): string | undefined => {
  let next: number | undefined
  for (const item of items) {
    const index = all.findIndex((other, at) => at >= (next ?? 0) && gist(other) === gist(item))
    if (index < 0) return `${gist(item)} has not happened after what was read before`
    const missed = next === undefined ? 0 : index - next
    if (missed > 0 && all.length - (next ?? 0) <= kept)
      return `${missed} changes before ${gist(item)} were missed`
    next = index + 1
  }
  return undefined
}

/** It read fewer than there were between its first and its last. */
const hasMissed = (all: ReadonlyArray<Failover.Change>, items: ReadonlyArray<Failover.Change>): boolean => {
  const [first] = items
  const last = items.at(-1)
  if (first === undefined || last === undefined) return false
  const texts = all.map(gist)
  return texts.lastIndexOf(gist(last)) - texts.indexOf(gist(first)) >= items.length
}

const isChain = (all: ReadonlyArray<Failover.Change>): string | undefined => {
  for (const [index, change] of all.entries()) {
    const before = all[index - 1]
    const isRight = before === undefined ? change.reason === "Initial" : change.from === before.to
    if (!isRight) return `${gist(change)} after ${before === undefined ? "nothing" : gist(before)}`
  }
  return undefined
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const read = (pool: Failover.Failover<number>, reading: Reading) =>
  Effect.gen(function* () {
    const { atNanos, readNanos, stopNanos } = reading.reader
    yield* wait(atNanos)
    const reads = Stream.runForEach(pool.changes, (change) =>
      Effect.andThen(
        Effect.sync(() => reading.items.push(change)),
        wait(readNanos)
      )
    )
    const whole = Effect.andThen(reads, () =>
      Effect.map(now, (nanos) => {
        reading.endNanos = nanos
      })
    )
    const fiber = yield* Effect.forkChild(whole)
    if (stopNanos === undefined) return yield* Fiber.join(fiber)
    yield* wait(stopNanos)
    yield* Check.takes("FV-4", 0, Fiber.interrupt(fiber))
  })

const open = ({ endpoints, intervalNanos, probeNanos, thresholdNanos }: Workload) => {
  const asked = Array.from({ length: endpoints }, () => 0)
  const probe = (endpoint: number) =>
    Effect.suspend(() => {
      const count = (asked[endpoint] ?? 0) + 1
      asked[endpoint] = count
      return Effect.andThen(
        wait(probeNanos),
        count % endpoints === endpoint && endpoints > 1 ? Effect.fail("refused") : Effect.void
      )
    })
  const [first = 0, ...others] = asked.map((_, index) => index)
  return Failover.make({
    endpoints: [
      Failover.endpoint(String(first), first),
      ...others.map((index) => Failover.endpoint(String(index), index))
    ],
    probe,
    classify: () => Failover.endpointFault,
    jitter: "none",
    interval: toDuration(intervalNanos),
    threshold: toDuration(thresholdNanos),
    hysteresis: { dwell: 0, consecutive: 1, margin: 0 },
    failback: 0
  })
}

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const pool = yield* Scope.provide(open(workload), scope)
    const never: Reader = { atNanos: 0, readNanos: 0, stopNanos: undefined }
    const all: Reading = { reader: never, items: [], endNanos: undefined }
    const readings = workload.readers.map((reader): Reading => ({ reader, items: [], endNanos: undefined }))
    const first = yield* Effect.forkChild(read(pool, all), { startImmediately: true })
    const reading = yield* Effect.forkChild(
      Effect.forEach(readings, (one) => read(pool, one), { concurrency: "unbounded", discard: true })
    )
    yield* sleep(workload.closeNanos)
    const closeNanos = yield* now
    yield* Check.takes("FV-4", 0, Scope.close(scope, Exit.void))
    yield* Fiber.join(first)
    yield* Check.always("FV-4", all.endNanos === closeNanos, () => `the changes ended at ${all.endNanos} ns`)
    yield* Fiber.join(reading)
    yield* judgeAll(all, readings)
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

const judgeAll = (all: Reading, readings: ReadonlyArray<Reading>) =>
  Effect.gen(function* () {
    // Who began late did not see the beginning.
    const isWhole = all.items[0]?.reason === "Initial"
    const chain = isWhole ? isChain(all.items) : undefined
    yield* Check.always("FV-3", chain === undefined, chain ?? "")
    for (const one of readings) {
      const problem = isWhole ? judge(all.items, one) : undefined
      yield* Check.always("FV-3", problem === undefined, problem ?? "")
      const { stopNanos } = one.reader
      yield* Check.always(
        "FV-4",
        stopNanos !== undefined || one.endNanos !== undefined,
        "a reader has not come to its end"
      )
    }
    yield* Check.sometimes(
      "a reader that misses some",
      readings.some(({ items }) => hasMissed(all.items, items))
    )
    yield* Check.sometimes(
      "a reader of ten changes",
      readings.some(({ items }) => items.length >= 10)
    )
  })

const streams = Suite.make({
  name: "Failover streams",
  guarantees: ["FV-3", "FV-4"],
  arbitrary: fc.oneof(
    { weight: 10, arbitrary: workloadOf(8e6) },
    { weight: 10, arbitrary: workloadOf(8 * second) },
    { weight: 1, arbitrary: lateOf(8e6) }
  ),
  run,
  leaks: "FV-4",
  reaches: ["a reader of ten changes", "a reader that misses some"],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [streams]
