/** Histories to check: written by hand, drawn at random, and long ones of clients of a register. */
import * as fc from "fast-check"
import type { Moment, Operation, RegisterInput } from "../../src/Linearizability.ts"
import type { Reference } from "./bruteForce.ts"
import type { Output } from "./references.ts"

export const read = { _tag: "Read" } as const
export const write = (value: number) => ({ _tag: "Write", value }) as const
export const cas = (expected: number, value: number) => ({ _tag: "CompareAndSet", expected, value }) as const
export const enqueue = (value: number) => ({ _tag: "Enqueue", value }) as const
export const dequeue = { _tag: "Dequeue" } as const
export const add = (amount: number) => ({ _tag: "Add", amount }) as const

/** Four moments to an instant, as in virtual time. */
const moment = (seq: number): Moment => ({ seq, nanos: Math.floor(seq / 4) })

export type Event<In> =
  | { readonly _tag: "Call"; readonly client: string; readonly input: In }
  | { readonly _tag: "Return"; readonly client: string; readonly output: Output }

export const call = <In>(client: string, input: In): Event<In> => ({ _tag: "Call", client, input })

export const returns = (client: string, output?: Output): Event<never> => ({ _tag: "Return", client, output })

/** Each event is at a moment of its own, and a return is that of the client's last call. */
export const history = <In>(...events: ReadonlyArray<Event<In>>): ReadonlyArray<Operation<In, Output>> =>
  events.flatMap((event, seq) => {
    if (event._tag === "Return") return []
    const after = events.slice(seq + 1).findIndex(({ client }) => client === event.client)
    const answer = events[seq + 1 + after]
    const end =
      after >= 0 && answer?._tag === "Return"
        ? { ...moment(seq + 1 + after), output: answer.output }
        : undefined
    return [{ client: event.client, input: event.input, start: moment(seq), end }]
  })

/** A drawn operation: where on the line of time it is, whether it is answered, and whether the answer is a lie. */
interface Draft<In> {
  readonly input: In
  readonly start: number
  readonly length: number
  readonly point: number
  readonly fate: "answered" | "lied" | "lost" | "delayed"
  readonly lie: Output
}

/** Whatever these answer is right. */
const tellsNothing: ReadonlySet<string> = new Set(["Write", "Enqueue"])

/**
 * Small histories. Most answers are what the object said at a moment between start and end, so that about half of the
 * histories are linearizable. An open operation either happened or was lost. Moments coincide often.
 */
export const drawn = <State, In extends { readonly _tag: string }>(
  { initial, outcomes }: Reference<State, In, Output>,
  input: fc.Arbitrary<In>,
  lie: fc.Arbitrary<Output>
): fc.Arbitrary<ReadonlyArray<Operation<In, Output>>> => {
  const fate = fc.constantFrom("answered", "answered", "answered", "lied", "lied", "lost", "delayed")
  const small = fc.nat(9)
  const draft: fc.Arbitrary<Draft<In>> = fc
    .tuple(input, small, fc.nat(6), small, fate, lie)
    .map(([input, start, length, point, fate, lie]) => ({ input, start, length, point, fate, lie }))
  return fc.array(draft, { minLength: 2, maxLength: 6, size: "max" }).map((drafts) => {
    const answers = new Map<Draft<In>, Output>()
    let state = initial
    for (const draft of drafts.toSorted((a, b) => at(a) - at(b))) {
      const possible = draft.fate === "lost" ? [] : outcomes(state, draft.input)
      const [output, next] = possible[draft.point % possible.length] ?? [undefined, state]
      answers.set(draft, output)
      state = next
    }
    return drafts.map((draft, index) => {
      const { fate, input, lie, length, start } = draft
      const output = fate === "lied" && !tellsNothing.has(input._tag) ? lie : answers.get(draft)
      const end = fate === "answered" || fate === "lied" ? { ...moment(start + length), output } : undefined
      return { client: `client ${index}`, input, start: moment(start), end }
    })
  })
}

const at = ({ length, point, start }: Draft<unknown>): number => start + Math.min(length, point)

/** Numbers that look random, from 0 to below n. */
const dice = (seed: number): ((n: number) => number) => {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return (state >>> 8) % n
  }
}

/** What clients of a register see that always have one operation in flight. */
export const busyClients = (
  seed: number,
  { clients, size }: { readonly clients: number; readonly size: number }
): ReadonlyArray<Operation<RegisterInput<number>, Output>> => {
  const roll = dice(seed)
  const operations: Array<Operation<RegisterInput<number>, Output>> = []
  const inFlight = new Map<number, { readonly index: number; answer?: Output; isDone: boolean }>()
  let value = 0
  for (let seq = 0; operations.length < size || inFlight.size > 0; seq++) {
    const client = roll(clients)
    const flight = inFlight.get(client)
    const operation = operations[flight?.index ?? -1]
    if (flight === undefined || operation === undefined) {
      if (operations.length === size) continue
      const input: RegisterInput<number> =
        roll(2) === 0 ? { _tag: "Read" } : { _tag: "Write", value: roll(5) }
      inFlight.set(client, { index: operations.length, isDone: false })
      operations.push({ client: `client ${client}`, input, start: moment(seq), end: undefined })
    } else if (!flight.isDone) {
      flight.isDone = true
      if (operation.input._tag === "Write") value = operation.input.value
      else flight.answer = value
    } else {
      operations[flight.index] = { ...operation, end: { ...moment(seq), output: flight.answer } }
      inFlight.delete(client)
    }
  }
  return operations
}
