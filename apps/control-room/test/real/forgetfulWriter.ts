/** A writer whose store forgets every seventh change of the ledger. */
import { StateStore } from "@holdfast/core"
import { Effect, Layer, Result } from "effect"
import { run } from "../../src/register/writer/run.ts"
import { storeOf } from "../../src/register/writer/stores.ts"

let changes = 0

const forgetting = Layer.effect(
  StateStore.StateStore,
  Effect.map(StateStore.StateStore, (store) =>
    StateStore.StateStore.of({
      ...store,
      transact: (key, decide, options) =>
        key === "ledger" && ++changes % 7 === 0
          ? Effect.flatMap(store.read(key), (current) =>
              Effect.fromResult(Result.map(decide(current), ({ result }) => result))
            )
          : store.transact(key, decide, options)
    })
  )
)

run((plan, points) => Layer.provideMerge(forgetting, storeOf(plan, points)))
