/** Puts a file aside that cannot be read, and another one in its place. */
import type { StateBackend } from "@holdfast/core"
import { Effect, Result } from "effect"
import { raise } from "../raise.ts"
import { putAside } from "./aside.ts"
import { keepDamage, write } from "./commit.ts"
import { counted } from "./counted.ts"
import { type Document, markLost, withRows } from "./document.ts"
import { exclusively } from "./exclusive.ts"
import { makePin } from "./pins.ts"
import { asideOf, load, type Store } from "./store.ts"

interface Repaired {
  readonly aside: string | undefined
  readonly document: Document
}

/** The file can be read, but for some of its rows: one of them is repaired, and the others are left as they are. */
const repairRow = Effect.fnUntraced(function* (
  store: Store,
  name: string,
  document: Document,
  key: string,
  wanted: StateBackend.Row
) {
  const lost = document.lost.get(key)
  if (lost === undefined) return undefined
  const kept = yield* keepDamage(store, name, document)
  const row = raise(wanted, lost.count + 1)
  return { aside: kept.lost.get(key)?.aside, document: withRows(kept, new Map([[key, row]])) }
}) satisfies (...args: never) => Effect.Effect<Repaired | undefined, unknown>

/** What of the file is whole stays as it is, also the row of the key. */
const repairFile = Effect.fnUntraced(function* (
  store: Store,
  name: string,
  bytes: Uint8Array,
  key: string,
  wanted: StateBackend.Row
) {
  const aside = yield* putAside(store, name)
  const row = raise(wanted, counted(bytes) + 1)
  const rest = markLost(store.layout.salvage(bytes, Math.max(row.version, row.fence)), aside)
  return { aside, document: rest.rows.has(key) ? rest : withRows(rest, new Map([[key, row]])) }
}) satisfies (...args: never) => Effect.Effect<Repaired, unknown>

/** Where the bytes were put; `undefined` when there is nothing to repair, `false` when somebody else has the document. */
export const repair = (
  store: Store,
  key: string,
  wanted: StateBackend.Row
): Effect.Effect<string | undefined | false, StateBackend.CommitError> => {
  const name = store.layout.documentOf(key)
  return exclusively(
    store,
    name,
    Effect.gen(function* () {
      const { bytes, content } = yield* load(store, name, yield* makePin)
      const repaired = Result.isSuccess(content)
        ? yield* repairRow(store, name, content.success, key, wanted)
        : yield* repairFile(store, name, bytes, key, wanted)
      if (repaired?.aside === undefined) return undefined
      yield* write(store, name, repaired.document, yield* makePin)
      return asideOf(store.root, repaired.aside)
    })
  )
}
