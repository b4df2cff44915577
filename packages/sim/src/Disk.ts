/**
 * A disk in memory that can fail: Effect's own `FileSystem`, which forgets on a loss of power what was not
 * synced.
 *
 * Code that is written for `FileSystem` runs on it unchanged, and gets the same results and errors as on Node
 * and Linux.
 *
 * **What survives a loss of power**
 *
 * What was written is in the page cache of the operating system until the file is synced, and a name that was
 * made, changed or removed is in memory until its *directory* is synced. Syncing a file does not make its
 * name durable, and neither `writeFile` nor `rename` syncs anything. Of what was not synced, any of this can
 * be left:
 *
 * - of each file, a prefix of its changes, a torn piece of the next (its head or its tail), and one of the
 *   later ones that the system wrote out early;
 * - of the names, on a `journalled` disk a prefix of all changes, across directories; on a `strict` one,
 *   which keeps no more than POSIX promises, a prefix for each directory. The two are independent of the
 *   bytes: a file can have its new name and none of its bytes.
 *
 * How much is lost is chosen by the simulation, and the calm choice is that nothing is. The same choices
 * decide whether a sync that fails takes the changes along: afterwards Linux may believe that they are
 * written.
 *
 * **Details**
 *
 * Every system call that an operation makes first yields, so that another fiber, or a crash, can come between
 * any two of them; `writeFile` for instance opens, writes and closes. Relative paths start at `/`. A new disk
 * holds nothing but `/tmp`. Names of temporary files come from `Random`, times from `Clock`. `Path.layer` of
 * Effect fits; it needs no disk.
 *
 * Several hosts share a disk as the processes of one machine: each takes a `process` of it, with descriptors, watchers
 * and file locks of its own. A loss of power ends them all, so crash their hosts along with it.
 *
 * A simulation counts these faults when they take effect: `disk.loss`, `disk.tear`, `disk.EIO`, `disk.ENOSPC`
 * and `disk.EROFS`.
 *
 * **Gotchas**
 *
 * - The process is the superuser: permissions are kept and shown, never enforced. Its `umask` is 022.
 * - Permissions, owners and times are durable at once, and reading does not change the time of access.
 * - A hole in a file takes as much room as bytes do.
 * - Whoever watches a file keeps watching its name when another file takes it; on Linux the watch stays with
 *   the old one. Whoever watches recursively sees each change once; on Linux, where Node does it by itself, it can be
 *   more often, or never.
 *
 * @since 0.1.0
 */
import { Clock, Effect, FileSystem, Layer, type PlatformError, type Scope } from "effect"
import { diskOf, worldOf } from "./internal/disk/disk.ts"
import { hostDisk } from "./internal/disk/hostDisk.ts"
import { makeVolume } from "./internal/disk/model.ts"
import { here, machines } from "./internal/machine.ts"

/**
 * What a disk is like.
 *
 * **Details**
 *
 * - `capacityBytes`: how much its files may hold together. 1 GiB by default, since it all lives in memory.
 * - `metadata`: how much order there is in the names that survive a loss of power. By default this is chosen
 *   at each loss, because a program that is right for the one kind can be wrong for the other.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly capacityBytes?: number | undefined
  readonly metadata?: "journalled" | "strict" | undefined
}

/**
 * A disk, as one of the processes that share it has it.
 *
 * **Details**
 *
 * Its open files, watchers and locks are its own, and end with it. What it does to files the others see at once.
 *
 * `tryLock` is the advisory lock of Linux that belongs to an open file, exclusive and on the whole (`F_OFD_SETLK`). It
 * opens the file as `open` with the flag `a+` does, so it creates one that is missing, and fails in the same ways. True
 * when the lock was taken: it is held until the scope closes or the process dies, also by a host that is paused. False
 * when it was taken already, be it by the same process. Opening and locking are two operations.
 *
 * **Gotchas**
 *
 * - The lock is on the file, not on its name: whoever removes a lock file, and locks a new one of that name, does not see
 *   the old lock.
 * - Nobody is kept from reading and writing a file that is locked.
 * - A process that died makes no more system calls: a fiber that goes on to make one is interrupted. A host that crashed
 *   has no such fibers.
 *
 * **Example** (Two hosts and a lock)
 *
 * ```ts
 * import { Disk, Host, Simulation } from "@holdfast/sim"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const disk = yield* Disk.make()
 *   // Two processes of one machine: each is a host, so that each can crash.
 *   const lock = Effect.flatMap(disk.process, ({ tryLock }) => tryLock("/lock"))
 *   const holder = yield* Host.make("holder", Effect.andThen(lock, Effect.never))
 *   const other = yield* Host.make("other")
 *   yield* Effect.sleep("1 second")
 *   const before = yield* other.run(lock)
 *   yield* holder.crash
 *   return [before, yield* other.run(lock)]
 * })
 *
 * const { exit } = Simulation.run(program)
 * console.log(exit._tag === "Success" && exit.value) // => [ false, true ]
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Process {
  readonly fileSystem: FileSystem.FileSystem
  /** Takes the lock of a file unless it is taken; false says that it is. */
  readonly tryLock: (path: string) => Effect.Effect<boolean, PlatformError.PlatformError, Scope.Scope>
  /** Whether a file is locked, by the same process too; nothing is created, and one that is missing is not locked. */
  readonly isLocked: (path: string) => Effect.Effect<boolean, PlatformError.PlatformError>
  /** It dies, as by SIGKILL. The others do not notice, but for the locks that it had. */
  readonly kill: Effect.Effect<void>
}

/**
 * A disk, in the hands of whoever tests what runs on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Disk {
  /** What the program under test gets, where it is one process. It works on after every `kill` and `losePower`. */
  readonly fileSystem: FileSystem.FileSystem
  /**
   * A process of its own on the machine that the disk is in: one of several that share its files. Made on a host, it
   * dies with that life of the host.
   */
  readonly process: Effect.Effect<Process>
  /**
   * Every process dies, as by SIGKILL: open files are closed, and nothing is lost, since the page cache is
   * not the process's.
   */
  readonly kill: Effect.Effect<void>
  /** The machine loses its power: every process dies, and what was not synced may be lost. */
  readonly losePower: Effect.Effect<void>
  /**
   * The n-th operation from now fails, whatever it is; the next one is 1.
   *
   * Operations are system calls, counted over the whole disk: `writeFile` is an `open` and a `write`. Only
   * `close` does not count, and never fails.
   */
  readonly failAt: (operation: number, code: "EIO" | "ENOSPC") => Effect.Effect<void>
  /**
   * How many bytes the files may hold from now on, together; `undefined` is 1 GiB. A full disk takes what
   * fits, and fails at the rest.
   */
  readonly setCapacity: (bytes: number | undefined) => Effect.Effect<void>
  /** From now on every change fails with EROFS, or no longer does. */
  readonly setReadOnly: (isReadOnly: boolean) => Effect.Effect<void>
  /** The files that a reader sees now, by their absolute paths. */
  readonly snapshot: Effect.Effect<ReadonlyMap<string, Uint8Array>>
  /**
   * The files that are left when a loss of power takes all that it can. Where `metadata` is chosen at each loss, that
   * is what a `strict` disk is left with.
   */
  readonly durable: Effect.Effect<ReadonlyMap<string, Uint8Array>>
}

/**
 * An empty disk.
 *
 * **Details**
 *
 * In a simulation its chances are choices of the run, and its operations and faults appear in the trace.
 * Outside of one they come from `Random`.
 *
 * **Example** (A rename is not enough)
 *
 * ```ts
 * import { Disk } from "@holdfast/sim"
 * import { Effect, FileSystem, Random } from "effect"
 *
 * // Replaces a file as a whole: whatever happens, a reader shall find the old text or the new one.
 * const replace = Effect.fn(function* (path: string, text: string, sync: boolean) {
 *   const fs = yield* FileSystem.FileSystem
 *   yield* Effect.scoped(
 *     Effect.gen(function* () {
 *       const file = yield* fs.open("/draft", { flag: "w" })
 *       yield* file.writeAll(new TextEncoder().encode(text))
 *       if (sync) yield* file.sync
 *     })
 *   )
 *   yield* fs.rename("/draft", path)
 * })
 *
 * const found = Effect.fn(function* (sync: boolean) {
 *   const disk = yield* Disk.make()
 *   const program = Effect.andThen(replace("/state", "old", true), replace("/state", "new", sync))
 *   yield* Effect.provideService(program, FileSystem.FileSystem, disk.fileSystem)
 *   yield* disk.losePower
 *   const bytes = (yield* disk.snapshot).get("/state")
 *   if (bytes === undefined) return "missing"
 *   const text = new TextDecoder().decode(bytes)
 *   return text === "old" || text === "new" ? text : "torn"
 * })
 *
 * const results = (sync: boolean) =>
 *   Effect.all(Array.from({ length: 500 }, () => found(sync))).pipe(
 *     Effect.map((texts) => Array.from(new Set(texts)).sort().join(", ")),
 *     Random.withSeed("docs")
 *   )
 *
 * console.log(await Effect.runPromise(results(true))) // => missing, new, old
 * console.log(await Effect.runPromise(results(false))) // => missing, new, old, torn
 * ```
 *
 * That no file goes missing, and that what was replaced stays so, takes a sync of the directory after each
 * rename: a `sync` of what `fs.open("/", { flag: "r" })` gives.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Disk> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    return Effect.succeed(diskOf(makeVolume(worldOf(fiber), options, clock.currentTimeMillisUnsafe())))
  })

/**
 * An empty disk as the `FileSystem` of a program, for tests that need files and no control over them.
 *
 * **Example** (Files without a disk)
 *
 * ```ts
 * import { Disk } from "@holdfast/sim"
 * import { Effect, FileSystem } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   yield* fs.makeDirectory("/data/logs", { recursive: true })
 *   yield* fs.writeFileString("/data/logs/today", "started\n")
 *   yield* fs.writeFileString("/data/logs/today", "ended\n", { flag: "a" })
 *   return yield* fs.readFileString("/data/logs/today")
 * })
 *
 * console.log(Effect.runSync(Effect.provide(program, Disk.layer()))) // => started
 * // => ended
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(make(options), (disk) => disk.fileSystem)
  )

/**
 * The disk of a host, in the hands of the test. It outlives the host's crashes.
 *
 * **Details**
 *
 * When the host crashes, what was not synced may be lost: the choices of the run decide how much, and nothing at all is
 * one of them, as when only the process died.
 *
 * @since 0.1.0
 * @category hosts
 */
export const ofHost = (name: string): Effect.Effect<Disk> =>
  Effect.flatMap(here("Disk.ofHost"), ({ driver }) => {
    const machine = machines(driver).get(name)
    return machine === undefined
      ? Effect.die(new Error(`Disk.ofHost: there is no host "${name}": make it with Host.make first`))
      : Effect.succeed(hostDisk(machine).disk)
  })

/**
 * The `FileSystem` of the host that the layer is built on: the same files in each of its lives.
 *
 * **Example** (What survives a crash)
 *
 * ```ts
 * import { Disk, Host, Simulation } from "@holdfast/sim"
 * import { Effect, FileSystem } from "effect"
 *
 * const count = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   const starts = (yield* fs.exists("/starts")) ? Number(yield* fs.readFileString("/starts")) : 0
 *   yield* fs.writeFileString("/starts", String(starts + 1))
 * })
 *
 * const program = Effect.gen(function* () {
 *   const host = yield* Host.make("db", Effect.provide(count, Disk.layerHost))
 *   yield* host.exited
 *   yield* host.restart
 *   yield* host.exited
 *   const disk = yield* Disk.ofHost("db")
 *   return new TextDecoder().decode((yield* disk.snapshot).get("/starts"))
 * })
 *
 * const { exit } = Simulation.run(program)
 * console.log(exit._tag === "Success" && exit.value) // => 2
 * ```
 *
 * @since 0.1.0
 * @category hosts
 */
export const layerHost: Layer.Layer<FileSystem.FileSystem> = Layer.effect(
  FileSystem.FileSystem,
  Effect.flatMap(here("Disk.layerHost"), ({ driver, name }) => {
    const machine = machines(driver).get(name)
    return machine === undefined
      ? Effect.die(new Error(`Disk.layerHost: "${name}" is no host of this run`))
      : Effect.succeed(hostDisk(machine).disk.fileSystem)
  })
)
