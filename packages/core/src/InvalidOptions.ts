/**
 * The error of every constructor in Holdfast: an option has a value that has no meaning, such as `NaN`, or a fraction
 * of an attempt.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * An option without a meaning, found where the value was built.
 *
 * **Details**
 *
 * It is thrown, not failed with, because it is a mistake in the program: the constructors that throw it are pure
 * functions, mostly called while a module loads. It never comes out of an operation such as `Retry.run`, whose error
 * type stays exact. The same mistake in configuration is a `ConfigError`.
 *
 * **Gotchas**
 *
 * Thrown inside an effect it becomes a defect, as any thrown value does.
 *
 * **Example** (A factor that is not a number)
 *
 * ```ts
 * import { Backoff, InvalidOptions } from "@holdfast/core"
 *
 * try {
 *   Backoff.exponential({ base: "1 second", factor: NaN })
 * } catch (error) {
 *   if (error instanceof InvalidOptions) {
 *     console.log(error.option) // => factor
 *     console.log(error.message) // => Backoff: the option "factor" must be a finite number of at least 1, but is NaN
 *   }
 * }
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOptions extends Schema.TaggedError<InvalidOptions>(
  "@holdfast/core/InvalidOptions/InvalidOptions"
)("InvalidOptions", {
  /** The module whose constructor was called, such as `Backoff`. */
  module: Schema.String,
  /** The option as its caller wrote it, such as `factor` or `jitter.ratio`. */
  option: Schema.String,
  /** What is wrong, as the rest of a sentence that begins with the option. */
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.module}: the option "${this.option}" ${this.problem}`
  }
}
