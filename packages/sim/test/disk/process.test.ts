import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Disk from "../../src/Disk.ts"
import * as Host from "../../src/Host.ts"
import { worldOf } from "../../src/internal/disk/disk.ts"
import { makeVolume } from "../../src/internal/disk/model.ts"
import { processOf } from "../../src/internal/disk/process.ts"
import * as Simulation from "../../src/Simulation.ts"
import { bytes, errorOf, inManySchedules, isFree, onLock, two, wasInterrupted } from "./fixture.ts"

describe("the processes of one machine", () => {
  it.effect("see at once what the others write", () =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* a.fileSystem.writeFileString("/file", "of a")
      assert.strictEqual(yield* b.fileSystem.readFileString("/file"), "of a")
      yield* b.fileSystem.writeFileString("/file", "of b")
      assert.strictEqual(yield* a.fileSystem.readFileString("/file"), "of b")
      assert.strictEqual(yield* disk.fileSystem.readFileString("/file"), "of b")
    })
  )

  it.effect("are watched by the others, whatever becomes of whoever wrote", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      const ready = yield* Queue.unbounded<void>()
      const events = b.fileSystem.watch("/", { onReady: () => Queue.offerUnsafe(ready, undefined) })
      const watcher = yield* Effect.forkChild(Stream.runCollect(Stream.take(events, 2)))
      yield* Queue.take(ready)
      yield* a.fileSystem.writeFileString("/file", "x")
      yield* a.kill
      assert.deepStrictEqual(
        (yield* Fiber.join(watcher)).map(({ _tag, path }) => `${_tag} ${path}`),
        ["Create file", "Update file"]
      )
    })
  )

  it.effect("watch nothing more once they are killed", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      const seen: Array<string> = []
      const watch = Effect.fnUntraced(function* ({ fileSystem }: Disk.Process, name: string) {
        const ready = yield* Queue.unbounded<void>()
        const events = fileSystem.watch("/", { onReady: () => Queue.offerUnsafe(ready, undefined) })
        yield* Effect.forkChild(Stream.runForEach(events, () => Effect.sync(() => seen.push(name))))
        yield* Queue.take(ready)
      })
      yield* watch(a, "a")
      yield* watch(b, "b")
      yield* a.kill
      yield* b.fileSystem.makeDirectory("/dir")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["b"])
    })
  )

  it("leave nothing with the disk, wherever they are killed", () => {
    const program = Effect.withFiber((fiber) =>
      Effect.gen(function* () {
        const volume = makeVolume(worldOf(fiber), {}, 0)
        const { fileSystem, kill, tryLock } = processOf(volume, fiber)
        const uses = [
          Effect.scoped(tryLock("/lock")),
          fileSystem.writeFileString("/file", ""),
          Stream.runDrain(fileSystem.watch("/"))
        ]
        const fibers = yield* Effect.forEach(uses, (use) => Effect.forkChild(use))
        yield* Effect.yieldNow
        yield* Effect.yieldNow
        yield* kill
        yield* Effect.sleep("1 second")
        const { descriptors, processes, watchers } = volume
        assert.deepStrictEqual([descriptors.size, watchers.size, processes.size], [0, 0, 0])
        yield* Effect.forEach(fibers, Fiber.interrupt)
      })
    )
    for (let seed = 0; seed < 200; seed++) {
      assert.deepStrictEqual(Simulation.run(program, { seed }).exit, Exit.void)
    }
  })

  it.effect("hold nothing that they gave back", () =>
    Effect.withFiber((fiber) =>
      Effect.gen(function* () {
        const volume = makeVolume(worldOf(fiber), {}, 0)
        const { fileSystem, tryLock } = processOf(volume, fiber)
        const [process] = volume.processes
        assert.isDefined(process)
        const held = () => [process?.descriptors.size, process?.watchers.size]
        const ready = yield* Queue.unbounded<void>()
        const events = fileSystem.watch("/", { onReady: () => Queue.offerUnsafe(ready, undefined) })
        const watcher = yield* Effect.forkChild(Stream.runDrain(events))
        yield* Queue.take(ready)
        const before = yield* Effect.scoped(Effect.andThen(tryLock("/lock"), Effect.sync(held)))
        assert.deepStrictEqual(before, [1, 1])
        yield* Fiber.interrupt(watcher)
        assert.deepStrictEqual(held(), [0, 0])
      })
    )
  )

  it.effect("keep their open files when another one is killed, and all that it wrote", () =>
    Effect.gen(function* () {
      const { a, b } = yield* two
      yield* a.fileSystem.writeFileString("/file", "of a")
      const file = yield* b.fileSystem.open("/file", { flag: "a" })
      const dead = yield* a.fileSystem.open("/file", { flag: "a" })
      yield* a.kill
      yield* file.writeAll(bytes(" and b"))
      assert.isTrue(yield* wasInterrupted(dead.writeAll(bytes(" and a"))))
      assert.strictEqual(yield* b.fileSystem.readFileString("/file"), "of a and b")
    }).pipe(Effect.scoped)
  )

  it.effect("do nothing more once they are killed: a fiber that goes on is interrupted", () =>
    Effect.gen(function* () {
      const { a, disk } = yield* two
      const writing = Effect.scoped(
        Effect.flatMap(a.fileSystem.open("/file", { flag: "w" }), (file) =>
          Effect.andThen(a.kill, file.writeAll(bytes("x")))
        )
      )
      assert.isTrue(yield* wasInterrupted(writing))
      assert.isTrue(yield* wasInterrupted(a.fileSystem.remove("/file")))
      assert.isTrue(yield* wasInterrupted(Stream.runDrain(a.fileSystem.watch("/"))))
      assert.isTrue(yield* wasInterrupted(Effect.scoped(a.tryLock("/file"))))
      assert.deepStrictEqual(yield* disk.snapshot, new Map([["/file", bytes("")]]))
    })
  )

  it("leave behind what they had done when they were killed, and clean nothing up", () => {
    const program = Effect.gen(function* () {
      const { a, b } = yield* two
      const { fileSystem: fs } = a
      const writing = Effect.ensuring(fs.writeFileString("/draft", "x"), Effect.ignore(fs.remove("/draft")))
      const fiber = yield* Effect.forkChild(Effect.andThen(fs.writeFileString("/begun", ""), writing))
      while (!(yield* b.fileSystem.exists("/begun"))) yield* Effect.yieldNow
      yield* a.kill
      const before = yield* b.fileSystem.exists("/draft")
      yield* Effect.exit(Fiber.join(fiber))
      assert.strictEqual(yield* b.fileSystem.exists("/draft"), before)
      return before
    })
    assert.deepStrictEqual(inManySchedules(program), [false, true])
  })

  it.effect("get the room of a removed file back when the one is killed that has it open", () =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* disk.setCapacity(4)
      yield* a.fileSystem.writeFileString("/file", "text")
      yield* a.fileSystem.open("/file")
      yield* b.fileSystem.remove("/file")
      assert.strictEqual(yield* errorOf(b.fileSystem.writeFileString("/more", "x")), "Unknown ENOSPC")
      yield* a.kill
      yield* b.fileSystem.writeFileString("/more", "text")
    }).pipe(Effect.scoped)
  )

  it.effect.each(["kill", "losePower"] as const)("all end with the disk's %s, and new ones begin", (how) =>
    Effect.gen(function* () {
      const { a, b, disk } = yield* two
      yield* onLock(a)
      yield* disk[how]
      assert.isTrue(yield* wasInterrupted(a.fileSystem.exists("/")))
      assert.isTrue(yield* wasInterrupted(b.fileSystem.exists("/")))
      const next = yield* disk.process
      assert.isTrue(yield* isFree(next))
      assert.isTrue(yield* disk.fileSystem.exists("/"))
    }).pipe(Effect.scoped)
  )
})

describe("a process of a host", () => {
  /** What a program gives, which must not have mixed up its hosts. */
  const resultOf = <A, E>(program: Effect.Effect<A, E>) => {
    const { exit, warnings } = Simulation.run(program)
    assert.deepStrictEqual(Array.from(warnings), [])
    return Exit.isSuccess(exit) ? exit.value : String(exit)
  }

  /** A host that has the lock, and another that can ask. */
  const holderAndOther = Effect.gen(function* () {
    const disk = yield* Disk.make()
    const lock = Effect.flatMap(disk.process, ({ tryLock }) => tryLock("/lock"))
    const main = Effect.gen(function* () {
      const { fileSystem, tryLock } = yield* disk.process
      yield* tryLock("/lock")
      yield* fileSystem.writeFileString("/file", "of the holder")
      return yield* Effect.never
    })
    const holder = yield* Host.make("holder", main)
    const other = yield* Host.make("other")
    yield* Effect.sleep("1 second")
    return { disk, holder, isFree: other.run(Effect.scoped(lock)) }
  })

  it("dies with its host: its lock is free, and what it wrote stays", () => {
    const program = Effect.gen(function* () {
      const { disk, holder, isFree } = yield* holderAndOther
      const before = yield* isFree
      yield* holder.crash
      const after = yield* isFree
      return [before, after, yield* disk.fileSystem.readFileString("/file")]
    })
    assert.deepStrictEqual(resultOf(program), [false, true, "of the holder"])
  })

  it("is another one in each life of its host, and dies with each", () => {
    const program = Effect.gen(function* () {
      const disk = yield* Disk.make()
      const taken: Array<boolean> = []
      const main = Effect.gen(function* () {
        const { tryLock } = yield* disk.process
        taken.push(yield* tryLock("/lock"))
        return yield* Effect.never
      })
      const host = yield* Host.make("host", main)
      for (let life = 0; life < 3; life++) {
        if (life > 0) yield* host.restart
        yield* Effect.sleep("1 second")
        taken.push(yield* isFree(yield* disk.process))
      }
      return taken
    })
    assert.deepStrictEqual(resultOf(program), [true, false, true, false, true, false])
  })

  it("keeps its lock while its host is paused", () => {
    const program = Effect.gen(function* () {
      const { holder, isFree } = yield* holderAndOther
      yield* holder.pause
      yield* Effect.sleep("1 hour")
      return yield* isFree
    })
    assert.strictEqual(resultOf(program), false)
  })

  it("lives on when another host crashes, and when the program of its own has ended", () => {
    const program = Effect.gen(function* () {
      const { disk, holder, isFree } = yield* holderAndOther
      const ended = yield* Host.make("ended", Effect.void)
      yield* ended.exited
      const process = yield* ended.run(disk.process)
      yield* holder.crash
      yield* ended.run(Effect.scoped(process.tryLock("/other")))
      yield* ended.run(
        Effect.forkDetach(Effect.scoped(Effect.andThen(process.tryLock("/lock"), Effect.never)))
      )
      yield* Effect.sleep("1 second")
      const before = yield* isFree
      yield* ended.crash
      return [before, yield* isFree]
    })
    assert.deepStrictEqual(resultOf(program), [false, true])
  })

  it("is told on its own host of what others write, in order, and not before it goes on", () => {
    const program = Effect.gen(function* () {
      const disk = yield* Disk.make()
      const seen: Array<string> = []
      const watching = Effect.gen(function* () {
        const { fileSystem } = yield* disk.process
        yield* Stream.runForEach(fileSystem.watch("/"), ({ _tag, path }) =>
          Effect.sync(() => seen.push(`${_tag} ${path}`))
        )
      })
      const watcher = yield* Host.make("watcher", watching)
      const writing = Effect.gen(function* () {
        const { fileSystem } = yield* disk.process
        yield* fileSystem.writeFileString("/file", "x")
        yield* fileSystem.rename("/file", "/other")
      })
      const writer = yield* Host.make("writer")
      yield* Effect.sleep("1 second")
      yield* watcher.pause
      yield* writer.run(writing)
      yield* Effect.sleep("1 second")
      const before = seen.length
      yield* watcher.resume
      yield* Effect.sleep("1 second")
      return [before, ...seen]
    })
    for (let seed = 0; seed < 20; seed++) {
      const { exit, warnings } = Simulation.run(program, { seed })
      assert.deepStrictEqual(Array.from(warnings), [])
      assert.deepStrictEqual(
        exit,
        Exit.succeed([0, "Create file", "Update file", "Remove file", "Create other"])
      )
    }
  })
})
