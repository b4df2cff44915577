/** Steps of which reading and writing a file are made. */
import { ByteSize, Effect, type FileSystem, Option, PlatformError, Scope } from "effect"
import type { FileLock } from "../../FileLock.ts"
import type { Pin } from "./pins.ts"

export type Io<A> = Effect.Effect<A, PlatformError.PlatformError>

/** What a store has of its operating system. */
export interface Disk {
  readonly fs: FileSystem.FileSystem
  readonly lock: FileLock["Service"]
}

export const isNotFound = ({ reason }: PlatformError.PlatformError): boolean => reason._tag === "NotFound"

/** Makes the names in a directory durable: those of files are not by a sync of the files. */
export const syncDirectory = ({ fs }: Pick<Disk, "fs">, path: string): Io<void> =>
  Effect.scoped(Effect.flatMap(fs.open(path, { flag: "r" }), (directory) => directory.sync))

const readAll = Effect.fnUntraced(function* (file: FileSystem.File, size: number) {
  const bytes = Buffer.alloc(size)
  let length = 0
  while (length < size) {
    const count = yield* file.read(bytes.subarray(length))
    if (count === 0) break
    length += count
  }
  return bytes.subarray(0, length)
})

const isSameFile = (one: FileSystem.File.Info, other: FileSystem.File.Info): boolean =>
  Option.isSome(one.ino) && one.dev === other.dev && one.ino.value === Option.getOrUndefined(other.ino)

/**
 * Reads the file that has a name, or `undefined`.
 *
 * **Details**
 *
 * A path can name another file with each look at it, so which one the identity is of takes two: the file was opened at
 * this path, and it is still there after the identity was taken. As it is open, no other one looks like it; and one that
 * has lost its name never gets it back. When another file has taken the name, there is no identity.
 */
export const readFile = Effect.fnUntraced(
  function* ({ fs, lock }: Disk, path: string, pin: Pin) {
    const file = yield* Scope.provide(fs.open(path, { flag: "r" }), pin.scope)
    const identity = yield* lock.identity(path)
    const info = yield* file.stat
    const bytes = yield* readAll(file, Number(ByteSize.toBigInt(info.size)))
    const there = yield* fs.stat(path)
    return { bytes, identity: isSameFile(info, there) ? identity : undefined }
  },
  Effect.catchIf(isNotFound, () => Effect.undefined)
)

/** Short writes are legal. */
const writeAll = Effect.fnUntraced(function* (file: FileSystem.File, bytes: Uint8Array) {
  let length = 0
  while (length < bytes.length) {
    const count = yield* file.write(bytes.subarray(length))
    if (count <= 0) {
      return yield* Effect.fail(
        PlatformError.systemError({ _tag: "WriteZero", module: "FileSystem", method: "write" })
      )
    }
    length += count
  }
})

/**
 * A new file with these bytes, which are durable, and a name, which is not.
 *
 * What a writer that died has left under the name is removed first, never written into: after a loss of power the same
 * file may have another name, too.
 */
export const writeNew = Effect.fnUntraced(function* (
  { fs }: Disk,
  path: string,
  bytes: Uint8Array,
  pin: Pin
) {
  const open = Scope.provide(fs.open(path, { flag: "wx" }), pin.scope)
  const file = yield* Effect.catchIf(
    open,
    ({ reason }) => reason._tag === "AlreadyExists",
    () => Effect.andThen(fs.remove(path), open)
  )
  yield* writeAll(file, bytes)
  yield* file.sync
})
