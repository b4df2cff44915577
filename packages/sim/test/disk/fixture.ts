/** A disk with a little on it, and what a program sees of its errors. */
import { Effect, type FileSystem, type PlatformError } from "effect"
import * as Disk from "../../src/Disk.ts"

export type FS = FileSystem.FileSystem
export type Program<A> = Effect.Effect<A, PlatformError.PlatformError>

export const bytes = (text: string) => new TextEncoder().encode(text)

/** `Tag code`, as a program sees it. */
export const errorOf = <A>(program: Program<A>): Effect.Effect<string> =>
  Effect.match(program, {
    onSuccess: () => "success",
    onFailure: ({ cause, reason }) =>
      cause instanceof Error && "code" in cause ? `${reason._tag} ${cause.code}` : reason._tag
  })

/** On a new disk with `/file`, `/dir/file` and `/link` to itself. */
export const onDisk = <A>(
  use: (fs: FS, disk: Disk.Disk) => Program<A>,
  options?: Disk.Options
): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.gen(function* () {
    const disk = yield* Disk.make(options)
    const fs = disk.fileSystem
    yield* fs.writeFileString("/file", "text")
    yield* fs.makeDirectory("/dir")
    yield* fs.writeFileString("/dir/file", "below")
    yield* fs.symlink("/link", "/link")
    return yield* use(fs, disk)
  })

export const withFile = <A>(
  fs: FS,
  path: string,
  flag: FileSystem.OpenFlag,
  use: (file: FileSystem.File) => Program<A>
) => Effect.scoped(Effect.flatMap(fs.open(path, { flag }), use))
