/**
 * What every store and its locks must do, as cases that can be run against yours.
 *
 * A case is an effect that ends, or fails with a `Violation` that says what is wrong. It needs no test framework; with
 * vitest, each is a test: ``it.live(`${guarantees.join(", ")}: ${name}`, () => run, 60_000)``.
 *
 * **Details**
 *
 * A case fails only for what was seen to be wrong, never because something was slow, save that it must end within its
 * `patience`. Where something must *not* happen, it gets a few milliseconds to happen: a machine that is too slow for
 * that finds less, and accuses nobody.
 *
 * **Gotchas**
 *
 * The clock has to go on by itself: run them live, or in a simulation. Under a test clock that stands still they wait for
 * ever. Who is first among waiters is who was first to be run.
 *
 * @since 0.1.0
 */
import { type Context, Duration, type Effect, Schema, type Scope } from "effect"
import { deaths } from "./internal/conformance/deaths.ts"
import { endings } from "./internal/conformance/endings.ts"
import { failures } from "./internal/conformance/failures.ts"
import { fences } from "./internal/conformance/fences.ts"
import { histories } from "./internal/conformance/histories.ts"
import { type Check, runCheck } from "./internal/conformance/kit.ts"
import { locks } from "./internal/conformance/locks.ts"
import { processes } from "./internal/conformance/processes.ts"
import { repairs } from "./internal/conformance/repairs.ts"
import { texts } from "./internal/conformance/texts.ts"
import { transactions } from "./internal/conformance/transactions.ts"
import { waits } from "./internal/conformance/waits.ts"
import { watching } from "./internal/conformance/watching.ts"
import type { Lock } from "./Lock.ts"
import type { StateStore } from "./StateStore.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * A store does not do what it must.
 *
 * @since 0.1.0
 * @category errors
 */
export class Violation extends Schema.TaggedError<Violation>("@holdfast/core/StateConformance/Violation")(
  "Violation",
  { case: Schema.String, guarantees: Schema.Array(Schema.String), problem: Schema.String }
) {
  override get message(): string {
    return `it is not so that ${this.case}: ${this.problem}`
  }
}

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * A store with its locks.
 *
 * @since 0.1.0
 * @category models
 */
export type Instance = Context.Context<StateStore | Lock>

/**
 * What happens to who writes: there is no room, or the device fails, and may have done it.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = "Full" | "Io"

/**
 * What is examined.
 *
 * **Details**
 *
 * - `place`: where a store keeps its things, such as an empty directory. Each case gets a new one.
 * - `open`: a store there, as a process that starts would open it, for as long as the scope lasts.
 * - `isShared`: whether several can be open there at the same time, as several processes would. They are, then.
 * - `isKept`: whether what was written is there when a store is opened again.
 * - `openDoomed`: opens one that can be killed, as by `kill -9`: it lets go of what the operating system would take from
 *   it, and does nothing any more; its scope can be closed all the same. Without it, there are no cases of sudden deaths.
 * - `corrupt`: damages what is stored for a key, behind the back of all stores. Without it, nothing is ever corrupt.
 * - `isThere`: whether there is anything at a place that `repair` has named. Without it, a name is all that is looked at.
 * - `failAt`: lets the n-th thing that is done to what is stored, from now on, fail; the next is 1. What is a thing, such as a
 *   commit or a system call, is up to you. Without it, nothing ever fails.
 * - `patience`: how long a case may take; half a minute by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subject<P> {
  readonly place: Effect.Effect<P, unknown, Scope.Scope>
  readonly open: (place: P) => Effect.Effect<Instance, unknown, Scope.Scope>
  readonly isShared: boolean
  readonly isKept: boolean
  readonly openDoomed?:
    | ((
        place: P
      ) => Effect.Effect<
        { readonly instance: Instance; readonly kill: Effect.Effect<void> },
        unknown,
        Scope.Scope
      >)
    | undefined
  readonly corrupt?: ((place: P, key: string) => Effect.Effect<void, unknown>) | undefined
  readonly isThere?: ((place: P, aside: string) => Effect.Effect<boolean, unknown>) | undefined
  readonly failAt?: ((place: P, nth: number, failure: Failure) => Effect.Effect<void, unknown>) | undefined
  readonly patience?: Duration.Input | undefined
}

/**
 * Something that must be so, the guarantees that it belongs to, and how it is found out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  readonly guarantees: ReadonlyArray<string>
  readonly run: Effect.Effect<void, Violation>
}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

const checks: ReadonlyArray<Check> = [
  ...transactions,
  ...texts,
  ...histories,
  ...waits,
  ...locks,
  ...fences,
  ...watching,
  ...processes,
  ...deaths,
  ...endings,
  ...repairs,
  ...failures
]

/**
 * The cases for a store, all that it has the abilities for.
 *
 * **Example** (The memory's)
 *
 * ```ts
 * import { StateStore } from "@holdfast/core"
 * import * as StateConformance from "@holdfast/core/StateConformance"
 * import { Effect, Layer } from "effect"
 *
 * const cases = StateConformance.cases({
 *   place: Effect.void,
 *   open: () => Layer.build(StateStore.layerMemory),
 *   isShared: false,
 *   isKept: false
 * })
 *
 * const first = cases.slice(0, 2).map(({ name, run }) => Effect.as(run, name))
 * console.log(await Effect.runPromise(Effect.all(first)))
 * // => [ 'what is written is what is read', 'a decision that keeps writes nothing' ]
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const cases = <P>(subject: Subject<P>): ReadonlyArray<Case> =>
  checks
    .filter(({ needs }) =>
      needs.every(
        (ability) =>
          ({
            shared: subject.isShared,
            kept: subject.isKept,
            doomed: subject.openDoomed !== undefined,
            corrupt: subject.corrupt !== undefined,
            aside: subject.isThere !== undefined,
            failing: subject.failAt !== undefined
          })[ability]
      )
    )
    .map((check) => ({
      name: check.name,
      guarantees: check.guarantees,
      run: runCheck(
        check,
        subject,
        Duration.fromInputUnsafe(subject.patience ?? "30 seconds"),
        (problem) => new Violation({ case: check.name, guarantees: check.guarantees, problem })
      )
    }))
