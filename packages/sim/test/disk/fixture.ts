/** A disk with a little on it, what a program sees of its errors, and what several processes see of each other. */
import { assert } from "@effect/vitest"
import { Effect, Exit, type FileSystem, type PlatformError } from "effect"
import * as Disk from "../../src/Disk.ts"
import * as Simulation from "../../src/Simulation.ts"

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

/** Two processes of one machine. */
export const two = Effect.gen(function* () {
  const disk = yield* Disk.make()
  return { disk, a: yield* disk.process, b: yield* disk.process }
})

/** Whether the lock is free: it is given back at once. */
export const isFree = (process: Disk.Process, path = "/lock") => Effect.scoped(process.tryLock(path))

export const onLock = (process: Disk.Process) => Effect.flatMap(process.tryLock("/lock"), assertTaken)
const assertTaken = (isTaken: boolean) => Effect.sync(() => assert.isTrue(isTaken))

/** All results that there are. */
export const inManySchedules = <A, E>(program: Effect.Effect<A, E>): ReadonlyArray<unknown> => {
  const results = new Set<unknown>()
  for (let seed = 0; seed < 50; seed++) {
    const { exit } = Simulation.run(program, { seed })
    results.add(Exit.isSuccess(exit) ? exit.value : String(exit))
  }
  return Array.from(results).sort()
}

export const wasInterrupted = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(Effect.orDie(effect)), Exit.hasInterrupts)
