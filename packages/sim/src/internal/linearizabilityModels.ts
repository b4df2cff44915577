/** How the models of common objects step. What is answered is compared with `Equal.equals`. */
import { Equal } from "effect"
import type { Answered, CounterInput, MutexInput, QueueInput, RegisterInput } from "../Linearizability.ts"

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

export const stepRegister = <A>(
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

export const stepCounter = (
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

export const stepQueue = <A>(
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

export const stepMutex = (
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
