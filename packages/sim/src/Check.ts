/**
 * Oracles: what must hold in every run, and what a campaign must have seen.
 *
 * **Details**
 *
 * `always` and its relatives end the run when a promise does not hold. `sometimes` and `reachable` never do: they are
 * summed up over a campaign, which fails when something that should be seen was not. A suite that never gets its servers
 * to answer late proves nothing about late answers.
 *
 * Outside of a run, and under `Simulation.layer`, `always` and its relatives die with the same `Violation`; the others do nothing.
 *
 * @since 0.1.0
 */
import { Clock, Context, Duration, Effect } from "effect"
import { CurrentHost, type HostState } from "./internal/host.ts"
import { render, type Verdict } from "./Linearizability.ts"
import { Violation } from "./SimulationError.ts"

const withHost = <A>(f: (host: HostState | undefined) => Effect.Effect<A>): Effect.Effect<A> =>
  Effect.withFiber((fiber) => f(Context.get(fiber.context, CurrentHost)))

/** A promise is broken whether there are words for it or not. */
const words = (problem: string | (() => string)): string => {
  try {
    return String(typeof problem === "string" ? problem : problem())
  } catch {
    return "what is wrong could not be put into words: the function that says so throws"
  }
}

/** An oracle looks at a guarantee, which holds or not. */
const check = (
  guarantee: string,
  holds: () => boolean,
  problem: string | (() => string) = ""
): Effect.Effect<void> =>
  withHost((host) => {
    host?.driver.checked.add(guarantee)
    if (holds()) return Effect.void
    const found = words(problem)
    if (host?.driver.isRun !== true) return Effect.die(new Violation({ guarantee, problem: found }))
    host.driver.violate(guarantee, found)
    // The run is over; nothing that follows may run, in a finalizer neither.
    return Effect.never
  })

const yes = (): boolean => true
const no = (): boolean => false

/**
 * A promise does not hold.
 *
 * @since 0.1.0
 * @category oracles
 */
export const violated = (guarantee: string, problem: string): Effect.Effect<never> =>
  Effect.andThen(check(guarantee, no, problem), Effect.never)

/**
 * Something that must hold whenever it is checked.
 *
 * @since 0.1.0
 * @category oracles
 */
export const always = (
  guarantee: string,
  holds: boolean,
  problem: string | (() => string)
): Effect.Effect<void> => check(guarantee, () => holds, problem)

/**
 * Something that must hold at least once in a campaign, such as "a retry succeeded".
 *
 * @since 0.1.0
 * @category oracles
 */
export const sometimes = (what: string, holds: boolean): Effect.Effect<void> =>
  withHost((host) => {
    if (host !== undefined && (holds || !host.driver.reached.has(what))) host.driver.reached.set(what, holds)
    return Effect.void
  })

/**
 * A place that must be reached at least once in a campaign. Name it in the suite too, since one that is never reached
 * never says so.
 *
 * @since 0.1.0
 * @category oracles
 */
export const reachable = (what: string): Effect.Effect<void> => sometimes(what, true)

/**
 * Several guarantees at which a function of your own has looked, and the first that does not hold, if any.
 *
 * **Details**
 *
 * A campaign fails when no oracle ever looked at a guarantee that its suite names, so all are named here, those that hold
 * too.
 *
 * @since 0.1.0
 * @category oracles
 */
export const judged = (
  guarantees: ReadonlyArray<string>,
  found: { readonly guarantee: string; readonly problem: string } | undefined
): Effect.Effect<void> =>
  withHost((host) => {
    for (const guarantee of guarantees) host?.driver.checked.add(guarantee)
    return found === undefined ? Effect.void : violated(found.guarantee, found.problem)
  })

const now: Effect.Effect<bigint> = Effect.flatMap(Clock.Clock, (clock) => clock.monotonicTimeNanos)

/**
 * Runs an effect, which must end within a duration, however it ends.
 *
 * **Details**
 *
 * The effect is not interrupted: a promise of a deadline is broken by the one who made it. An effect that never ends is
 * reported as soon as nothing else is left to happen, and at the bound when something is.
 *
 * @since 0.1.0
 * @category oracles
 */
export const endsWithin = <A, E, R>(
  guarantee: string,
  bound: Duration.Input,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const duration = Duration.fromInputUnsafe(bound)
  return inTime(guarantee, duration, `work had not ended after ${Duration.format(duration)}`, effect)
}

/** The watch has a scope of its own: what the effect acquires is its caller's. */
const inTime = <A, E, R>(
  guarantee: string,
  bound: Duration.Duration,
  problem: string | (() => string),
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  // What ends at the very instant of the bound ends in time.
  const over = Effect.sleep(Duration.sum(bound, Duration.nanos(1n)))
  const late = Effect.andThen(over, check(guarantee, no, problem))
  return Effect.andThen(
    check(guarantee, yes),
    Effect.scopedWith((scope) =>
      Effect.andThen(Effect.forkIn(late, scope, { startImmediately: true }), effect)
    )
  )
}

/**
 * Runs an effect, which must take exactly a duration, however it ends.
 *
 * @since 0.1.0
 * @category oracles
 */
export const takes = <A, E, R>(
  guarantee: string,
  duration: Duration.Input,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const start = yield* now
    const exit = yield* Effect.exit(effect)
    const took = (yield* now) - start
    const expected = Duration.toNanosUnsafe(Duration.fromInputUnsafe(duration))
    yield* always(
      guarantee,
      took === expected,
      () => `work took ${format(took)} instead of ${format(expected)}`
    )
    return yield* exit
  })

const format = (nanos: bigint): string => Duration.format(Duration.nanos(nanos))

/**
 * Waits until a condition holds, which it must do within a duration: for the end of a run, when all faults have ended.
 *
 * **Details**
 *
 * The condition is looked at a hundred times, evenly spread over the duration; when a look takes time, less often. In an
 * infinite duration it is looked at each second. `problem` says how far it had come, when it is too late.
 *
 * @since 0.1.0
 * @category oracles
 */
export const converges = <E, R>(
  guarantee: string,
  within: Duration.Input,
  condition: Effect.Effect<boolean, E, R>,
  problem?: string | (() => string)
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    const bound = Duration.fromInputUnsafe(within)
    const interval = Duration.isFinite(bound)
      ? Duration.max(Duration.divideUnsafe(bound, 100), Duration.nanos(1n))
      : Duration.seconds(1)
    const looking = Effect.gen(function* () {
      while (!(yield* condition)) yield* Effect.sleep(interval)
    })
    const late = `it had not come true after ${Duration.format(bound)}`
    return inTime(
      guarantee,
      bound,
      problem === undefined ? late : () => `${late}: ${words(problem)}`,
      looking
    )
  })

/**
 * What must happen exactly once for each of several things, and is counted as it happens.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExactlyOnce {
  /** It happened for this one; the second time breaks the promise at once. */
  readonly happened: (id: string | number) => Effect.Effect<void>
  /** All of these must have happened, and no other. */
  readonly complete: (ids: Iterable<string | number>) => Effect.Effect<void>
}

/**
 * Counts what must happen exactly once.
 *
 * @since 0.1.0
 * @category oracles
 */
export const exactlyOnce = (guarantee: string): Effect.Effect<ExactlyOnce> =>
  Effect.sync(() => {
    const seen = new Set<string | number>()
    return {
      happened: (id) =>
        check(
          guarantee,
          () => {
            const isFirst = !seen.has(id)
            seen.add(id)
            return isFirst
          },
          `it happened twice for ${id}`
        ),
      complete: (ids) =>
        Effect.suspend(() => {
          const problem = completeness(seen, new Set(ids))
          return check(guarantee, () => problem === undefined, problem)
        })
    }
  })

const completeness = (
  seen: ReadonlySet<string | number>,
  expected: ReadonlySet<string | number>
): string | undefined => {
  const missing = Array.from(expected).filter((id) => !seen.has(id))
  if (missing.length > 0) return `it never happened for ${missing.join(", ")}`
  const extra = Array.from(seen).filter((id) => !expected.has(id))
  return extra.length > 0 ? `it happened for ${extra.join(", ")}, which nobody asked for` : undefined
}

/**
 * A history of operations must be linearizable: see `Linearizability.recorder`.
 *
 * **Details**
 *
 * A verdict that was not reached within its budget breaks nothing. It counts as never seen: a campaign in which no
 * verdict on this guarantee was ever reached fails.
 *
 * @since 0.1.0
 * @category oracles
 */
export const linearizable = <State, In, Out>(
  guarantee: string,
  verdict: Verdict<State, In, Out>
): Effect.Effect<void> =>
  Effect.andThen(
    check(
      guarantee,
      () => verdict._tag !== "NotLinearizable",
      () => (verdict._tag === "NotLinearizable" ? render(verdict) : "")
    ),
    sometimes(`a verdict on the linearizability of ${guarantee}`, verdict._tag === "Linearizable")
  )
