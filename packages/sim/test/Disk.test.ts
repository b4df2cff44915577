import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Option, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Disk from "../src/Disk.ts"
import * as Simulation from "../src/Simulation.ts"
import { bytes, errorOf, onDisk, withFile } from "./disk/fixture.ts"

describe("Disk", () => {
  it.effect("writes what fits before it says that it is full", () =>
    onDisk(
      (fs, disk) =>
        Effect.gen(function* () {
          const error = yield* errorOf(fs.writeFileString("/dir/more", "0123456789"))
          assert.strictEqual(error, "Unknown ENOSPC")
          assert.strictEqual(yield* fs.readFileString("/dir/more"), "012")
          const count = yield* withFile(fs, "/file", "r+", (file) => file.write(bytes("TEXT")))
          assert.strictEqual(count, 4)
          yield* fs.remove("/dir/more")
          yield* fs.writeFileString("/dir/more", "012")
          yield* disk.setCapacity(undefined)
          yield* fs.writeFileString("/dir/more", "0123456789")
        }),
      { capacityBytes: 12 }
    )
  )

  it.effect("keeps the room of a removed file until it is closed", () =>
    onDisk(
      (fs) =>
        Effect.gen(function* () {
          const open = withFile(fs, "/file", "r+", (file) =>
            Effect.gen(function* () {
              yield* fs.remove("/file")
              assert.strictEqual(yield* errorOf(fs.writeFileString("/dir/more", "0123")), "Unknown ENOSPC")
              assert.deepStrictEqual(yield* file.readAlloc(9), Option.some(bytes("text")))
            })
          )
          yield* open
          yield* fs.writeFileString("/dir/more", "0123")
        }),
      { capacityBytes: 9 }
    )
  )

  it.effect("fails at the operation that was chosen, and not at the one after", () =>
    onDisk((fs, disk) =>
      Effect.gen(function* () {
        // Opening is the first, writing the second.
        yield* disk.failAt(2, "EIO")
        assert.strictEqual(yield* errorOf(fs.writeFileString("/file", "new")), "Unknown EIO")
        assert.strictEqual(yield* fs.readFileString("/file"), "")
        yield* fs.writeFileString("/file", "new")
      })
    )
  )

  it.effect("dies of a failure at an operation that will never come", () =>
    Effect.gen(function* () {
      const disk = yield* Disk.make()
      const exit = yield* Effect.exit(disk.failAt(0, "EIO"))
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(exit), "Disk.failAt: operations count from 1 (the next); got 0")
    })
  )

  it.effect("dies of a capacity that is no number of bytes", () =>
    Effect.gen(function* () {
      for (const bytes of [-1, Number.NaN]) {
        const exit = yield* Effect.exit(Disk.make({ capacityBytes: bytes }))
        assert.include(String(exit), `a capacity is a number of bytes, 0 or more; got ${bytes}`)
      }
    })
  )

  it.effect("keeps what was written, whatever becomes of the buffer", () =>
    onDisk((fs, disk) =>
      Effect.gen(function* () {
        const buffer = bytes("data")
        yield* fs.writeFile("/file", buffer)
        buffer.fill(0)
        yield* withFile(fs, "/file", "r", (file) => file.sync)
        yield* withFile(fs, "/", "r", (root) => root.sync)
        yield* disk.losePower
        const before = (yield* disk.snapshot).get("/file")
        const read = yield* fs.readFile("/file")
        yield* withFile(fs, "/file", "r+", (file) => file.write(bytes("X")))
        assert.deepStrictEqual([before, read], [bytes("data"), bytes("data")])
      })
    )
  )

  it.effect("lets other fibers in between the system calls of one operation", () =>
    onDisk((fs) =>
      Effect.gen(function* () {
        const writer = yield* Effect.forkChild(fs.writeFileString("/file", "new text"))
        const seen = new Set<string>()
        while (writer.pollUnsafe() === undefined) seen.add(yield* fs.readFileString("/file"))
        assert.deepStrictEqual(Array.from(seen), ["", "new text"])
      })
    )
  )

  it.effect("loses nothing when the process is killed, but closes its files", () =>
    onDisk((fs, disk) =>
      withFile(fs, "/file", "a", (file) =>
        Effect.gen(function* () {
          yield* file.write(bytes("!"))
          yield* disk.kill
          assert.strictEqual(yield* errorOf(file.write(bytes("!"))), "Unknown EBADF")
          assert.strictEqual(yield* errorOf(file.sync), "Unknown EBADF")
          assert.strictEqual(yield* fs.readFileString("/file"), "text!")
        })
      )
    )
  )

  it.effect("shows what is there, and what a loss of power cannot take", () =>
    Effect.gen(function* () {
      const [seen, durable] = yield* onDisk((fs, disk) =>
        Effect.gen(function* () {
          yield* withFile(fs, "/file", "r", (file) => file.sync)
          yield* withFile(fs, "/", "r", (file) => file.sync)
          yield* fs.writeFileString("/file", "newer")
          return [yield* disk.snapshot, yield* disk.durable] as const
        })
      )
      const texts = (files: ReadonlyMap<string, Uint8Array>) =>
        Array.from(files, ([path, bytes]) => `${path} ${new TextDecoder().decode(bytes)}`)
      assert.deepStrictEqual(texts(seen), ["/file newer", "/dir/file below"])
      assert.deepStrictEqual(texts(durable), ["/file text"])
    })
  )

  it.effect("gives a file to one owner or two, and to none where the number says so", () =>
    onDisk((fs) =>
      Effect.gen(function* () {
        const owners = Effect.map(fs.stat("/file"), ({ gid, uid }) => [
          Option.getOrThrow(uid),
          Option.getOrThrow(gid)
        ])
        yield* fs.chown("/file", 5, 6)
        assert.deepStrictEqual(yield* owners, [5, 6])
        yield* fs.chown("/file", -1, 7)
        assert.deepStrictEqual(yield* owners, [5, 7])
        yield* fs.chown("/file", 2 ** 32 - 1, -1)
        assert.deepStrictEqual(yield* owners, [5, 7])
      })
    )
  )

  it.effect("streams a file, and writes a stream to a file", () =>
    onDisk((fs) =>
      Effect.gen(function* () {
        yield* Stream.run(Stream.make(bytes("one "), bytes("two")), fs.sink("/dir/sink"))
        const chunks = yield* Stream.runCollect(fs.stream("/dir/sink", { chunkSize: 3, offset: 1 }))
        assert.deepStrictEqual(
          chunks.map((chunk) => new TextDecoder().decode(chunk)),
          ["ne ", "two"]
        )
        assert.deepStrictEqual((yield* fs.glob("**/s*", { root: "/" })).sort(), ["dir/sink"])
      })
    )
  )

  it.effect("takes times from the clock", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5000)
      yield* onDisk((fs) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("1 second")
          yield* fs.writeFileString("/file", "later", { flag: "a" })
          const { birthtime, mtime } = yield* fs.stat("/file")
          assert.deepStrictEqual(
            [birthtime, mtime],
            [Option.some(new Date(5000)), Option.some(new Date(6000))]
          )
        })
      )
    })
  )
})

describe("temporary files", () => {
  const names = Effect.gen(function* () {
    const { fileSystem: fs } = yield* Disk.make()
    yield* fs.makeDirectory("/dir")
    return [
      yield* fs.makeTempDirectory(),
      yield* fs.makeTempDirectory({ directory: "/dir", prefix: "in-" }),
      yield* fs.makeTempFile({ suffix: ".txt" })
    ]
  })

  it.effect("get their names from Random", () =>
    Effect.gen(function* () {
      const [first, second, third] = yield* Random.withSeed(names, "a")
      assert.match(String(first), /^\/tmp\/\w{6}$/)
      assert.match(String(second), /^\/dir\/in-\w{6}$/)
      assert.match(String(third), /^\/tmp\/\w{6}\/[0-9a-f]{12}\.txt$/)
      assert.deepStrictEqual(yield* Random.withSeed(names, "a"), [first, second, third])
      assert.notDeepEqual(yield* Random.withSeed(names, "b"), [first, second, third])
    })
  )

  it.effect("are given up when chance gives nothing but names that are taken", () => {
    const stuck = { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0 }
    return Effect.gen(function* () {
      const { fileSystem: fs } = yield* Disk.make()
      assert.strictEqual(yield* fs.makeTempDirectory(), "/tmp/AAAAAA")
      assert.strictEqual(yield* errorOf(fs.makeTempDirectory()), "AlreadyExists EEXIST")
    }).pipe(Effect.provideService(Random.Random, stuck))
  })

  it.effect("are gone when their scope closes", () =>
    Effect.gen(function* () {
      const { fileSystem: fs } = yield* Disk.make()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* fs.makeTempDirectoryScoped()
          yield* fs.writeFileString(`${directory}/file`, "x")
          const file = yield* fs.makeTempFileScoped()
          assert.isTrue(yield* fs.exists(file))
        })
      )
      assert.deepStrictEqual(yield* fs.readDirectory("/tmp"), [])
    })
  )
})

describe("in a simulation", () => {
  /** Writes two records, and loses power; the second is not synced. */
  const program = Effect.gen(function* () {
    const disk = yield* Disk.make()
    const fs = disk.fileSystem
    yield* Effect.scoped(
      Effect.gen(function* () {
        const file = yield* fs.open("/log", { flag: "a" })
        yield* file.writeAll(bytes("one\n"))
        yield* file.sync
        yield* Effect.flatMap(fs.open("/"), (root) => root.sync)
        yield* file.writeAll(bytes("two\n"))
      })
    )
    yield* disk.losePower
    return yield* fs.readFileString("/log")
  })

  it("a disk is calm in the calm run, and takes its choices from the seed in others", () => {
    const calm = Simulation.run(program)
    assert.deepStrictEqual(calm.exit, Exit.succeed("one\ntwo\n"))
    assert.strictEqual(calm.faults.size, 0)
    const texts = new Set<unknown>()
    for (let seed = 0; seed < 100; seed++) {
      const { choices, exit, faults, hash } = Simulation.run(program, { seed })
      const text = Exit.isSuccess(exit) ? exit.value : String(exit)
      texts.add(text)
      assert.strictEqual(faults.has("disk.loss"), text !== "one\ntwo\n")
      const again = Simulation.run(program, { choices })
      assert.deepStrictEqual([again.exit, again.hash], [exit, hash])
    }
    assert.includeMembers(Array.from(texts), ["one\ntwo\n", "one\n", "one\nt"])
  })

  it("a disk counts the faults that took effect", () => {
    const { exit, faults } = Simulation.run(
      onDisk((fs, disk) =>
        Effect.gen(function* () {
          yield* disk.failAt(1, "EIO")
          yield* disk.failAt(2, "ENOSPC")
          yield* disk.failAt(1000, "EIO")
          const found = [yield* errorOf(fs.stat("/file")), yield* errorOf(fs.stat("/file"))]
          yield* disk.setReadOnly(true)
          found.push(yield* errorOf(fs.chmod("/file", 0o600)))
          yield* disk.setReadOnly(false)
          yield* disk.setCapacity(10)
          // The first bytes still fit, so that the disk is full twice.
          found.push(yield* errorOf(fs.writeFileString("/file", "0123456789")))
          return found
        })
      )
    )
    assert.deepStrictEqual(
      exit,
      Exit.succeed(["Unknown EIO", "Unknown ENOSPC", "Unknown EROFS", "Unknown ENOSPC"])
    )
    assert.deepStrictEqual(Object.fromEntries(faults), { "disk.EIO": 1, "disk.ENOSPC": 3, "disk.EROFS": 1 })
  })

  it("a disk shows in the trace what is done to it", () => {
    const { trace } = Simulation.run(program, { trace: true })
    assert.deepStrictEqual(
      trace.filter(({ kind }) => kind === "disk").map(({ text }) => text),
      [
        "open /log a",
        "write 3 4 bytes at end",
        "sync 3",
        "open / r",
        "sync 4",
        "write 3 4 bytes at end",
        "power lost",
        "open /log r",
        "read 5 524288 bytes at 0"
      ]
    )
  })
})

describe("Disk.layer", () => {
  it.effect("gives a program files that are its own", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString("/file", "x", { flag: "a" })
        return yield* fs.readFileString("/file")
      })
      assert.strictEqual(yield* Effect.provide(program, Disk.layer()), "x")
      assert.strictEqual(yield* Effect.provide(program, Disk.layer()), "x")
    })
  )
})
