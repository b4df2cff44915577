/** Layers around the files and locks of a store: points at which a process dies, and mistakes. */
import { FileLock } from "@holdfast/node"
import { Effect, FileSystem, Layer, type PlatformError } from "effect"
import type { Point, Points } from "./points.ts"

type Io<A> = Effect.Effect<A, PlatformError.PlatformError>

const draft = ".tmp"

const targetOf = (path: string): string => (path.endsWith(draft) ? path.slice(0, -draft.length) : path)

type Step = "a write" | "a sync" | "a rename" | "the sync of a directory"

const around =
  (points: Points) =>
  <A>(step: Step, io: Io<A>): Io<A> =>
    Effect.suspend(() => {
      points.reach(`before ${step}`)
      return Effect.map(io, (value) => {
        points.reach(`after ${step}`)
        return value
      })
    })

/** A file, or a directory, that is open under a path. */
const dyingFile = (points: Points, path: string, file: FileSystem.File): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: file.stat,
  seek: (offset, from) => file.seek(offset, from),
  sync: around(points)(path.endsWith(draft) ? "a sync" : "the sync of a directory", file.sync),
  read: (buffer, options) => file.read(buffer, options),
  readAlloc: (size, options) => file.readAlloc(size, options),
  truncate: (length) => file.truncate(length),
  write: (buffer) =>
    points.isNext("in the middle of a write")
      ? Effect.andThen(
          file.write(buffer.subarray(0, buffer.length / 2)),
          Effect.sync(() => points.end())
        )
      : around(points)("a write", file.write(buffer)),
  writeAll: (buffer) => file.writeAll(buffer)
})

export const dyingFileSystem = (points: Points) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) =>
      FileSystem.make({
        ...fs,
        open: (path, options) => Effect.map(fs.open(path, options), (file) => dyingFile(points, path, file)),
        rename: (from, to) => around(points)("a rename", fs.rename(from, to))
      })
    )
  )

const locks: ReadonlyArray<readonly [part: string, point: Point]> = [
  ["/next", "with the lock of the next"],
  ["/lock%", "with the lock of the key"],
  ["/turn%", "with the lock of the turn"],
  [".doc", "with the lock of the document"]
]

export const dyingLocks = (points: Points) =>
  Layer.effect(
    FileLock.FileLock,
    Effect.map(FileLock.FileLock, (lock) => ({
      ...lock,
      tryLock: (path: string) =>
        Effect.map(lock.tryLock(path), (isHeld) => {
          if (isHeld) for (const [part, point] of locks) if (path.includes(part)) points.reach(point)
          return isHeld
        })
    }))
  )

/** A mistake: everybody has every lock. */
export const noLocks = Layer.effect(
  FileLock.FileLock,
  Effect.map(FileLock.FileLock, (lock) => ({ ...lock, tryLock: () => Effect.succeed(true) }))
)

/** Each process has drafts of its own, so that processes without locks are not in each other's way. */
export const ownDrafts = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) => {
    const own = (path: string) => (path.endsWith(draft) ? `${targetOf(path)}.${process.pid}${draft}` : path)
    return FileSystem.make({
      ...fs,
      open: (path, options) => fs.open(own(path), options),
      rename: (from, to) => fs.rename(own(from), to),
      remove: (path, options) => fs.remove(own(path), options)
    })
  })
)

/** A mistake: a file is written where it is, rather than beside it. */
export const inPlace = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(FileSystem.FileSystem, (fs) =>
    FileSystem.make({
      ...fs,
      open: (path, options) =>
        path.endsWith(draft) ? fs.open(targetOf(path), { flag: "w" }) : fs.open(path, options),
      rename: (from, to) => (from.endsWith(draft) ? Effect.void : fs.rename(from, to)),
      remove: (path, options) => (path.endsWith(draft) ? Effect.void : fs.remove(path, options))
    })
  )
)
