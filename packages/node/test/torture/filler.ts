/** Fills a store; as a process, it is not given the time to close it. */
import { StateStore } from "@holdfast/core"
import { Effect, Result } from "effect"
import { listen, tell } from "../utils/lifeline.ts"
import { Points } from "./points.ts"
import { type StoreName, storeOf } from "./stores.ts"

export interface FillerTask {
  readonly store: StoreName
  readonly directory: string
  readonly writes: number
}

export interface FillerTold {
  readonly tag: "filled"
}

export const filledKeys = ["a", "b", "c", "d"] as const

export const valueOf = (key: string, write: number): string => JSON.stringify(`${key}${write};`.repeat(100))

/** Writes each key so often. */
export const fill = Effect.fnUntraced(function* (writes: number) {
  const store = yield* StateStore.StateStore
  for (let write = 1; write <= writes; write++) {
    for (const key of filledKeys) {
      yield* store.transact(key, () =>
        Result.succeed({ _tag: "Write", value: valueOf(key, write), schemaVersion: 1, result: undefined })
      )
    }
  }
})

const run = async ({ directory, store, writes }: FillerTask): Promise<void> => {
  listen(() => {})
  const told = Effect.sync(() => tell({ tag: "filled" } satisfies FillerTold))
  const filled = Effect.andThen(Effect.andThen(fill(writes), told), Effect.never)
  await Effect.runPromise(Effect.provide(filled, storeOf(store).layer(directory, new Points())))
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? "{}"))
