/** Changing a document, all or nothing. */
import type { OutcomeUnknown, StateBackend, StateStore } from "@holdfast/core"
import { Effect, Result } from "effect"
import { type Document, rowOf } from "./document.ts"
import { exclusively } from "./exclusive.ts"
import { makePin, type Pin } from "./pins.ts"
import { replace } from "./replace.ts"
import { load, type Store, settle, toCorrupted } from "./store.ts"

/** Writes a document, and remembers it. When it is unknown what is there, it is not remembered. */
export const write = Effect.fnUntraced(function* (
  { disk, label, layout, pins }: Store,
  name: string,
  document: Document,
  pin: Pin
): Effect.fn.Return<void, StateStore.StoreFull | StateStore.StoreUnavailable | OutcomeUnknown> {
  const path = layout.pathOf(name)
  const target = { label, document: name, directory: layout.directory, path }
  yield* replace(disk, target, layout.encode(name, document), pin)
  // It is written: what cannot be looked at now is read when it is needed.
  const identity = yield* Effect.catch(disk.lock.identity(path), () => Effect.undefined)
  if (identity !== undefined) yield* pins.keep(name, { identity, document, pin })
})

/** What is there, changed by what was decided. */
const merge = (document: Document, rows: ReadonlyMap<string, StateBackend.Row>): Document => ({
  ...document,
  rows: new Map([...document.rows, ...rows])
})

export const commit = (
  store: Store,
  name: string,
  decide: StateBackend.Decide
): Effect.Effect<boolean, StateBackend.CommitError> =>
  exclusively(
    store,
    name,
    Effect.gen(function* () {
      const readPin = yield* makePin
      const current = yield* load(store, name, readPin)
      const rows = yield* Effect.sync(() =>
        decide((key) =>
          Result.mapBoth(current.content, {
            onSuccess: (document) => rowOf(document, key),
            onFailure: (problem) => toCorrupted(store, name, key, problem)
          })
        )
      )
      if (Result.isFailure(current.content)) {
        return rows.size === 0
          ? true
          : yield* Effect.die(new Error(`a decision writes over the corrupt document "${name}"`))
      }
      const document = current.content.success
      // Also who writes nothing has read something.
      if (rows.size === 0) yield* settle(store, name, current, document, readPin)
      else yield* write(store, name, merge(document, rows), yield* makePin)
      return true
    })
  )
