/** A machine whose processes share one disk, and what befalls it: processes die, the power fails, the disk does. */
import { FileStateStore } from "@holdfast/node"
import { Disk, Host } from "@holdfast/sim"
import { Effect, Exit, Layer } from "effect"
import type { Variant } from "./plantedFiles.ts"
import { filesOf, layerFiles, withBefore } from "./processFiles.ts"

/** Something that happens at a system call of any of the processes, so many after the one before. */
export interface Blow {
  readonly kind: "Kill" | "PowerCut" | "Pause" | "EIO" | "ENOSPC"
  readonly afterCalls: number
}

/** A pause ends with the next of these intervals: it is longer than what anybody would call a lease. */
export const pauseMillis = 10_000

const directory = "/var/state"

export type Layout = NonNullable<FileStateStore.Options["layout"]>

export class Machine {
  private readonly disk: Disk.Disk
  private readonly variant: Variant
  private readonly blows: Array<Blow>
  private readonly hosts: Array<Host.Host> = []
  /** Until the next blow. */
  private left: number
  /** How many blows have struck. */
  struck = 0

  private constructor(disk: Disk.Disk, variant: Variant, blows: ReadonlyArray<Blow>) {
    this.disk = disk
    this.variant = variant
    this.blows = [...blows]
    this.left = blows[0]?.afterCalls ?? Number.POSITIVE_INFINITY
  }

  static make(variant: Variant, blows: ReadonlyArray<Blow>): Effect.Effect<Machine> {
    return Effect.map(Disk.make(), (disk) => new Machine(disk, variant, blows))
  }

  /** Runs a program in a process of its own, which starts again whenever it has died. */
  start(name: string, program: (host: Host.Host) => Effect.Effect<void>): Effect.Effect<void> {
    const find = Effect.sync(() => this.hosts.find((host) => host.name === name))
    // The host may run before whoever made it has it.
    const main: Effect.Effect<void> = Effect.flatMap(find, (host) =>
      host === undefined ? Effect.andThen(Effect.sleep(1), main) : program(host)
    )
    return Effect.map(Host.make(name, main), (host) => {
      this.hosts.push(host)
    })
  }

  /** Waits until the programs have come to their ends, and meanwhile lets those go on that were paused. */
  get ended(): Effect.Effect<void> {
    // A program that is interrupted was about to die.
    const untilExit = (host: Host.Host): Effect.Effect<void> =>
      Effect.flatMap(host.exited, (ended) =>
        ended._tag === "Exited" && Exit.isSuccess(ended.exit)
          ? Effect.void
          : Effect.andThen(Effect.sleep(1), untilExit(host))
      )
    const goOn = Effect.andThen(
      Effect.sleep(pauseMillis),
      Effect.forEach(this.hosts, ({ resume }) => resume, { discard: true })
    )
    return Effect.raceFirst(Effect.forEach(this.hosts, untilExit, { discard: true }), Effect.forever(goOn))
  }

  /** No more blows. */
  get calm(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.left = Number.POSITIVE_INFINITY
      this.blows.length = 0
    })
  }

  /** What a process on this host has; each life has one of its own. */
  store(owner: string, layout: Layout, host?: Host.Host) {
    const files = Effect.map(this.disk.process, (process) =>
      layerFiles(
        this.variant.change(
          withBefore(
            filesOf(process),
            Effect.suspend(() => this.before(host))
          )
        )
      )
    )
    return FileStateStore.layerFileSystem({ directory, layout, owner }).pipe(
      Layer.provide(Layer.unwrap(files))
    )
  }

  get files(): Effect.Effect<ReadonlyMap<string, Uint8Array>> {
    return this.disk.snapshot
  }

  private before(host: Host.Host | undefined): Effect.Effect<void> {
    this.left--
    const [blow] = this.blows
    if (this.left > 0 || blow === undefined) return Effect.void
    this.blows.shift()
    this.left = this.blows[0]?.afterCalls ?? Number.POSITIVE_INFINITY
    this.struck++
    return this.strike(blow, host)
  }

  private strike({ kind }: Blow, host: Host.Host | undefined): Effect.Effect<void> {
    switch (kind) {
      case "Kill":
        return host === undefined ? Effect.void : host.restart
      case "Pause":
        return host === undefined ? Effect.void : host.pause
      case "PowerCut":
        return this.cutPower(host)
      default:
        return this.disk.failAt(1, kind)
    }
  }

  /** Who pulls the plug comes last, as it gets no further than that; what it runs in may end earlier. */
  private cutPower(host: Host.Host | undefined): Effect.Effect<void> {
    const others = this.hosts.filter((other) => other !== host)
    const all = host === undefined ? others : [...others, host]
    return Effect.forEach(others, ({ crash }) => crash, { discard: true }).pipe(
      Effect.andThen(this.disk.losePower),
      Effect.andThen(Effect.forEach(all, ({ restart }) => restart, { discard: true })),
      Effect.uninterruptible
    )
  }
}
