/** A stream of what changes at a path, fed by the operations themselves. */
import { posix } from "node:path"
import { Effect, type FileSystem, Queue, Stream } from "effect"
import type { Errno } from "./errno.ts"
import { type DirectoryNode, isWithin, pathOf } from "./inode.ts"
import { call } from "./kernel.ts"
import { locate, nodeOf } from "./locate.ts"
import { begin, type Change, type Volume } from "./model.ts"

/** So many events wait for their watcher, as on Linux; what comes then is lost. */
const maxEvents = 16_384

/** By which name a watcher learns of a change; `undefined` when it does not. */
type Filter = (change: Change) => string | undefined

const inDirectory =
  (watched: DirectoryNode, recursive: boolean): Filter =>
  ({ directory, name }) => {
    if (directory === watched) return name
    if (!recursive || !isWithin(directory, watched)) return undefined
    return posix.relative(pathOf(watched), pathOf(directory, name))
  }

const filterFor = (volume: Volume, path: string, recursive: boolean): Filter => {
  begin(volume, `watch ${path}`)
  const place = locate(volume.root, path, true)
  const { name, parent } = place
  const node = nodeOf(place)
  if (node.kind === "directory") return inDirectory(node, recursive)
  return (change) => (change.directory === parent && change.name === name ? name : undefined)
}

const events = (
  volume: Volume,
  filter: Filter,
  onReady: (() => void) | undefined
): Stream.Stream<FileSystem.WatchEvent> =>
  Stream.callback<FileSystem.WatchEvent>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const watcher = (change: Change): void => {
            const path = filter(change)
            if (path !== undefined) Queue.offerUnsafe(queue, { _tag: change.tag, path })
          }
          volume.watchers.add(watcher)
          onReady?.()
          return watcher
        }),
        (watcher) => Effect.sync(() => volume.watchers.delete(watcher))
      ),
    { bufferSize: maxEvents, strategy: "dropping" }
  )

/** What is watched is what `path` leads to now; a name that is taken by something else is watched on. */
export const watch = (
  volume: Volume,
  path: string,
  options: FileSystem.WatchOptions | undefined
): Effect.Effect<Stream.Stream<FileSystem.WatchEvent>, Errno> =>
  Effect.map(
    call({ syscall: "stat", path }, () => filterFor(volume, path, options?.recursive ?? false)),
    (filter) => events(volume, filter, options?.onReady)
  )
