/** Stores of files on a disk in memory, as processes that share it. */
import type { StateBackend } from "@holdfast/core"
import type { Disk } from "@holdfast/sim"
import { Effect, FileSystem, PlatformError, type Scope } from "effect"
import { type Files, filesOf, layerFiles } from "../../sim/support/processFiles.ts"
import { make, type Settings } from "../../src/internal/file/backend.ts"

export const root = "/var/lib/state"

export type Change = (files: Files) => Files

const same: Change = (files) => files

/** A process of its own opens the store. */
export const open = (
  disk: Disk.Disk,
  layout: Settings["layout"] = "perKey",
  change: Change = same
): Effect.Effect<StateBackend.StateBackend, Effect.Error<ReturnType<typeof make>>, Scope.Scope> =>
  Effect.flatMap(disk.process, (process) =>
    Effect.provide(make({ directory: root, layout, owner: "test" }), layerFiles(change(filesOf(process))))
  )

/** The text of a file, as a reader sees it. */
export const textOf = (disk: Disk.Disk, path: string): Effect.Effect<string | undefined> =>
  Effect.map(disk.snapshot, (files) => {
    const bytes = files.get(`${root}/${path}`)
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
  })

/** Puts a file in the place of another, as no store does. */
export const put = ({ fileSystem: fs }: Disk.Disk, path: string, bytes: Uint8Array) =>
  Effect.andThen(fs.writeFile(`${root}/other`, bytes), fs.rename(`${root}/other`, `${root}/${path}`))

/** Every file without whatever ends with one of these. */
export const pathsOf = (disk: Disk.Disk): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(disk.snapshot, (files) =>
    Array.from(files.keys())
      .filter((path) => path.startsWith(`${root}/`))
      .map((path) => path.slice(root.length + 1))
      .sort()
  )

export const failure = (code: string, tag: PlatformError.SystemErrorTag = "Unknown") =>
  PlatformError.systemError({
    _tag: tag,
    module: "FileSystem",
    method: "test",
    cause: Object.assign(new Error(code), { code })
  })

/** The same file system, with some of it changed. */
export const replacing =
  (change: (fs: FileSystem.FileSystem) => Partial<FileSystem.FileSystem>): Change =>
  ({ fs, lock }) => ({ fs: FileSystem.make({ ...fs, ...change(fs) }), lock })
