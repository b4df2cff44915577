/** Puts a file aside that cannot be read, and another one in its place. */
import type { StateBackend } from "@holdfast/core"
import { Effect, Result } from "effect"
import { raise } from "../raise.ts"
import { write } from "./commit.ts"
import { counted } from "./counted.ts"
import { type Disk, type Io, syncDirectory } from "./disk.ts"
import { toWriteError } from "./errors.ts"
import { exclusively } from "./exclusive.ts"
import { encodeName } from "./names.ts"
import { makePin } from "./pins.ts"
import { load, type Store } from "./store.ts"

/**
 * Gives the file a second name, so that it is never without one, takes no room, and is not changed: the first one goes
 * to the new file.
 *
 * Whoever calls has the lock of the document, so nobody takes the same number.
 */
const putAside = Effect.fnUntraced(function* (disk: Disk, root: string, path: string, name: string) {
  const directory = `${root}/corrupt`
  yield* disk.fs.makeDirectory(directory, { recursive: true })
  yield* syncDirectory(disk, root)
  const taken = new Set(yield* disk.fs.readDirectory(directory))
  const encoded = encodeName(name)
  let number = 1
  while (taken.has(`${encoded}.${number}.json`)) number++
  const aside = `${directory}/${encoded}.${number}.json`
  yield* disk.fs.link(path, aside)
  yield* syncDirectory(disk, directory)
  return aside
}) satisfies (disk: Disk, root: string, path: string, name: string) => Io<string>

/** Where the bytes were put; `undefined` when there is nothing to repair, `false` when somebody else has the document. */
export const repair = (
  store: Store,
  key: string,
  wanted: StateBackend.Row
): Effect.Effect<string | undefined | false, StateBackend.CommitError> => {
  const { disk, label, layout, root } = store
  const name = layout.documentOf(key)
  return exclusively(
    store,
    name,
    Effect.gen(function* () {
      const current = yield* load(store, name, yield* makePin)
      if (Result.isSuccess(current.content)) return undefined
      const aside = yield* Effect.mapError(
        putAside(disk, root, layout.pathOf(name), name),
        toWriteError(label, name)
      )
      const row = raise(wanted, counted(current.bytes) + 1)
      const rest = layout.salvage(current.bytes, Math.max(row.version, row.fence))
      yield* write(store, name, { ...rest, rows: new Map([...rest.rows, [key, row]]) }, yield* makePin)
      return aside
    })
  )
}
