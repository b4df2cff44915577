/** Work that concerns only the past: it may fail, and take its time, but not for ever. */
import { Cause, Duration, Effect } from "effect"
import { limit, toNanos } from "./limit.ts"

/** A logger that dies harms nobody. */
export const log = (effect: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchDefect(effect, () => Effect.void)

/** Waits for it as long as its owner says, and warns of what goes wrong. */
export const leaveBehind = <R>(
  { label, releaseTimeout }: { readonly label: string; readonly releaseTimeout: Duration.Duration },
  what: string,
  work: Effect.Effect<unknown, unknown, R>
): Effect.Effect<void, never, R> => {
  const text = `"${label}": ${what}`
  return limit(work, {
    label: `${label} release`,
    // Whoever does not want to wait still wants it done.
    budgetNanos: toNanos(Duration.max(releaseTimeout, Duration.nanos(1n))),
    inherit: false,
    expired: () => "late" as const
  }).pipe(
    Effect.matchCauseEffect({
      onSuccess: () => Effect.void,
      onFailure: (cause) => {
        const error = Cause.squash(cause)
        if (error === "ended") return Effect.void
        return error === "late"
          ? log(
              Effect.logWarning(
                `${text} had not ended after ${Duration.format(releaseTimeout)}; it is left behind`
              )
            )
          : log(Effect.logWarning(`${text} failed`, cause))
      }
    })
  )
}
