/** Many instances that are started together: with jitter their probes do not stay in step, and without it they do. */
import { Failover } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Exit, Logger, Scope } from "effect"
import * as fc from "fast-check"
import { now, second, sleep, toDuration, wait, words } from "./support/time.ts"

interface Workload {
  readonly instances: number
  readonly jitter: "none" | "equal" | "full"
  readonly intervalNanos: number
  readonly latencyNanos: number
}

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    instances: fc.integer({ min: 30, max: 60 }),
    jitter: fc.constantFrom("none", "equal", "full"),
    intervalNanos: fc.constantFrom(2 * unit, 10 * unit),
    latencyNanos: fc.constantFrom(0, unit / 20)
  })

/** Rounds that pass before anybody looks, and while they look. */
const before = 12
const during = 8

/**
 * The largest part of all instances that probe within a hundredth of the interval. In step it is all of them. With
 * jitter each of them is anywhere, after twelve rounds: of sixty, two or three are together as a rule, and half of them
 * in none of as many campaigns as anybody will ever run (of thirty, by a Poisson distribution around 0.6: 10⁻¹⁵).
 */
const togetherMost = (instants: ReadonlyArray<number>, windowNanos: number): number => {
  const sorted = Array.from(instants).sort((one, other) => one - other)
  let most = 0
  let first = 0
  for (const [index, instant] of sorted.entries()) {
    while (instant - (sorted[first] ?? 0) > windowNanos) first++
    most = Math.max(most, index - first + 1)
  }
  return most
}

const run = ({ instances, intervalNanos, jitter, latencyNanos }: Workload) =>
  Effect.gen(function* () {
    const probes: Array<number> = []
    const probe = Effect.flatMap(now, (nanos) => {
      probes.push(nanos)
      return wait(latencyNanos)
    })
    const open = Failover.make({
      endpoints: [Failover.endpoint("ledger", "client")],
      probe: () => probe,
      classify: () => Failover.endpointFault,
      interval: toDuration(intervalNanos),
      probeTimeout: toDuration(intervalNanos),
      jitter
    })
    const scope = yield* Scope.make()
    yield* Effect.forEach(Array.from({ length: instances }), () => Scope.provide(open, scope), {
      discard: true
    })
    yield* sleep(before * intervalNanos)
    const sinceNanos = yield* now
    yield* sleep(during * intervalNanos)
    yield* Scope.close(scope, Exit.void)
    const seen = probes.filter((nanos) => nanos > sinceNanos)
    const most = togetherMost(seen, intervalNanos / 100)
    yield* jitter === "none"
      ? Check.always("FV-10", most >= instances, () => `without jitter ${most} of ${instances} are together`)
      : Check.always(
          "FV-10",
          most < instances / 2,
          () => `${most} of ${instances} instances probe within ${words(intervalNanos / 100)}`
        )
    yield* Check.reachable(`jitter ${jitter}`)
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

const inStep = Suite.make({
  name: "Failover in step",
  guarantees: ["FV-10"],
  arbitrary: fc.oneof(workloadOf(20e6), workloadOf(second)),
  run,
  leaks: "FV-10",
  reaches: ["jitter none", "jitter equal", "jitter full"],
  describe: ({ instances, intervalNanos, jitter, latencyNanos }) =>
    `${instances} instances, rounds each ${words(intervalNanos)}, jitter ${jitter}, probes of ${words(latencyNanos)}`
})

export const suites: ReadonlyArray<Suite.Suite> = [inStep]
