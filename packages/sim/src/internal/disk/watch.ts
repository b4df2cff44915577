/** A stream of what changes at a path, fed by the operations themselves. */
import { posix } from "node:path"
import { Effect, type FileSystem, Queue, Stream } from "effect"
import { Errno } from "./errno.ts"
import { type DirectoryNode, isWithin, pathOf } from "./inode.ts"
import { callsOf } from "./kernel.ts"
import { existing, locate, nodeOf } from "./locate.ts"
import { begin, type Change, type Process, type Volume } from "./model.ts"

/** So many events wait for their watcher, as on Linux; what comes then is lost. */
const maxEvents = 16_384

/** By which names a watcher learns of a change; one that is there twice is an event each time. */
type Filter = (change: Change) => ReadonlyArray<string>

/** `own` is the name under which Linux tells of the directory itself, as if it were in it. */
const inDirectory = (watched: DirectoryNode, own: string): Filter => {
  let isThere = true
  return ({ directory, name }) => {
    if (directory === watched) return [name]
    if (!isThere || own === "" || directory !== watched.parent || name !== watched.name) return []
    isThere = directory.entries.get(name) === watched
    // Linux says that it is gone, and then that nobody watches it any more. Node goes on waiting.
    return isThere ? [own] : [own, own]
  }
}

const belowDirectory =
  (watched: DirectoryNode): Filter =>
  (change) =>
    isWithin(change.directory, watched) && !isOfDirectory(change)
      ? [posix.relative(pathOf(watched), pathOf(change.directory, change.name))]
      : []

/** The permissions of a directory have changed, or its times. */
const isOfDirectory = ({ directory, name, tag }: Change): boolean =>
  tag === "Update" && directory.entries.get(name)?.kind === "directory"

interface Watched {
  /** What the names are relative to. */
  readonly base: string
  readonly filter: Filter
}

const watchedAt = (volume: Volume, path: string, recursive: boolean): Watched => {
  begin(volume, `watch ${path}`)
  const place = locate(volume.root, path, true)
  const node = nodeOf(place)
  const own = path.slice(path.lastIndexOf("/") + 1)
  if (node.kind === "directory") {
    return {
      base: posix.resolve("/", path),
      filter: recursive ? belowDirectory(node) : inDirectory(node, own)
    }
  }
  const isIt = ({ directory, name }: Change) => directory === place.parent && name === place.name
  return { base: posix.resolve("/", posix.dirname(path)), filter: (change) => (isIt(change) ? [own] : []) }
}

const exists = (volume: Volume, path: string): boolean => {
  try {
    existing(volume.root, path, true)
    return true
  } catch (error) {
    if (error instanceof Errno) return false
    throw error
  }
}

/** Node does not tell whether a name came or went: its layer looks whether something is there. */
const tagOf = (volume: Volume, change: Change, path: string): Change["tag"] => {
  if (change.tag === "Update" && !isOfDirectory(change)) return "Update"
  return exists(volume, path) ? "Create" : "Remove"
}

const events = (
  volume: Volume,
  process: Process | undefined,
  { base, filter }: Watched,
  onReady: (() => void) | undefined
): Stream.Stream<FileSystem.WatchEvent> =>
  Stream.callback<FileSystem.WatchEvent>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const watcher = (change: Change): void => {
            for (const path of filter(change)) {
              // The queue wakes whoever takes from it on the host that made it, whichever host this is.
              Queue.offerUnsafe(queue, { _tag: tagOf(volume, change, posix.resolve(base, path)), path })
            }
          }
          if (process?.hasEnded !== true) {
            volume.watchers.add(watcher)
            process?.watchers.add(watcher)
          }
          onReady?.()
          return watcher
        }),
        (watcher) =>
          Effect.sync(() => {
            volume.watchers.delete(watcher)
            process?.watchers.delete(watcher)
          })
      ),
    { bufferSize: maxEvents, strategy: "dropping" }
  )

/** What is watched is what `path` leads to now; a name that is taken by something else is watched on. */
export const watch = (
  volume: Volume,
  process: Process | undefined,
  path: string,
  options: FileSystem.WatchOptions | undefined
): Effect.Effect<Stream.Stream<FileSystem.WatchEvent>, Errno> =>
  Effect.map(
    callsOf(process)({ syscall: "stat", path }, () => watchedAt(volume, path, options?.recursive ?? false)),
    (watched) => events(volume, process, watched, options?.onReady)
  )
