/** A checker that tries everything, to check the checker with. It shares nothing with it but the type of a history. */
import { Equal } from "effect"
import type { Operation } from "../../src/Linearizability.ts"

/** What an object can answer in a state, and the state after each answer. */
export interface Reference<State, In, Out> {
  readonly initial: State
  readonly outcomes: (state: State, input: In) => ReadonlyArray<readonly [Out, State]>
}

type History<In, Out> = ReadonlyArray<Operation<In, Out>>

const endedBefore = (a: Operation<unknown, unknown>, b: Operation<unknown, unknown>): boolean =>
  a.end !== undefined && a.end.seq < b.start.seq

/** The states that the operations can lead to, one after the other; none when an answer is impossible. */
export const replay = <State, In, Out>(
  reference: Reference<State, In, Out>,
  order: History<In, Out>
): ReadonlyArray<State> =>
  order.reduce<ReadonlyArray<State>>(
    (states, { end, input }) =>
      states
        .flatMap((state) => reference.outcomes(state, input))
        .filter(([output]) => end === undefined || Equal.equals(output, end.output))
        .map(([, state]) => state),
    [reference.initial]
  )

/** Whether nothing comes after what started when it had ended. */
export const respectsTime = (order: History<unknown, unknown>): boolean =>
  order.every((later, index) => order.slice(0, index).every((earlier) => !endedBefore(later, earlier)))

const subsets = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.reduce<ReadonlyArray<ReadonlyArray<A>>>(
    (found, item) => found.flatMap((subset) => [subset, [...subset, item]]),
    [[]]
  )

const someOrder = <In, Out>(
  chosen: History<In, Out>,
  rest: History<In, Out>,
  holds: (order: History<In, Out>) => boolean
): boolean =>
  rest.length === 0
    ? holds(chosen)
    : rest.some(
        (next) =>
          !chosen.some((earlier) => endedBefore(next, earlier)) &&
          someOrder(
            [...chosen, next],
            rest.filter((other) => other !== next),
            holds
          )
      )

/** Whether there is an order of all the required operations, with any of the optional ones, that explains the answers. */
export const hasOrder = <State, In, Out>(
  reference: Reference<State, In, Out>,
  required: History<In, Out>,
  optional: History<In, Out>
): boolean =>
  subsets(optional).some((happened) =>
    someOrder([], [...required, ...happened], (order) => replay(reference, order).length > 0)
  )

/** Whether the history is linearizable. */
export const isLinearizable = <State, In, Out>(
  reference: Reference<State, In, Out>,
  history: History<In, Out>
): boolean =>
  hasOrder(
    reference,
    history.filter(({ end }) => end !== undefined),
    history.filter(({ end }) => end === undefined)
  )
