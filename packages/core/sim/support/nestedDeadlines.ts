/** Deadlines inside of deadlines: whose limit fires, what it tells, and who hears of it first. */
import { Deadline } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Cause, Duration, Effect, Exit } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, sleep, toDuration, wait, words } from "./time.ts"

/** One deadline of several; the next one is in the work under it. */
interface Level {
  /** How long the work around it waits before it. */
  readonly beforeNanos: number
  readonly budgetNanos: number
  /** It does not see those around it. */
  readonly isShielded: boolean
  /** It cannot be interrupted by those around it. */
  readonly isMasked: boolean
  readonly onExceeded: "fails" | "recovers" | "dies"
  /** How long the work around it waits when it has succeeded or recovered. */
  readonly afterNanos: number
}

interface Nest {
  readonly levels: ReadonlyArray<Level>
  /** How long the work under all of them takes. */
  readonly lengthNanos: number
}

const levelOf = (unit: number): fc.Arbitrary<Level> =>
  fc.record({
    beforeNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    budgetNanos: fc.oneof(
      { weight: 8, arbitrary: lengthOf(unit).map((nanos) => nanos + unit) },
      { weight: 3, arbitrary: fc.constant(Infinity) },
      { weight: 1, arbitrary: fc.constantFrom(0, -unit) }
    ),
    isShielded: fc.constantFrom(false, false, false, false, false, false, true),
    isMasked: fc.constantFrom(false, false, false, true),
    onExceeded: fc.constantFrom("fails", "recovers", "dies"),
    afterNanos: fc.oneof(fc.constant(0), lengthOf(unit))
  })

export const nestOf = (unit: number): fc.Arbitrary<Nest> =>
  fc.record({
    levels: fc.oneof(
      fc.array(levelOf(unit), { minLength: 1, maxLength: 2 }),
      fc.array(levelOf(unit), { minLength: 3, maxLength: 4 })
    ),
    lengthNanos: lengthOf(unit).map((nanos) => nanos + unit)
  })

const describeLevel = ({
  afterNanos,
  beforeNanos,
  budgetNanos,
  isMasked,
  isShielded,
  onExceeded
}: Level): string =>
  [
    ...(beforeNanos === 0 ? [] : [`after ${words(beforeNanos)}`]),
    ...(isMasked ? ["uninterruptible"] : []),
    ...(isShielded ? ["shielded"] : []),
    `within ${words(budgetNanos)}, which ${onExceeded}`,
    ...(afterNanos === 0 ? [] : [`and goes on for ${words(afterNanos)}`])
  ].join(" ")

export const describeNest = ({ lengthNanos, levels }: Nest): string =>
  [...levels.map(describeLevel), `work of ${words(lengthNanos)}`].join(": ")

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** The limit that holds at a level: its own, or one around it. */
interface Limit {
  readonly atNanos: number
  readonly label: string
}

/** What `DeadlineExceeded` tells. */
interface Told {
  readonly label: string
  readonly budgetMillis: number
  readonly elapsedMillis: number
  readonly inherited: boolean
}

/** A level that has begun. */
interface Begun {
  readonly limit: Limit
  /** What it fails with, and when, if its work has not ended by then. */
  readonly told: Told
  readonly firesNanos: number
}

/** The nearer of its own limit and the one around it holds; its own when they are at the same instant. */
const begin = (level: Level, index: number, startNanos: number, around: Limit | undefined): Begun => {
  const own = { atNanos: startNanos + level.budgetNanos, label: `level ${index}` }
  const outer = level.isShielded ? undefined : around
  const inherited = outer !== undefined && outer.atNanos < own.atNanos
  const limit = inherited ? outer : own
  const budgetMillis = Math.max(0, limit.atNanos - startNanos) / 1e6
  return {
    limit,
    told: { label: limit.label, budgetMillis, elapsedMillis: budgetMillis, inherited },
    firesNanos: Math.max(limit.atNanos, startNanos)
  }
}

/** An error as it came out of a level. */
interface Heard {
  readonly level: number
  readonly atNanos: number
  readonly told: Told
}

/** How a level ends. */
interface Ended {
  readonly atNanos: number
  readonly outcome: "succeeds" | "fails" | "dies"
  readonly told: Told | undefined
}

/** What was heard until now, and at which instants the limits of all levels are. */
interface Log {
  readonly heard: Array<Heard>
  readonly limits: Array<number>
}

/** Plays a level and those under it through, until they are cut off. */
const predict = (
  nest: Nest,
  index: number,
  beginNanos: number,
  around: { readonly limit: Limit | undefined; readonly cutNanos: number },
  log: Log
): Ended => {
  const level = nest.levels[index]
  if (level === undefined) {
    return { atNanos: beginNanos + nest.lengthNanos, outcome: "succeeds", told: undefined }
  }
  const startNanos = beginNanos + level.beforeNanos
  const cutNanos = level.isMasked ? Infinity : around.cutNanos
  const { firesNanos, limit, told } = begin(level, index, startNanos, around.limit)
  const exceeded: Ended = { atNanos: firesNanos, outcome: "fails", told }
  if (startNanos > cutNanos) return exceeded
  if (!told.inherited) log.limits.push(limit.atNanos)
  if (limit.atNanos <= startNanos) return handle(level, index, exceeded, cutNanos, log)
  const under = predict(nest, index + 1, startNanos, { limit, cutNanos: Math.min(cutNanos, firesNanos) }, log)
  // A result that is ready at the instant wins; but an error that tells of its own limit is its own.
  const isOwn = !told.inherited && under.told?.label === told.label
  const ended = under.atNanos <= firesNanos && !isOwn ? under : exceeded
  return handle(level, index, ended, cutNanos, log)
}

/** What a level makes of the way in which its work ended. */
const handle = (level: Level, index: number, ended: Ended, cutNanos: number, log: Log): Ended => {
  const { atNanos, outcome, told } = ended
  const succeeded: Ended = { atNanos: atNanos + level.afterNanos, outcome: "succeeds", told: undefined }
  if (outcome === "succeeds") return succeeded
  if (outcome === "dies" || told === undefined) return ended
  if (atNanos <= cutNanos) log.heard.push({ level: index, atNanos, told })
  return level.onExceeded === "recovers" ? succeeded : { ...ended, outcome: level.onExceeded }
}

/** All that happens in a nest, in order; of what happens at one instant, the innermost first. */
const foresee = (
  nest: Nest
): { readonly ended: Ended; readonly heard: ReadonlyArray<Heard>; readonly isTied: boolean } => {
  const log: Log = { heard: [], limits: [] }
  const ended = predict(nest, 0, 0, { limit: undefined, cutNanos: Infinity }, log)
  const limits = log.limits.filter(Number.isFinite)
  return {
    ended,
    heard: log.heard.sort((a, b) => a.atNanos - b.atNanos || b.level - a.level),
    // The alarms of two owners at one instant ring in any order.
    isTied: new Set(limits).size < limits.length
  }
}

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

interface Seen {
  readonly begun: Array<Begun>
  readonly heard: Array<Heard>
}

const judgeStart = ({ limit: { atNanos } }: Begun, startNanos: number) =>
  Effect.gen(function* () {
    yield* Check.always("DL-6", atNanos > startNanos, "work was started when nothing was left of its time")
    const remaining = Duration.toMillis(yield* Deadline.remaining)
    const expected = (atNanos - (yield* now)) / 1e6
    yield* Check.always(
      "DL-2",
      remaining === expected,
      () => `${remaining} ms remain instead of ${expected} ms`
    )
  })

const hear = (level: number, seen: Seen) => (error: Deadline.DeadlineExceeded) =>
  Effect.map(now, (atNanos) => {
    const { budgetMillis, elapsedMillis, inherited, label } = error
    seen.heard.push({ level, atNanos, told: { label, budgetMillis, elapsedMillis, inherited } })
  })

const perform = (
  nest: Nest,
  index: number,
  around: Limit | undefined,
  seen: Seen
): Effect.Effect<void, Deadline.DeadlineExceeded> => {
  const level = nest.levels[index]
  if (level === undefined) return sleep(nest.lengthNanos)
  const limited = Effect.flatMap(now, (startNanos) => {
    const begun = begin(level, index, startNanos, around)
    seen.begun[index] = begun
    const under = Effect.suspend(() => perform(nest, index + 1, begun.limit, seen))
    const work = Effect.andThen(judgeStart(begun, startNanos), under)
    return Deadline.within(work, toDuration(level.budgetNanos), { label: `level ${index}` })
  })
  const told = Effect.tapError(level.isShielded ? Deadline.shield(limited) : limited, hear(index, seen))
  const handled =
    level.onExceeded === "fails"
      ? told
      : level.onExceeded === "dies"
        ? Effect.orDie(told)
        : Effect.catchTag(told, "DeadlineExceeded", () => Effect.void)
  const all = wait(level.beforeNanos).pipe(Effect.andThen(handled), Effect.andThen(wait(level.afterNanos)))
  return level.isMasked ? Effect.uninterruptible(all) : all
}

const outcomeOf = (exit: Exit.Exit<void, unknown>): Ended["outcome"] => {
  if (Exit.isSuccess(exit)) return "succeeds"
  return Cause.hasDies(exit.cause) ? "dies" : "fails"
}

const isSame = (a: Told, b: Told): boolean =>
  a.label === b.label &&
  a.inherited === b.inherited &&
  a.budgetMillis === b.budgetMillis &&
  a.elapsedMillis === b.elapsedMillis

/** An error was made at its level or under it, by the limit that it names, at the instant of that limit. */
const judgeHeard = ({ atNanos, level, told }: Heard, { begun }: Seen) =>
  Check.always(
    "DL-2",
    begun.some(
      (one, index) =>
        index >= level && one !== undefined && one.firesNanos === atNanos && isSame(one.told, told)
    ),
    () => `level ${level} was told ${JSON.stringify(told)} at ${atNanos}, where ${JSON.stringify(begun)} held`
  )

/** On the stock scheduler those who inherit a limit hear of it first, and whoever is ready at the instant is in time. */
const judgeOrder = (nest: Nest, ended: Ended, seen: Seen) =>
  Effect.gen(function* () {
    const expected = foresee(nest)
    if (expected.isTied) return
    const heard = ({ heard }: Pick<Seen, "heard">) =>
      heard.map(({ atNanos, level, told }) => ({ level, atNanos, told }))
    const found = JSON.stringify({ ended, heard: heard(seen) })
    const wanted = JSON.stringify({ ended: expected.ended, heard: expected.heard })
    yield* Check.always("DL-2", found === wanted, () => `${found} instead of ${wanted}`)
  })

export const runNest = (isStock: boolean) => (nest: Nest) =>
  Effect.gen(function* () {
    const seen: Seen = { begun: [], heard: [] }
    const [first] = nest.levels
    let ended: Ended | undefined
    const outermost = Effect.gen(function* () {
      const exit = yield* Effect.exit(perform(nest, 0, undefined, seen))
      const atNanos = yield* now
      const outcome = outcomeOf(exit)
      ended = { atNanos, outcome, told: outcome === "succeeds" ? undefined : seen.heard.at(-1)?.told }
    })
    // What was abandoned may still hear of its limits: the application waits for all of it.
    yield* Effect.provide(outermost, Deadline.layerAbandoned({ joinTimeout: Duration.infinity }))
    if (first === undefined || ended === undefined) return
    const latest = first.beforeNanos + Math.max(0, first.budgetNanos) + first.afterNanos
    yield* Check.always("DL-1", ended.atNanos <= latest, `it returned at ${ended.atNanos}, after ${latest}`)
    for (const one of seen.heard) yield* judgeHeard(one, seen)
    if (isStock) yield* judgeOrder(nest, ended, seen)
    const labels = seen.heard.filter(({ told }) => told.inherited).map(({ told }) => told.label)
    yield* Check.sometimes("a limit that is inherited", labels.length > 0)
    if (isStock)
      yield* Check.sometimes("a limit that is inherited twice", new Set(labels).size < labels.length)
  })
