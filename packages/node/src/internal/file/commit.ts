/** Changing a document, all or nothing. */
import type { OutcomeUnknown, StateBackend, StateStore } from "@holdfast/core"
import { Effect, Result, type Scope } from "effect"
import { putAside } from "./aside.ts"
import { type Document, markLost, withRows } from "./document.ts"
import { exclusively } from "./exclusive.ts"
import { makePin, type Pin } from "./pins.ts"
import { replace } from "./replace.ts"
import { load, rowIn, type Store, settle, toCorrupted } from "./store.ts"

/** Writes a document, and remembers it. When it is unknown what is there, it is not remembered. */
export const write = Effect.fnUntraced(function* (
  { disk, label, layout, pins }: Store,
  name: string,
  document: Document,
  pin: Pin
): Effect.fn.Return<void, StateStore.StoreFull | StateStore.StoreUnavailable | OutcomeUnknown, Scope.Scope> {
  const path = layout.pathOf(name)
  const target = { label, document: name, directory: layout.directory, path }
  yield* replace(disk, target, layout.encode(name, document), pin)
  // It is written: what cannot be looked at now is read when it is needed.
  const identity = yield* Effect.catch(disk.lock.identity(path), () => Effect.undefined)
  if (identity !== undefined) yield* pins.keep(name, { identity, document, pin })
})

/** What may be written: the rows that are damaged are not lost with the file, of which nothing is dropped in silence. */
export const keepDamage = (
  store: Store,
  name: string,
  document: Document
): Effect.Effect<Document, StateStore.StoreFull | StateStore.StoreUnavailable> =>
  document.isDamaged
    ? Effect.map(putAside(store, name), (aside) => markLost(document, aside))
    : Effect.succeed(document)

const overCorrupt = (name: string): Effect.Effect<never> =>
  Effect.die(new Error(`a decision writes over what is corrupt in "${name}"`))

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
          Result.isSuccess(current.content)
            ? rowIn(store, name, current.content.success, key)
            : Result.fail(toCorrupted(store, name, key, current.content.failure))
        )
      )
      if (Result.isFailure(current.content)) return rows.size === 0 ? true : yield* overCorrupt(name)
      const document = current.content.success
      // Also who writes nothing has read something.
      if (rows.size === 0) {
        yield* settle(store, name, current, document, readPin)
        return true
      }
      for (const key of document.lost.keys()) if (rows.has(key)) return yield* overCorrupt(name)
      const kept = yield* keepDamage(store, name, document)
      yield* write(store, name, withRows(kept, rows), yield* makePin)
      return true
    })
  )
