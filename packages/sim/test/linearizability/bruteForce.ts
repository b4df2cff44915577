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

/** The states that the operation can lead to from any of the states; none when its answer is impossible. */
const after = <State, In, Out>(
  { outcomes }: Reference<State, In, Out>,
  states: ReadonlyArray<State>,
  { end, input }: Operation<In, Out>
): ReadonlyArray<State> =>
  states
    .flatMap((state) => outcomes(state, input))
    .filter(([output]) => end === undefined || Equal.equals(output, end.output))
    .map(([, state]) => state)

/** The states that the operations can lead to, one after the other. */
export const replay = <State, In, Out>(
  reference: Reference<State, In, Out>,
  order: History<In, Out>
): ReadonlyArray<State> =>
  order.reduce<ReadonlyArray<State>>(
    (states, operation) => after(reference, states, operation),
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

/** Whether the rest has an order that can follow what was chosen, which led to one of the states. */
const canFollow = <State, In, Out>(
  reference: Reference<State, In, Out>,
  chosen: History<In, Out>,
  states: ReadonlyArray<State>,
  rest: History<In, Out>
): boolean =>
  states.length > 0 &&
  (rest.length === 0 ||
    rest.some((next) => {
      if (chosen.some((earlier) => endedBefore(next, earlier))) return false
      const others = rest.filter((other) => other !== next)
      return canFollow(reference, [...chosen, next], after(reference, states, next), others)
    }))

/** Whether there is an order of all the required operations, with any of the optional ones, that explains the answers. */
export const hasOrder = <State, In, Out>(
  reference: Reference<State, In, Out>,
  required: History<In, Out>,
  optional: History<In, Out>
): boolean =>
  subsets(optional).some((happened) =>
    canFollow(reference, [], [reference.initial], [...required, ...happened])
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
