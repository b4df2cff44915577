/**
 * Faults as data: a plan is drawn, printed, replayed and made smaller.
 *
 * @since 0.1.0
 */
import * as fc from "fast-check"
import { describe as inWords, kindOf as kind } from "./internal/faultPlan.ts"

/**
 * A host is killed, and starts again after a while.
 *
 * @since 0.1.0
 * @category models
 */
export interface Crash {
  readonly _tag: "Crash"
  readonly host: string
  readonly atMillis: number
  /** How long it stays down; for ever when it is `undefined`. */
  readonly downMillis: number | undefined
}

/**
 * A host stands still for a while: a long garbage collection, a suspended virtual machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pause {
  readonly _tag: "Pause"
  readonly host: string
  readonly atMillis: number
  readonly forMillis: number
}

/**
 * The wall clock of a host jumps, and from then on runs at another rate.
 *
 * @since 0.1.0
 * @category models
 */
export interface Skew {
  readonly _tag: "Skew"
  readonly host: string
  readonly atMillis: number
  readonly offsetMillis: number
  readonly rate: number
}

/**
 * Something happens at a named point of the code under test: `Fault.point` of `@holdfast/core`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Point {
  readonly _tag: "Point"
  readonly point: string
  /** Which time, from 1, that any fiber comes by the point. */
  readonly occurrence: number
  readonly action:
    | { readonly _tag: "Delay"; readonly millis: number }
    | { readonly _tag: "Die" }
    /** The host that came by; the test's own host goes on. */
    | { readonly _tag: "Crash"; readonly downMillis: number | undefined }
}

/**
 * One fault.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Crash | Pause | Skew | Point

/**
 * What is injected into a run.
 *
 * @since 0.1.0
 * @category models
 */
export type Plan = ReadonlyArray<Fault>

/**
 * The kind under which a run counts a fault when it takes effect.
 *
 * @since 0.1.0
 * @category accessors
 */
export const kindOf: (fault: Fault) => string = kind

/**
 * A fault in words.
 *
 * @since 0.1.0
 * @category accessors
 */
export const describe: (fault: Fault) => string = inWords

/**
 * What plans are drawn from.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The hosts that may crash, pause, and lose the time; none by default. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** The named points of the code under test at which something may happen; none by default. */
  readonly points?: ReadonlyArray<string> | undefined
  /** Faults begin within this time; 10,000 by default. */
  readonly withinMillis?: number | undefined
  /** The kinds to draw from; all that hosts and points allow by default. */
  readonly kinds?: ReadonlyArray<Fault["_tag"]> | undefined
  /** The largest number of faults; 4 by default, because more only hide each other. */
  readonly max?: number | undefined
}

const millis = (max: number): fc.Arbitrary<number> => fc.nat(Math.max(0, Math.floor(max)))

const crashes = (host: fc.Arbitrary<string>, within: number): fc.Arbitrary<Fault> =>
  fc.record({
    _tag: fc.constant("Crash" as const),
    host,
    atMillis: millis(within),
    downMillis: fc.option(
      millis(within / 4).map((down) => down + 1),
      { nil: undefined }
    )
  })

const pauses = (host: fc.Arbitrary<string>, within: number): fc.Arbitrary<Fault> =>
  fc.record({
    _tag: fc.constant("Pause" as const),
    host,
    atMillis: millis(within),
    forMillis: millis(within / 2).map((pause) => pause + 1)
  })

const skews = (host: fc.Arbitrary<string>, within: number): fc.Arbitrary<Fault> =>
  fc.record({
    _tag: fc.constant("Skew" as const),
    host,
    atMillis: millis(within),
    offsetMillis: fc.integer({ min: -within, max: within }),
    rate: fc.constantFrom(1, 0.9, 1.1, 0.5, 2)
  })

type Drawn = readonly [Fault["_tag"], fc.Arbitrary<Fault>]

const ofHosts = (host: fc.Arbitrary<string>, within: number): ReadonlyArray<Drawn> => [
  ["Crash", crashes(host, within)],
  ["Pause", pauses(host, within)],
  ["Skew", skews(host, within)]
]

const atPoints = (point: fc.Arbitrary<string>, within: number): Drawn => [
  "Point",
  fc.record({
    _tag: fc.constant("Point" as const),
    point,
    occurrence: fc.integer({ min: 1, max: 4 }),
    action: fc.oneof(
      fc.record({
        _tag: fc.constant("Delay" as const),
        millis: millis(within / 4).map((delay) => delay + 1)
      }),
      fc.record({ _tag: fc.constant("Die" as const) }),
      fc.record({
        _tag: fc.constant("Crash" as const),
        downMillis: millis(within / 4).map((down) => down + 1)
      })
    )
  })
]

/**
 * Draws plans. The empty plan is the simplest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const arbitrary = (options: Options): fc.Arbitrary<Plan> => {
  const { hosts = [], kinds, max = 4, points = [], withinMillis = 10_000 } = options
  const faults = [
    ...(hosts.length === 0 ? [] : ofHosts(fc.constantFrom(...hosts), withinMillis)),
    ...(points.length === 0 ? [] : [atPoints(fc.constantFrom(...points), withinMillis)])
  ]
    .filter(([kind]) => kinds === undefined || kinds.includes(kind))
    .map(([, fault]) => fault)
  return faults.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...faults), { maxLength: max })
}
