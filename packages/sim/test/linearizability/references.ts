/** Objects as the exhaustive checker knows them: they say what they would answer, and are not told. */
import type { CounterInput, MutexInput, QueueInput, RegisterInput } from "../../src/Linearizability.ts"
import type { Reference } from "./bruteForce.ts"

export type Output = number | string | boolean | undefined

export const register: Reference<number, RegisterInput<number>, Output> = {
  initial: 0,
  outcomes: (value, input) => {
    if (input._tag === "Read") return [[value, value]]
    if (input._tag === "Write") return [[undefined, input.value]]
    return value === input.expected ? [[true, input.value]] : [[false, value]]
  }
}

/** A register that may lose what is written. */
export const lossy: typeof register = {
  initial: 0,
  outcomes: (value, input) =>
    input._tag === "Write"
      ? [
          [undefined, input.value],
          [undefined, value]
        ]
      : register.outcomes(value, input)
}

type KeyedInput = RegisterInput<number> & { readonly key: string }

/** Registers by key as one object, so that nothing is assumed about partitions. */
export const map: Reference<Readonly<Record<string, number>>, KeyedInput, Output> = {
  initial: {},
  outcomes: (values, input) =>
    register
      .outcomes(values[input.key] ?? 0, input)
      .map(([output, value]) => [output, { ...values, [input.key]: value }] as const)
}

export const counter: Reference<number, CounterInput, Output> = {
  initial: 0,
  outcomes: (total, input) =>
    input._tag === "Read" ? [[total, total]] : [[total + input.amount, total + input.amount]]
}

export const queue: Reference<ReadonlyArray<number>, QueueInput<number>, Output> = {
  initial: [],
  outcomes: ([oldest, ...others], input) => {
    if (input._tag === "Dequeue") return [[oldest, others]]
    return [[undefined, oldest === undefined ? [input.value] : [oldest, ...others, input.value]]]
  }
}

export const mutex: Reference<string, MutexInput, Output> = {
  initial: "",
  outcomes: (owner, input) => {
    if (input._tag === "Acquire") return owner === "" ? [[true, input.owner]] : [[false, owner]]
    return owner === input.owner ? [[true, ""]] : [[false, owner]]
  }
}
