/** Whoever wants the route to change as often as it can: by patterns that are searched for, and by watching the route. */
import { Failover } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Array as Arr, Effect, Fiber, Logger, Random, Stream } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, second, sleep, toDuration, wait, words } from "./support/time.ts"

interface Settings {
  readonly endpoints: number
  readonly intervalNanos: number
  readonly thresholdNanos: number
  readonly marginNanos: number
  readonly dwellNanos: number
  readonly consecutive: number
  /** Never when infinite. */
  readonly failbackNanos: number
  readonly select: "active" | "fastest"
}

/** How long the probes of each endpoint take, one after the other, again and again; they fail when it is infinite. */
type Pattern = ReadonlyArray<ReadonlyArray<number>>

interface Workload {
  readonly settings: Settings
  readonly rounds: number
  /** Where the search begins, and how many steps it makes. */
  readonly pattern: Pattern
  readonly steps: number
  /** How fast the others are while one who watches makes the route slow. */
  readonly fastNanos: number
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const settingsOf = (unit: number): fc.Arbitrary<Settings> =>
  fc
    .record({
      endpoints: fc.integer({ min: 2, max: 4 }),
      intervalNanos: fc.constantFrom(2 * unit, 3 * unit),
      dwellNanos: fc.oneof(
        fc.integer({ min: 1, max: 8 }).map((units) => units * unit),
        lengthOf(unit).map((nanos) => nanos + unit)
      ),
      marginNanos: fc.constantFrom(0, unit / 16),
      consecutive: fc.integer({ min: 1, max: 3 }),
      failbackNanos: fc.oneof(fc.constant(Infinity), lengthOf(unit)),
      select: fc.constantFrom("active", "fastest")
    })
    .map((drawn): Settings => ({ ...drawn, thresholdNanos: unit / 2 }))

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  settingsOf(unit).chain((settings) =>
    fc.record({
      settings: fc.constant(settings),
      rounds: fc.integer({ min: 8, max: 24 }),
      pattern: fc.array(fc.array(waysOf(unit), { minLength: 1, maxLength: 8 }), {
        minLength: settings.endpoints,
        maxLength: settings.endpoints
      }),
      steps: fc.integer({ min: 0, max: 4 }),
      fastNanos: fc.constantFrom(0, unit / 8)
    })
  )

const waysOf = (unit: number): fc.Arbitrary<number> =>
  fc.constantFrom(0, unit / 8, unit / 2, unit / 2 + 1, (3 * unit) / 4, Infinity)

const describe = ({ fastNanos, pattern, rounds, settings, steps }: Workload): string => {
  const { consecutive, dwellNanos, failbackNanos, intervalNanos, marginNanos, select, thresholdNanos } =
    settings
  return [
    `${rounds} rounds each ${words(intervalNanos)}, slow above ${words(thresholdNanos)}, ${select}`,
    `margin ${words(marginNanos)}, dwell ${words(dwellNanos)}, trusted after ${consecutive}, failback after ${words(failbackNanos)}`,
    ...pattern.map((ways, index) => `e${index} takes ${ways.map(words).join(", ")}`),
    `${steps} steps of a search`,
    `then who is not the route takes ${words(fastNanos)}`
  ].join("; ")
}

// ----------------------------------------------------------------------------
// One try
// ----------------------------------------------------------------------------

/** How long the next probe of an endpoint takes. */
type Adversary = (endpoint: number, probe: number, isRoute: boolean) => number

interface Outcome {
  /** Changes that are not for a death. */
  readonly changes: number
  readonly bound: number
}

const optionsOf = (settings: Settings) => ({
  jitter: "none" as const,
  interval: toDuration(settings.intervalNanos),
  probeTimeout: toDuration(settings.intervalNanos),
  threshold: toDuration(settings.thresholdNanos),
  hysteresis: {
    margin: toDuration(settings.marginNanos),
    dwell: toDuration(settings.dwellNanos),
    consecutive: settings.consecutive
  },
  failback: settings.failbackNanos === Infinity ? ("never" as const) : toDuration(settings.failbackNanos),
  select: settings.select
})

interface Seen {
  readonly change: Failover.Change
  readonly atNanos: number
}

/** At most one change in each `dwell`, and what has failed costs a probe. */
const judge = (seen: ReadonlyArray<Seen>, { dwellNanos, endpoints }: Settings, answers: number) =>
  Effect.gen(function* () {
    for (const [index, { atNanos, change }] of seen.entries()) {
      const before = seen[index - 1]
      const isForDeath = change.reason === "Failed"
      yield* Check.always(
        "FV-3",
        isForDeath || before === undefined || atNanos - before.atNanos >= dwellNanos,
        () => `a change (${change.reason}) ${words(atNanos - (before?.atNanos ?? 0))} after the last`
      )
    }
    yield* Check.always(
      "FV-3",
      seen.length <= answers + endpoints,
      () => `${seen.length} changes for ${answers} answers of ${endpoints} endpoints`
    )
  })

/** Lets an adversary decide for some rounds. */
const attempt = (settings: Settings, rounds: number, adversary: Adversary) =>
  Effect.scoped(
    Effect.gen(function* () {
      const start = yield* now
      const probes = Array.from({ length: settings.endpoints }, () => 0)
      const seen: Array<Seen> = []
      let answers = 0
      let route = "0"
      const probe = (endpoint: number) =>
        Effect.gen(function* () {
          const nanos = adversary(endpoint, probes[endpoint] ?? 0, route === String(endpoint))
          probes[endpoint] = (probes[endpoint] ?? 0) + 1
          if (nanos === Infinity) return yield* Effect.fail("dead")
          yield* wait(nanos)
          answers++
        })
      const ids = Arr.makeBy(settings.endpoints, (index) => Failover.endpoint(String(index), index))
      const pool = yield* Failover.make({
        ...optionsOf(settings),
        endpoints: ids,
        probe,
        classify: () => Failover.endpointFault
      })
      const note = (change: Failover.Change) =>
        Effect.map(now, (atNanos) => {
          route = change.to
          if (change.reason !== "Initial") seen.push({ change, atNanos })
        })
      const following = yield* Effect.forkChild(Stream.runForEach(pool.changes, note), {
        startImmediately: true
      })
      yield* sleep(rounds * settings.intervalNanos)
      const tookNanos = (yield* now) - start
      yield* Fiber.interrupt(following)
      yield* judge(seen, settings, answers)
      const changes = seen.filter(({ change }) => change.reason !== "Failed").length
      const bound = Math.floor(1 + tookNanos / settings.dwellNanos)
      yield* Check.always("FV-3", changes <= bound, () => `${changes} changes, where ${bound} are allowed`)
      return { changes, bound } satisfies Outcome
    })
  )

const byPattern =
  (pattern: Pattern): Adversary =>
  (endpoint, probe) => {
    const ways = pattern[endpoint] ?? []
    return ways[probe % ways.length] ?? 0
  }

/** Whoever is the route becomes slow. */
const byRoute =
  ({ thresholdNanos }: Settings, fastNanos: number): Adversary =>
  (_, __, isRoute) =>
    isRoute ? thresholdNanos + thresholdNanos / 2 : fastNanos

/** The same pattern with one probe that takes another time. */
const neighbour = (pattern: Pattern, { thresholdNanos }: Settings) =>
  Effect.gen(function* () {
    const endpoint = yield* Random.nextIntBetween(0, pattern.length - 1)
    const ways = pattern[endpoint] ?? []
    const probe = yield* Random.nextIntBetween(0, ways.length)
    const isFast = yield* Random.nextBoolean
    const way = isFast ? 0 : thresholdNanos + thresholdNanos / 2
    return pattern.map((all, index) =>
      index === endpoint ? [...all.slice(0, probe), way, ...all.slice(probe + 1)] : all
    )
  })

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const run = ({ fastNanos, pattern, rounds, settings, steps }: Workload) =>
  Effect.gen(function* () {
    let best = { pattern, ...(yield* attempt(settings, rounds, byPattern(pattern))) }
    for (let step = 0; step < steps; step++) {
      const next = yield* neighbour(best.pattern, settings)
      const outcome = yield* attempt(settings, rounds, byPattern(next))
      if (outcome.changes >= best.changes) best = { pattern: next, ...outcome }
    }
    yield* Check.sometimes(
      "a pattern makes half of the changes that there may be",
      best.bound >= 4 && best.changes >= best.bound / 2
    )
    const watching = yield* attempt(settings, rounds, byRoute(settings, fastNanos))
    yield* Check.sometimes(
      "one who watches makes as many changes as there may be, and more than three",
      watching.bound > 3 && watching.changes === watching.bound
    )
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

const adversary = Suite.make({
  name: "Failover adversary",
  guarantees: ["FV-3"],
  arbitrary: fc.oneof(workloadOf(16e6), workloadOf(16 * second)),
  run,
  leaks: "FV-3",
  reaches: [
    "a pattern makes half of the changes that there may be",
    "one who watches makes as many changes as there may be, and more than three"
  ],
  describe
})

export const suites: ReadonlyArray<Suite.Suite> = [adversary]
