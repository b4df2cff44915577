/**
 * From an error of the operating system to the one that Effect's `FileSystem` fails with, and its other
 * values.
 */
import { ByteSize, Effect, type FileSystem, Option, PlatformError } from "effect"
import type { Code, Errno } from "./errno.ts"
import { isFlag, type Status } from "./files.ts"
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

type Check = Effect.Effect<void, PlatformError.PlatformError>

const checkInteger = (method: string, what: string, value: number, least: number, most: number): Check =>
  Number.isInteger(value) && value >= least && value <= most
    ? Effect.void
    : Effect.fail(badArgument(method, `${what} must be an integer from ${least} to ${most}; got ${value}`))

const maxUint32 = 2 ** 32 - 1

/** Permissions. */
export const checkMode = (method: string, mode: number): Check =>
  checkInteger(method, "a mode", mode, 0, maxUint32)

/** A user or a group; -1 leaves it as it is. */
export const checkOwner = (method: string, id: number): Check =>
  checkInteger(method, "an owner", id, -1, maxUint32)

/** How much is read at once: Node counts in 32 bits. */
export const checkSize = (method: string, size: number): Check =>
  checkInteger(method, "a size", size, 0, 2 ** 31 - 1)

export const checkFlag = (method: string, flag: string): Check =>
  isFlag(flag) ? Effect.void : Effect.fail(badArgument(method, `a file cannot be opened with "${flag}"`))

/** A position to read from; what is read must end where 63 bits can still say so. */
export const checkPosition = (method: string, position: bigint, size: number): Check => {
  if (position < 0n) return Effect.fail(badArgument(method, "a position before the start of the file"))
  return position + BigInt(size) < 2n ** 63n
    ? Effect.void
    : Effect.fail(badArgument(method, `a position out of range; got ${position}`))
}

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
    // Node throws it, before it calls the system; but for listings its layer asks for a promise.
    if (code === "ERR_INVALID_ARG_VALUE" && !method.startsWith("readDirectory"))
      return badArgument(method, error.message)
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
