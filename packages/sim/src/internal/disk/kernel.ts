/**
 * The system calls of a simulated machine as effects.
 *
 * Each yields before it acts, so that another fiber, or a crash, can come between any two of them.
 */
import { Effect } from "effect"
import { Errno, type Site } from "./errno.ts"
import * as files from "./files.ts"
import type { Descriptor, Process, Volume } from "./model.ts"
import * as names from "./names.ts"

/** What the usual `umask` takes from the permissions of whatever is new. */
const umask = 0o022

const attempt = <A>(site: Site, body: () => A): Effect.Effect<A, Errno> => {
  if (site.path?.includes("\0") || site.dest?.includes("\0")) {
    return Effect.fail(new Errno("ERR_INVALID_ARG_VALUE"))
  }
  try {
    return Effect.succeed(body())
  } catch (error) {
    return error instanceof Errno ? Effect.fail(new Errno(error.code, site)) : Effect.die(error)
  }
}

/** A system call: `body` at one instant. One of a process that has ended does nothing, and ends its fiber. */
export type Call = <A>(site: Site, body: (nowMillis: number) => A) => Effect.Effect<A, Errno>

export const callsOf =
  (process: Process | undefined): Call =>
  (site, body) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.clockWith((clock) =>
        process?.hasEnded === true
          ? Effect.interrupt
          : attempt(site, () => body(clock.currentTimeMillisUnsafe()))
      )
    )

export type Kernel = ReturnType<typeof makeKernel>

const namesOf = (volume: Volume, call: Call) => ({
  mkdir: (path: string, mode: number) =>
    call({ syscall: "mkdir", path }, (now) => names.mkdir(volume, path, mode & 0o1777 & ~umask, now)),
  rmdir: (path: string) => call({ syscall: "rmdir", path }, (now) => names.rmdir(volume, path, now)),
  unlink: (path: string) => call({ syscall: "unlink", path }, (now) => names.unlink(volume, path, now)),
  link: (path: string, dest: string) =>
    call({ syscall: "link", path, dest }, (now) => names.link(volume, path, dest, now)),
  symlink: (path: string, dest: string) =>
    call({ syscall: "symlink", path, dest }, (now) => names.symlink(volume, path, dest, now)),
  rename: (path: string, dest: string) =>
    call({ syscall: "rename", path, dest }, (now) => names.rename(volume, path, dest, now)),
  readdir: (path: string) => call({ syscall: "scandir", path }, () => names.readdir(volume, path)),
  readlink: (path: string) => call({ syscall: "readlink", path }, () => names.readlink(volume, path)),
  realpath: (path: string) => call({ syscall: "lstat", path }, () => names.realpath(volume, path))
})

const attributesOf = (volume: Volume, call: Call) => ({
  stat: (path: string) => call({ syscall: "stat", path }, () => files.stat(volume, path, true)),
  lstat: (path: string) => call({ syscall: "lstat", path }, () => files.stat(volume, path, false)),
  access: (path: string, forWriting: boolean) =>
    call({ syscall: "access", path }, () => files.access(volume, path, forWriting)),
  chmod: (path: string, mode: number) =>
    call({ syscall: "chmod", path }, () => files.chmod(volume, path, mode & 0o7777)),
  chown: (path: string, uid: number, gid: number) =>
    call({ syscall: "chown", path }, () => files.chown(volume, path, uid, gid)),
  utimes: (path: string, atimeMillis: number | undefined, mtimeMillis: number | undefined) =>
    call({ syscall: "utime", path }, (now) =>
      files.utimes(volume, path, atimeMillis ?? now, mtimeMillis ?? now)
    )
})

const descriptorsOf = (volume: Volume, call: Call, process: Process | undefined) => ({
  open: (path: string, { flag = "r", mode = 0o666, noFollow = false }: Partial<files.OpenOptions> = {}) =>
    call({ syscall: "open", path }, (now) => {
      const descriptor = files.open(volume, path, { flag, mode: mode & 0o7777 & ~umask, noFollow }, now)
      process?.descriptors.add(descriptor)
      return descriptor
    }),
  close: (descriptor: Descriptor) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => {
        process?.descriptors.delete(descriptor)
        files.close(volume, descriptor)
      })
    ),
  lock: (descriptor: Descriptor) => call({ syscall: "fcntl" }, () => files.lock(volume, descriptor)),
  isLocked: (descriptor: Descriptor) => call({ syscall: "fcntl" }, () => files.isLocked(volume, descriptor)),
  read: (descriptor: Descriptor, position: number, size: number) =>
    call({ syscall: "read" }, () => files.read(volume, descriptor, position, size)),
  write: (descriptor: Descriptor, position: number, bytes: Uint8Array) =>
    call({ syscall: "write" }, (now) => files.write(volume, descriptor, position, bytes, now)),
  ftruncate: (descriptor: Descriptor, length: number) =>
    call({ syscall: "ftruncate" }, (now) => files.truncate(volume, descriptor, length, now)),
  fsync: (descriptor: Descriptor) => call({ syscall: "fsync" }, () => files.fsync(volume, descriptor)),
  fstat: (descriptor: Descriptor) => call({ syscall: "fstat" }, () => files.fstat(volume, descriptor))
})

/** Without a process the calls are those of whoever uses the disk, before and after each kill. */
export const makeKernel = (volume: Volume, process?: Process) => {
  const call = callsOf(process)
  return {
    ...namesOf(volume, call),
    ...attributesOf(volume, call),
    ...descriptorsOf(volume, call, process)
  }
}
