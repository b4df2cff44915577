/**
 * Runs an Effect program in virtual time, with every source of nondeterminism under one seed.
 *
 * A run is one synchronous call. Nothing waits: when no fiber is ready, time moves on to the next timer. The program is
 * the very one that runs live; only the services that it gets from its context are others.
 *
 * @guarantee SIM-1 The same choices give the same trace hash, in any process on any machine.
 * @guarantee SIM-2 No real time passes, however long the program sleeps.
 * @guarantee SIM-3 Every injected fault is counted when it takes effect, and a campaign in which a configured fault
 *   never took effect fails.
 * @guarantee SIM-4 What runs under the simulator is the very code that runs live; what cannot run synchronously is
 *   refused by name, never as a hang.
 * @guarantee SIM-5 Code of a crashed or paused host never runs on another host's stack.
 *
 * @since 0.1.0
 */
import { type Cause, type Duration, Effect, type Exit, Layer, Random } from "effect"
import { SecureRandom } from "effect/crypto"
import type * as Choices from "./Choices.ts"
import { awaitPromise, layerAsync, simulateAsync } from "./internal/asynchronous.ts"
import { randomBytes } from "./internal/bytes.ts"
import { explore as exploreAll } from "./internal/explore.ts"
import { simulate } from "./internal/run.ts"
import type { SimulationError } from "./SimulationError.ts"
import type { Strategy } from "./Strategy.ts"
import type * as Trace from "./Trace.ts"

/**
 * How freely fibers are interleaved.
 *
 * **Details**
 *
 * - `"anywhere"`: a fiber may be preempted between any two operations, and ready fibers run in any order. Finds latent
 *   bugs: those that need another version of Effect, or a slice of over 2,048 operations, to show.
 * - `"realistic"`: only what Effect's stock scheduler can do: a fiber runs until it waits, ready fibers run in order,
 *   and timers of one instant race unless they were set for the same time.
 *
 * @since 0.1.0
 * @category models
 */
export type Level = "anywhere" | "realistic"

/**
 * How a program is run.
 *
 * **Details**
 *
 * Without a seed and without choices the run is calm: first come first served, no preemption, no faults.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where choices come from. An integer. */
  readonly seed?: number | undefined
  /** Choices to repeat; they take precedence over the seed. */
  readonly choices?: Choices.Recording | undefined
  /** How schedules are searched; `Strategy.portfolio` by default. */
  readonly strategy?: Strategy | undefined
  /** How freely fibers are interleaved; `"anywhere"` by default. */
  readonly level?: Level | undefined
  /** Steps after which a run is given up; 10,000,000 by default, some ten seconds of real time. */
  readonly maxSteps?: number | undefined
  /** Steps without progress of time that are a livelock; 1,000,000 by default, room for 100,000 fibers at an instant. */
  readonly maxStepsPerInstant?: number | undefined
  /** Virtual time after which a run is given up; no limit by default. */
  readonly maxTime?: Duration.Input | undefined
  /** Collects what happened in `trace`; off by default, because a search needs none. */
  readonly trace?: boolean | undefined
}

/**
 * How a program with native promises is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface AsyncOptions extends Options {
  /**
   * How long, in real milliseconds, a run waits for a native promise while nothing happens, before it is a deadlock;
   * 5,000 by default.
   */
  readonly patienceMillis?: number | undefined
}

/**
 * A fiber that had not ended when its program had.
 *
 * @since 0.1.0
 * @category models
 */
export interface LeakedFiber {
  /** Its number in the order in which fibers started, and the function or span that it is in. */
  readonly name: string
  /** It was interrupted and goes on all the same: abandoned work. */
  readonly interrupted: boolean
}

/**
 * What a program left behind.
 *
 * **Details**
 *
 * What runs on a host of the world, other than the program's own, is no leak: it ends with its host.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leaks {
  readonly fibers: ReadonlyArray<LeakedFiber>
  /** Timers that had not fired and were not cancelled. */
  readonly timers: number
  /** Scopes with finalizers in which a fiber was started, and which were never closed. */
  readonly scopes: number
}

/**
 * What a run gave.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result<out A, out E> {
  /** How the program ended. A run that could not go on fails with one of `SimulationError`'s classes. */
  readonly exit: Exit.Exit<A, E | SimulationError>
  /** Virtual time from the start of the run to its end, in milliseconds. */
  readonly virtualMillis: number
  /** How many tasks ran. */
  readonly steps: number
  /** Equal for equal choices, in any process on any machine. */
  readonly hash: string
  readonly leaks: Leaks
  /** The choices that were made: give them to another run to repeat this one. */
  readonly choices: Choices.Recording
  /** The kinds of faults that were meant to happen: in a fault plan, or by the script of a `FlakyServer`. */
  readonly planned: ReadonlySet<string>
  /** How often each kind of fault took effect. */
  readonly faults: ReadonlyMap<string, number>
  /** What `Check.sometimes` and `Check.reachable` looked for, and whether it was there. */
  readonly reached: ReadonlyMap<string, boolean>
  /** The guarantees that oracles of `Check` looked at, whether they held or not. */
  readonly checked: ReadonlySet<string>
  /** What looks wrong although nothing failed, such as memory that hosts share. */
  readonly warnings: ReadonlyArray<string>
  /** What happened, in order; empty unless asked for. */
  readonly trace: ReadonlyArray<Trace.Event>
}

/**
 * Runs a program to its end in one synchronous call.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E>(program: Effect.Effect<A, E>, options: Options = {}): Result<A, E> =>
  simulate(program, options)

/**
 * Runs a program that uses native promises.
 *
 * **Details**
 *
 * Time is virtual here too. Whenever no fiber is ready, the real event loop turns once, so that promises can settle,
 * before time moves on. Time waits for `TestClock.withLive` and for `Simulation.promise`, so real input and output
 * belongs into these: a plain `Effect.promise` that needs more than a turn races the next virtual timer.
 *
 * The order in which native promises settle is the platform's: it is the same in each run, but not searched. Ambient time
 * and chance are sealed while fibers run, not in the bodies of `async` functions after their first `await`.
 *
 * @since 0.1.0
 * @category running
 */
export const runPromise = <A, E>(
  program: Effect.Effect<A, E>,
  options: AsyncOptions = {}
): Promise<Result<A, E>> => simulateAsync(program, options)

/**
 * A native promise for which virtual time waits, and whose result arrives in an order that the schedule decides.
 *
 * **Details**
 *
 * Live, it is `Effect.tryPromise`, whose error holds what the promise was rejected with as its `cause`.
 *
 * @since 0.1.0
 * @category running
 */
export const promise: <A>(
  evaluate: (signal: AbortSignal) => PromiseLike<A>
) => Effect.Effect<A, Cause.UnknownError> = awaitPromise

/**
 * The clock, scheduler and randomness of a run, for programs that something else runs, such as `it.effect`.
 *
 * **Details**
 *
 * Time moves on by itself when no fiber is ready, and `TestClock.adjust` and `setTime` work as they are. A deadlock hangs
 * here until the test's own time-out, because nothing tells this layer when the program ends: `run` reports it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: (options?: Options) => Layer.Layer<never> = (options = {}) => layerAsync(options)

/**
 * How the schedules of a program are explored.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExploreOptions<in A, in E>
  extends Pick<Options, "level" | "maxSteps" | "maxStepsPerInstant" | "maxTime"> {
  /** How often a fiber may be preempted in one run; 2 by default, which covers most bugs that are known. */
  readonly preemptions?: number | undefined
  /** When to give up; 100,000 by default, some seconds. */
  readonly maxRuns?: number | undefined
  /** Which run ends the exploration; one that fails, by default. */
  readonly isBad?: ((result: Result<A, E>) => boolean) | undefined
}

/**
 * What an exploration found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explored<out A, out E> {
  readonly runs: number
  /**
   * There is no other schedule within the bound: the program is correct for it. Never for a program in which a fiber
   * makes more than 255 operations, or more than 63 tasks are ready at once.
   */
  readonly complete: boolean
  /** The first bad run. */
  readonly bad: Result<A, E> | undefined
}

/**
 * Tries all schedules of a small program, up to a number of preemptions.
 *
 * **When to use**
 *
 * For a handful of fibers with a handful of operations, where a search by seeds would leave a doubt. The number of
 * schedules grows quickly: with the operations to the power of the preemptions, and with the orders of what is ready.
 *
 * **Details**
 *
 * Faults and random numbers stay calm.
 *
 * **Example** (Every order of two fibers)
 *
 * ```ts
 * import { Simulation } from "@holdfast/sim"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   let balance = 100
 *   const withdraw = Effect.gen(function* () {
 *     const read = balance
 *     yield* Effect.yieldNow
 *     balance = read - 30
 *   })
 *   yield* Effect.all([withdraw, withdraw], { concurrency: "unbounded" })
 *   return balance
 * })
 *
 * const explored = Simulation.explore(program, { isBad: ({ exit }) => exit._tag === "Success" && exit.value !== 40 })
 * console.log(explored.bad?.exit._tag) // => Success
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const explore: <A, E>(program: Effect.Effect<A, E>, options?: ExploreOptions<A, E>) => Explored<A, E> =
  (program, options = {}) => exploreAll(program, options)

/**
 * Effect's `SecureRandom` with the run's own chance: identifiers that are the same in each run of a seed.
 *
 * **Gotchas**
 *
 * It is as predictable as `Random` is: never provide it outside of a test.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSecureRandom: Layer.Layer<SecureRandom.SecureRandom> = Layer.effect(
  SecureRandom.SecureRandom,
  Effect.map(Random.Random, (random) => SecureRandom.make((size) => randomBytes(random, size)))
)
