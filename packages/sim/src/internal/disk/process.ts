/** The view that one process of a machine has of its disk. */
import { Effect, type Fiber, type PlatformError, type Scope } from "effect"
import type * as Disk from "../../Disk.ts"
import { CurrentHost } from "../host.ts"
import { type Machine, machines } from "../machine.ts"
import { end } from "./crash.ts"
import { during, makeFileSystem } from "./fileSystem.ts"
import { type Kernel, makeKernel } from "./kernel.ts"
import type { Descriptor, Process, Volume } from "./model.ts"

/** What a machine has running, to be ended by its crash: none of its own effects runs any more. */
const running = new WeakMap<Machine, Set<() => void>>()

const endingsOf = (machine: Machine): Set<() => void> => {
  const known = running.get(machine)
  if (known !== undefined) return known
  const made = new Set<() => void>()
  running.set(machine, made)
  machine.onCrash.push(() => {
    for (const ending of made) ending()
    made.clear()
  })
  return made
}

/** The descriptor that has the lock now, of which there is none when another one had it. */
const takeLock = Effect.fnUntraced(function* (kernel: Kernel, path: string) {
  const descriptor = yield* kernel.open(path, { flag: "a+" })
  const isTaken = yield* Effect.onError(kernel.lock(descriptor), () => kernel.close(descriptor))
  if (isTaken) return descriptor
  yield* kernel.close(descriptor)
  return undefined
})

const tryLock = (
  kernel: Kernel,
  path: string
): Effect.Effect<boolean, PlatformError.PlatformError, Scope.Scope> =>
  Effect.acquireRelease(takeLock(kernel, path), (held: Descriptor | undefined) =>
    held === undefined ? Effect.void : kernel.close(held)
  ).pipe(
    Effect.map((held) => held !== undefined),
    during("tryLock", path)
  )

const isLocked = (kernel: Kernel, path: string): Effect.Effect<boolean, PlatformError.PlatformError> =>
  Effect.acquireUseRelease(
    kernel.open(path, { flag: "r" }),
    (descriptor) => kernel.isLocked(descriptor),
    (descriptor) => kernel.close(descriptor)
  ).pipe(
    during("isLocked", path),
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.succeed(false)
    )
  )

/** That of the host which the fiber is on; of nobody else's, where it is on none. */
export const processOf = (volume: Volume, fiber: Fiber.Fiber<unknown, unknown>): Disk.Process => {
  const host = fiber.getRef(CurrentHost)
  const machine = host === undefined ? undefined : machines(host.driver).get(host.name)
  const endings = machine === undefined ? undefined : endingsOf(machine)
  const process: Process = { descriptors: new Set(), watchers: new Set(), hasEnded: false }
  const kill = () => {
    end(volume, process)
    endings?.delete(kill)
  }
  volume.processes.add(process)
  endings?.add(kill)
  const kernel = makeKernel(volume, process)
  return {
    fileSystem: makeFileSystem(volume, process),
    tryLock: (path) => tryLock(kernel, path),
    isLocked: (path) => isLocked(kernel, path),
    kill: Effect.sync(kill)
  }
}
