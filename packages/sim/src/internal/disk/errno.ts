/** What can go wrong with a file, by the codes and in the words of Node. */

const descriptions = {
  EBADF: "bad file descriptor",
  EBUSY: "resource busy or locked",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EIO: "i/o error",
  EISDIR: "illegal operation on a directory",
  ELOOP: "too many symbolic links encountered",
  ENAMETOOLONG: "name too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  // What Node itself refuses, before it asks the operating system.
  ERR_FS_CP_DIR_TO_NON_DIR: "cannot overwrite a non-directory with a directory",
  ERR_FS_CP_EINVAL: "cannot copy something to itself or into itself",
  ERR_FS_CP_NON_DIR_TO_DIR: "cannot overwrite a directory with a non-directory",
  ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY: "cannot overwrite a link with one that leads below it",
  ERR_FS_EISDIR: "path is a directory",
  ERR_INVALID_ARG_VALUE: "a path must be a string without null bytes"
} as const

export type Code = keyof typeof descriptions

/** Where an error happened: the model knows the code alone, whoever made the system call knows the rest. */
export interface Site {
  readonly syscall: string
  readonly path?: string | undefined
  readonly dest?: string | undefined
}

const sentence = (code: Code, site: Site | undefined): string => {
  const what = `${code}: ${descriptions[code]}`
  if (site === undefined) return what
  const path = site.path === undefined ? "" : ` '${site.path}'`
  const dest = site.dest === undefined ? "" : ` -> '${site.dest}'`
  return `${what}, ${site.syscall}${path}${dest}`
}

/** An error of the operating system, in the shape in which Node throws it. */
export class Errno extends Error {
  readonly _tag = "Errno"
  readonly code: Code
  readonly syscall: string | undefined
  readonly path: string | undefined
  readonly dest: string | undefined

  constructor(code: Code, site?: Site) {
    super(sentence(code, site))
    this.code = code
    this.syscall = site?.syscall
    this.path = site?.path
    this.dest = site?.dest
  }
}
