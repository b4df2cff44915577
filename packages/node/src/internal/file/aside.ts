/** Keeps the bytes of a file that cannot be read. */
import type { StateStore } from "@holdfast/core"
import { Effect } from "effect"
import { type Io, syncDirectory } from "./disk.ts"
import { toWriteError } from "./errors.ts"
import { encodeName } from "./names.ts"
import { asideOf, corruptOf, type Store } from "./store.ts"

const link = Effect.fnUntraced(function* ({ disk, layout, root }: Store, name: string) {
  const directory = corruptOf(root)
  yield* disk.fs.makeDirectory(directory, { recursive: true })
  yield* syncDirectory(disk, root)
  const taken = new Set(yield* disk.fs.readDirectory(directory))
  const encoded = encodeName(name)
  let number = 1
  while (taken.has(`${encoded}.${number}.json`)) number++
  const aside = `${encoded}.${number}.json`
  yield* disk.fs.link(layout.pathOf(name), asideOf(root, aside))
  yield* syncDirectory(disk, directory)
  return aside
}) satisfies (store: Store, name: string) => Io<string>

/**
 * Gives the file of a document a second name, so that it is never without one, takes no room, and is not changed: the
 * first one goes to the new file. Says which.
 *
 * Whoever calls has the lock of the document, so nobody takes the same number.
 */
export const putAside = (
  store: Store,
  name: string
): Effect.Effect<string, StateStore.StoreFull | StateStore.StoreUnavailable> =>
  Effect.mapError(link(store, name), toWriteError(store.label, name))
