/**
 * Random programs over a `FileSystem` as data, and what they observe in a form that two file systems can
 * share.
 */
import { Effect, type FileSystem, Option, type PlatformError, Result } from "effect"
import * as fc from "fast-check"

type Outcome = Effect.Effect<unknown, PlatformError.PlatformError>

/** A command says what it does, so that a failure can be read. */
export interface Command {
  readonly text: string
  /** `at` puts a path below the directory that the program plays in. */
  readonly run: (fs: FileSystem.FileSystem, at: (path: string) => string) => Outcome
}

export const command = (text: string, run: Command["run"]): Command => ({ text, run })

const name = fc.constantFrom("a", "b", "c")
const plain = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"))

/** Mostly plain paths of few names, so that commands meet each other. */
const path: fc.Arbitrary<string> = fc.oneof(
  { weight: 40, arbitrary: plain },
  { weight: 2, arbitrary: plain.map((path) => `${path}/`) },
  { weight: 1, arbitrary: plain.map((path) => `${path}/.`) },
  { weight: 1, arbitrary: plain.map((path) => `./${path}/../b`) },
  { weight: 1, arbitrary: plain.map((path) => `${path}/..`) },
  { weight: 1, arbitrary: fc.constant("") },
  // Half of a surrogate pair, what becomes of it, and the longest name of letters of two bytes.
  { weight: 2, arbitrary: fc.constantFrom("\ud800", "\ufffd", "ü".repeat(127)) }
)

const bytes = fc.uint8Array({ maxLength: 12 })
const length = fc.oneof(
  { weight: 9, arbitrary: fc.nat(16) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1.5) }
)
/** The owner may do everything, so that it does not matter who runs the tests. */
const mode = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(0o700, 0o750, 0o777, 0o4700, 0o1770, 0o100700) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1.5, Number.NaN) }
)
const flag = fc.constantFrom<FileSystem.OpenFlag>("r", "r+", "w", "wx", "w+", "wx+", "a", "ax", "a+", "ax+")
/** The owner is the one who runs the tests, who need not be allowed to give a file away. */
const owner = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(-1, 2 ** 32 - 1) },
  { weight: 1, arbitrary: fc.constantFrom(-2, 1.5, Number.NaN, 2 ** 32) }
)

/** Inodes, devices and the sizes of directories have no counterpart. */
const comparable = (info: FileSystem.File.Info) => ({
  type: info.type,
  mode: process.umask() === 0o022 && info.type !== "SymbolicLink" ? info.mode.toString(8) : undefined,
  ...(info.type === "Directory"
    ? {}
    : { size: Number(info.size), links: Number(Option.getOrThrow(info.nlink)) })
})

const seconds = (date: Option.Option<Date>) => Option.getOrThrow(date).getTime() / 1000

const onPath: ReadonlyArray<fc.Arbitrary<Command>> = [
  path.map((path) =>
    command(`readFile ${path}`, (fs, at) => fs.readFile(at(path)).pipe(Effect.map(Array.from)))
  ),
  fc.constant(command("readFile with a null byte", (fs, at) => fs.readFile(at("a\0b")))),
  fc.constant(command("stat with a long name", (fs, at) => fs.stat(at("x".repeat(256))))),
  fc.constant(command("truncate with a name of many bytes", (fs, at) => fs.truncate(at("ü".repeat(128))))),
  fc.constant(command("rename with a null byte", (fs, at) => fs.rename(at("a"), at("a\0b")))),
  path.map((path) => command(`stat ${path}`, (fs, at) => Effect.map(fs.stat(at(path)), comparable))),
  path.map((path) => command(`lstat ${path}`, (fs, at) => Effect.map(fs.lstat(at(path)), comparable))),
  path.map((path) => command(`exists ${path}`, (fs, at) => fs.exists(at(path)))),
  path.map((path) => command(`access ${path}`, (fs, at) => fs.access(at(path), { writable: true }))),
  path.map((path) => command(`readLink ${path}`, (fs, at) => fs.readLink(at(path)))),
  path.map((path) =>
    command(`realPath ${path}`, (fs, at) =>
      // Node gives the text back that it was given, where no link is on the way.
      path === "" || !path.isWellFormed() ? Effect.void : fs.realPath(at(path))
    )
  ),
  path.map((path) =>
    command(`readDirectoryEntries ${path}`, (fs, at) =>
      Effect.map(fs.readDirectoryEntries(at(path)), (entries) =>
        entries.map(({ name, type }) => `${name} ${type}`).sort()
      )
    )
  ),
  fc
    .tuple(path, length)
    .map(([path, length]) =>
      command(`truncate ${path} ${length}`, (fs, at) => fs.truncate(at(path), length))
    ),
  fc
    .tuple(path, mode)
    .map(([path, mode]) => command(`chmod ${path} ${mode}`, (fs, at) => fs.chmod(at(path), mode))),
  fc
    .tuple(path, owner, owner)
    .map(([path, uid, gid]) =>
      command(`chown ${path} ${uid} ${gid}`, (fs, at) => fs.chown(at(path), uid, gid))
    ),
  path.map((path) =>
    command(`utimes ${path}`, (fs, at) =>
      Effect.andThen(
        fs.utimes(at(path), 1000, new Date(2_000_000)),
        Effect.map(fs.stat(at(path)), ({ atime, mtime }) => [seconds(atime), seconds(mtime)])
      )
    )
  )
]

const onTree: ReadonlyArray<fc.Arbitrary<Command>> = [
  fc
    .tuple(path, bytes, flag)
    .map(([path, bytes, flag]) =>
      command(`writeFile ${path} ${bytes.length} bytes ${flag}`, (fs, at) =>
        fs.writeFile(at(path), bytes, { flag })
      )
    ),
  fc
    .tuple(path, bytes, fc.option(mode, { nil: undefined }))
    .map(([path, bytes, mode]) =>
      command(`writeFile ${path} ${bytes.length} bytes ${mode}`, (fs, at) =>
        fs.writeFile(at(path), bytes, { mode })
      )
    ),
  fc
    .tuple(path, fc.boolean(), fc.option(mode, { nil: undefined }))
    .map(([path, recursive, mode]) =>
      command(`makeDirectory ${path} ${recursive} ${mode}`, (fs, at) =>
        Effect.asVoid(fs.makeDirectory(at(path), { recursive, mode }))
      )
    ),
  plain.map((path) =>
    command(`makeDirectory ${path}`, (fs, at) =>
      Effect.asVoid(fs.makeDirectory(at(path), { recursive: true }))
    )
  ),
  fc.tuple(path, fc.boolean(), fc.boolean()).map(([path, recursive, force]) =>
    command(`remove ${path} recursive ${recursive} force ${force}`, (fs, at) =>
      // Node removes all at once, and a path back out of one of them leads nowhere at some time.
      fs.remove(at(path), { recursive: recursive && !path.endsWith("/.."), force })
    )
  )
]

const list = path.map((path) =>
  command(`readDirectory ${path}`, (fs, at) =>
    Effect.map(fs.readDirectory(at(path), { recursive: true }), (names) => names.sort())
  )
)

const onTwo: ReadonlyArray<fc.Arbitrary<Command>> = [
  fc
    .tuple(path, path)
    .map(([from, to]) => command(`rename ${from} ${to}`, (fs, at) => fs.rename(at(from), at(to)))),
  fc
    .tuple(path, path)
    .map(([from, to]) => command(`link ${from} ${to}`, (fs, at) => fs.link(at(from), at(to)))),
  fc
    .tuple(path, path)
    .map(([from, to]) => command(`copyFile ${from} ${to}`, (fs, at) => fs.copyFile(at(from), at(to)))),
  fc.tuple(plain, plain, fc.boolean(), fc.boolean()).map(([from, to, overwrite, preserveTimestamps]) =>
    command(`copy ${from} ${to} overwrite ${overwrite}`, (fs, at) =>
      // Node looks at both ends at once, so that either error can come first.
      Effect.andThen(fs.lstat(at(from)), fs.copy(at(from), at(to), { overwrite, preserveTimestamps }))
    )
  )
]

/** Linux has an opinion on files that are created through a link that ends in a slash; the disk does not. */
const target = path.map((path) => path.replace(/\/$/, ""))

const symlink = fc
  .tuple(target, path, fc.boolean())
  .map(([target, path, absolute]) =>
    command(`symlink ${target} ${path} absolute ${absolute}`, (fs, at) =>
      fs.symlink(absolute ? at(target) : target, at(path))
    )
  )

/** A step on an open file. */
interface Step {
  readonly text: string
  readonly run: (file: FileSystem.File) => Outcome
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(fc.nat(20), fc.option(fc.integer({ min: -1, max: 20 }), { nil: undefined }))
    .map(([size, position]) => ({
      text: `readAlloc ${size} at ${position}`,
      run: (file: FileSystem.File) =>
        Effect.map(
          file.readAlloc(size, { position: position === undefined ? undefined : BigInt(position) }),
          Option.map((bytes) => Array.from(bytes))
        )
    })),
  fc.nat(20).map((size) => ({
    text: `read ${size}`,
    run: (file: FileSystem.File) => {
      const buffer = new Uint8Array(size)
      return Effect.map(file.read(buffer), (count) => [count, ...buffer])
    }
  })),
  bytes.map((bytes) => ({
    text: `write ${bytes.length}`,
    run: (file: FileSystem.File) => (bytes.length % 2 === 0 ? file.write(bytes) : file.writeAll(bytes))
  })),
  fc.tuple(fc.integer({ min: -4, max: 20 }), fc.boolean()).map(([offset, start]) => ({
    text: `seek ${offset}`,
    run: (file: FileSystem.File) => file.seek(BigInt(offset), start ? "start" : "current")
  })),
  // A length below zero moves the cursor of the Node layer before the start of the file.
  length.map(Math.abs).map((length) => ({
    text: `truncate ${length}`,
    run: (file: FileSystem.File) => file.truncate(length)
  })),
  fc.constant({ text: "sync", run: (file: FileSystem.File) => file.sync }),
  fc.constant({ text: "stat", run: (file: FileSystem.File) => Effect.map(file.stat, comparable) })
)

const session = fc
  .tuple(path, flag, fc.boolean(), fc.array(step, { minLength: 1, maxLength: 6 }))
  .map(([path, flag, noFollow, steps]) =>
    command(
      `open ${path} ${flag} noFollow ${noFollow}: ${steps.map(({ text }) => text).join(", ")}`,
      (fs, at) =>
        Effect.scoped(
          Effect.flatMap(fs.open(at(path), { flag, noFollow }), (file) =>
            Effect.forEach(steps, (step) => observe(step.run(file)))
          )
        )
    )
  )

/** Either with symbolic links, or with listings of whole trees: those would follow links in circles. */
export const program: fc.Arbitrary<ReadonlyArray<Command>> = fc.constantFrom(symlink, list).chain((either) =>
  fc.array(fc.oneof(either, either, ...onPath, ...onTree, ...onTree, ...onTwo, session, session), {
    minLength: 1,
    maxLength: 30,
    size: "max"
  })
)

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && "code" in cause ? cause.code : undefined

/** What an effect gave, with everything of an error that a program can decide on. */
const observe = (effect: Outcome): Effect.Effect<unknown> =>
  Effect.map(Effect.result(effect), (result) => {
    if (Result.isSuccess(result)) return { value: result.success }
    const { reason } = result.failure
    if (reason._tag === "BadArgument") return { error: reason._tag, method: reason.method }
    const { _tag, cause, method, pathOrDescriptor, syscall } = reason
    const where = typeof pathOrDescriptor === "number" ? "descriptor" : pathOrDescriptor
    // Node finds the real path by itself, with one call or another.
    return { error: _tag, method, where, code: codeOf(cause), syscall: method === "realPath" ? "" : syscall }
  })

type Lines = Array<readonly [text: string, observed: unknown]>

const describeTree = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<Lines, PlatformError.PlatformError> =>
  Effect.gen(function* () {
    const info = yield* fs.lstat(path)
    const content = info.type === "File" ? Array.from(yield* fs.readFile(path)) : []
    const target = info.type === "SymbolicLink" ? yield* fs.readLink(path) : ""
    const lines: Lines = [[path, { ...comparable(info), content, target }]]
    if (info.type !== "Directory") return lines
    for (const name of (yield* fs.readDirectory(path)).sort()) {
      lines.push(...(yield* describeTree(fs, `${path}/${name}`)))
    }
    return lines
  })

/** Runs all commands below `root`, and lists what each gave and what is there in the end. */
export const play = (fs: FileSystem.FileSystem, root: string, commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const at = (path: string) => (path === "" ? "" : `${root}/${path}`)
    yield* fs.makeDirectory(root, { recursive: true })
    const lines: Lines = []
    for (const { run, text } of commands) lines.push([text, yield* observe(run(fs, at))])
    return [...lines, ...(yield* describeTree(fs, root))]
  })
