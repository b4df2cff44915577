/** `cp -r`, as Node does it: with its checks, and with its own ideas about symbolic links. */
import { posix } from "node:path"
import { Effect } from "effect"
import { type Code, Errno } from "./errno.ts"
import type { Status } from "./files.ts"
import type { Kernel } from "./kernel.ts"
import { copyFile, ignoring, makeDirectories } from "./tree.ts"

export interface CopyOptions {
  readonly overwrite: boolean
  readonly preserveTimestamps: boolean
}

type Call<A> = Effect.Effect<A, Errno>

const refuse = (code: Code, path: string) => Effect.fail(new Errno(code, { syscall: "cp", path }))

/** Whether `inner` is `outer` or below it, by their text. */
const isBelow = (inner: string, outer: string): boolean =>
  `${posix.resolve("/", inner)}/`.startsWith(`${posix.resolve("/", outer)}/`)

/** What is at both ends, if the one may be copied to the other. */
const check = Effect.fnUntraced(function* (kernel: Kernel, from: string, to: string) {
  const source = yield* kernel.lstat(from)
  const target = yield* ignoring("ENOENT", kernel.lstat(to))
  const isDirectory = source.kind === "directory"
  if (target !== undefined) {
    if (source.inode === target.inode) return yield* refuse("ERR_FS_CP_EINVAL", to)
    if (isDirectory && target.kind !== "directory") return yield* refuse("ERR_FS_CP_DIR_TO_NON_DIR", to)
    if (!isDirectory && target.kind === "directory") return yield* refuse("ERR_FS_CP_NON_DIR_TO_DIR", to)
  }
  if (isDirectory && isBelow(to, from)) return yield* refuse("ERR_FS_CP_EINVAL", to)
  return { source, target }
})

/** Nothing is copied into itself, by whatever links the way there leads. */
const checkAbove = Effect.fnUntraced(function* (kernel: Kernel, from: string, to: string) {
  const source = yield* kernel.lstat(from)
  const home = posix.resolve("/", posix.dirname(from))
  let above = posix.resolve("/", posix.dirname(to))
  while (above !== home && above !== "/") {
    const found = yield* ignoring("ENOENT", kernel.stat(above))
    if (found === undefined) return
    if (found.inode === source.inode) return yield* refuse("ERR_FS_CP_EINVAL", to)
    above = posix.dirname(above)
  }
})

/** Where a link leads: a relative target becomes absolute. */
const leadsTo = (kernel: Kernel, path: string): Call<string> =>
  Effect.map(kernel.readlink(path), (target) =>
    target.startsWith("/") ? target : posix.resolve("/", posix.dirname(path), target)
  )

const copyLink = Effect.fnUntraced(function* (
  kernel: Kernel,
  from: string,
  to: string,
  target: Status | undefined
) {
  const link = yield* leadsTo(kernel, from)
  if (target?.kind === "symlink") {
    const replaced = yield* leadsTo(kernel, to)
    const { kind } = yield* kernel.stat(from)
    if (kind === "directory") {
      if (isBelow(replaced, link)) return yield* refuse("ERR_FS_CP_EINVAL", to)
      if (isBelow(link, replaced)) return yield* refuse("ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY", to)
    }
    yield* kernel.unlink(to)
  }
  yield* kernel.symlink(link, to)
})

const copyNode = (kernel: Kernel, from: string, to: string, options: CopyOptions): Call<void> =>
  Effect.gen(function* () {
    const { source, target } = yield* check(kernel, from, to)
    if (source.kind === "symlink") return yield* copyLink(kernel, from, to, target)
    if (source.kind === "directory") {
      if (target === undefined) yield* kernel.mkdir(to, 0o777)
      for (const { name } of yield* kernel.readdir(from)) {
        yield* copyNode(kernel, posix.join(from, name), posix.join(to, name), options)
      }
      if (target === undefined) yield* kernel.chmod(to, source.mode)
      return
    }
    if (target !== undefined && !options.overwrite) return
    if (target !== undefined) yield* kernel.unlink(to)
    yield* copyFile(kernel, from, to)
    if (options.preserveTimestamps) yield* kernel.utimes(to, source.atimeMillis, source.mtimeMillis)
  })

export const copy = Effect.fnUntraced(function* (
  kernel: Kernel,
  from: string,
  to: string,
  options: CopyOptions
) {
  yield* check(kernel, from, to)
  yield* checkAbove(kernel, from, to)
  yield* makeDirectories(kernel, posix.dirname(to), 0o777)
  yield* copyNode(kernel, from, to, options)
})
