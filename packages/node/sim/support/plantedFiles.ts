/** Stores that go wrong in a way that others did: what the suites must find. */
import { Effect, FileSystem } from "effect"
import type { Files } from "./processFiles.ts"

export interface Variant {
  readonly name: string
  readonly change: (files: Files) => Files
}

export const right: Variant = { name: "the store", change: (files) => files }

const withOpen = ({ fs, lock }: Files, open: FileSystem.FileSystem["open"]): Files => ({
  fs: FileSystem.make({ ...fs, open }),
  lock
})

export const withSync = (file: FileSystem.File, sync: FileSystem.File["sync"]): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: file.stat,
  seek: (offset, from) => file.seek(offset, from),
  sync,
  read: (buffer, options) => file.read(buffer, options),
  readAlloc: (size, options) => file.readAlloc(size, options),
  truncate: (length) => file.truncate(length),
  write: (buffer) => file.write(buffer),
  writeAll: (buffer) => file.writeAll(buffer)
})

export const unlocked: Variant = {
  name: "nothing is locked",
  change: ({ fs, lock }) => ({ fs, lock: { ...lock, tryLock: () => Effect.succeed(true) } })
}

/** Instead of being renamed, the new file is copied over the old one. */
export const inPlace: Variant = {
  name: "files are written in place",
  change: ({ fs, lock }) => ({
    fs: FileSystem.make({
      ...fs,
      rename: (from, to) =>
        Effect.gen(function* () {
          const bytes = yield* fs.readFile(from)
          const file = yield* fs.open(to, { flag: "w" })
          yield* file.writeAll(bytes)
          yield* file.sync
          yield* fs.remove(from)
        }).pipe(Effect.scoped)
    }),
    lock
  })
}

export const noFileSync: Variant = {
  name: "files are not synced",
  change: (files) =>
    withOpen(files, (path, options) =>
      Effect.map(files.fs.open(path, options), (file) =>
        options?.flag === "wx" ? withSync(file, Effect.void) : file
      )
    )
}

/** What a store opens to read and syncs is a directory. */
export const noDirectorySync: Variant = {
  name: "directories are not synced",
  change: (files) =>
    withOpen(files, (path, options) =>
      Effect.map(files.fs.open(path, options), (file) =>
        options?.flag === "r" ? withSync(file, Effect.void) : file
      )
    )
}

/** The directory of the files is only synced by whoever has renamed one in it. */
export const noReaderSync: Variant = {
  name: "who reads does not sync what another wrote",
  change: (files) => {
    let hasRenamed = false
    const note = (renamed: boolean) =>
      Effect.sync(() => {
        hasRenamed = renamed
      })
    const { fs, lock } = withOpen(files, (path, options) =>
      Effect.map(files.fs.open(path, options), (file) => {
        const sync = Effect.suspend(() => (hasRenamed ? Effect.andThen(note(false), file.sync) : Effect.void))
        return path.endsWith("/keys") ? withSync(file, sync) : file
      })
    )
    const rename: FileSystem.FileSystem["rename"] = (from, to) =>
      Effect.andThen(note(true), fs.rename(from, to))
    return { fs: FileSystem.make({ ...fs, rename }), lock }
  }
}

export const unlinking: Variant = {
  name: "lock files are removed",
  change: ({ fs, lock }) => ({
    fs,
    lock: {
      ...lock,
      tryLock: (path) =>
        Effect.tap(lock.tryLock(path), (isMine) =>
          isMine ? Effect.addFinalizer(() => Effect.ignore(fs.remove(path))) : Effect.void
        )
    }
  })
}
