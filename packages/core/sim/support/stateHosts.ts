/** The processes of a machine: hosts, each with a store of its own over what they share, and what befalls them. */
import { type Lock, StateBackend, type StateStore } from "@holdfast/core"
import { Host } from "@holdfast/sim"
import { type Context, Effect, type Scope } from "effect"
import type { StateMachine } from "./stateMachine.ts"
import type { Blow } from "./stateSteps.ts"
import { sleep } from "./time.ts"

/** What a process has. */
export type Instance = Context.Context<StateStore.StateStore | Lock.Lock>

/** One life of a process. */
export interface Life {
  readonly owner: string
  readonly instance: Instance
}

export class Hosts {
  private readonly machine: StateMachine
  private readonly hosts: Array<Host.Host> = []
  private readonly lives: Array<number> = []
  /** Tells that a life has ended at once. */
  private readonly onKill: (owner: string) => void

  constructor(machine: StateMachine, onKill: (owner: string) => void = () => {}) {
    this.machine = machine
    this.onKill = onKill
  }

  private ownerOf(process: number): string {
    return `p${process}#${this.lives[process] ?? 0}`
  }

  /** Starts a process; when it is restarted, it does the same once more. */
  start(
    process: number,
    program: (life: Life) => Effect.Effect<unknown, never, Scope.Scope>
  ): Effect.Effect<void> {
    const main = Effect.suspend(() => {
      const owner = this.ownerOf(process)
      return Effect.flatMap(StateBackend.make(this.machine.process(owner)), (instance) =>
        program({ owner, instance })
      )
    })
    this.lives[process] = 0
    return Effect.map(Host.make(`p${process}`, Effect.scoped(main)), (host) => {
      this.hosts[process] = host
    })
  }

  /** Strikes one after the other, and ends when the last has passed. */
  befall(blows: ReadonlyArray<Blow>): Effect.Effect<void> {
    return Effect.forEach(blows, (blow) => Effect.andThen(sleep(blow.afterNanos), this.strike(blow)), {
      discard: true
    })
  }

  /** Ends when each process has come to its end. */
  get ended(): Effect.Effect<void> {
    return Effect.forEach(this.hosts, ({ exited }) => exited, { discard: true })
  }

  kill(process: number): Effect.Effect<void> {
    const host = this.hosts[process]
    if (host === undefined) return Effect.void
    // What the operating system does comes after the death.
    const clear = Effect.sync(() => {
      const owner = this.ownerOf(process)
      this.lives[process] = (this.lives[process] ?? 0) + 1
      this.onKill(owner)
      this.machine.kill(owner)
    })
    return Effect.andThen(host.crash, clear)
  }

  pause(process: number): Effect.Effect<void> {
    return this.hosts[process]?.pause ?? Effect.void
  }

  resume(process: number): Effect.Effect<void> {
    return this.hosts[process]?.resume ?? Effect.void
  }

  private strike({ forNanos, kind, process }: Blow): Effect.Effect<void> {
    const host = this.hosts[process]
    if (host === undefined) return Effect.void
    switch (kind) {
      case "kill":
        return this.kill(process)
      case "restart":
        return Effect.andThen(this.kill(process), Effect.andThen(sleep(forNanos), host.restart))
      case "pause":
        return Effect.andThen(host.pause, Effect.andThen(sleep(forNanos), host.resume))
    }
  }
}
