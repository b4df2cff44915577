/** Work of every kind, as data: what a deadline has to hold over, and a model that says when it ends. */
import { Cause, Effect, Exit, type Latch } from "effect"
import * as fc from "fast-check"
import { lengthOf, sleep, words } from "./time.ts"

/** One wait of some work. */
interface Part {
  readonly nanos: number
  /** It cannot be interrupted. */
  readonly holds: boolean
}

export type End = "succeeds" | "fails" | "dies" | "gives up" | "hangs"

export interface Work {
  readonly parts: ReadonlyArray<Part>
  readonly end: End
  /** How long its finalizer takes; an infinite one waits to be released. */
  readonly closingNanos: number
  readonly closingDies: boolean
  /** None of it can be interrupted. */
  readonly isStubborn: boolean
}

/** How work ended for whoever waited. */
export type Outcome = "succeeds" | "fails" | "dies" | "interrupted"

export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return "succeeds"
  if (Cause.hasDies(exit.cause)) return "dies"
  return Cause.hasFails(exit.cause) ? "fails" : "interrupted"
}

// ----------------------------------------------------------------------------
// As an effect
// ----------------------------------------------------------------------------

const finish = ({ end, isStubborn }: Work, released: Latch.Latch): Effect.Effect<string, string> => {
  switch (end) {
    case "succeeds":
      return Effect.succeed("done")
    case "fails":
      return Effect.fail("refused")
    case "dies":
      return Effect.die(new Error("a bug"))
    case "gives up":
      return Effect.interrupt
    case "hangs":
      return isStubborn ? Effect.as(released.await, "released") : Effect.never
  }
}

const close = ({ closingDies, closingNanos }: Work, released: Latch.Latch): Effect.Effect<void> =>
  Effect.andThen(
    closingNanos === Infinity ? released.await : closingNanos === 0 ? Effect.void : sleep(closingNanos),
    closingDies ? Effect.die(new Error("a bug in a finalizer")) : Effect.void
  )

/** What can never end by itself waits for `released`, so that a run can end without a leak of its own. */
export const perform = (work: Work, released: Latch.Latch): Effect.Effect<string, string> => {
  const waits = Effect.forEach(
    work.parts,
    ({ holds, nanos }) => (holds ? Effect.uninterruptible(sleep(nanos)) : sleep(nanos)),
    { discard: true }
  )
  const all = Effect.ensuring(Effect.andThen(waits, finish(work, released)), close(work, released))
  return work.isStubborn ? Effect.uninterruptible(all) : all
}

// ----------------------------------------------------------------------------
// As a model
// ----------------------------------------------------------------------------

const waits = ({ parts }: Work): number => parts.reduce((sum, { nanos }) => sum + nanos, 0)

/** How long it takes when it is left alone. */
export const lengthOfWork = (work: Work): number =>
  work.end === "hangs" ? Infinity : waits(work) + work.closingNanos

/** Its last wait is one: it need not queue once more when that is over. */
export const endsOnTimer = ({ closingNanos, parts }: Work): boolean =>
  (closingNanos === 0 ? (parts.at(-1)?.nanos ?? 0) : closingNanos) > 0

/** How it ends when it is left alone. */
export const outcomeOfWork = ({ closingDies, end }: Work): Outcome => {
  if (closingDies) return "dies"
  return end === "gives up" || end === "hangs" ? "interrupted" : end
}

/** How it ends when it is interrupted `after` it began: a failure that has happened by then stays one. */
export const outcomeWhenInterrupted = (work: Work, after: number): Outcome => {
  if (work.closingDies) return "dies"
  const hasEnded = work.isStubborn || after > waits(work)
  return hasEnded && outcomeOfWork(work) !== "succeeds" ? outcomeOfWork(work) : "interrupted"
}

/** How long it takes when it is interrupted `after` it began, at an instant at which it neither ends nor begins a part. */
export const lengthWhenInterrupted = (work: Work, after: number): number => {
  if (work.isStubborn) return lengthOfWork(work)
  let passed = 0
  for (const { holds, nanos } of work.parts) {
    if (after < passed + nanos) return (holds ? passed + nanos : after) + work.closingNanos
    passed += nanos
  }
  return (work.end === "hangs" ? after : passed) + work.closingNanos
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const endOf = fc.constantFrom<End>("succeeds", "succeeds", "fails", "hangs", "dies", "gives up")

export const workOf = (unit: number): fc.Arbitrary<Work> =>
  fc.record({
    parts: fc.array(fc.record({ nanos: lengthOf(unit), holds: fc.boolean() }), { maxLength: 3 }),
    end: endOf,
    closingNanos: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: lengthOf(unit) },
      { weight: 1, arbitrary: fc.constant(Infinity) }
    ),
    closingDies: fc.constantFrom(false, false, false, false, true),
    isStubborn: fc.constantFrom(false, false, false, true)
  })

export const describeWork = ({ closingDies, closingNanos, end, isStubborn, parts }: Work): string => {
  const steps = parts.map(({ holds, nanos }) => `${holds ? "holds on for" : "waits"} ${words(nanos)}`)
  const closing = closingNanos === 0 ? [] : [`closes for ${words(closingNanos)}`]
  return [
    ...(isStubborn ? ["cannot be interrupted"] : []),
    ...steps,
    end,
    ...closing,
    ...(closingDies ? ["dies in its finalizer"] : [])
  ].join(", ")
}
