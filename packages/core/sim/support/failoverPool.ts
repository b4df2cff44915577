/** A pool of endpoints, whose settings are data. */
import { Backoff, Failover } from "@holdfast/core"
import type { Array as Arr, Effect, Scope } from "effect"
import * as fc from "fast-check"
import type { Client, Diary, Plan, World } from "./failoverWorld.ts"
import { Trouble } from "./failoverWorld.ts"
import { lengthOf, toDuration, words } from "./time.ts"

export interface Settings {
  readonly intervalNanos: number
  readonly jitter: "none" | "equal" | "full"
  readonly probeTimeoutNanos: number
  readonly thresholdNanos: number
  readonly attemptTimeoutNanos: number
  readonly attempts: number | undefined
  /** Between two rounds of attempts of one call. */
  readonly delayNanos: number
  readonly marginNanos: number
  readonly dwellNanos: number
  readonly consecutive: number
  /** Never when infinite. */
  readonly failbackNanos: number
  readonly feed: "probes" | "probesAndCalls"
  readonly select: "active" | "fastest" | "leastLoaded" | "weighted"
  readonly hedge: { readonly percentile: number; readonly budget: number } | undefined
  readonly ejection: {
    readonly consecutive: number
    readonly maxEjected: number
    readonly panicBelow: number
    readonly baseNanos: number
  }
  readonly releaseTimeoutNanos: number
}

const some = (unit: number): fc.Arbitrary<number> => lengthOf(unit).map((nanos) => nanos + unit)

export const settingsOf = (unit: number): fc.Arbitrary<Settings> =>
  fc.record({
    intervalNanos: lengthOf(unit / 2).map((nanos) => nanos + 2 * unit),
    jitter: fc.constantFrom("none", "none", "equal", "full"),
    probeTimeoutNanos: some(unit / 2),
    thresholdNanos: fc.oneof(lengthOf(unit / 2), lengthOf(unit / 4), fc.constant(0)),
    attemptTimeoutNanos: fc.oneof(some(unit), some(2 * unit)),
    attempts: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    delayNanos: lengthOf(unit),
    marginNanos: fc.oneof(fc.constant(0), lengthOf(unit / 8)),
    dwellNanos: fc.oneof(fc.constant(0), lengthOf(4 * unit)),
    consecutive: fc.integer({ min: 1, max: 4 }),
    failbackNanos: fc.oneof(fc.constant(Infinity), lengthOf(2 * unit)),
    feed: fc.constantFrom("probesAndCalls", "probesAndCalls", "probes"),
    select: fc.constantFrom("active", "active", "fastest", "leastLoaded", "weighted"),
    hedge: fc.option(
      fc.record({ percentile: fc.constantFrom(0, 0.5, 0.95), budget: fc.constantFrom(0.1, 1) }),
      { nil: undefined, freq: 3 }
    ),
    ejection: fc.record({
      consecutive: fc.constantFrom(1, 2, 3, 5),
      maxEjected: fc.constantFrom(0, 0.5, 1),
      panicBelow: fc.constantFrom(0, 0, 0, 0.5),
      baseNanos: lengthOf(unit)
    }),
    releaseTimeoutNanos: lengthOf(unit)
  })

export const describeSettings = (settings: Settings): string => {
  const { ejection, hedge } = settings
  return [
    `rounds each ${words(settings.intervalNanos)} (jitter ${settings.jitter}), probes of ${words(settings.probeTimeoutNanos)}`,
    `slow above ${words(settings.thresholdNanos)}`,
    `attempts of ${words(settings.attemptTimeoutNanos)}, ${settings.attempts ?? "one at each endpoint"}, rounds of them ${words(settings.delayNanos)} apart`,
    `margin ${words(settings.marginNanos)}, dwell ${words(settings.dwellNanos)}, trusted after ${settings.consecutive}`,
    `failback after ${words(settings.failbackNanos)}`,
    `${settings.select} by ${settings.feed}`,
    ...(hedge === undefined ? [] : [`hedged at ${hedge.percentile}, ${hedge.budget} of calls`]),
    `out after ${ejection.consecutive} for ${words(ejection.baseNanos)}, ${ejection.maxEjected} of all, panic below ${ejection.panicBelow}`,
    `releases of ${words(settings.releaseTimeoutNanos)}`
  ].join("; ")
}

/** Whose fault a trouble is, as pools and most calls see it. */
const verdictOf = (kind: Trouble["kind"]): "fault" | "unknown" | "caller" =>
  kind === "refused" ? "fault" : kind === "erred" ? "unknown" : "caller"

export const classify = <E>(error: E): Failover.Verdict<E> => {
  const verdict = error instanceof Trouble ? verdictOf(error.kind) : "unknown"
  if (verdict === "caller") return Failover.callerFault(error)
  return verdict === "fault" ? Failover.endpointFault : Failover.unknown
}

export type Pool = Failover.Failover<Client>

export const endpointOf = (world: World, diary: Diary, id: string, plan: Plan): Failover.Endpoint<Client> =>
  plan.scoped === undefined
    ? Failover.endpoint(id, { endpoint: id, plan, diary }, { weight: plan.weight })
    : Failover.endpointScoped(id, world.acquire(id, plan, diary), { weight: plan.weight })

export const openPool = (
  world: World,
  settings: Settings,
  endpoints: Arr.NonEmptyReadonlyArray<Failover.Endpoint<Client>>
): Effect.Effect<Pool, never, Scope.Scope> =>
  Failover.make({
    label: "pool",
    endpoints,
    probe: (client) => world.probe(client),
    classify,
    interval: toDuration(settings.intervalNanos),
    jitter: settings.jitter,
    probeTimeout: toDuration(settings.probeTimeoutNanos),
    threshold: toDuration(settings.thresholdNanos),
    attemptTimeout: toDuration(settings.attemptTimeoutNanos),
    attempts: settings.attempts,
    backoff: Backoff.constant(toDuration(settings.delayNanos)),
    hysteresis: {
      margin: toDuration(settings.marginNanos),
      dwell: toDuration(settings.dwellNanos),
      consecutive: settings.consecutive
    },
    failback: settings.failbackNanos === Infinity ? "never" : toDuration(settings.failbackNanos),
    feed: settings.feed,
    select: settings.select,
    hedge: settings.hedge,
    ejection: { ...settings.ejection, base: toDuration(settings.ejection.baseNanos) },
    releaseTimeout: toDuration(settings.releaseTimeoutNanos)
  })
