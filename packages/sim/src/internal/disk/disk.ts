/** What a disk shows of itself to whoever owns it, and the world that it takes its chances from. */
import { Effect, type Fiber, Random } from "effect"
import type { Disk } from "../../Disk.ts"
import type { Driver } from "../driver.ts"
import { CurrentHost } from "../host.ts"
import { durable, kill, losePower, snapshot } from "./crash.ts"
import { makeFileSystem } from "./fileSystem.ts"
import { capacityOf, type Volume, type World } from "./model.ts"
import { processOf } from "./process.ts"

/** A host that crashes calls `kill` or `losePower` itself, since none of its effects runs any more. */
export const diskOf = (volume: Volume): Disk => ({
  fileSystem: makeFileSystem(volume),
  process: Effect.withFiber((fiber) => Effect.succeed(processOf(volume, fiber))),
  kill: Effect.sync(() => kill(volume)),
  losePower: Effect.sync(() => losePower(volume)),
  failAt: (operation, code) =>
    Effect.suspend(() => {
      if (!Number.isInteger(operation) || operation < 1) {
        return Effect.die(new RangeError(`Disk.failAt: operations count from 1 (the next); got ${operation}`))
      }
      volume.failures.set(volume.operations + operation, code)
      return Effect.void
    }),
  setCapacity: (bytes) =>
    Effect.sync(() => {
      volume.capacityBytes = capacityOf(bytes)
    }),
  setReadOnly: (isReadOnly) =>
    Effect.sync(() => {
      volume.isReadOnly = isReadOnly
    }),
  snapshot: Effect.sync(() => snapshot(volume)),
  durable: Effect.sync(() => durable(volume))
})

export const simulatedWorld = (driver: Driver): World => ({
  choose: driver.choose,
  faultTookEffect: driver.tookEffect,
  note: (text) => driver.emit("disk", text)
})

/**
 * That of the simulation which the fiber runs in; outside of one, chance comes from `Random` and nobody
 * counts.
 */
export const worldOf = (fiber: Fiber.Fiber<unknown, unknown>): World => {
  const driver = fiber.getRef(CurrentHost)?.driver
  if (driver !== undefined) return simulatedWorld(driver)
  const random = fiber.getRef(Random.Random)
  return {
    choose: (n) => Math.floor(random.nextDoubleUnsafe() * n),
    faultTookEffect: () => {},
    note: () => {}
  }
}
