/** Backoffs of every kind, as data, with the formulas of the documentation, and chance that can be told what to draw. */
import { Backoff } from "@holdfast/core"
import { type Context, Effect, Random, Schedule } from "effect"
import * as fc from "fast-check"
import { lengthOf, toDuration, words } from "./time.ts"

type Jitter = "none" | "full" | "equal" | "decorrelated" | number

export type Plan =
  | { readonly _tag: "Constant"; readonly delayNanos: number; readonly jitter: Jitter }
  | {
      readonly _tag: "Linear"
      readonly baseNanos: number
      readonly stepNanos: number
      readonly capNanos: number
      readonly jitter: Jitter
    }
  | {
      readonly _tag: "Exponential"
      readonly baseNanos: number
      readonly factor: number
      readonly capNanos: number
      readonly jitter: Jitter
    }
  | { readonly _tag: "Spaced"; readonly delayNanos: number; readonly times: number }

/** The backoffs of Holdfast, whose bounds are known. */
export type Bounded = Exclude<Plan, { readonly _tag: "Spaced" }>

const jitterOf = (jitter: Jitter): Backoff.Jitter =>
  typeof jitter === "number" ? Backoff.proportional(jitter) : jitter

export const makeBounded = (plan: Bounded): Backoff.Backoff => {
  const jitter = jitterOf(plan.jitter)
  if (plan._tag === "Constant") return Backoff.constant(toDuration(plan.delayNanos), { jitter })
  const both = { base: toDuration(plan.baseNanos), cap: toDuration(plan.capNanos), jitter }
  return plan._tag === "Linear"
    ? Backoff.linear({ ...both, step: toDuration(plan.stepNanos) })
    : Backoff.exponential({ ...both, factor: plan.factor })
}

export const make = (plan: Plan): Backoff.Input =>
  plan._tag === "Spaced"
    ? Schedule.spaced(toDuration(plan.delayNanos)).pipe(Schedule.upTo({ times: plan.times }))
    : makeBounded(plan)

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** The least and the greatest delay, in nanoseconds. */
interface Range {
  readonly min: number
  readonly max: number
}

/** The greatest delay of all: as many milliseconds as a number holds exactly. */
const longest = Number.MAX_SAFE_INTEGER * 1e6

const capOf = (plan: Bounded): number =>
  plan._tag === "Constant" ? longest : Math.min(plan.capNanos, longest)

/** The delay after an attempt before chance decides. */
const formula = (plan: Bounded, attempt: number): number => {
  switch (plan._tag) {
    case "Constant":
      return plan.delayNanos
    case "Linear":
      return plan.stepNanos === 0 ? plan.baseNanos : plan.baseNanos + plan.stepNanos * (attempt - 1)
    case "Exponential":
      return plan.baseNanos === 0 || plan.factor === 1
        ? plan.baseNanos
        : plan.baseNanos * plan.factor ** (attempt - 1)
  }
}

/** What the delay after an attempt is drawn from, as the table in docs/Backoff.md has it. */
export const rangeOf = (plan: Bounded, attempt: number, previousNanos: number | undefined): Range => {
  const cap = capOf(plan)
  const delay = Math.min(formula(plan, attempt), cap)
  if (plan.jitter === "decorrelated" && plan._tag !== "Constant") {
    const min = Math.min(plan.baseNanos, cap)
    return { min, max: Math.min(3 * Math.max(previousNanos ?? 0, min), cap) }
  }
  switch (plan.jitter) {
    case "none":
      return { min: delay, max: delay }
    case "full":
    case "decorrelated":
      return { min: 0, max: delay }
    case "equal":
      return { min: delay / 2, max: delay }
    default:
      return { min: delay * (1 - plan.jitter), max: Math.min(delay * (1 + plan.jitter), cap) }
  }
}

/** The longest delay that can follow an attempt, whatever came before it. */
export const longestAfter = (plan: Bounded, attempt: number): number => {
  if (plan.jitter !== "decorrelated" || plan._tag === "Constant") {
    return Math.round(rangeOf(plan, attempt, undefined).max)
  }
  let previous: number | undefined
  for (let one = 1; one <= attempt; one++) previous = Math.round(rangeOf(plan, one, previous).max)
  return previous ?? 0
}

/** The number between 0 and 1 that chance gives, at every draw. */
export const draw = ({ max, min }: Range, chance: number): number =>
  Math.round(Math.min(min + chance * (max - min), max))

/** The delays of one call: the one after each attempt, in turn; `undefined` when there is none any more. */
export const delaysOf = (plan: Plan, chance: number): ((attempt: number) => number | undefined) => {
  let previous: number | undefined
  return (attempt) => {
    if (plan._tag === "Spaced") return attempt > plan.times ? undefined : plan.delayNanos
    previous = draw(rangeOf(plan, attempt, previous), chance)
    return previous
  }
}

// ----------------------------------------------------------------------------
// Chance
// ----------------------------------------------------------------------------

/** The largest number below 1: the unluckiest draw. */
export const almostOne = 1 - 2 ** -53

export const chance: fc.Arbitrary<number> = fc.constantFrom(almostOne, 0, 0.5, 0.3)

/** Chance draws the same number every time. */
export const withChance =
  (number: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const random: Context.Service.Shape<typeof Random.Random> = {
      nextDoubleUnsafe: () => number,
      nextIntUnsafe: () => Math.floor(number * Number.MAX_SAFE_INTEGER)
    }
    return Effect.provideService(self, Random.Random, random)
  }

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const jitter: fc.Arbitrary<Jitter> = fc.constantFrom<Jitter>("none", "full", "equal", "decorrelated", 0.1, 1)

export const boundedOf = (unit: number): fc.Arbitrary<Bounded> => {
  const capNanos = fc.oneof(lengthOf(unit), lengthOf(unit), fc.constant(Infinity))
  return fc.oneof(
    fc.record({ _tag: fc.constant("Constant"), delayNanos: lengthOf(unit), jitter }),
    fc.record({
      _tag: fc.constant("Exponential"),
      baseNanos: lengthOf(unit),
      factor: fc.constantFrom(2, 1, 1.5, 10),
      capNanos,
      jitter
    }),
    fc.record({
      _tag: fc.constant("Linear"),
      baseNanos: lengthOf(unit),
      stepNanos: lengthOf(unit),
      capNanos,
      jitter
    })
  )
}

export const planOf = (unit: number): fc.Arbitrary<Plan> =>
  fc.oneof(
    { weight: 4, arbitrary: boundedOf(unit) },
    {
      weight: 1,
      arbitrary: fc.record({ _tag: fc.constant("Spaced"), delayNanos: lengthOf(unit), times: fc.nat(4) })
    }
  )

export const describePlan = (plan: Plan): string => {
  switch (plan._tag) {
    case "Constant":
      return `a delay of ${words(plan.delayNanos)}, jitter ${plan.jitter}`
    case "Linear":
      return `delays of ${words(plan.baseNanos)} and ${words(plan.stepNanos)} more each time, up to ${words(plan.capNanos)}, jitter ${plan.jitter}`
    case "Exponential":
      return `delays of ${words(plan.baseNanos)} times ${plan.factor}, up to ${words(plan.capNanos)}, jitter ${plan.jitter}`
    case "Spaced":
      return `a schedule of ${plan.times} delays of ${words(plan.delayNanos)}`
  }
}
