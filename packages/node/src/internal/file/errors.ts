/** What the operating system says, in the words of a store. */
import { OutcomeUnknown, StateStore } from "@holdfast/core"
import { Clock, Effect, type PlatformError, Predicate } from "effect"

export const codeOf = ({ cause }: PlatformError.PlatformError): unknown =>
  Predicate.hasProperty(cause, "code") ? cause.code : undefined

/** No room on the disk, none in what the user may have of it, and none in a file of such a size. */
const fullCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EFBIG"])

const reasonOf = (error: PlatformError.PlatformError): StateStore.StoreUnavailable["reason"] => {
  if (codeOf(error) === "EROFS") return "ReadOnly"
  switch (error.reason._tag) {
    case "NotFound":
      return "Missing"
    case "PermissionDenied":
      return "Denied"
    default:
      return "Io"
  }
}

export const toUnavailable =
  (store: string, operation: string) =>
  (cause: PlatformError.PlatformError): StateStore.StoreUnavailable =>
    new StateStore.StoreUnavailable({ store, operation, reason: reasonOf(cause), cause })

/** What fails before anything has changed. */
export const toWriteError =
  (store: string, key: string) =>
  (cause: PlatformError.PlatformError): StateStore.StoreFull | StateStore.StoreUnavailable =>
    fullCodes.has(codeOf(cause))
      ? new StateStore.StoreFull({ store, key, cause })
      : toUnavailable(store, "write")(cause)

export const toUnknown = (
  label: string,
  startNanos: bigint,
  cause: PlatformError.PlatformError
): Effect.Effect<never, OutcomeUnknown> =>
  Effect.flatMap(Clock.monotonicTimeNanos, (nanos) =>
    Effect.fail(new OutcomeUnknown({ label, elapsedMillis: Number(nanos - startNanos) / 1e6, cause }))
  )
