/**
 * The only source of nondeterminism in a run: a function that picks one of n.
 *
 * A run asks for a choice wherever something could go one way or another: which fiber runs next, when a fiber is
 * preempted, whether a fault happens, what a random number is. The answers come from a seed while searching, and from
 * a recording while replaying and shrinking. In both, **0 is the calm choice**: first come first served, no preemption,
 * no fault. So a recording that ends is calm from there on, and the empty recording is the calm run.
 *
 * @since 0.1.0
 */

/**
 * What a choice is about.
 *
 * **Details**
 *
 * - `gap`: after how many operations the running fiber is preempted. 0 leaves it alone for 256 operations.
 * - `pick`: which of the tasks that are ready runs next. 0 is the one that waits longest.
 * - `fault`: what the world does: latencies, losses, crashes, torn writes. 0 is that all goes well.
 * - `random`: what `Random` gives. 0 is the number that the calm run would have got.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind = "gap" | "pick" | "fault" | "random"

/**
 * The choices of a run, in the order in which they were made, in a list for each kind.
 *
 * **Details**
 *
 * The lists are separate so that leaving one choice out, to find a smaller failure, does not shift those of another
 * kind. Zeros at the end of a list mean nothing and are left out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recording {
  readonly gap: ReadonlyArray<number>
  readonly pick: ReadonlyArray<number>
  readonly fault: ReadonlyArray<number>
  readonly random: ReadonlyArray<number>
}
