/** What Node makes of several system calls: whole files, whole trees, temporary names. */
import { posix } from "node:path"
import { Effect, Random } from "effect"
import { Errno } from "./errno.ts"
import type { OpenOptions, Status } from "./files.ts"
import type { Kernel } from "./kernel.ts"
import type { Descriptor } from "./model.ts"
import type { Entry } from "./names.ts"

type Call<A> = Effect.Effect<A, Errno>

/** So much is read by one call. */
const chunkBytes = 512 * 1024

export const withOpen = <A>(
  kernel: Kernel,
  path: string,
  options: Partial<OpenOptions>,
  use: (descriptor: Descriptor) => Call<A>
): Call<A> => Effect.acquireUseRelease(kernel.open(path, options), use, kernel.close)

/** Hands every piece of an open file on, to its end. */
const forEachChunk = Effect.fnUntraced(function* (
  kernel: Kernel,
  descriptor: Descriptor,
  use: (chunk: Uint8Array, position: number) => Call<void>
) {
  let position = 0
  for (;;) {
    const chunk = yield* kernel.read(descriptor, position, chunkBytes)
    if (chunk.length > 0) yield* use(chunk, position)
    position += chunk.length
    if (chunk.length < chunkBytes) return
  }
})

export const readFile = (kernel: Kernel, path: string): Call<Uint8Array> =>
  withOpen(kernel, path, { flag: "r" }, (descriptor) => {
    const chunks: Array<Uint8Array> = []
    const gather = forEachChunk(kernel, descriptor, (chunk) => Effect.sync(() => void chunks.push(chunk)))
    return Effect.map(gather, () => concat(chunks))
  })

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Writes on until all is written: a full disk takes what fits, and fails at what is left. */
const writeFrom = Effect.fnUntraced(function* (
  kernel: Kernel,
  descriptor: Descriptor,
  start: number,
  bytes: Uint8Array
) {
  let written = 0
  do {
    written += yield* kernel.write(descriptor, start + written, bytes.subarray(written))
  } while (written < bytes.length)
})

export const writeFile = (
  kernel: Kernel,
  path: string,
  bytes: Uint8Array,
  options: Partial<OpenOptions>
): Call<void> => withOpen(kernel, path, options, (descriptor) => writeFrom(kernel, descriptor, 0, bytes))

/** Copies the bytes of a file; a copy that fails leaves no file behind. */
export const copyFile = (kernel: Kernel, from: string, to: string): Call<void> => {
  const transfer = Effect.fnUntraced(function* (source: Descriptor, target: Descriptor, status: Status) {
    if (status.kind === "directory") return yield* Effect.fail(new Errno("EISDIR"))
    yield* kernel.ftruncate(target, 0)
    yield* forEachChunk(kernel, source, (chunk, position) => writeFrom(kernel, target, position, chunk))
    yield* kernel.chmod(to, status.mode)
  })
  const copy = withOpen(kernel, from, { flag: "r" }, (source) =>
    Effect.flatMap(kernel.fstat(source), (status) =>
      // Not "w", which would empty a file that is copied to itself.
      withOpen(kernel, to, { flag: "a", mode: status.mode }, (target) =>
        Effect.flatMap(kernel.fstat(target), ({ inode }) => {
          if (inode === status.inode) return Effect.void
          return Effect.tapError(transfer(source, target, status), () => Effect.ignore(kernel.unlink(to)))
        })
      )
    )
  )
  const site = { syscall: "copyfile", path: from, dest: to }
  return Effect.mapError(copy, ({ code }) => new Errno(code, site))
}

/** The result, or `undefined` where the operation failed with `code`. */
export const ignoring = <A>(code: Errno["code"], effect: Call<A>): Call<A | undefined> =>
  Effect.catch(effect, (error) => (error.code === code ? Effect.succeed(undefined) : Effect.fail(error)))

/** Makes a directory; one that is there already is fine. */
const makeOne = (kernel: Kernel, path: string, mode: number, isLast: boolean): Call<void> =>
  Effect.catch(kernel.mkdir(path, mode), (error) => {
    if (error.code !== "EEXIST") return Effect.fail(error)
    const refuse = (code: Errno["code"]) =>
      Effect.fail(new Errno(isLast ? code : "ENOTDIR", { syscall: "mkdir", path }))
    return Effect.matchEffect(kernel.stat(path), {
      onFailure: ({ code }) => refuse(code),
      onSuccess: ({ kind }) => (kind === "directory" ? Effect.void : refuse("EEXIST"))
    })
  })

/** A directory and those above it that are missing. */
export const makeDirectories = (kernel: Kernel, path: string, mode: number, isLast = true): Call<void> => {
  const one = makeOne(kernel, path, mode, isLast)
  const parent = posix.dirname(path)
  return Effect.catch(one, (error) =>
    error.code !== "ENOENT" || parent === path || path === ""
      ? Effect.fail(error)
      : Effect.andThen(makeDirectories(kernel, parent, mode, false), one)
  )
}

/** Removes what is at `path` and below; what somebody else removes meanwhile is fine. */
const removeAll = (kernel: Kernel, path: string, kind: Entry["kind"]): Call<void> => {
  if (kind !== "directory") return Effect.asVoid(ignoring("ENOENT", kernel.unlink(path)))
  return Effect.catch(kernel.rmdir(path), (error) => {
    // Node takes it for done, too, when it turns out to be a link.
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return Effect.void
    if (error.code !== "ENOTEMPTY") return Effect.fail(error)
    const emptied = Effect.gen(function* () {
      const entries = yield* kernel.readdir(path)
      for (const { name, kind } of entries) yield* removeAll(kernel, posix.join(path, name), kind)
      yield* kernel.rmdir(path)
    })
    return Effect.asVoid(ignoring("ENOENT", emptied))
  })
}

export const remove = Effect.fnUntraced(function* (
  kernel: Kernel,
  path: string,
  options: { readonly recursive: boolean; readonly force: boolean }
) {
  const found = yield* options.force ? ignoring("ENOENT", kernel.lstat(path)) : kernel.lstat(path)
  if (found === undefined) return
  if (found.kind === "directory" && !options.recursive) {
    return yield* Effect.fail(new Errno("ERR_FS_EISDIR", { syscall: "rm", path }))
  }
  yield* removeAll(kernel, path, found.kind)
})

const isDirectory = (kernel: Kernel, path: string, kind: Entry["kind"]): Call<boolean> => {
  if (kind !== "symlink") return Effect.succeed(kind === "directory")
  return Effect.match(kernel.stat(path), {
    onFailure: () => false,
    onSuccess: (status) => status.kind === "directory"
  })
}

/** The paths of everything below a directory, relative to it. Node follows links to directories here. */
export const listAll = Effect.fnUntraced(function* (kernel: Kernel, path: string) {
  const found: Array<string> = []
  const directories = [""]
  for (const directory of directories) {
    const here = posix.join(path, directory)
    for (const { name, kind } of yield* kernel.readdir(directory === "" ? path : here)) {
      const below = posix.join(directory, name)
      found.push(below)
      if (yield* isDirectory(kernel, posix.join(here, name), kind)) directories.push(below)
    }
  }
  return found
})

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

const randomName = (alphabet: string, length: number): Effect.Effect<string> =>
  Effect.withFiber((fiber) => {
    const random = fiber.getRef(Random.Random)
    const letter = () => alphabet.charAt(Math.floor(random.nextDoubleUnsafe() * alphabet.length))
    return Effect.succeed(Array.from({ length }, letter).join(""))
  })

/** After so many names that are taken, chance is broken. */
const maxAttempts = 100

export const makeTempDirectory = Effect.fnUntraced(function* (kernel: Kernel, prefix: string) {
  for (let attempt = 1; ; attempt++) {
    const path = prefix.toWellFormed() + (yield* randomName(letters, 6))
    const made = Effect.as(kernel.mkdir(path, 0o700), path)
    const fresh = yield* attempt < maxAttempts ? ignoring("EEXIST", made) : made
    if (fresh !== undefined) return fresh
  }
})

/** A new file in a directory of its own. */
export const makeTempFile = Effect.fnUntraced(function* (kernel: Kernel, prefix: string, suffix: string) {
  const directory = yield* makeTempDirectory(kernel, prefix)
  const path = posix.join(directory, (yield* randomName("0123456789abcdef", 12)) + suffix)
  yield* writeFile(kernel, path, new Uint8Array(0), { flag: "w" })
  return path
})
