/** Effect's `FileSystem` over the system calls of a simulated machine. */
import { posix } from "node:path"
import { Effect, FileSystem, type PlatformError, Stream } from "effect"
import { copy } from "./copy.ts"
import type { Errno } from "./errno.ts"
import { Handle } from "./handle.ts"
import { type Kernel, makeKernel } from "./kernel.ts"
import type { Process, Volume } from "./model.ts"
import {
  badArgument,
  checkFlag,
  checkMode,
  checkOwner,
  toInfo,
  toLength,
  toPlatformError,
  toType
} from "./platformError.ts"
import * as tree from "./tree.ts"
import { watch } from "./watch.ts"

type Methods = Parameters<typeof FileSystem.make>[0]

/** Turns the errors of the operating system into those of `method`. */
export const during =
  (method: string, path: string) =>
  <A, R>(effect: Effect.Effect<A, Errno, R>): Effect.Effect<A, PlatformError.PlatformError, R> =>
    Effect.mapError(effect, toPlatformError(method, path))

const attributeMethods = (kernel: Kernel) =>
  ({
    access: (path, options) => kernel.access(path, options?.writable ?? false).pipe(during("access", path)),
    chmod: (path, mode) =>
      Effect.andThen(checkMode("chmod", mode), kernel.chmod(path, mode).pipe(during("chmod", path))),
    chown: (path, uid, gid) =>
      Effect.all([checkOwner("chown", uid), checkOwner("chown", gid)]).pipe(
        Effect.andThen(kernel.chown(path, uid, gid).pipe(during("chown", path)))
      ),
    lstat: (path) => Effect.map(kernel.lstat(path), toInfo).pipe(during("lstat", path)),
    stat: (path) => Effect.map(kernel.stat(path), toInfo).pipe(during("stat", path)),
    utimes: (path, atime, mtime) =>
      [atime, mtime].some((time) => typeof time === "number" && !Number.isFinite(time))
        ? Effect.fail(badArgument("utime", "a time must be a date or a number of seconds"))
        : kernel.utimes(path, millisOf(atime), millisOf(mtime)).pipe(during("utime", path))
  }) satisfies Partial<Methods>

/** A number is in seconds, as everywhere in POSIX. For Node one below zero is now, as is a date that is none. */
const millisOf = (time: Parameters<Methods["utimes"]>[1]): number | undefined => {
  if (typeof time === "number") return time < 0 ? undefined : time * 1000
  const millis = time.getTime()
  return Number.isNaN(millis) ? undefined : millis
}

const nameMethods = (kernel: Kernel) =>
  ({
    link: (from, to) => kernel.link(from, to).pipe(during("link", from)),
    makeDirectory: (path, { mode = 0o777, recursive = false } = {}) =>
      Effect.andThen(
        checkMode("makeDirectory", mode),
        (recursive ? tree.makeDirectories(kernel, path, mode) : kernel.mkdir(path, mode)).pipe(
          during("makeDirectory", path)
        )
      ),
    readDirectory: (path, options) =>
      (options?.recursive === true
        ? tree.listAll(kernel, path)
        : Effect.map(kernel.readdir(path), (entries) => entries.map(({ name }) => name))
      ).pipe(during("readDirectory", path)),
    readDirectoryEntries: (path) =>
      Effect.map(kernel.readdir(path), (entries) =>
        entries.map(({ name, kind }) => ({ name, type: toType(kind) }))
      ).pipe(during("readDirectoryEntries", path)),
    readLink: (path) => kernel.readlink(path).pipe(during("readLink", path)),
    // Node takes `..` out of the text of the path, before it looks at any link.
    realPath: (path) => kernel.realpath(posix.resolve("/", path)).pipe(during("realPath", path)),
    remove: (path, { force = false, recursive = false } = {}) =>
      tree.remove(kernel, path, { force, recursive }).pipe(during("remove", path)),
    rename: (from, to) => kernel.rename(from, to).pipe(during("rename", from)),
    symlink: (target, path) => kernel.symlink(target, path).pipe(during("symlink", target))
  }) satisfies Partial<Methods>

const afterChecks =
  (method: string, flag: FileSystem.OpenFlag, mode: number) =>
  <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
    Effect.andThen(Effect.andThen(checkFlag(method, flag), checkMode(method, mode)), effect)

const contentMethods = (kernel: Kernel) =>
  ({
    copy: (from, to, { overwrite = false, preserveTimestamps = false } = {}) =>
      copy(kernel, from, to, { overwrite, preserveTimestamps }).pipe(during("copy", from)),
    copyFile: (from, to) => tree.copyFile(kernel, from, to).pipe(during("copyFile", from)),
    open: (path, { flag = "r", mode = 0o666, noFollow = false } = {}) =>
      Effect.acquireRelease(kernel.open(path, { flag, mode, noFollow }), kernel.close).pipe(
        Effect.map((descriptor) => new Handle(kernel, descriptor)),
        during("open", path),
        afterChecks("open", flag, mode)
      ),
    readFile: (path) => tree.readFile(kernel, path).pipe(during("readFile", path)),
    truncate: (path, length = 0) =>
      Effect.flatMap(toLength("truncate", length), (end) =>
        tree
          .withOpen(kernel, path, { flag: "r+" }, (descriptor) => kernel.ftruncate(descriptor, end))
          .pipe(during("truncate", path))
      ),
    writeFile: (path, data, { flag = "w", mode = 0o666 } = {}) =>
      tree
        .writeFile(kernel, path, data, { flag, mode })
        .pipe(during("writeFile", path), afterChecks("writeFile", flag, mode))
  }) satisfies Partial<Methods>

interface TemporaryOptions {
  readonly directory?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
}

const prefixOf = ({ directory = "/tmp", prefix = "" }: TemporaryOptions): string =>
  prefix === "" ? `${posix.join(directory, ".")}/` : posix.join(directory, prefix)

const temporaryMethods = (kernel: Kernel) => {
  const directory = (method: string, options: TemporaryOptions) =>
    tree.makeTempDirectory(kernel, prefixOf(options)).pipe(during(method, prefixOf(options)))
  const file = (method: string, options: TemporaryOptions) =>
    tree.makeTempFile(kernel, prefixOf(options), options.suffix ?? "").pipe(during(method, prefixOf(options)))
  const removeLater = (method: string, path: string) =>
    tree.remove(kernel, path, { recursive: true, force: true }).pipe(during(method, path), Effect.orDie)
  return {
    makeTempDirectory: (options = {}) => directory("makeTempDirectory", options),
    makeTempDirectoryScoped: (options = {}) =>
      Effect.acquireRelease(directory("makeTempDirectoryScoped", options), (path) =>
        removeLater("makeTempDirectoryScoped", path)
      ),
    makeTempFile: (options = {}) => file("makeTempFile", options),
    makeTempFileScoped: (options = {}) =>
      Effect.acquireRelease(file("makeTempFileScoped", options), (path) =>
        removeLater("makeTempFileScoped", posix.dirname(path))
      )
  } satisfies Partial<Methods>
}

export const makeFileSystem = (volume: Volume, process?: Process): FileSystem.FileSystem => {
  const kernel = makeKernel(volume, process)
  return FileSystem.make({
    ...attributeMethods(kernel),
    ...nameMethods(kernel),
    ...contentMethods(kernel),
    ...temporaryMethods(kernel),
    watch: (path, options) => Stream.unwrap(watch(volume, process, path, options).pipe(during("stat", path)))
  })
}
