/** From a program and its options to a result: the asynchronous way, and as a layer. */
import { type Cause, Clock, Context, Effect, type Exit, Layer, Scope } from "effect"
import type { AsyncOptions, Options, Result } from "../Simulation.ts"
import type * as Trace from "../Trace.ts"
import { forgetBatches } from "./batches.ts"
import type { Driver } from "./driver.ts"
import { CurrentHost } from "./host.ts"
import { limit } from "./limits.ts"
import { liveClock } from "./liveClock.ts"
import { Pump, type Stop } from "./pump.ts"
import { makeDriver, resultOf, verdict } from "./run.ts"
import { unsealed } from "./seal.ts"
import { World } from "./world.ts"

/** Virtual time waits for an effect that takes real time. */
const inRealTime =
  (driver: () => Driver) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        driver().live++
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          driver().live--
        })
    )

const asyncDriver = (options: Options, trace: Array<Trace.Event>): Driver => {
  const driver: Driver = makeDriver(
    options,
    options.trace === true ? (event) => trace.push(event) : undefined,
    (effect) => inRealTime(() => driver)(Effect.provideService(effect, Clock.Clock, liveClock))
  )
  return driver
}

export const simulateAsync = <A, E>(
  program: Effect.Effect<A, E>,
  options: AsyncOptions
): Promise<Result<A, E>> =>
  new Promise((resolve) => {
    const trace: Array<Trace.Event> = []
    const driver = asyncDriver(options, trace)
    const world = new World(driver)
    let exit: Exit.Exit<A, E> | undefined
    const finish = (stop: Stop): void => {
      const stuck = stop.stuck ?? driver.settle()
      driver.end()
      forgetBatches(driver.fibers.living())
      const outcome = verdict(driver, { exit, stuck, use: stop.use, waits: undefined })
      resolve(resultOf<A, E>(driver, world, outcome, trace))
    }
    const pump = new Pump(driver, {
      isDone: () => exit !== undefined,
      onStop: finish,
      sealed: true,
      patienceMillis: limit("patienceMillis", options.patienceMillis ?? 5000)
    })
    const begin = () => {
      // house: the root of the run, in a context of its own
      Effect.runForkWith(world.contextOf(driver.main))(program).addObserver((ended) => {
        exit = ended
      })
    }
    driver.post(driver.main, begin, 0)
    pump.wake()
  })

/** A platform's promise whose result arrives through the ready queue, like any other wake-up. */
export const awaitPromise = <A>(
  evaluate: (signal: AbortSignal) => PromiseLike<A>
): Effect.Effect<A, Cause.UnknownError> =>
  Effect.withFiber((fiber) => {
    const host = Context.get(fiber.context, CurrentHost)
    const promise = Effect.tryPromise((signal) => unsealed(() => evaluate(signal)))
    return host === undefined ? promise : inRealTime(() => host.driver)(promise)
  })

/** The services of a run for a program that something else runs, such as `it.effect`. */
export const layerAsync = (options: Options): Layer.Layer<never> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const driver = asyncDriver(options, [])
      driver.isRun = false
      const world = new World(driver)
      const pump = new Pump(driver, {
        isDone: () => false,
        // Fibers of the test itself, with the machine's own clock, may be resumed in between.
        sealed: false,
        onStop: () => {},
        patienceMillis: 2 ** 31 - 1
      })
      yield* Scope.addFinalizer(
        yield* Scope.Scope,
        Effect.sync(() => {
          pump.stop()
          driver.end()
          forgetBatches(driver.fibers.living())
        })
      )
      return Context.add(world.contextOf(driver.main), Clock.Clock, driver.main.clock)
    })
  )
