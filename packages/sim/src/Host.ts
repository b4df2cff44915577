/**
 * Simulated machines: each with fibers and a clock of its own, and each can crash.
 *
 * A crash is a SIGKILL: the fibers of the host stop where they are, no finalizer runs, and nothing of that life ever
 * wakes again. A restart begins a new life of the same name with the same program.
 *
 * **Gotchas**
 *
 * Hosts share no memory in the real world. Here they can, by mistake: something on one host that resumes a fiber of
 * another one is reported in the run's `warnings`. Let hosts talk over the network, and let the test look at them
 * through `run` and `exited`.
 *
 * Three things no scheduler can keep apart: a finalizer that was registered in a scope of another host runs on the host
 * that closes the scope; a permit that a crashed host took from a semaphore of another is not given back; and code under
 * `References.PreventSchedulerYield` that is resumed by another host runs there.
 *
 * @since 0.1.0
 */
import { Duration, Effect, type Exit, Schema, type Scope } from "effect"
import { CurrentHost, HostState, mistakeInSkew } from "./internal/host.ts"
import { type Ended, here, isOwnName, Machine, machines } from "./internal/machine.ts"

/**
 * A host crashed while something ran on it, or is down.
 *
 * @since 0.1.0
 * @category errors
 */
export class HostDown extends Schema.TaggedError<HostDown>("@holdfast/sim/Host/HostDown")("HostDown", {
  host: Schema.String
}) {
  override get message(): string {
    return `the host "${this.host}" is down: it crashed and was not restarted`
  }
}

/**
 * How a life of a host ended: its program did, or it crashed.
 *
 * @since 0.1.0
 * @category models
 */
export type Exited = Ended

/**
 * How a host's clock differs from true time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Skew {
  /** How far its wall clock jumps now; nothing by default. */
  readonly offset?: Duration.Input | undefined
  /** How many seconds pass on it in a true second, from 0.001 to 1,000; 1 by default. */
  readonly rate?: number | undefined
}

/**
 * A simulated machine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  readonly name: string
  /** How many lives it had before this one. */
  readonly incarnation: Effect.Effect<number>
  /**
   * Runs an effect on the host and gives its result to the caller, wherever that is. The effect gets a fresh context,
   * with nothing of the caller's.
   */
  readonly run: <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.Effect<A, E | HostDown>
  /** Kills it. Nothing when it is down. */
  readonly crash: Effect.Effect<void>
  /** Begins a new life with the same program; crashes the present one when it is up. */
  readonly restart: Effect.Effect<void>
  /** Nothing on it runs until `resume`: a long garbage collection, or SIGSTOP. Timers that come due then fire late. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Sets its clock. Timers that run already keep their instants. */
  readonly skew: (skew: Skew) => Effect.Effect<void>
  /** Waits for the end of its present life. Nothing else should wait for fibers of a host: those of a dead one never end. */
  readonly exited: Effect.Effect<Exited>
}

/** Waits, on the caller's host, for something that is told on another. */
const told = <A, E>(
  operation: string,
  register: (tell: (effect: Effect.Effect<A, E>) => void) => () => void
): Effect.Effect<A, E> =>
  Effect.flatMap(here(operation), (caller) =>
    Effect.callback<A, E>((resume) => {
      const cancel = register((effect) => caller.driver.post(caller, () => resume(effect), 0))
      return Effect.sync(cancel)
    })
  )

const runOn = <A, E>(
  machine: Machine,
  effect: Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E | HostDown> =>
  told("Host.run", (tell) => {
    const down = Effect.fail(new HostDown({ host: machine.name }))
    if (machine.state.status === "dead") {
      tell(down)
      return () => {}
    }
    const unwatch = machine.watch((ended) => {
      if (ended._tag === "Crashed") tell(down)
    })
    const fiber = machine.fork(Effect.scoped(effect), (exit: Exit.Exit<A, E>) => {
      unwatch()
      tell(exit)
    })
    return () => {
      unwatch()
      fiber.interrupt()
    }
  })

/** A host that stops itself gets no further than this: what is left of the fiber's slice goes through the queue. */
const stopping = (machine: Machine, stop: () => void): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const isItself = fiber.getRef(CurrentHost) === machine.state
    stop()
    return isItself ? Effect.yieldNow : Effect.void
  })

const hostOf = (machine: Machine): Host => ({
  name: machine.name,
  incarnation: Effect.sync(() => machine.state.incarnation),
  run: (effect) => runOn(machine, effect),
  crash: stopping(machine, () => machine.crash()),
  restart: stopping(machine, () => machine.restart()),
  pause: stopping(machine, () => machine.pause()),
  resume: Effect.sync(() => machine.resume()),
  skew: ({ offset = 0, rate = 1 }) =>
    Effect.suspend(() => {
      const offsetMillis = Duration.toMillis(Duration.fromInputUnsafe(offset))
      const mistake = mistakeInSkew(offsetMillis, rate)
      if (mistake !== undefined) return Effect.die(new Error(`Host.skew: ${mistake}`))
      machine.state.clock.skew(offsetMillis, rate)
      return Effect.void
    }),
  exited: told("Host.exited", (tell) => {
    if (machine.ended === undefined) return machine.watch((ended) => tell(Effect.succeed(ended)))
    tell(Effect.succeed(machine.ended))
    return () => {}
  })
})

/**
 * Adds a host to the world, and starts its program on it.
 *
 * **Details**
 *
 * The program gets a fresh context: build its layers inside it, with `Layer.launch`. Without a program the host is there
 * for `run`. A name can be used once in a run; `"main"` is the host of the test itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  name: string,
  main?: Effect.Effect<unknown, unknown, Scope.Scope>
): Effect.Effect<Host> =>
  Effect.flatMap(here("Host.make"), ({ driver }) => {
    const known = machines(driver)
    if (known.get(name) !== undefined) return Effect.die(new Error(`there is a host "${name}" already`))
    if (name === "" || isOwnName(name)) {
      return Effect.die(
        new Error(`no host can be called "${name}": every host calls itself so, or nobody could`)
      )
    }
    const machine = new Machine(driver, name, new HostState(driver, name, 0))
    known.add(machine)
    machine.start(main === undefined ? undefined : Effect.scoped(main))
    return Effect.succeed(hostOf(machine))
  })

/**
 * The name of the host that the running fiber is on: `"main"` for the test itself.
 *
 * @since 0.1.0
 * @category accessors
 */
export const current: Effect.Effect<string> = Effect.map(here("Host.current"), ({ name }) => name)
