/** Draws faults. */
import * as fc from "fast-check"
import type { Fault } from "../../FaultPlan.ts"

/** A kind of fault, and what draws it. */
export type Drawn = readonly [Fault["_tag"], fc.Arbitrary<Fault>]

type Pair = readonly [from: string, to: string]

const millis = (max: number): fc.Arbitrary<number> => fc.nat(Math.max(0, Math.floor(max)))

/** At least a millisecond, since what lasts no time is no fault. */
const length = (max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 1, max: Math.max(1, Math.floor(max)) })

export const ofHosts = (host: fc.Arbitrary<string>, within: number): ReadonlyArray<Drawn> => {
  const at = { host, atMillis: millis(within) }
  return [
    [
      "Crash",
      fc.record({
        _tag: fc.constant("Crash" as const),
        ...at,
        downMillis: fc.option(length(within / 4), { nil: undefined })
      })
    ],
    ["Pause", fc.record({ _tag: fc.constant("Pause" as const), ...at, forMillis: length(within / 2) })],
    [
      "Skew",
      fc.record({
        _tag: fc.constant("Skew" as const),
        ...at,
        offsetMillis: fc.integer({ min: -within, max: within }),
        rate: fc.constantFrom(1, 0.9, 1.1, 0.5, 2)
      })
    ]
  ]
}

export const ofLinks = (link: fc.Arbitrary<Pair>, within: number): ReadonlyArray<Drawn> => {
  const at = { link, atMillis: millis(within) }
  const between = { ...at, oneWay: fc.boolean(), forMillis: length(within / 2) }
  const ends = <A extends { readonly link: Pair }>({ link: [from, to], ...rest }: A) => ({
    from,
    to,
    ...rest
  })
  return [
    ["Partition", fc.record({ _tag: fc.constant("Partition" as const), ...between }).map(ends)],
    ["Hold", fc.record({ _tag: fc.constant("Hold" as const), ...between }).map(ends)],
    [
      "Slow",
      fc
        .record({ _tag: fc.constant("Slow" as const), ...between, latencyMillis: length(within / 4) })
        .map(ends)
    ],
    [
      "Lossy",
      fc
        .record({ _tag: fc.constant("Lossy" as const), ...between, loss: fc.constantFrom(0.1, 0.5, 0.9) })
        .map(ends)
    ],
    ["Reset", fc.record({ _tag: fc.constant("Reset" as const), ...at }).map(ends)]
  ]
}

export const ofDisks = (host: fc.Arbitrary<string>, within: number): Drawn => [
  "DiskFailure",
  fc.record({
    _tag: fc.constant("DiskFailure" as const),
    host,
    atMillis: millis(within),
    operation: fc.integer({ min: 1, max: 20 }),
    code: fc.constantFrom("EIO", "ENOSPC")
  })
]

export const atPoints = (point: fc.Arbitrary<string>, within: number): Drawn => [
  "Point",
  fc.record({
    _tag: fc.constant("Point" as const),
    point,
    occurrence: fc.integer({ min: 1, max: 4 }),
    action: fc.oneof(
      fc.record({ _tag: fc.constant("Delay" as const), millis: length(within / 4) }),
      fc.record({ _tag: fc.constant("Die" as const) }),
      fc.record({ _tag: fc.constant("Crash" as const), downMillis: length(within / 4) })
    )
  })
]

export const pairsOf = (hosts: ReadonlyArray<string>): ReadonlyArray<Pair> =>
  hosts.flatMap((from) => hosts.flatMap((to) => (from === to ? [] : [[from, to] as const])))
