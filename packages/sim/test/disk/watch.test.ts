import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { kill } from "../../src/internal/disk/crash.ts"
import { makeFileSystem } from "../../src/internal/disk/fileSystem.ts"
import { makeVolume } from "../../src/internal/disk/model.ts"
import { type FS, onDisk, type Program } from "./fixture.ts"

describe("watching", () => {
  /** What a watcher at `path` sees of what `act` does. */
  const seen = (path: string, recursive: boolean, act: (fs: FS) => Program<unknown>) =>
    onDisk((fs) =>
      Effect.gen(function* () {
        const events = yield* Queue.unbounded<string>()
        const ready = yield* Queue.unbounded<void>()
        const watcher = yield* fs
          .watch(path, { recursive, onReady: () => Queue.offerUnsafe(ready, undefined) })
          .pipe(
            Stream.runForEach(({ _tag, path }) => Queue.offer(events, `${_tag} ${path}`)),
            Effect.forkChild
          )
        yield* Queue.take(ready)
        yield* act(fs)
        // The stream hands its events on in a fiber of its own.
        yield* Effect.repeat(Effect.yieldNow, { times: 20 })
        yield* Fiber.interrupt(watcher)
        yield* fs.writeFileString("/dir/unseen", "")
        return yield* Queue.clear(events)
      })
    )

  it.effect("a directory shows what happens to the names in it", () =>
    Effect.gen(function* () {
      const events = yield* seen("/dir", false, (fs) =>
        Effect.all([
          fs.writeFileString("/dir/new", "x"),
          fs.rename("/dir/new", "/dir/newer"),
          fs.makeDirectory("/dir/sub"),
          fs.writeFileString("/dir/sub/deep", ""),
          fs.chmod("/dir/newer", 0o600),
          fs.remove("/dir/newer"),
          fs.writeFileString("/elsewhere", "")
        ])
      )
      assert.deepStrictEqual(events, [
        "Create new",
        "Update new",
        "Remove new",
        "Create newer",
        "Create sub",
        "Update newer",
        "Remove newer"
      ])
    })
  )

  it.effect("a directory recursively shows what happens below, too", () =>
    Effect.gen(function* () {
      const events = yield* seen("/", true, (fs) => fs.truncate("/dir/file", 1))
      assert.deepStrictEqual(events, ["Update dir/file"])
    })
  )

  it.effect(
    "a directory that is removed shows so under its own name, twice as on Linux, and nothing ever after",
    () =>
      Effect.gen(function* () {
        const again = (recursive: boolean) =>
          seen("/dir", recursive, (fs) =>
            Effect.all([
              fs.remove("/dir", { recursive: true }),
              fs.makeDirectory("/dir"),
              fs.writeFileString("/dir/new", ""),
              fs.remove("/dir", { recursive: true }),
              fs.makeDirectory("/dir")
            ])
          )
        assert.deepStrictEqual(yield* again(false), ["Remove file", "Remove dir", "Remove dir"])
        assert.deepStrictEqual(yield* again(true), ["Remove file"])
      })
  )

  it.effect("a directory that another takes the place of is removed, too", () =>
    Effect.gen(function* () {
      const events = yield* seen("/dir", false, (fs) =>
        Effect.all([
          fs.remove("/dir/file"),
          fs.makeDirectory("/other"),
          fs.rename("/other", "/dir"),
          fs.writeFileString("/dir/new", "")
        ])
      )
      assert.deepStrictEqual(events, ["Remove file", "Remove dir", "Remove dir"])
    })
  )

  it.effect("a directory that moves away is looked for where it was, as Node does", () =>
    Effect.gen(function* () {
      const events = yield* seen("/dir", false, (fs) =>
        Effect.all([
          fs.rename("/dir", "/moved"),
          fs.writeFileString("/moved/new", ""),
          fs.rename("/moved", "/dir"),
          fs.writeFileString("/dir/newer", "")
        ])
      )
      assert.deepStrictEqual(events, ["Remove dir", "Remove new", "Remove dir", "Create newer"])
    })
  )

  it.effect(
    "shows a change of a directory's permissions as one of names, and a link to nothing as removed",
    () =>
      Effect.gen(function* () {
        const act = (fs: FS) =>
          Effect.all([
            fs.chmod("/dir", 0o700),
            fs.makeDirectory("/dir/sub"),
            fs.chmod("/dir/sub", 0o700),
            fs.symlink("nowhere", "/dir/link")
          ])
        const events = ["Create sub", "Create sub", "Remove link"]
        assert.deepStrictEqual(yield* seen("/dir", false, act), ["Remove dir", ...events])
        // What has no name at the end of the path is not told of.
        assert.deepStrictEqual(yield* seen("/dir/", false, act), events)
        assert.deepStrictEqual(yield* seen("/dir", true, act), ["Create sub", "Remove link"])
      })
  )

  it.effect("a file shows what happens to its name", () =>
    Effect.gen(function* () {
      const events = yield* seen("/file", false, (fs) =>
        Effect.all([
          fs.writeFileString("/dir/file", ""),
          fs.writeFileString("/other", ""),
          fs.writeFileString("/file", "x"),
          fs.remove("/file")
        ])
      )
      assert.deepStrictEqual(events, ["Update file", "Update file", "Remove file"])
    })
  )

  it.effect("ends with the watcher, and with the process", () =>
    Effect.gen(function* () {
      const volume = makeVolume({ choose: () => 0, faultTookEffect: () => {}, note: () => {} }, {}, 0)
      const watch = Effect.gen(function* () {
        const ready = yield* Queue.unbounded<void>()
        const onReady = () => Queue.offerUnsafe(ready, undefined)
        const events = makeFileSystem(volume).watch("/", { onReady })
        const watcher = yield* Effect.forkChild(Stream.runDrain(events))
        yield* Queue.take(ready)
        assert.strictEqual(volume.watchers.size, 1)
        return watcher
      })
      yield* Fiber.interrupt(yield* watch)
      assert.strictEqual(volume.watchers.size, 0)
      yield* watch
      kill(volume)
      assert.strictEqual(volume.watchers.size, 0)
    })
  )

  it.effect("nothing fails as the stat of the Node layer does", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(onDisk((fs) => Stream.runDrain(fs.watch("/missing"))))
      assert.strictEqual(error.message, "NotFound: FileSystem.stat (/missing)")
    })
  )
})
