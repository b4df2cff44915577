/**
 * The search for an order of the operations of one partition that explains every answer: that of Wing and Gong
 * ("Testing and Verifying Concurrent Objects", 1993), with the memory of Lowe ("Testing for Linearizability", 2017).
 */
import type { Model, Operation, Unknown, Verdict } from "../Linearizability.ts"
import { Board, type Cursor, Ids } from "./linearizabilityBoard.ts"

/** How a search ended. */
export type Found<State, In, Out> =
  | { readonly _tag: "Order"; readonly order: ReadonlyArray<Operation<In, Out>> }
  | { readonly _tag: "NoOrder"; readonly deadEnd: DeadEnd<State, In, Out> }
  | { readonly _tag: "GaveUp"; readonly steps: number }

/** A configuration that leads nowhere: what was placed, the state after it, and the answers that cannot come next. */
export interface DeadEnd<State, In, Out> {
  readonly order: ReadonlyArray<Operation<In, Out>>
  readonly state: State
  readonly stuck: ReadonlyArray<Operation<In, Out>>
}

/** A configuration on the way to the one that is being looked at. */
interface Frame<State> extends Cursor {
  /** The operation that was placed to get here, 0 at the root. */
  readonly placed: number
  readonly state: State
  readonly stateId: number
  /** The states that the candidate may lead to and that were not tried yet. */
  states: ArrayIterator<State>
}

const frame = <State>(placed: number, state: State, stateId: number): Frame<State> => ({
  placed,
  state,
  stateId,
  candidate: 0,
  bound: Infinity,
  states: [].values()
})

/** Keeps the dead end that came furthest in time, and of several the one with most answers placed. */
class Furthest<State, In, Out> {
  private bound = -Infinity
  private placedCount = -1
  deadEnd: DeadEnd<State, In, Out>
  private readonly board: Board<In, Out>

  constructor(board: Board<In, Out>, initial: State) {
    this.board = board
    this.deadEnd = { order: [], state: initial, stuck: [] }
  }

  see(path: ReadonlyArray<Frame<State>>, { bound, state }: Frame<State>): void {
    const { placedCount } = this.board
    if (bound < this.bound || (bound === this.bound && placedCount <= this.placedCount)) return
    this.bound = bound
    this.placedCount = placedCount
    this.deadEnd = { order: orderOf(this.board, path), state, stuck: this.board.candidates(bound) }
  }
}

const orderOf = <State, In, Out>(
  board: Board<In, Out>,
  path: ReadonlyArray<Frame<State>>
): ReadonlyArray<Operation<In, Out>> => path.flatMap(({ placed }) => board.operation(placed) ?? [])

/** A `Set` holds no more than 2^24 entries, and each step adds one at most. */
const stepsMax = 2 ** 24 - 1

/**
 * Depth first, over configurations: a set of operations that are placed, and the state after them. A configuration that
 * was seen before is not looked at again. Each step tries a state, goes on to another candidate, or goes back.
 */
export const search = <State, In, Out>(
  model: Model<State, In, Out>,
  history: ReadonlyArray<Operation<In, Out>>,
  budget: number
): Found<State, In, Out> => {
  const board = new Board(history)
  const stateIds = new Ids<State>()
  const seen = new Set<string>()
  const furthest = new Furthest<State, In, Out>(board, model.initial)
  const path = [frame(0, model.initial, stateIds.of(model.initial))]
  const limit = Math.min(budget, stepsMax)
  for (let step = 0; step < limit; step++) {
    if (board.isWhole) return { _tag: "Order", order: orderOf(board, path) }
    const top = path.at(-1)
    if (top === undefined) return { _tag: "NoOrder", deadEnd: furthest.deadEnd }
    const { done, value } = top.states.next()
    if (!done) {
      const { candidate } = top
      const stateId = stateIds.of(value)
      // That an open operation happened without any effect explains nothing.
      if (board.isOpen(candidate) && stateId === top.stateId) continue
      board.place(candidate)
      const key = board.key(stateId)
      if (seen.has(key)) board.unplace(candidate)
      else {
        seen.add(key)
        path.push(frame(candidate, value, stateId))
      }
    } else if (board.advance(top)) {
      const operation = board.operation(top.candidate)
      if (operation !== undefined) top.states = model.step(top.state, operation.input, operation.end).values()
    } else {
      furthest.see(path, top)
      path.pop()
      if (top.placed !== 0) board.unplace(top.placed)
    }
  }
  return { _tag: "GaveUp", steps: limit }
}

/** By the name of the partition, in the order in which the partitions first occur. */
const partitions = <State, In, Out>(
  { partition }: Model<State, In, Out>,
  history: ReadonlyArray<Operation<In, Out>>
): ReadonlyMap<string | undefined, ReadonlyArray<Operation<In, Out>>> => {
  if (partition === undefined) return new Map([[undefined, history]])
  return Map.groupBy<string | undefined, Operation<In, Out>>(history, ({ input }) => partition(input))
}

/**
 * One order out of the orders of all partitions: each operation happens as early as its own order allows, which is
 * between its start and its end.
 */
const merge = <In, Out>(
  orders: ReadonlyArray<ReadonlyArray<Operation<In, Out>>>
): ReadonlyArray<Operation<In, Out>> =>
  orders
    .flatMap((order) => {
      let seq = -Infinity
      return order.map((operation) => {
        seq = Math.max(seq, operation.start.seq)
        return { operation, seq }
      })
    })
    .sort((a, b) => a.seq - b.seq)
    .map(({ operation }) => operation)

export const defaultBudget = 1_000_000

/**
 * A history is linearizable when each of its partitions is, as Herlihy and Wing proved. That one is not says more than
 * that another is unknown.
 */
export const checkAll = <State, In, Out>(
  model: Model<State, In, Out>,
  history: ReadonlyArray<Operation<In, Out>>,
  budget: number
): Verdict<State, In, Out> => {
  const orders: Array<ReadonlyArray<Operation<In, Out>>> = []
  let unknown: Unknown | undefined
  for (const [partition, operations] of partitions(model, history)) {
    const found = search(model, operations, budget)
    if (found._tag === "NoOrder") {
      return { _tag: "NotLinearizable", partition, history: operations, ...found.deadEnd }
    }
    if (found._tag === "Order") orders.push(found.order)
    else unknown ??= { _tag: "Unknown", partition, steps: found.steps }
  }
  return unknown ?? { _tag: "Linearizable", order: merge(orders) }
}
