/**
 * Whether what clients saw could have come from one object that does one thing at a time.
 *
 * A history of operations is linearizable when each operation can be given one instant between its start and its end
 * such that, one after the other in that order, they give exactly the answers that the clients got. `recorder` writes
 * such a history down while a program runs, `check` looks for the order, and `render` explains why there is none.
 *
 * **Details**
 *
 * Linearizability is that of Herlihy and Wing ("Linearizability: A Correctness Condition for Concurrent Objects", 1990).
 * The search is the one of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), with the memory of
 * configurations that Lowe added ("Testing for Linearizability", 2017), on each partition by itself, as Porcupine does.
 * The problem is NP-complete, so the search has a budget, and a verdict for when it ends.
 *
 * @since 0.1.0
 */
import { Clock, Effect, Schema } from "effect"
import { type Classify, Log } from "./internal/linearizabilityRecorder.ts"
import { explain } from "./internal/linearizabilityRender.ts"
import { checkAll, defaultBudget } from "./internal/linearizabilitySearch.ts"

// ----------------------------------------------------------------------------
// Histories
// ----------------------------------------------------------------------------

/**
 * When something happened.
 *
 * **Details**
 *
 * `seq` alone says what came first: in virtual time much happens at the same instant, and still in an order. `nanos` is
 * for people, and is printed.
 *
 * **Gotchas**
 *
 * An operation comes before another when its end has a smaller `seq` than the other's start; with equal ones they
 * overlap. So for a history of which only times are known, use them for `seq` too.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moment {
  readonly seq: number
  readonly nanos: number
}

/**
 * What an operation gave.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answered<out Out> {
  readonly output: Out
}

/**
 * One operation, as its client saw it.
 *
 * **Details**
 *
 * Without `end` it is open: no answer came, and it may have happened at any time after its start, or never.
 *
 * `client` is a name for people. Two operations of one client may overlap.
 *
 * @since 0.1.0
 * @category models
 */
export interface Operation<out In, out Out> {
  readonly client: string
  readonly input: In
  readonly start: Moment
  readonly end: (Moment & Answered<Out>) | undefined
}

/**
 * A history that cannot have happened was given to `check`: a mistake of the program that made it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidHistory extends Schema.TaggedError<InvalidHistory>(
  "@holdfast/sim/Linearizability/InvalidHistory"
)("InvalidHistory", {
  /** The place of the operation in the history. */
  index: Schema.Number,
  /** What is wrong with it, as the rest of a sentence that begins with the operation. */
  problem: Schema.String
}) {
  override get message(): string {
    return `the operation at index ${this.index} ${this.problem}`
  }
}

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * What an object does when it does one thing at a time.
 *
 * **Details**
 *
 * - `initial`: the state before the first operation.
 * - `step`: the states that an operation can lead to, none when the object could not have given that answer. Without an
 *   answer, any state that the operation could lead to. Several states are for an object that has a choice.
 * - `partition`: operations with different names have nothing to do with each other, such as those on different keys.
 *   Each partition has a state of its own and is checked by itself, which is much faster. None by default.
 *
 * **Gotchas**
 *
 * A state is never changed, only replaced. States are compared with `Equal.equals`, so plain objects, arrays, maps and
 * sets will do. The fewer different states there are, the faster the search: leave out what no answer depends on.
 *
 * **Example** (A pool that gives any of its free numbers)
 *
 * ```ts
 * import { Linearizability } from "@holdfast/sim"
 *
 * type Input = { readonly _tag: "Take" } | { readonly _tag: "GiveBack"; readonly id: number }
 *
 * const pool: Linearizability.Model<ReadonlyArray<number>, Input, number | undefined> = {
 *   initial: [1, 2],
 *   step: (free, input, answer) => {
 *     if (input._tag === "GiveBack") return [[...free, input.id].sort()]
 *     const taken = answer === undefined ? free : free.filter((id) => id === answer.output)
 *     return taken.map((id) => free.filter((other) => other !== id))
 *   }
 * }
 * console.log(pool.step([1, 2], { _tag: "Take" }, { output: 2 })) // => [ [ 1 ] ]
 * console.log(pool.step([1, 2], { _tag: "Take" }, { output: 3 })) // => []
 * console.log(pool.step([1, 2], { _tag: "Take" }, undefined)) // => [ [ 2 ], [ 1 ] ]
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Model<in out State, in In, in Out> {
  readonly initial: State
  readonly step: (state: State, input: In, answer: Answered<Out> | undefined) => ReadonlyArray<State>
  readonly partition?: ((input: In) => string) | undefined
}

export type { CounterInput, MutexInput, QueueInput, RegisterInput } from "./internal/linearizabilityModels.ts"
export { counter, keyed, mutex, queue, register } from "./internal/linearizabilityModels.ts"

// ----------------------------------------------------------------------------
// Checking
// ----------------------------------------------------------------------------

/**
 * There is such an order: this one, of all partitions. Open operations that it leaves out need not have happened.
 *
 * @since 0.1.0
 * @category verdicts
 */
export interface Linearizable<out In, out Out> {
  readonly _tag: "Linearizable"
  readonly order: ReadonlyArray<Operation<In, Out>>
}

/**
 * There is no such order, in one partition (`undefined` when the model has none) with this history.
 *
 * **Details**
 *
 * `order` is the attempt that came furthest in time, and `state` what it leads to. One of the operations in `stuck`
 * would have to come next, and none of them can: they are those that started before any of them ended. The first of
 * them is the one that ended first.
 *
 * @since 0.1.0
 * @category verdicts
 */
export interface NotLinearizable<out State, out In, out Out> {
  readonly _tag: "NotLinearizable"
  readonly partition: string | undefined
  readonly history: ReadonlyArray<Operation<In, Out>>
  readonly order: ReadonlyArray<Operation<In, Out>>
  readonly state: State
  readonly stuck: ReadonlyArray<Operation<In, Out>>
}

/**
 * The search in a partition (`undefined` when the model has none) took all the steps of its budget, and in no other
 * partition was it found that there is no order.
 *
 * @since 0.1.0
 * @category verdicts
 */
export interface Unknown {
  readonly _tag: "Unknown"
  readonly partition: string | undefined
  readonly steps: number
}

/**
 * What `check` found.
 *
 * @since 0.1.0
 * @category verdicts
 */
export type Verdict<State, In, Out> = Linearizable<In, Out> | NotLinearizable<State, In, Out> | Unknown

/**
 * How long the search may take.
 *
 * **Details**
 *
 * - `budget`: the most steps for each partition. 200,000 by default: that takes a fraction of a second, or a
 *   second or two and up to 200 MB when the states are large. A step is one operation, tried after one order. Most
 *   histories need a few steps for each operation, and the others mostly more than any budget. At most 16,000,000.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly budget?: number | undefined
}

/**
 * Says whether there is an order of the operations that explains every answer.
 *
 * **Details**
 *
 * The order respects time: an operation that ended before another started comes first. Open operations may come anywhere
 * after their start, or not at all. The operations of a history may be given in any order.
 *
 * **Gotchas**
 *
 * An open operation makes the check weaker and the search longer, so remove from a history what certainly did not happen
 * (`recorder` can). Throws `InvalidHistory` when an operation ends before it starts.
 *
 * **Example** (A stale read)
 *
 * ```ts
 * import { Linearizability } from "@holdfast/sim"
 *
 * const at = (millis: number) => ({ seq: millis, nanos: millis * 1e6 })
 * const verdict = Linearizability.check(Linearizability.register(0), [
 *   { client: "a", input: { _tag: "Write", value: 1 }, start: at(0), end: { ...at(10), output: undefined } },
 *   { client: "b", input: { _tag: "Read" }, start: at(5), end: { ...at(20), output: 1 } },
 *   { client: "c", input: { _tag: "Read" }, start: at(25), end: { ...at(30), output: 0 } }
 * ])
 * console.log(Linearizability.render(verdict))
 * // => Not linearizable: no order of the operations explains every answer.
 * // => 2 of 3 answers fit into an order, which leads to the state 1. One marked ✗ has to come next, and none can.
 * // =>
 * // => 1  a  Write(1) → undefined  ├───┤        0 … 10 ms
 * // => 2  b  Read → 1                ├───┤      5 … 20 ms
 * // => ✗  c  Read → 0                      ├─┤  25 … 30 ms
 * ```
 *
 * @since 0.1.0
 * @category checking
 */
export const check = <State, In, Out>(
  model: Model<State, In, Out>,
  history: ReadonlyArray<Operation<In, Out>>,
  options?: Options
): Verdict<State, In, Out> => {
  const index = history.findIndex(({ end, start }) => !(start.seq <= (end?.seq ?? Infinity)))
  if (index >= 0) throw new InvalidHistory({ index, problem: "must end at its start or later" })
  return checkAll(model, history, options?.budget ?? defaultBudget)
}

/**
 * A verdict for people: one line, or for a history that is not linearizable a picture of what led to it.
 *
 * **Details**
 *
 * Each line of the picture is an operation: its place in the order or a mark, its client, its input and its answer, when
 * it started and ended, and its time as a bar, from left to right in steps that are all drawn equally long. `✗` cannot
 * come next, and `?` is open and did not help. At most 8 operations of the order are drawn, the last, and at most 8 of
 * each mark.
 *
 * @since 0.1.0
 * @category checking
 */
export const render: (verdict: Verdict<unknown, unknown, unknown>) => string = explain

// ----------------------------------------------------------------------------
// Recording
// ----------------------------------------------------------------------------

/**
 * How failures are read.
 *
 * **Details**
 *
 * - `classify`: `"failed"` when the operation certainly did not happen, which removes it from the history, and
 *   `"unknown"` when it may have happened, which leaves it open. `"unknown"` for every failure by default: a wrong
 *   `"failed"` would accuse a correct program, a wrong `"unknown"` only makes the check weaker.
 *
 * @since 0.1.0
 * @category recording
 */
export interface RecorderOptions {
  readonly classify?: Classify | undefined
}

/**
 * Writes down what clients do.
 *
 * **Details**
 *
 * - `record`: runs an effect as an operation of a client. A success ends the operation with its value as the output. An
 *   interruption, a defect, and the crash of its host leave it open, as does a failure that is not classified.
 * - `history`: what was recorded up to now, by the starts.
 * - `verdict`: `check` of the history up to now.
 *
 * **Gotchas**
 *
 * An error that is an answer, such as that a key does not exist, belongs into the output: catch it within `record`.
 *
 * @since 0.1.0
 * @category recording
 */
export interface Recorder<in out State, in out In, in out Out> {
  readonly record: <A extends Out, E, R>(
    client: string,
    input: In,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly history: Effect.Effect<ReadonlyArray<Operation<In, Out>>>
  readonly verdict: (options?: Options) => Effect.Effect<Verdict<State, In, Out>>
}

/**
 * Makes a recorder with an empty history.
 *
 * **Details**
 *
 * All moments come from the clock that is in place here, whatever clocks the clients have, and count from now.
 *
 * **Example** (A counter that loses an update)
 *
 * ```ts
 * import { Linearizability } from "@holdfast/sim"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   let value = 0
 *   const increment = Effect.gen(function* () {
 *     const before = value
 *     yield* Effect.yieldNow
 *     value = before + 1
 *     return value
 *   })
 *   const recorder = yield* Linearizability.recorder(Linearizability.counter)
 *   const client = (name: string) => recorder.record(name, { _tag: "Add", amount: 1 }, increment)
 *   yield* Effect.all([client("a"), client("b")], { concurrency: 2 })
 *   return yield* recorder.verdict()
 * })
 *
 * Effect.runPromise(program).then((verdict) => console.log(verdict._tag)) // => NotLinearizable
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const recorder = <State, In, Out>(
  model: Model<State, In, Out>,
  options?: RecorderOptions
): Effect.Effect<Recorder<State, In, Out>> =>
  Clock.clockWith((clock) =>
    Effect.sync(() => {
      const log = new Log<In, Out>(clock, options?.classify ?? (() => "unknown"))
      return {
        record: (client, input, effect) => log.record(client, input, effect),
        history: Effect.sync(() => log.history()),
        verdict: (checkOptions) => Effect.sync(() => check(model, log.history(), checkOptions))
      }
    })
  )
