/** Which keys have a value. */
import { basename } from "node:path"
import { StateStore } from "@holdfast/core"
import { Effect, type PlatformError, Result } from "effect"
import { type Disk, isNotFound, syncDirectory } from "./disk.ts"
import { toUnavailable } from "./errors.ts"
import { decodeName, encodeName, mayBegin } from "./names.ts"
import * as PerKey from "./perKey.ts"
import { readDocument, type Store } from "./store.ts"

const readsAtOnce = 8

/** The key in damaged bytes: only one fits the name of the file. */
const legibleKey = (name: string, bytes: Uint8Array): string | undefined => {
  const [, text = ""] = /^ {2}"key": (".*"),$/m.exec(new TextDecoder().decode(bytes)) ?? []
  const key = Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
  return typeof key === "string" && encodeName(key) === name ? key : undefined
}

/** The key of a file, if it has a value, or would have one if it were not corrupt; `undefined` when nobody knows. */
const keyOf = (name: string, bytes: Uint8Array): ReadonlyArray<string> | undefined => {
  const fields = PerKey.read(bytes)
  if (Result.isSuccess(fields)) {
    const { key, text, value } = fields.success
    if (encodeName(key) === name) return value === undefined && text === undefined ? [] : [key]
  }
  const key = decodeName(name) ?? legibleKey(name, bytes)
  return key === undefined ? undefined : [key]
}

export interface Listed {
  readonly keys: ReadonlyArray<string>
  /** Corrupt files of long keys, of which nobody knows which. */
  readonly unknown: ReadonlyArray<string>
}

/** The keys that begin with `prefix`, in no order, and the files that may have others. */
export const listFiles = Effect.fnUntraced(function* (
  disk: Pick<Disk, "fs">,
  directory: string,
  prefix: string
): Effect.fn.Return<Listed, PlatformError.PlatformError> {
  const files = yield* disk.fs.readDirectory(directory)
  // What is no name of ours is none of our business.
  const names = files
    .filter((file) => file.endsWith(PerKey.extension))
    .map((file) => file.slice(0, -PerKey.extension.length))
    .filter((name) => mayBegin(name, prefix))
  const unknown: Array<string> = []
  const look = Effect.fnUntraced(function* (name: string) {
    const path = `${directory}/${name}${PerKey.extension}`
    const bytes = yield* Effect.catchIf(disk.fs.readFile(path), isNotFound, () => Effect.undefined)
    if (bytes === undefined) return []
    const keys = keyOf(name, bytes)
    if (keys === undefined) unknown.push(path)
    return keys ?? []
  })
  const found = yield* Effect.forEach(names, look, { concurrency: readsAtOnce })
  // A key is told only when its file stays.
  yield* syncDirectory(disk, directory)
  return { keys: found.flat(), unknown }
})

const keysOfFiles = Effect.fnUntraced(function* ({ disk, label, layout }: Store, prefix: string) {
  const listed = listFiles(disk, layout.directory, prefix)
  const { keys, unknown } = yield* Effect.mapError(listed, toUnavailable(label, "list keys"))
  const [location] = unknown
  if (location === undefined) return keys
  return yield* new StateStore.StateCorrupted({
    store: label,
    key: basename(location, PerKey.extension),
    reason: "Encoding",
    location
  })
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
