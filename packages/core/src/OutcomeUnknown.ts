/**
 * The error of everything in Holdfast that was asked to do something, and cannot tell whether it was done.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * It may have been done, or not: the answer is lost, or did not come in time.
 *
 * **Details**
 *
 * `label` is who was asked, `endpoint` which one of several. `operationId` names the operation, where it has a name. `cause` is what is known: the error
 * that came instead of an answer, or the limit that fired.
 *
 * Trying again is safe only for what may be done twice. For the rest, ask whether it was done.
 *
 * **Example** (Asks before it sends again)
 *
 * ```ts
 * import { OutcomeUnknown } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const lost = new OutcomeUnknown({ label: "ledger", elapsedMillis: 3500, cause: "timed out" })
 * const submit: Effect.Effect<string, OutcomeUnknown> = Effect.fail(lost)
 * const find = Effect.succeed("it is there")
 *
 * const program = Effect.catchTag(submit, "OutcomeUnknown", () => find)
 *
 * console.log(await Effect.runPromise(program)) // => it is there
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>(
  "@holdfast/core/OutcomeUnknown/OutcomeUnknown"
)("OutcomeUnknown", {
  label: Schema.String,
  operationId: Schema.optionalKey(Schema.String),
  endpoint: Schema.optionalKey(Schema.String),
  elapsedMillis: Schema.Number,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const { elapsedMillis, endpoint, label, operationId } = this
    const what = operationId === undefined ? "it" : `"${operationId}"`
    const where = endpoint === undefined ? "" : ` at ${endpoint}`
    return `whether "${label}" has done ${what}${where} is unknown, after ${Math.round(elapsedMillis)} ms`
  }
}
