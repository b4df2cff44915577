/**
 * Who runs next, and when it is preempted: the ways to search the schedules of a program.
 *
 * @since 0.1.0
 */

/**
 * First come, first served, and no preemption: the calm schedule.
 *
 * **Details**
 *
 * Faults and random numbers still come from the seed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fifo {
  readonly _tag: "Fifo"
}

/**
 * A random walk: any of the ready tasks runs next, and the running fiber is preempted after a random number of operations.
 *
 * @since 0.1.0
 * @category models
 */
export interface Walk {
  readonly _tag: "Walk"
  /** The largest number of operations between two preemptions, from 1 to 255. */
  readonly gap: number
}

/**
 * Probabilistic concurrency testing: each fiber has a random priority, the highest runs, and at `depth - 1` random
 * points the running fiber falls below all others.
 *
 * **Details**
 *
 * It finds bugs that need few but exact switches among many fibers, which a random walk hardly ever makes.
 *
 * Source: Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic guarantees of finding
 * bugs" (ASPLOS 2010). There a point is one of the k steps of the program; here k is `horizon`, in operations.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pct {
  readonly _tag: "Pct"
  /** The number of ordering constraints of the bugs that are looked for: one more than the number of switches. */
  readonly depth: number
  /** How many operations of a run the switches are spread over. */
  readonly horizon: number
}

/**
 * Draws one of the others for each seed, with its parameters.
 *
 * @since 0.1.0
 * @category models
 */
export interface Portfolio {
  readonly _tag: "Portfolio"
}

/**
 * A way to search.
 *
 * @since 0.1.0
 * @category models
 */
export type Strategy = Fifo | Walk | Pct | Portfolio

/**
 * First come, first served.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fifo: Strategy = { _tag: "Fifo" }

/**
 * A random walk.
 *
 * **Details**
 *
 * `gap` is 16 by default: small gaps find short races, large ones long races, and 16 found most in our measurements.
 *
 * @since 0.1.0
 * @category constructors
 */
export const walk = (options?: { readonly gap?: number | undefined }): Strategy => ({
  _tag: "Walk",
  gap: Math.max(1, Math.min(255, Math.floor(options?.gap ?? 16)))
})

/**
 * Probabilistic concurrency testing.
 *
 * **Details**
 *
 * `depth` is 3 by default: two exact switches, which covers most bugs that are known. `horizon` is 400 operations by
 * default, the length of a small program.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pct = (options?: {
  readonly depth?: number | undefined
  readonly horizon?: number | undefined
}): Strategy => ({
  _tag: "Pct",
  depth: Math.max(1, Math.floor(options?.depth ?? 3)),
  horizon: Math.max(1, Math.floor(options?.horizon ?? 400))
})

/**
 * A mixture: of eight seeds one runs calmly, five walk (with gaps up to 8, 16 or 64) and two use PCT.
 *
 * **Details**
 *
 * The default, because each strategy misses bugs that another finds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const portfolio: Strategy = { _tag: "Portfolio" }
