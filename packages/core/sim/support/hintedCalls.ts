/** Calls to a server that says when to come back, by a wall clock that jumps. */
import { Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Clock, type DateTime, type Duration, Effect } from "effect"
import * as fc from "fast-check"
import {
  chance,
  delaysOf,
  describePlan,
  longestAfter,
  make,
  type Plan,
  planOf,
  withChance
} from "./backoffs.ts"
import { day, hour, lengthOf, now, second, sleep, toDuration, words } from "./time.ts"
import { describeJumps, type Jump, jumpsOf, onJumpingClock } from "./wall.ts"

type Form = "fixed" | "RFC 850" | "asctime"

/** What the server sends with a failure. */
type Hint =
  | { readonly _tag: "None" }
  | { readonly _tag: "Seconds"; readonly seconds: number }
  /** The second that is so far from now on the wall clock; negative in the past. */
  | { readonly _tag: "Date"; readonly aheadSeconds: number; readonly form: Form }
  /** A header without a meaning. */
  | { readonly _tag: "Malformed"; readonly header: string }
  /** A hint that is no header. */
  | { readonly _tag: "Length"; readonly nanos: number }

interface Hinted {
  /** The hint of each failure, in turn; then the call succeeds. */
  readonly hints: ReadonlyArray<Hint>
  readonly waitNanos: number
  readonly backoff: Plan
  readonly chance: number
  readonly maxNanos: number | undefined
  readonly jumps: ReadonlyArray<Jump>
}

const seconds = fc.oneof(fc.nat(9), fc.constantFrom(60, 3600, 86_400, 999_999_999_999_999))

const hint: fc.Arbitrary<Hint> = fc.oneof(
  fc.record({ _tag: fc.constant("None") }),
  fc.record({ _tag: fc.constant("Seconds"), seconds }),
  fc.record({
    _tag: fc.constant("Date"),
    aheadSeconds: fc.oneof(fc.nat(9), fc.constantFrom(3600, 86_400, -1, -3600)),
    form: fc.constantFrom<Form>("fixed", "RFC 850", "asctime")
  }),
  fc.record({
    _tag: fc.constant("Malformed"),
    header: fc.constantFrom(
      "",
      "soon",
      "-5",
      "1.5",
      "1e3",
      "5 s",
      "0x10",
      "Thu, 01 Jan 1970",
      "1970-01-01T00:00:05Z"
    )
  }),
  fc.record({ _tag: fc.constant("Length"), nanos: fc.oneof(lengthOf(second), fc.constantFrom(NaN, -second)) })
)

export const hinted: fc.Arbitrary<Hinted> = fc.record({
  hints: fc.array(hint, { minLength: 1, maxLength: 4 }),
  waitNanos: lengthOf(second),
  backoff: planOf(second),
  chance,
  // Instants are exact for a hundred days only, so there is a bound, if only a long one.
  maxNanos: fc.constantFrom(undefined, undefined, 0, 3 * second, hour, 9 * day),
  jumps: jumpsOf(second)
})

const describeHint = (hint: Hint): string => {
  switch (hint._tag) {
    case "None":
      return "no hint"
    case "Seconds":
      return `"${hint.seconds}"`
    case "Date":
      return `the date ${hint.aheadSeconds} s ahead (${hint.form})`
    case "Malformed":
      return `"${hint.header}"`
    case "Length":
      return Number.isNaN(hint.nanos) ? "NaN" : words(hint.nanos)
  }
}

export const describeHinted = ({ backoff, hints, jumps, maxNanos, waitNanos, ...call }: Hinted): string =>
  [
    `failures after ${words(waitNanos)} with ${hints.map(describeHint).join(", ")}`,
    `${describePlan(backoff)}, drawn at ${call.chance}`,
    ...(maxNanos === undefined ? [] : [`hints up to ${words(maxNanos)}`]),
    ...describeJumps(jumps)
  ].join("; ")

// ----------------------------------------------------------------------------
// Dates
// ----------------------------------------------------------------------------

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

/** An HTTP date in one of the forms of RFC 9110, section 5.6.7. */
const httpDate = (millis: number, form: Form): string => {
  const date = new Date(millis)
  const fixed = date.toUTCString()
  const [dayName = "", dayOfMonth = "", month = "", year = "", time = ""] = fixed.split(" ")
  const fullYear = date.getUTCFullYear()
  switch (form) {
    case "fixed":
      return fixed
    case "RFC 850":
      // Two digits of a year mean one of these.
      return fullYear < 1950 || fullYear > 2049
        ? fixed
        : `${days[date.getUTCDay()]}, ${dayOfMonth}-${month}-${year.slice(-2)} ${time} GMT`
    case "asctime":
      return `${dayName.slice(0, 3)} ${month} ${dayOfMonth.replace(/^0/, " ")} ${time} ${year}`
  }
}

/** The start of the second that is so far ahead, in milliseconds since the Unix epoch. */
const dateOf = (wallMillis: number, aheadSeconds: number): number =>
  (Math.floor(wallMillis / 1000) + aheadSeconds) * 1000

/** What the error of a call carries: what a client makes of a header, or a length. */
const read = (hint: Hint, wallMillis: number): Duration.Input | DateTime.Utc | undefined => {
  switch (hint._tag) {
    case "None":
      return undefined
    case "Seconds":
      return Retry.parseRetryAfter(`${hint.seconds}`)
    case "Date":
      return Retry.parseRetryAfter(httpDate(dateOf(wallMillis, hint.aheadSeconds), hint.form))
    case "Malformed":
      return Retry.parseRetryAfter(hint.header)
    case "Length":
      return Number.isNaN(hint.nanos) ? NaN : toDuration(hint.nanos)
  }
}

// ----------------------------------------------------------------------------
// The model
// ----------------------------------------------------------------------------

/** A failure, and what the wall clock showed. */
interface Failure {
  readonly hint: Hint
  readonly atNanos: number
  readonly wallMillis: number
}

/** How long a hint says to wait, in nanoseconds. */
const wanted = (hint: Hint, writtenMillis: number, readMillis: number): number | undefined => {
  switch (hint._tag) {
    case "Seconds":
      return hint.seconds * second
    case "Date":
      return Math.max(0, (dateOf(writtenMillis, hint.aheadSeconds) - readMillis) * 1e6)
    case "Length":
      return Number.isNaN(hint.nanos) ? undefined : Math.max(0, hint.nanos)
    default:
      return undefined
  }
}

/** The delays that may follow a failure: more than one where the clock was set just then, after the hint was written. */
const possible = (
  { backoff, jumps, maxNanos }: Hinted,
  { atNanos, hint, wallMillis }: Failure,
  attempt: number,
  nextNanos: number
): ReadonlyArray<number> => {
  const most = maxNanos ?? (backoff._tag === "Spaced" ? nextNanos : longestAfter(backoff, attempt))
  const jumped = jumps.filter((jump) => jump.atNanos === atNanos).map(({ byNanos }) => byNanos / 1e6)
  const readings = [0, ...jumped, jumped.reduce((sum, millis) => sum + millis, 0)].map(
    (by) => wallMillis + by
  )
  return readings.map((readMillis) => {
    const nanos = wanted(hint, wallMillis, readMillis)
    return nanos === undefined ? nextNanos : Math.min(nanos, most)
  })
}

/** Milliseconds since the epoch are numbers that no longer hold single nanoseconds. */
const roundingNanos = 1000

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const judgeDelay = (call: Hinted, failure: Failure, attempt: number, nextNanos: number | undefined) =>
  Effect.gen(function* () {
    const { hint } = failure
    const delayNanos = (yield* now) - failure.atNanos
    const delays = nextNanos === undefined ? [] : possible(call, failure, attempt, nextNanos)
    const tolerance = hint._tag === "Date" ? roundingNanos : 0
    yield* Check.always(
      "RT-7",
      delays.some((nanos) => Math.abs(nanos - delayNanos) <= tolerance),
      () => `after ${describeHint(hint)} the delay was ${delayNanos} instead of ${delays.join(" or ")}`
    )
    if (hint._tag === "Date") yield* Check.sometimes(`a date of form ${hint.form}`, delayNanos > 0)
    yield* Check.sometimes(
      "a hint longer than it may be",
      hint._tag === "Seconds" && delayNanos < hint.seconds * second
    )
    yield* Check.sometimes("a hint shorter than the backoff", delayNanos < (nextNanos ?? 0))
  })

export const runHinted = (call: Hinted) => {
  const subject = Effect.gen(function* () {
    const nexts = delaysOf(call.backoff, call.chance)
    const failures: Array<Failure> = []
    const attempt = Effect.gen(function* () {
      const last = failures.at(-1)
      if (last !== undefined) yield* judgeDelay(call, last, failures.length, nexts(failures.length))
      yield* sleep(call.waitNanos)
      const hint = call.hints[failures.length]
      if (hint === undefined) return
      const atNanos = yield* now
      const wallMillis = yield* Clock.currentTimeMillis
      failures.push({ atNanos, hint, wallMillis })
      return yield* Effect.fail({ retryAfter: read(hint, wallMillis) })
    })
    const policy = Retry.policy({
      attempts: call.hints.length + 1,
      backoff: make(call.backoff),
      maxRetryAfter: call.maxNanos === undefined ? undefined : toDuration(call.maxNanos),
      retryAfter: (error: { readonly retryAfter: ReturnType<typeof read> }) => error.retryAfter
    })
    yield* Effect.exit(withChance(call.chance)(Retry.run(attempt, policy)))
    // A schedule that has ended ends the call, whatever the server says.
    const isOver = failures.length < call.hints.length
    const isScheduled = call.backoff._tag === "Spaced" && call.backoff.times < call.hints.length
    yield* Check.always("RT-7", !isOver || isScheduled, `it gave up after ${failures.length} failures`)
  })
  return onJumpingClock(call.jumps, subject)
}
