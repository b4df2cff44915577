/**
 * The search for an order of the operations of one partition that explains every answer: that of Wing and Gong
 * ("Testing and Verifying Concurrent Objects", 1993), with the memory of Lowe ("Testing for Linearizability", 2017).
 */
import type { Model, Operation, Unknown, Verdict } from "../Linearizability.ts"
import { Board, Ids, type Item } from "./linearizabilityBoard.ts"

/** How a search ended. */
type Found<State, In, Out> =
  | { readonly _tag: "Order"; readonly order: ReadonlyArray<Operation<In, Out>> }
  | { readonly _tag: "NoOrder"; readonly deadEnd: DeadEnd<State, In, Out> }
  | { readonly _tag: "GaveUp"; readonly steps: number }

/** A configuration that leads nowhere: what was placed, the state after it, and the answers that cannot come next. */
interface DeadEnd<State, In, Out> {
  readonly order: ReadonlyArray<Operation<In, Out>>
  readonly state: State
  readonly stuck: ReadonlyArray<Operation<In, Out>>
}

/** A configuration on the way to the one that is being looked at. */
interface Frame<State, In, Out> {
  /** The operation that was placed to get here, none at the root. */
  readonly placed: Item<In, Out> | undefined
  readonly state: State
  readonly candidates: ReadonlyArray<Item<In, Out>>
  /** The candidates that lead to something new, each with a state that it leads to; those that were tried are gone. */
  readonly moves: Iterator<readonly [Item<In, Out>, State], undefined>
}

/** More are not worth the time that it takes to compare with them: with 4 as many are recognised as with 1,000. */
const rememberedMax = 8

/**
 * The configurations that were seen, if only as a possible move: which completed operations are placed, which open ones, and the state after them.
 * With fewer open ones all is possible that is possible with more, so a configuration is not new when one was seen that
 * is the same but for having fewer of them.
 */
class Memory<State> {
  private readonly stateIds = new Ids<State>()
  private readonly seen = new Map<string, ReadonlyArray<bigint>>()

  /** Remembers the configuration, and says whether it is new. */
  isNew({ completed, open }: Board<unknown, unknown>, state: State): boolean {
    const stateId = this.stateIds.of(state)
    const key = String.fromCharCode(stateId & 0xffff, stateId >>> 16) + completed.key()
    const seen = this.seen.get(key)
    if (seen === undefined) this.seen.set(key, [open])
    else if (seen.some((fewer) => (fewer & open) === fewer)) return false
    else {
      const others = seen.filter((more) => (more & open) !== open)
      this.seen.set(key, [open, ...others].slice(0, rememberedMax))
    }
    return true
  }
}

/**
 * Keeps the dead end that came furthest in time, and of several the one with most answers placed, and of those the one
 * that needs fewest open operations.
 */
class Furthest<State, In, Out> {
  deadEnd: DeadEnd<State, In, Out>
  private bound = -Infinity
  private missing = 0
  private size = 0

  constructor(initial: State) {
    this.deadEnd = { order: [], state: initial, stuck: [] }
  }

  see(path: ReadonlyArray<Frame<State, In, Out>>, missing: number): void {
    const top = path.at(-1)
    const first = top?.candidates[0]
    if (top === undefined || first === undefined) return
    const differences = [first.end - this.bound, this.missing - missing, this.size - path.length]
    if ((differences.find((difference) => difference !== 0) ?? 0) <= 0) return
    this.bound = first.end
    this.missing = missing
    this.size = path.length
    const stuck = top.candidates.filter(({ isOpen }) => !isOpen).map(({ operation }) => operation)
    this.deadEnd = { order: orderOf(path), state: top.state, stuck }
  }
}

const orderOf = <State, In, Out>(
  path: ReadonlyArray<Frame<State, In, Out>>
): ReadonlyArray<Operation<In, Out>> => path.flatMap(({ placed }) => placed?.operation ?? [])

/** Each step remembers one configuration at most, and a `Map` holds no more than 2^24. */
const stepsMax = 16_000_000

/** Depth first. What leads nowhere is taken back, and what is left is tried instead. */
const search = <State, In, Out>(
  model: Model<State, In, Out>,
  history: ReadonlyArray<Operation<In, Out>>,
  budget: number
): Found<State, In, Out> => {
  const board = new Board(history)
  const memory = new Memory<State>()
  const furthest = new Furthest<State, In, Out>(model.initial)
  const path: Array<Frame<State, In, Out>> = []
  const limit = Math.min(budget, stepsMax)
  let steps = 0
  const enter = (placed: Item<In, Out> | undefined, state: State): void => {
    const candidates = board.candidates()
    const moves: Array<readonly [Item<In, Out>, State]> = []
    for (const item of candidates) {
      const states = model.step(state, item.operation.input, item.operation.end)
      steps += Math.max(1, states.length)
      board.place(item)
      for (const next of states) if (memory.isNew(board, next)) moves.push([item, next])
      board.unplace(item)
    }
    path.push({ placed, state, candidates, moves: moves.values() })
  }
  memory.isNew(board, model.initial)
  enter(undefined, model.initial)
  while (steps <= limit) {
    if (board.missing === 0) return { _tag: "Order", order: orderOf(path) }
    const top = path.at(-1)
    if (top === undefined) return { _tag: "NoOrder", deadEnd: furthest.deadEnd }
    const { done, value: move } = top.moves.next()
    if (done) {
      furthest.see(path, board.missing)
      path.pop()
      if (top.placed !== undefined) board.unplace(top.placed)
    } else {
      const [item, state] = move
      board.place(item)
      enter(item, state)
    }
  }
  return { _tag: "GaveUp", steps }
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

export const defaultBudget = 200_000

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
