/** The disk that a machine has for all of its lives. */
import type { Disk } from "../../Disk.ts"
import type { Driver } from "../driver.ts"
import type { Machine } from "../machine.ts"
import { losePower } from "./crash.ts"
import { diskOf, simulatedWorld } from "./disk.ts"
import { makeVolume, type Volume } from "./model.ts"

interface HostDisk {
  readonly volume: Volume
  readonly disk: Disk
}

/** Kept beside the machine, so that one without files has no disk. */
const disks = new WeakMap<Machine, HostDisk>()

const make = (driver: Driver, machine: Machine): HostDisk => {
  const volume = makeVolume(simulatedWorld(driver), {}, machine.state.clock.currentTimeMillisUnsafe())
  // The choices of the run say how much a crash takes; nothing at all is one of them, as when only the process died.
  machine.onCrash.push(() => losePower(volume))
  return { volume, disk: diskOf(volume) }
}

export const hostDiskIfAny = (machine: Machine): HostDisk | undefined => disks.get(machine)

export const hostDisk = (machine: Machine): HostDisk => {
  const known = disks.get(machine)
  if (known !== undefined) return known
  const made = make(machine.driver, machine)
  disks.set(machine, made)
  return made
}
