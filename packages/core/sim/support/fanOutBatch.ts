/** A batch that runs, and what a run sees of it. */
import { Backoff, Deadline, FanOut, Retry } from "@holdfast/core"
import type * as FaultPlan from "@holdfast/sim/FaultPlan"
import { type Duration, Effect, type Stream } from "effect"
import * as fc from "fast-check"
import {
  type Call,
  callArbitrary,
  describeCall,
  type Failure,
  type Log,
  perform,
  tryArbitrary
} from "./fanOutCalls.ts"
import { type Batch, endOf, type Policy, type Until } from "./fanOutModel.ts"
import { hour, lengthOf, second, toDuration, words } from "./time.ts"

export type Error = Failure | Retry.AttemptTimeout
export type Report = FanOut.Report<Call, number, Error>
export type Outcome = FanOut.Outcome<Call, number, Error>
export type Event = FanOut.Event<Call, number, Error>
export type Callbacks = FanOut.Callbacks<Call, number, Error>

/** How a batch is run. */
export interface Manner {
  readonly via: "run" | "stream" | "service"
  /** The policy is a function of the target. */
  readonly isPolicyForEach: boolean
  readonly tickNanos: number
}

// ----------------------------------------------------------------------------
// As options
// ----------------------------------------------------------------------------

const policyOf = ({ attempts, delayNanos, onlyTimeouts, timeoutNanos }: Policy) =>
  Retry.policy({
    attempts,
    attemptTimeout: toDuration(timeoutNanos),
    backoff: Backoff.constant(toDuration(delayNanos)),
    ...(onlyTimeouts ? { while: Retry.isAttemptTimeout } : {})
  })

/** Made once: what an error costs is its stack. */
const notYet = new Error("not yet")

const untilOf = ({ count, when }: Until, log: Log): FanOut.Until<Call, number, Error> => {
  switch (when) {
    case "all":
    case "first":
      return when
    case "quorum":
      return { quorum: count }
    case "answered":
      return ({ answered }) => answered.length >= count
    case "wakes":
      return ({ answered }) => {
        log.wake()
        return answered.length >= count
      }
    case "settled":
      return ({ pending, total }) => total - pending >= count
    case "throws":
      return ({ outcomes }) => {
        if (outcomes.length >= count) return true
        log.thrown++
        throw notYet
      }
  }
}

type StreamOptions = FanOut.StreamOptions<Call, number, Failure, Duration.Duration>

const optionsOf = (batch: Batch, { isPolicyForEach, tickNanos }: Manner, log: Log): StreamOptions => {
  const policy = batch.policy === undefined ? undefined : policyOf(batch.policy)
  return {
    label: "batch",
    concurrency: batch.concurrency,
    deadline: batch.deadlineNanos === Infinity ? undefined : toDuration(batch.deadlineNanos),
    tickInterval: toDuration(tickNanos),
    retry: policy === undefined || !isPolicyForEach ? policy : () => policy,
    until: untilOf(batch.until, log)
  }
}

/**
 * The function that calls a target. Of targets that are equal the one that comes first is called first; with a policy,
 * under which attempts at several come in turns, targets are never equal.
 */
const caller = (batch: Batch, log: Log): ((call: Call) => Effect.Effect<number, Failure>) => {
  if (batch.policy === undefined) {
    let next = 0
    return (call) => perform(log, next++, call)
  }
  const indices = new Map(batch.calls.map((call, index) => [call, index]))
  return (call) =>
    Effect.flatMap(Retry.CurrentAttempt, (number) => perform(log, indices.get(call) ?? -1, call, number))
}

// ----------------------------------------------------------------------------
// As effects
// ----------------------------------------------------------------------------

interface Input {
  readonly calls: ReadonlyArray<Call>
  readonly call: (call: Call) => Effect.Effect<number, Failure>
}

const serviceOf = (options: StreamOptions) => {
  const { concurrency, deadline, tickInterval, ...defined } = options
  class Fleet extends FanOut.Service<Fleet, Call>()("sim/Fleet", {
    ...defined,
    targets: ({ calls }: Input) => calls,
    call: (target: Call, { call }: Input) => call(target)
  }) {}
  return { Fleet, layer: Fleet.layer({ concurrency, deadline, tickInterval }) }
}

/** Something inside of the deadline around a batch. */
export const around = <A, E, R>({ ambientNanos }: Batch, effect: Effect.Effect<A, E, R>) =>
  ambientNanos === Infinity ? effect : Deadline.within(effect, toDuration(ambientNanos), { label: "around" })

export const runBatch = (
  batch: Batch,
  manner: Manner,
  log: Log,
  callbacks: Callbacks
): Effect.Effect<Report> => {
  const options = optionsOf(batch, manner, log)
  const call = caller(batch, log)
  if (manner.via === "run") return FanOut.run(batch.calls, call, { ...options, ...callbacks })
  const { Fleet, layer } = serviceOf(options)
  return Effect.provide(Fleet.run({ calls: batch.calls, call }, callbacks), layer)
}

export const streamOf = (batch: Batch, manner: Manner, log: Log): Stream.Stream<Event> =>
  FanOut.stream(batch.calls, caller(batch, log), optionsOf(batch, manner, log))

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

/** Scales on which the sum of many lengths is still exact to the nanosecond. */
export const onShorterScales = <A>(of: (unit: number) => fc.Arbitrary<A>): fc.Arbitrary<A> =>
  fc.oneof(of(1e6), of(1), of(second), of(hour))

/** So many units a batch may take that would not end by itself. */
const lastUnits = 9

const untilArbitrary: fc.Arbitrary<Until> = fc.record({
  when: fc.constantFrom("all", "all", "first", "quorum", "answered", "settled", "throws"),
  count: fc.nat(4)
})

/** Numbers of calls at once: of every kind that is allowed. */
export const concurrencyArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, 0, -3, 0.5, 2.9, 100, Infinity) }
)

export const deadlineArbitrary = (unit: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: lengthOf(unit) },
    { weight: 1, arbitrary: fc.constantFrom(Infinity, Infinity, 0, -1, -Infinity) }
  )

const ambientArbitrary = (unit: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(Infinity) },
    { weight: 1, arbitrary: lengthOf(unit).map((nanos) => Math.max(1, nanos)) }
  )

/** The wall clock jumps, now and then, which must not matter. */
export const jumps: fc.Arbitrary<FaultPlan.Plan> = fc.array(
  fc.record({
    _tag: fc.constant("Skew" as const),
    host: fc.constant("main"),
    atMillis: fc.constantFrom(0.000_002, 2, 2000),
    offsetMillis: fc.constantFrom(-3_600_000, -1, 1, 3_600_000),
    rate: fc.constant(1)
  }),
  { maxLength: 1 }
)

/** What hangs needs somebody to end it. */
const ending = <B extends Batch>(batch: B, unit: number): B => {
  const hangs = batch.calls.some(({ tries }) => tries.some(({ nanos }) => nanos === Infinity))
  return hangs && endOf(batch).endNanos === Infinity ? { ...batch, deadlineNanos: lastUnits * unit } : batch
}

/** A batch of single attempts, in which targets may be the same. */
export const plainArbitrary = (
  unit: number,
  ambientNanos: fc.Arbitrary<number> = ambientArbitrary(unit)
): fc.Arbitrary<Batch> =>
  fc
    .record({
      different: fc.array(callArbitrary(unit), { maxLength: 6 }),
      repeated: fc.constantFrom(0, 0, 0, 1, 2),
      concurrency: concurrencyArbitrary,
      deadlineNanos: deadlineArbitrary(unit),
      ambientNanos,
      until: untilArbitrary
    })
    .map(({ different, repeated, ...batch }) =>
      ending({ ...batch, calls: [...different, ...different.slice(0, repeated)], policy: undefined }, unit)
    )

const policyArbitrary = (unit: number): fc.Arbitrary<Policy> =>
  fc.record({
    attempts: fc.integer({ min: 1, max: 3 }),
    timeoutNanos: fc.oneof(
      { weight: 4, arbitrary: lengthOf(unit).map((nanos) => Math.max(1, nanos)) },
      { weight: 1, arbitrary: fc.constant(Infinity) }
    ),
    delayNanos: lengthOf(unit),
    onlyTimeouts: fc.boolean()
  })

/** Every attempt takes time: one that ends at once may or may not have ended before the batch looks at it. */
const retriedCall = (unit: number): fc.Arbitrary<Call> =>
  fc.tuple(tryArbitrary(unit), fc.array(tryArbitrary(unit), { maxLength: 2 })).map(([first, others]) => {
    const lasting = (one: typeof first) => ({
      ...one,
      nanos: Math.max(1, one.nanos),
      // At its time-out it may end in either way, and who waits for it hears only one.
      wait: one.wait === "plain" ? one.wait : ("bounded" as const)
    })
    return { tries: [lasting(first), ...others.map(lasting)], isExit: false }
  })

/** A batch of calls that are repeated. */
export const retriedArbitrary = (
  unit: number,
  ambientNanos: fc.Arbitrary<number> = ambientArbitrary(unit)
): fc.Arbitrary<Batch> =>
  fc
    .record({
      calls: fc.array(retriedCall(unit), { maxLength: 5 }),
      concurrency: concurrencyArbitrary,
      deadlineNanos: fc.oneof(deadlineArbitrary(unit), lengthOf(2 * unit)),
      ambientNanos,
      until: untilArbitrary,
      policy: policyArbitrary(unit)
    })
    .map((batch) => ending(batch, unit))

export const mannerArbitrary = (unit: number): fc.Arbitrary<Manner> =>
  fc.record({
    via: fc.constantFrom("run", "run", "run", "stream", "service"),
    isPolicyForEach: fc.boolean(),
    tickNanos: fc.constantFrom(unit, 3 * unit, Math.ceil(unit * 1.7), Infinity)
  })

// ----------------------------------------------------------------------------
// In words
// ----------------------------------------------------------------------------

const describePolicy = ({ attempts, delayNanos, onlyTimeouts, timeoutNanos }: Policy): string =>
  `${attempts} attempts of ${words(timeoutNanos)}, ${words(delayNanos)} between them${onlyTimeouts ? ", of time-outs only" : ""}`

export const describeBatch = (batch: Batch): string =>
  [
    `concurrency ${batch.concurrency}`,
    `deadline ${words(batch.deadlineNanos)}`,
    ...(batch.ambientNanos === Infinity ? [] : [`inside of a deadline of ${words(batch.ambientNanos)}`]),
    `until ${batch.until.when}${batch.until.when === "all" || batch.until.when === "first" ? "" : ` ${batch.until.count}`}`,
    ...(batch.policy === undefined ? [] : [describePolicy(batch.policy)]),
    ...batch.calls.map((call, index) => `target ${index} ${describeCall(call)}`)
  ].join("; ")
