/** What the cause of a failed attempt says. Pure, but for a memory of whose end an error is. */
import { Array as Arr, Cause } from "effect"
import type { Alarm } from "../alarm.ts"
import { unknown, type Verdict } from "./verdict.ts"

/** Which calls were ended by which deadline, be it as `OutcomeUnknown`: for pools further out, which blame nobody. */
const ends = new WeakMap<object, Alarm>()

export const markEnd = (error: object, alarm: Alarm): void => {
  ends.set(error, alarm)
}

export const isEndBy = (alarm: Alarm, cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) =>
      reason._tag === "Fail" &&
      typeof reason.error === "object" &&
      reason.error !== null &&
      ends.get(reason.error) === alarm
  )

/**
 * The errors of a cause that tells of no bug: of several, when several things were done at once. Whoever is interrupted
 * hears of nothing, so an interruption beside an error is that of a part.
 */
export const errorsOf = <E>(cause: Cause.Cause<E>): Arr.NonEmptyReadonlyArray<E> | undefined => {
  const errors = cause.reasons.flatMap((reason) => (reason._tag === "Fail" ? [reason.error] : []))
  return !Cause.hasDies(cause) && Arr.isReadonlyArrayNonEmpty(errors) ? errors : undefined
}

export const hasError = (cause: Cause.Cause<unknown>, error: unknown): boolean =>
  cause.reasons.some((reason) => reason._tag === "Fail" && reason.error === error)

interface Judged<C> {
  readonly error: unknown
  readonly verdict: Verdict<C>
}

/** A classification that is not typed may give anything, or nothing. */
const tagOf = ({ verdict }: { readonly verdict: { readonly _tag: string } | null | undefined }) =>
  verdict?._tag

/** What may have been done outweighs all else, and what is no verdict may be anything. */
export const worstOf = <C>(all: Arr.NonEmptyReadonlyArray<Judged<C>>): Judged<C> => {
  const doubtful = all.find((each) => tagOf(each) !== "EndpointFault" && tagOf(each) !== "CallerFault")
  if (doubtful !== undefined) return { error: doubtful.error, verdict: unknown }
  return all.find((each) => tagOf(each) === "CallerFault") ?? all[0]
}

/** A cause that tells of a bug, or of nothing but an interruption: that is what comes out. */
export const defectsOf = (cause: Cause.Cause<unknown>): Cause.Cause<never> =>
  Cause.fromReasons(cause.reasons.filter((reason) => reason._tag !== "Fail"))
