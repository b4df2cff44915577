/**
 * From an error of the operating system to the one that Effect's `FileSystem` fails with, and its other
 * values.
 */
import { ByteSize, Effect, type FileSystem, Option, PlatformError } from "effect"
import type { Code, Errno } from "./errno.ts"
import type { Status } from "./files.ts"
import type { Node } from "./inode.ts"

const tags: Partial<Readonly<Record<Code, PlatformError.SystemErrorTag>>> = {
  ENOENT: "NotFound",
  EPERM: "PermissionDenied",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource",
  EBUSY: "Busy"
}

export const badArgument = (method: string, description: string): PlatformError.PlatformError =>
  PlatformError.badArgument({ module: "FileSystem", method, description })

/** A length, which must be a whole number; one below zero means zero. */
export const toLength = (
  method: string,
  length: number
): Effect.Effect<number, PlatformError.PlatformError> =>
  Number.isInteger(length)
    ? Effect.succeed(Math.max(0, length))
    : Effect.fail(badArgument(method, `a length must be an integer; got ${length}`))

/** As the Node layer does it: what has no tag of its own is `Unknown`, and its cause has the code. */
export const toPlatformError =
  (method: string, pathOrDescriptor: string | number) =>
  (error: Errno): PlatformError.PlatformError => {
    const { code, syscall } = error
    // Node throws it, before it calls the system.
    if (code === "ERR_INVALID_ARG_VALUE") return badArgument(method, error.message)
    return PlatformError.systemError({
      _tag: tags[code] ?? "Unknown",
      module: "FileSystem",
      method,
      pathOrDescriptor,
      syscall,
      cause: error
    })
  }

const types = {
  file: { type: "File", bits: 0o100000 },
  directory: { type: "Directory", bits: 0o040000 },
  symlink: { type: "SymbolicLink", bits: 0o120000 }
} as const

export const toType = (kind: Node["kind"]): FileSystem.File.Type => types[kind].type

const blockSizeBytes = 4096
/** The unit of `blocks`, whatever the size of a block is. */
const sectorSizeBytes = 512

export const toInfo = (status: Status): FileSystem.File.Info => ({
  type: toType(status.kind),
  mtime: Option.some(new Date(status.mtimeMillis)),
  atime: Option.some(new Date(status.atimeMillis)),
  birthtime: Option.some(new Date(status.birthtimeMillis)),
  dev: 1n,
  rdev: Option.some(0n),
  ino: Option.some(BigInt(status.inode)),
  mode: types[status.kind].bits | status.mode,
  nlink: Option.some(BigInt(status.links)),
  uid: Option.some(status.uid),
  gid: Option.some(status.gid),
  size: ByteSize.bytes(status.sizeBytes),
  blksize: Option.some(ByteSize.bytes(blockSizeBytes)),
  blocks: Option.some(BigInt(Math.ceil(status.sizeBytes / sectorSizeBytes)))
})
