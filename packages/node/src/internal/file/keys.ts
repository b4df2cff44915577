/** Which keys have a value. */
import { StateStore } from "@holdfast/core"
import { Effect, Result } from "effect"
import { isNotFound, syncDirectory } from "./disk.ts"
import { toUnavailable } from "./errors.ts"
import { decodeName, encodeName } from "./names.ts"
import * as PerKey from "./perKey.ts"
import { readDocument, type Store } from "./store.ts"

const readsAtOnce = 8

/** Names that do not say their key, as it was too long. */
const isOpaque = (name: string): boolean => /^[a-z0-9_%-]+%%[0-9a-f]{64}$/.test(name)

/** The files of keys that may begin with `prefix`; what is no name of ours is none of our business. */
const namesWith = (files: ReadonlyArray<string>, prefix: string): ReadonlyArray<string> =>
  files
    .filter((file) => file.endsWith(PerKey.extension))
    .map((file) => file.slice(0, -PerKey.extension.length))
    .filter((name) => decodeName(name)?.startsWith(prefix) ?? isOpaque(name))

/** The key of a file that has a value, or would have one if it were not corrupt. */
const keyOf = (
  store: Store,
  name: string,
  bytes: Uint8Array
): Effect.Effect<ReadonlyArray<string>, StateStore.ReadError> => {
  const known = decodeName(name)
  const fields = PerKey.read(bytes)
  if (Result.isSuccess(fields)) {
    const { key, text, value } = fields.success
    if (encodeName(key) === name)
      return Effect.succeed(value === undefined && text === undefined ? [] : [key])
  }
  return known === undefined
    ? Effect.fail(
        new StateStore.StateCorrupted({
          store: store.label,
          key: name,
          reason: "Encoding",
          location: `${store.layout.directory}/${name}${PerKey.extension}`
        })
      )
    : Effect.succeed([known])
}

const keysOfFiles = Effect.fnUntraced(function* (store: Store, prefix: string) {
  const { disk, label, layout } = store
  const unavailable = toUnavailable(label, "list keys")
  const files = yield* Effect.mapError(disk.fs.readDirectory(layout.directory), unavailable)
  const look = Effect.fnUntraced(function* (name: string) {
    const path = `${layout.directory}/${name}${PerKey.extension}`
    const bytes = yield* disk.fs.readFile(path).pipe(
      Effect.catchIf(isNotFound, () => Effect.undefined),
      Effect.mapError(unavailable)
    )
    return bytes === undefined ? [] : yield* keyOf(store, name, bytes)
  })
  const found = yield* Effect.forEach(namesWith(files, prefix), look, { concurrency: readsAtOnce })
  // A key is told only when its file stays.
  yield* Effect.mapError(syncDirectory(disk, layout.directory), unavailable)
  return found.flat()
})

const keysOfRows = Effect.fnUntraced(function* (store: Store) {
  const { lost, rows } = yield* readDocument(store, store.layout.documentOf(""), "")
  const valued = Array.from(rows).flatMap(([key, { stored }]) => (stored === undefined ? [] : [key]))
  return [...valued, ...lost.keys()]
})

export const keys = (
  store: Store,
  prefix: string
): Effect.Effect<ReadonlyArray<string>, StateStore.ReadError> =>
  Effect.map(store.layout.name === "perKey" ? keysOfFiles(store, prefix) : keysOfRows(store), (found) =>
    found.filter((key) => key.startsWith(prefix)).sort()
  )
