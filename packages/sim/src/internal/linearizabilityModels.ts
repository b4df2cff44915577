/** The models of common objects. What was answered is compared with `Equal.equals`. */
import { Equal } from "effect"
import type { Answered, Model } from "../Linearizability.ts"

/** The state, if the answer is unknown or the expected one. */
const expecting = <State>(
  answer: Answered<unknown> | undefined,
  expected: unknown,
  state: State
): ReadonlyArray<State> => (answer === undefined || Equal.equals(answer.output, expected) ? [state] : [])

/** As `expecting`, where an answer may also say nothing. */
const allowing = <State>(
  answer: Answered<unknown> | undefined,
  expected: unknown,
  state: State
): ReadonlyArray<State> => (answer?.output === undefined ? [state] : expecting(answer, expected, state))

/**
 * What can be asked of a register: `Read` answers with its value, `Write` with anything, and `CompareAndSet` whether it
 * found the expected value and replaced it.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export type RegisterInput<A> =
  | { readonly _tag: "Read" }
  | { readonly _tag: "Write"; readonly value: A }
  | { readonly _tag: "CompareAndSet"; readonly expected: A; readonly value: A }

const stepRegister = <A>(
  state: A,
  input: RegisterInput<A>,
  answer: Answered<unknown> | undefined
): ReadonlyArray<A> => {
  switch (input._tag) {
    case "Read":
      return expecting(answer, state, state)
    case "Write":
      return [input.value]
    case "CompareAndSet": {
      const matches = Equal.equals(state, input.expected)
      return expecting(answer, matches, matches ? input.value : state)
    }
  }
}

/**
 * One value, that is read, written, and replaced under a condition.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export const register = <A>(initial: A): Model<A, RegisterInput<A>, unknown> => ({
  initial,
  step: stepRegister
})

/**
 * What can be asked of a counter: `Read` answers with its value, `Add` with the value after it, or with nothing.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export type CounterInput = { readonly _tag: "Read" } | { readonly _tag: "Add"; readonly amount: number }

const stepCounter = (
  state: number,
  input: CounterInput,
  answer: Answered<unknown> | undefined
): ReadonlyArray<number> => {
  switch (input._tag) {
    case "Read":
      return expecting(answer, state, state)
    case "Add":
      return allowing(answer, state + input.amount, state + input.amount)
  }
}

/**
 * A number that is added to, from 0.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export const counter: Model<number, CounterInput, unknown> = { initial: 0, step: stepCounter }

/**
 * What can be asked of a queue: `Enqueue` answers with anything, `Dequeue` with the oldest value, or with `undefined`
 * when there is none.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export type QueueInput<A> = { readonly _tag: "Enqueue"; readonly value: A } | { readonly _tag: "Dequeue" }

const stepQueue = <A>(
  state: ReadonlyArray<A>,
  input: QueueInput<A>,
  answer: Answered<unknown> | undefined
): ReadonlyArray<ReadonlyArray<A>> => {
  switch (input._tag) {
    case "Enqueue":
      return [[...state, input.value]]
    case "Dequeue":
      return expecting(answer, state[0], state.slice(1))
  }
}

/**
 * First in, first out, empty at first.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export const queue = <A>(): Model<ReadonlyArray<A>, QueueInput<A>, unknown> => ({
  initial: [],
  step: stepQueue
})

/**
 * What can be asked of a mutex: `Acquire` answers `false` when it is held, and otherwise `true` or nothing; `Release`
 * answers `false` when the owner does not hold it, and otherwise `true` or nothing.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export type MutexInput =
  | { readonly _tag: "Acquire"; readonly owner: string }
  | { readonly _tag: "Release"; readonly owner: string }

const stepMutex = (
  holder: string | undefined,
  input: MutexInput,
  answer: Answered<unknown> | undefined
): ReadonlyArray<string | undefined> => {
  switch (input._tag) {
    case "Acquire":
      return holder === undefined ? allowing(answer, true, input.owner) : expecting(answer, false, holder)
    case "Release":
      return holder === input.owner ? allowing(answer, true, undefined) : expecting(answer, false, holder)
  }
}

/**
 * A lock that has one owner at a time, and none at first. Whoever holds it cannot acquire it again.
 *
 * @since 0.1.0
 * @category models of common objects
 */
export const mutex: Model<string | undefined, MutexInput, unknown> = {
  initial: undefined,
  step: stepMutex
}

/**
 * Many objects, each with a key that its operations name, such as a map of registers.
 *
 * **Example** (A key-value store)
 *
 * ```ts
 * import { Linearizability } from "@holdfast/sim"
 *
 * const store = Linearizability.keyed(Linearizability.register<string | undefined>(undefined))
 *
 * const at = (time: number) => ({ seq: time, nanos: time })
 * const verdict = Linearizability.check(store, [
 *   { client: "a", input: { key: "x", _tag: "Write", value: "1" }, start: at(0), end: { ...at(1), output: undefined } },
 *   { client: "b", input: { key: "y", _tag: "Read" }, start: at(2), end: { ...at(3), output: undefined } },
 *   { client: "b", input: { key: "x", _tag: "Read" }, start: at(4), end: { ...at(5), output: "1" } }
 * ])
 * console.log(verdict._tag) // => Linearizable
 * ```
 *
 * @since 0.1.0
 * @category models of common objects
 */
export const keyed = <State, In, Out>(
  model: Model<State, In, Out>
): Model<State, In & { readonly key: string }, Out> => ({ ...model, partition: ({ key }) => key })
