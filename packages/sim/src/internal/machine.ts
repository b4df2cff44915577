/** A simulated machine: a name and its present life. What belongs to it for longer than one life hangs on it too. */
import { Cause, Context, Effect, type Exit, type Fiber } from "effect"
import { NotSimulated } from "../SimulationError.ts"
import { forgetBatches } from "./batches.ts"
import type { Driver } from "./driver.ts"
import { hostOf } from "./fibers.ts"
import { CurrentHost, HostState } from "./host.ts"

/** How a life of a machine ended. */
export type Ended =
  | { readonly _tag: "Exited"; readonly exit: Exit.Exit<unknown, unknown> }
  | { readonly _tag: "Crashed" }

export class Machine {
  readonly name: string
  readonly driver: Driver
  state: HostState
  /** How the present life ended. */
  ended: Ended | undefined = undefined
  private main: Effect.Effect<unknown, unknown> | undefined = undefined
  private readonly watchers = new Set<(ended: Ended) => void>()
  /** Told when a life ends by a crash, before the next begins. */
  readonly onCrash: Array<() => void> = []

  constructor(driver: Driver, name: string, state: HostState) {
    this.driver = driver
    this.name = name
    this.state = state
  }

  /** Called on any host's stack: what starts begins in a task of the machine itself. */
  start(main: Effect.Effect<unknown, unknown> | undefined): void {
    this.main = main
    this.boot("start")
  }

  restart(): void {
    if (this.state.status !== "dead") this.crash()
    const before = this.state
    this.state = new HostState(this.driver, this.name, before.incarnation + 1)
    this.state.clock.boot(before.clock)
    this.boot("restart")
  }

  private boot(phase: string): void {
    const { driver, main, state } = this
    this.ended = undefined
    driver.emit("host", `${this.name} ${phase}s`, { phase }, undefined, state)
    if (main === undefined) return
    this.fork(main, (exit) => {
      if (exit._tag === "Failure" && !Cause.hasInterruptsOnly(exit.cause)) {
        driver.warnings.add(`the program of the host "${this.name}" failed: ${Cause.pretty(exit.cause)}`)
      }
      driver.emit("host", `${this.name} exits`, { phase: "exit", exit: exit._tag }, undefined, state)
      if (this.state === state) this.end({ _tag: "Exited", exit })
    })
  }

  /** SIGKILL: nothing of this life runs again, finalizers neither. */
  crash(): void {
    const { driver, state } = this
    if (state.status === "dead") return
    state.crash()
    forgetBatches(driver.fibers.living().filter((fiber) => hostOf(fiber) === state))
    driver.emit("host", `${this.name} crashes`, { phase: "crash" }, undefined, state)
    for (const told of this.onCrash) told()
    this.end({ _tag: "Crashed" })
  }

  pause(): void {
    this.state.pause()
    this.driver.emit("host", `${this.name} pauses`, { phase: "pause" }, undefined, this.state)
  }

  resume(): void {
    this.state.resume()
    this.driver.emit("host", `${this.name} resumes`, { phase: "resume" }, undefined, this.state)
  }

  private end(ended: Ended): void {
    this.ended = ended
    const watchers = Array.from(this.watchers)
    this.watchers.clear()
    for (const watcher of watchers) watcher(ended)
  }

  /** Calls back once when the present life ends; gives a way to call it off. */
  watch(watcher: (ended: Ended) => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Runs an effect in a fiber of this life of the machine, in a context that holds nothing of the caller's. */
  fork<A, E>(
    effect: Effect.Effect<A, E>,
    onExit: (exit: Exit.Exit<A, E>) => void
  ): { interrupt: () => void } {
    const { driver, state } = this
    let fiber: Fiber.Fiber<A, E> | undefined
    // The two tasks may run in any order.
    let interrupted = false
    const begin = () => {
      if (interrupted) return
      // house: a fiber of another host, which no fiber of this one may be the parent of
      fiber = Effect.runForkWith(driver.contextOf(state))(effect)
      fiber.addObserver(onExit)
    }
    const stop = () => {
      interrupted = true
      fiber?.interruptUnsafe()
    }
    driver.post(state, begin, 0)
    return { interrupt: () => driver.post(state, stop, 0) }
  }
}

/** Whether a name means, on every host, the host itself. */
export const isOwnName = (name: string): boolean => ["localhost", "127.0.0.1", "::1", "[::1]"].includes(name)

/** The machines of a run, by name. */
export class Machines {
  private readonly byName = new Map<string, Machine>()

  get(name: string): Machine | undefined {
    return this.byName.get(name)
  }

  add(machine: Machine): void {
    this.byName.set(machine.name, machine)
  }

  values(): Iterable<Machine> {
    return this.byName.values()
  }
}

/** Those of the run that a driver drives. Kept beside it, so that a run without hosts makes none. */
const machinesOf = new WeakMap<Driver, Machines>()

export const machines = (driver: Driver): Machines => {
  const known = machinesOf.get(driver)
  if (known !== undefined) return known
  const made = new Machines()
  made.add(new Machine(driver, driver.main.name, driver.main))
  machinesOf.set(driver, made)
  return made
}

/** The host that the running fiber is on. Outside of a run there is none, which is a mistake of the caller. */
export const here = (operation: string): Effect.Effect<HostState> =>
  Effect.withFiber((fiber) => {
    const host = Context.get(fiber.context, CurrentHost)
    return host === undefined ? Effect.die(new NotSimulated({ operation })) : Effect.succeed(host)
  })
