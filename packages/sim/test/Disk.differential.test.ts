import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Option } from "effect"
import * as fc from "fast-check"
import * as Disk from "../src/Disk.ts"
import { type Command, command, play, program } from "./disk/commands.ts"

const write = (path: string, text: string) =>
  command(`write ${text} to ${path}`, (fs, at) => fs.writeFileString(at(path), text))
const makeDirectory = (path: string) =>
  command(`make ${path}`, (fs, at) => Effect.asVoid(fs.makeDirectory(at(path), { recursive: true })))
const symlink = (target: string, path: string) =>
  command(`link ${path} to ${target}`, (fs, at) => fs.symlink(target, at(path)))
const read = (path: string) => command(`read ${path}`, (fs, at) => fs.readFileString(at(path)))
const copy = (from: string, to: string, options?: Parameters<FileSystem.FileSystem["copy"]>[2]) =>
  command(`copy ${from} to ${to}`, (fs, at) => fs.copy(at(from), at(to), options))

/** What random programs seldom do. */
const scripts: Readonly<Record<string, ReadonlyArray<Command>>> = {
  "a tree that is copied, and copied again over itself": [
    makeDirectory("from/deep"),
    write("from/deep/file", "old"),
    symlink("deep", "from/link"),
    copy("from", "far/away/to"),
    write("from/deep/file", "new"),
    copy("from", "far/away/to"),
    read("far/away/to/deep/file"),
    command("remove the link", (fs, at) => fs.remove(at("far/away/to/link"))),
    copy("from", "far/away/to"),
    command("remove the link", (fs, at) => fs.remove(at("far/away/to/link"))),
    copy("from", "far/away/to", { overwrite: true }),
    copy("from", "far/away/to", { overwrite: true })
  ],
  "a copy of a link over another": [
    makeDirectory("a/b"),
    makeDirectory("c"),
    symlink("a/b", "to b"),
    symlink("a", "to a"),
    symlink("c", "to c"),
    symlink("nowhere", "to nothing"),
    copy("to b", "to a"),
    copy("to a", "to b"),
    copy("to nothing", "to a"),
    copy("to c", "to a"),
    copy("c", "to b", { overwrite: true })
  ],
  "a copy that keeps its time": [
    write("file", "x"),
    command("utimes", (fs, at) => fs.utimes(at("file"), 1000, 2000)),
    copy("file", "copy", { preserveTimestamps: true }),
    command("time", (fs, at) => Effect.map(fs.stat(at("copy")), ({ mtime }) => mtime))
  ],
  "a directory that is copied into itself through a link": [
    makeDirectory("a/b"),
    symlink("a", "link"),
    copy("a", "a/b/c"),
    copy("a", "link/b/c"),
    copy("a/b", "link/b/c")
  ],
  "a file that is copied to itself": [
    write("file", "x"),
    symlink("file", "link"),
    command("copyFile", (fs, at) => fs.copyFile(at("file"), at("file"))),
    command("copyFile to the link", (fs, at) => fs.copyFile(at("file"), at("link"))),
    copy("file", "file")
  ],
  "what takes the place of something that it is in": [
    makeDirectory("a/b"),
    write("a/file", "x"),
    command("rename the file", (fs, at) => fs.rename(at("a/file"), at("a"))),
    command("rename the directory", (fs, at) => fs.rename(at("a/b"), at("a")))
  ],
  "a listing through a link": [
    makeDirectory("a/b/c"),
    symlink("b", "a/link"),
    symlink("nowhere", "a/lost"),
    command("list", (fs, at) =>
      Effect.map(fs.readDirectory(at("a"), { recursive: true }), (names) => names.sort())
    )
  ],
  "a directory that is removed by a path through it": [
    makeDirectory("only"),
    command("remove", (fs, at) => fs.remove(at("only/.."), { recursive: true }))
  ],
  "permissions with bits for programs, and then another owner": [
    write("file", "x"),
    ...[0o6755, 0o6745].flatMap((mode) => [
      command("chmod", (fs, at) => fs.chmod(at("file"), mode)),
      command("chown", (fs, at) => fs.chown(at("file"), -1, -1)),
      command("stat", (fs, at) => Effect.map(fs.stat(at("file")), (info) => info.mode.toString(8)))
    ]),
    command("make with bits", (fs, at) => fs.makeDirectory(at("dir"), { mode: 0o7755 }))
  ],
  "a name that is no text": [
    write("half \ud800", "x"),
    read("half \ufffd"),
    symlink("\udc00", "link"),
    command("list", (fs, at) => Effect.map(fs.readDirectory(at("")), (names) => names.sort())),
    command("list all of a null byte", (fs, at) => fs.readDirectory(at("\0"), { recursive: true }))
  ],
  "names and targets at the limit of bytes": [127, 128, 2047, 2048].flatMap((length) => [
    write("ü".repeat(length), "x"),
    symlink("ü".repeat(length), `link ${length}`)
  ]),
  "positions at the limit of bits": [
    write("file", "x"),
    ...[0, 1].flatMap((size) =>
      [2n ** 63n - 2n, 2n ** 63n - 1n, 2n ** 63n].flatMap((position) => [
        command(`readAlloc ${size} at ${position}`, (fs, at) =>
          Effect.scoped(Effect.flatMap(fs.open(at("file")), (file) => file.readAlloc(size, { position })))
        ),
        command(`seek to ${position}, read ${size}`, (fs, at) =>
          Effect.scoped(
            Effect.flatMap(fs.open(at("file")), (file) =>
              Effect.andThen(file.seek(position, "start"), file.read(new Uint8Array(size)))
            )
          )
        )
      ])
    ),
    command("readAlloc of more than Node counts", (fs, at) =>
      Effect.scoped(Effect.flatMap(fs.open(at("file")), (file) => file.readAlloc(2 ** 53)))
    )
  ],
  "flags that there are not": [
    write("file", "x"),
    ...["q", "toString", "R"].flatMap((text) => {
      const flag: FileSystem.OpenFlag = JSON.parse(JSON.stringify(text))
      return [
        command(`open ${text}`, (fs, at) => Effect.asVoid(Effect.scoped(fs.open(at("file"), { flag })))),
        command(`write ${text}`, (fs, at) => fs.writeFileString(at("file"), "y", { flag }))
      ]
    })
  ],
  "times before 1970": [
    write("file", "x"),
    command("a date", (fs, at) => fs.utimes(at("file"), new Date(-5000), new Date(-5000))),
    command("its time", (fs, at) => Effect.map(fs.stat(at("file")), ({ mtime }) => mtime)),
    ...[-5, new Date(Number.NaN), Number.NaN].flatMap((time) => [
      command("no date", (fs, at) => fs.utimes(at("file"), time, time)),
      command("its year", (fs, at) =>
        Effect.map(fs.stat(at("file")), ({ mtime }) => Option.getOrThrow(mtime).getUTCFullYear())
      )
    ])
  ],
  "a chain of links": [
    write("0", "end"),
    ...Array.from({ length: 42 }, (_, i) => symlink(String(i), String(i + 1))),
    read("39"),
    read("40"),
    read("41")
  ]
}

/** Where both sides play, in directories of the same name. */
const scratch = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "disk-"))),
  (base) => Effect.sync(() => rmSync(base, { recursive: true, force: true }))
)

const assertSame = (root: string, commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const disk = yield* Disk.make()
    const expected = yield* play(yield* FileSystem.FileSystem, root, commands)
    assert.deepStrictEqual(yield* play(disk.fileSystem, root, commands), expected)
  })

// The simulated disk is that of a Linux machine.
describe.runIf(process.platform === "linux")("Disk observes the same as the disk of this machine in", () => {
  it.live.each(Object.keys(scripts))("%s", (name) =>
    Effect.flatMap(scratch, (base) => assertSame(join(base, "root"), scripts[name] ?? [])).pipe(
      Effect.provide(NodeFileSystem.layer)
    )
  )

  it.live(
    "random programs",
    () =>
      Effect.gen(function* () {
        const base = yield* scratch
        const context = yield* Effect.context<FileSystem.FileSystem>()
        let runs = 0
        const property = fc.asyncProperty(program, (commands) =>
          Effect.runPromiseWith(context)(assertSame(join(base, String(runs++)), commands))
        )
        yield* Effect.promise(() => fc.assert(property, { seed: 1, numRuns: 200 }))
      }).pipe(Effect.provide(NodeFileSystem.layer)),
    60_000
  )
})
