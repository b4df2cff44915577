/** How effects are called many times, without a cost of their own that would hide the cost of the call. */
import { Array as Arr, Effect } from "effect"

/** One call after the other, in the running fiber. `make` is called for each, as a function with arguments would be. */
const inSequence = <E>(make: () => Effect.Effect<unknown, E>, calls: number): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    let left = calls
    return Effect.whileLoop({
      while: () => left > 0,
      body: make,
      step: () => {
        left--
      }
    })
  })

/** All calls in one fiber, as in a service that runs. */
export const inOneFiber =
  <E>(make: () => Effect.Effect<unknown, E>) =>
  (calls: number): Promise<unknown> =>
    Effect.runPromise(inSequence(make, calls))

/** So many fibers at once, each of which makes its share of the calls. */
export const inFibers =
  <E>(fibers: number, make: () => Effect.Effect<unknown, E>) =>
  (calls: number): Promise<unknown> =>
    Effect.runPromise(
      Effect.forEach(Arr.range(1, fibers), () => inSequence(make, calls / fibers), {
        concurrency: "unbounded",
        discard: true
      })
    )

/** One promise after the other. */
export const inPromises =
  (make: () => Promise<unknown>) =>
  async (calls: number): Promise<unknown> => {
    for (let call = 0; call < calls; call++) await make()
    return undefined
  }

/** In rounds that were counted out on an idle core of the machine that the documented result is from. */
const roundsPerMicro = 900

/** Arithmetic and short-lived objects: what calls are made of, but nothing that anybody could make faster. */
export const workFor = (micros: number, seed: number): number => {
  let number = seed
  let last = { number }
  for (let round = 0; round < micros * roundsPerMicro; round++) {
    number = (Math.imul(number, 1664525) + 1013904223) | 0
    if (round % 16 === 0) last = { number }
  }
  return last.number
}
