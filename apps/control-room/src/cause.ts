/** Why something did not work, in one line for a person. */
import { Cause } from "effect"

export const describeError = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

export const describeCause = (cause: Cause.Cause<unknown>): string => describeError(Cause.squash(cause))
