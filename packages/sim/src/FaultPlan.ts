/**
 * Faults as data: a plan is drawn, printed, replayed and made smaller.
 *
 * @since 0.1.0
 */

import { Effect } from "effect"
import * as fc from "fast-check"
import { atPoints, ofDisks, ofHosts, ofLinks, pairsOf } from "./internal/faults/draw.ts"
import { healAll as healWorld } from "./internal/faults/inject.ts"
import { kindOf as kind } from "./internal/faults/kind.ts"
import { describe as inWords } from "./internal/faults/words.ts"
import { here } from "./internal/machine.ts"

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
 * The way from one host to another, and back unless `oneWay`, for a while.
 *
 * @since 0.1.0
 * @category models
 */
export interface Between {
  readonly from: string
  readonly to: string
  readonly oneWay: boolean
  readonly atMillis: number
  readonly forMillis: number
}

/**
 * Nothing gets through.
 *
 * @since 0.1.0
 * @category models
 */
export interface Partition extends Between {
  readonly _tag: "Partition"
}

/**
 * What is sent waits, and arrives when it is over.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hold extends Between {
  readonly _tag: "Hold"
}

/**
 * What is sent takes long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Slow extends Between {
  readonly _tag: "Slow"
  readonly latencyMillis: number
}

/**
 * Some of what is sent is lost. A connection sends it again, later.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lossy extends Between {
  readonly _tag: "Lossy"
  /** The chance of each message, from 0 to 1. */
  readonly loss: number
}

/**
 * All connections between two hosts are reset.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reset {
  readonly _tag: "Reset"
  readonly from: string
  readonly to: string
  readonly atMillis: number
}

/**
 * A host is cut off from all others.
 *
 * @since 0.1.0
 * @category models
 */
export interface Isolate {
  readonly _tag: "Isolate"
  readonly host: string
  readonly atMillis: number
  readonly forMillis: number
}

/**
 * An operation on the disk of a host fails; see `Disk.layerHost`.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskFailure {
  readonly _tag: "DiskFailure"
  readonly host: string
  readonly atMillis: number
  /** Which operation from then on: the next one is 1. */
  readonly operation: number
  readonly code: "EIO" | "ENOSPC"
}

/**
 * One fault.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | Crash
  | Pause
  | Skew
  | Point
  | Partition
  | Isolate
  | Hold
  | Reset
  | Slow
  | Lossy
  | DiskFailure

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
  /** The hosts that may crash, pause, lose the time, and be cut off; none by default. */
  readonly hosts?: ReadonlyArray<string> | undefined
  /** The pairs of hosts whose network may fail; all pairs of `hosts` by default. */
  readonly links?: ReadonlyArray<readonly [from: string, to: string]> | undefined
  /** The hosts whose disks may fail; none by default. */
  readonly disks?: ReadonlyArray<string> | undefined
  /** The named points of the code under test at which something may happen; none by default. */
  readonly points?: ReadonlyArray<string> | undefined
  /** Faults begin within this time; 10,000 by default. */
  readonly withinMillis?: number | undefined
  /** The kinds to draw from; all that hosts and points allow by default. */
  readonly kinds?: ReadonlyArray<Fault["_tag"]> | undefined
  /** The largest number of faults; 4 by default, because more only hide each other. */
  readonly max?: number | undefined
}

/**
 * Draws plans. The empty plan is the simplest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const arbitrary = (options: Options): fc.Arbitrary<Plan> => {
  const {
    disks = [],
    hosts = [],
    kinds,
    links = pairsOf(hosts),
    max = 4,
    points = [],
    withinMillis = 10_000
  } = options
  const faults = [
    ...(hosts.length === 0 ? [] : ofHosts(fc.constantFrom(...hosts), withinMillis)),
    ...(links.length === 0 ? [] : ofLinks(fc.constantFrom(...links), withinMillis)),
    ...(disks.length === 0 ? [] : [ofDisks(fc.constantFrom(...disks), withinMillis)]),
    ...(points.length === 0 ? [] : [atPoints(fc.constantFrom(...points), withinMillis)])
  ]
    .filter(([kind]) => kinds === undefined || kinds.includes(kind))
    .map(([, fault]) => fault)
  return faults.length === 0 ? fc.constant([]) : fc.array(fc.oneof(...faults), { maxLength: max })
}

/**
 * Ends all faults: none begins any more, paused hosts go on, crashed ones start again, and the network is whole.
 *
 * **When to use**
 *
 * For liveness: at the end of a program, heal the world, and let `Check.converges` wait until all is well.
 *
 * **Details**
 *
 * Clocks that went wrong stay wrong. Conditions that `Network.setLink` set end too.
 *
 * @since 0.1.0
 * @category healing
 */
export const healAll: Effect.Effect<void> = Effect.flatMap(here("FaultPlan.healAll"), ({ driver }) =>
  Effect.sync(() => {
    driver.emit("note", "all faults end", { phase: "heal" })
    healWorld(driver)
  })
)
