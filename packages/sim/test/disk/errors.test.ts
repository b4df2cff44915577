import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Disk from "../../src/Disk.ts"
import { bytes, errorOf, type FS, onDisk, type Program, withFile } from "./fixture.ts"

const errors: ReadonlyArray<
  readonly [error: string, what: string, act: (fs: FS, disk: Disk.Disk) => Program<unknown>]
> = [
  ["NotFound ENOENT", "a file that is missing", (fs) => fs.readFile("/missing")],
  ["AlreadyExists EEXIST", "a directory that is there", (fs) => fs.makeDirectory("/dir")],
  ["BadResource ENOTDIR", "a path through a file", (fs) => fs.stat("/file/below")],
  ["BadResource EISDIR", "writing to a directory", (fs) => fs.writeFileString("/dir", "")],
  ["BadResource ELOOP", "a link that leads to itself", (fs) => fs.readFile("/link")],
  [
    "Unknown ENOTEMPTY",
    "a directory in the place of one that is not empty",
    (fs) => Effect.andThen(fs.makeDirectory("/other"), fs.rename("/other", "/dir"))
  ],
  ["Unknown ERR_FS_EISDIR", "removing a directory as if it were a file", (fs) => fs.remove("/dir")],
  ["Unknown EINVAL", "a directory that moves into itself", (fs) => fs.rename("/dir", "/dir/below")],
  ["PermissionDenied EPERM", "a second name for a directory", (fs) => fs.link("/dir", "/second")],
  ["Busy EBUSY", "moving the root", (fs) => fs.rename("/", "/dir/root")],
  ["Unknown ENAMETOOLONG", "a name of 256 letters", (fs) => fs.stat(`/${"x".repeat(256)}`)],
  ["Unknown ENAMETOOLONG", "a name of 200 letters of two bytes", (fs) => fs.stat(`/${"ü".repeat(200)}`)],
  ["Unknown ENAMETOOLONG", "a link to more than a path can be", (fs) => fs.symlink("x".repeat(4096), "/l")],
  ["BadArgument", "permissions that are no number", (fs) => fs.chmod("/missing", Number.NaN)],
  ["BadArgument", "an owner that is no whole number", (fs) => fs.chown("/missing", 0, 1.5)],
  [
    "Unknown EBADF",
    "writing to what is open for reading",
    (fs) => withFile(fs, "/file", "r", (file) => file.write(bytes("x")))
  ],
  [
    "Unknown EBADF",
    "reading what is open for writing",
    (fs) => withFile(fs, "/file", "a", (file) => file.readAlloc(1))
  ],
  ["BadArgument", "a path with a null byte", (fs) => fs.readFile("/\0")],
  [
    "Unknown ENOSPC",
    "writing to a full disk",
    (fs, disk) => Effect.andThen(disk.setCapacity(0), fs.writeFileString("/dir/more", "x"))
  ],
  [
    "Unknown ENOSPC",
    "growing a file on a full disk",
    (fs, disk) => Effect.andThen(disk.setCapacity(10), fs.truncate("/file", 11))
  ],
  [
    "Unknown EROFS",
    "a new name on a disk that is read-only",
    (fs, disk) => Effect.andThen(disk.setReadOnly(true), fs.makeDirectory("/more"))
  ],
  [
    "Unknown EROFS",
    "a file opened for writing on a disk that is read-only",
    (fs, disk) => Effect.andThen(disk.setReadOnly(true), fs.writeFileString("/file", "x"))
  ],
  [
    "Unknown ENOSPC",
    "writing behind a hole that a full disk has no room for",
    (fs, disk) =>
      withFile(fs, "/file", "r+", (file) =>
        Effect.all([disk.setCapacity(12), file.seek(10n, "start"), file.write(bytes("x"))])
      )
  ],
  [
    "Unknown EROFS",
    "asking whether one may write on a disk that is read-only",
    (fs, disk) => Effect.andThen(disk.setReadOnly(true), fs.access("/file", { writable: true }))
  ],
  [
    "Unknown EROFS",
    "writing to an open file on a disk that has become read-only",
    (fs, disk) =>
      withFile(fs, "/file", "a", (file) => Effect.andThen(disk.setReadOnly(true), file.write(bytes("x"))))
  ],
  [
    "success",
    "reading from a disk that is read-only",
    (fs, disk) => Effect.andThen(disk.setReadOnly(true), fs.readFile("/file"))
  ],
  [
    "Unknown EIO",
    "an operation that was chosen to fail",
    (fs, disk) => Effect.andThen(disk.failAt(1, "EIO"), fs.readFile("/file"))
  ]
]

describe("a disk", () => {
  it.effect.each(errors)("answers %s to %s", ([error, _, act]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* errorOf(onDisk(act)), error)
    })
  )

  it.effect("names the method, the path and the system call that an error came from", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(onDisk((fs) => fs.rename("/missing", "/there")))
      assert.strictEqual(error.message, "NotFound: FileSystem.rename (/missing)")
      assert.propertyVal(error.reason, "syscall", "rename")
      assert.strictEqual(
        String(error.cause),
        "Error: ENOENT: no such file or directory, rename '/missing' -> '/there'"
      )
    })
  )
})
