/**
 * Named points in production code at which a simulation can make something go wrong.
 *
 * Live, a point does nothing. Under `@holdfast/sim` a plan of faults can hold a fiber up there, make it die, or take its
 * host down: `Fault.point("after-commit")` is how a test gets between two steps that only fail together when a machine
 * loses its power just there.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"

/**
 * What happens at a point; nothing by default.
 *
 * **Details**
 *
 * The simulator provides it, and knows it by its key: production code does not depend on the simulator.
 *
 * @since 0.1.0
 * @category references
 */
export const Points: Context.Reference<((name: string) => Effect.Effect<void>) | undefined> =
  Context.Reference<((name: string) => Effect.Effect<void>) | undefined>("@holdfast/core/Fault/Points", {
    defaultValue: () => undefined
  })

/**
 * A point at which a simulation can inject a fault.
 *
 * **Details**
 *
 * It costs one look into the fiber's context. Name what has just happened, such as `"after-commit"`; a plan counts how
 * often any fiber came by that name.
 *
 * **Gotchas**
 *
 * In a region that cannot be interrupted the fault still happens: it stands for what no program can ask to wait.
 *
 * **Example** (Between a commit and its reply)
 *
 * ```ts
 * import { Fault } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const stored: Array<string> = []
 *
 * const store = (entry: string) =>
 *   Effect.sync(() => stored.push(entry)).pipe(
 *     Effect.andThen(Fault.point("after-commit")),
 *     Effect.as("stored")
 *   )
 *
 * console.log(await Effect.runPromise(store("a"))) // => stored
 * ```
 *
 * @since 0.1.0
 * @category points
 */
export const point = (name: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => Context.get(fiber.context, Points)?.(name) ?? Effect.void)
