/** The files and locks of one process of a simulated machine, as a store wants them, with a look at each system call. */
import { FileLock } from "@holdfast/node"
import type { Disk } from "@holdfast/sim"
import { ByteSize, Effect, FileSystem, Layer, Option, type PlatformError } from "effect"

export interface Files {
  readonly fs: FileSystem.FileSystem
  readonly lock: FileLock.FileLock["Service"]
}

export type Io<A> = Effect.Effect<A, PlatformError.PlatformError>

/** The clock of a simulation stands still while files are written; but no number of a file is given twice. */
const identity = ({ stat }: FileSystem.FileSystem, path: string): Io<string | undefined> =>
  stat(path).pipe(
    Effect.map(({ ino, mtime, size }) => {
      const millis = Option.match(mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
      return `${Option.getOrThrow(ino)}:${millis}:${ByteSize.toBigInt(size)}`
    }),
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.undefined
    )
  )

export const filesOf = ({ fileSystem: fs, isLocked, tryLock }: Disk.Process): Files => ({
  fs,
  lock: { tryLock, isLocked, identity: (path) => identity(fs, path) }
})

export const layerFiles = ({ fs, lock }: Files): Layer.Layer<FileSystem.FileSystem | FileLock.FileLock> =>
  Layer.merge(Layer.succeed(FileSystem.FileSystem, fs), Layer.succeed(FileLock.FileLock, lock))

/** Of an open file: what a store does with it. */
const through = (file: FileSystem.File, before: Effect.Effect<void>): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: Effect.andThen(before, file.stat),
  seek: (offset, from) => file.seek(offset, from),
  // All else takes no time beside it.
  sync: Effect.andThen(before, Effect.andThen(Effect.sleep(1), file.sync)),
  read: (buffer, options) => Effect.andThen(before, file.read(buffer, options)),
  readAlloc: (size, options) => Effect.andThen(before, file.readAlloc(size, options)),
  truncate: (length) => Effect.andThen(before, file.truncate(length)),
  write: (buffer) => Effect.andThen(before, file.write(buffer)),
  writeAll: (buffer) => Effect.andThen(before, file.writeAll(buffer))
})

/** The same files, with something that comes before every call. */
export const withBefore = ({ fs, lock }: Files, before: Effect.Effect<void>): Files => ({
  fs: FileSystem.make({
    ...fs,
    access: (path, options) => Effect.andThen(before, fs.access(path, options)),
    link: (from, to) => Effect.andThen(before, fs.link(from, to)),
    makeDirectory: (path, options) => Effect.andThen(before, fs.makeDirectory(path, options)),
    open: (path, options) =>
      Effect.andThen(
        before,
        Effect.map(fs.open(path, options), (file) => through(file, before))
      ),
    readDirectory: (path, options) => Effect.andThen(before, fs.readDirectory(path, options)),
    readFile: (path) => Effect.andThen(before, fs.readFile(path)),
    remove: (path, options) => Effect.andThen(before, fs.remove(path, options)),
    rename: (from, to) => Effect.andThen(before, fs.rename(from, to)),
    stat: (path) => Effect.andThen(before, fs.stat(path))
  }),
  lock: {
    tryLock: (path) => Effect.andThen(before, lock.tryLock(path)),
    isLocked: (path) => Effect.andThen(before, lock.isLocked(path)),
    identity: (path) => Effect.andThen(before, lock.identity(path))
  }
})
