/** From a program and its options to a result: the synchronous way. */
import { Clock, Context, Duration, Effect, Exit, type Fiber } from "effect"
import type { Plan } from "../FaultPlan.ts"
import type { LeakedFiber, Options, Result } from "../Simulation.ts"
import {
  AmbientUse,
  Deadlock,
  LimitExceeded,
  Livelock,
  type SimulationError,
  Violation
} from "../SimulationError.ts"
import * as Strategy from "../Strategy.ts"
import type * as Trace from "../Trace.ts"
import { forgetBatches } from "./batches.ts"
import { Driver, type Stuck } from "./driver.ts"
import { arm } from "./faults/inject.ts"
import { hostOf } from "./fibers.ts"
import { limit, whole } from "./limits.ts"
import { seal, type Use } from "./seal.ts"
import { Recorded, Recorder, Seeded } from "./source.ts"
import { diceOf, replay, type Steering, steer } from "./steering.ts"
import { Waits } from "./waiting.ts"
import { World } from "./world.ts"

const calm = { gap: [], pick: [], fault: [], random: [] }

/** Who decides what is left open. */
const chooser = (options: Options, recorder: Recorder, given: Steering | undefined) => {
  if (options.choices === undefined && options.seed !== undefined) {
    const { schedule, world } = diceOf(whole("seed", options.seed))
    return {
      steering: steer(options.strategy ?? Strategy.portfolio, schedule),
      source: new Seeded(world, recorder)
    }
  }
  const recording = options.choices ?? calm
  return { steering: given ?? replay(recording), source: new Recorded(recording, recorder) }
}

const stockClock = Context.get(Context.empty(), Clock.Clock)

/** On the machine's own clock. In a synchronous run no real time can pass, and the sealed timer says so. */
const onLiveClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, stockClock)

/** `Duration` takes what is no number for no time. */
const millisOf = (maxTime: Options["maxTime"] = Infinity): number =>
  typeof maxTime === "number" ? maxTime : Duration.toMillis(maxTime)

export const makeDriver = (
  options: Options,
  onEvent: ((event: Trace.Event) => void) | undefined,
  withLive: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = onLiveClock,
  given?: Steering
): Driver => {
  const recorder = new Recorder()
  const { source, steering } = chooser(options, recorder, given)
  return new Driver({
    steering,
    source,
    recorder,
    realistic: options.level === "realistic",
    limits: {
      maxSteps: limit("maxSteps", options.maxSteps ?? 10_000_000),
      maxStepsPerInstant: limit("maxStepsPerInstant", options.maxStepsPerInstant ?? 1_000_000),
      maxNanos: limit("maxTime", millisOf(options.maxTime)) * 1e6
    },
    onEvent,
    withLive
  })
}

/** A fiber holds on to the cause of its interruption from then on. */
const isInterrupted = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  Reflect.get(fiber, "_interruptedCause") !== undefined

const hostName = (driver: Driver, fiber: Fiber.Fiber<unknown, unknown>): string =>
  hostOf(fiber)?.name ?? driver.main.name

const leakedFibers = (driver: Driver): ReadonlyArray<LeakedFiber> =>
  driver.fibers
    .living()
    .filter((fiber) => hostOf(fiber) === driver.main)
    .map((fiber) => ({ name: driver.fibers.name(fiber), interrupted: isInterrupted(fiber) }))

/** The error for a run that cannot go on. */
const stuckError = (
  driver: Driver,
  stuck: Exclude<Stuck, "Threw">,
  waits: Waits | undefined
): SimulationError => {
  const atMillis = driver.nowNanos / 1e6
  switch (stuck) {
    case "Deadlock":
      return new Deadlock({
        atMillis,
        blocked: driver.fibers.living().map((fiber) => ({
          fiber: driver.fibers.name(fiber),
          host: hostName(driver, fiber),
          waitsFor: waits?.describe(fiber) ?? "something"
        }))
      })
    case "Livelock":
      return new Livelock({
        atMillis,
        steps: driver.steps,
        fibers: driver.fibers
          .living()
          .slice(0, 10)
          .map((fiber) => driver.fibers.name(fiber))
      })
    case "StepLimit":
      return new LimitExceeded({ limit: "maxSteps", atMillis, steps: driver.steps })
    case "TimeLimit":
      return new LimitExceeded({ limit: "maxTime", atMillis, steps: driver.steps })
  }
}

/** What a run came to. */
interface Outcome<out A, out E> {
  readonly exit: Exit.Exit<A, E> | undefined
  readonly stuck: Stuck | undefined
  readonly use: Use | undefined
  readonly waits: Waits | undefined
}

/** How a run ended: what makes it count for nothing comes first, and what the program says last. */
export const verdict = <A, E>(
  driver: Driver,
  { exit, stuck, use, waits }: Outcome<A, E>
): Exit.Exit<A, E | SimulationError> => {
  if (use !== undefined) return Exit.fail(new AmbientUse({ what: use.what, by: use.by, origin: use.stack }))
  if (driver.violation !== undefined) return Exit.fail(new Violation(driver.violation))
  // Thrown outside of any fiber, where it would have ended a real process.
  if (stuck === "Threw") return Exit.die(driver.thrown)
  if (stuck === undefined && exit !== undefined) return exit
  return Exit.fail(stuckError(driver, stuck ?? "Deadlock", waits))
}

export const resultOf = <A, E>(
  driver: Driver,
  world: World,
  exit: Exit.Exit<A, E | SimulationError>,
  trace: ReadonlyArray<Trace.Event>
): Result<A, E> => ({
  exit,
  virtualMillis: driver.nowNanos / 1e6,
  steps: driver.steps,
  hash: driver.hash.digest(),
  leaks: {
    fibers: driver.fibers.live === 0 ? [] : leakedFibers(driver),
    timers: driver.pendingTimers.filter(({ host }) => host === driver.main).length,
    scopes: world.scopes.open
  },
  choices: driver.finish(),
  planned: driver.planned,
  faults: driver.faults,
  reached: driver.reached,
  checked: driver.checked,
  warnings: Array.from(driver.warnings),
  trace
})

/** What a run has besides the options of everybody. */
export interface Extras {
  /** Faults to inject. */
  readonly plan?: Plan
  /** Who decides, when it is no strategy. */
  readonly steering?: Steering
  /** Sees what fibers wait for; it makes a run several times slower. */
  readonly waits?: Waits
}

export const simulate = <A, E>(
  program: Effect.Effect<A, E>,
  options: Options,
  extras: Extras = {}
): Result<A, E> => {
  const { plan = [], steering, waits } = extras
  const trace: Array<Trace.Event> = []
  const onEvent = options.trace === true ? (event: Trace.Event) => trace.push(event) : undefined
  const driver = makeDriver(options, onEvent, onLiveClock, steering)
  const world = new World(driver, waits?.watch)
  const unseal = seal()
  let exit: Exit.Exit<A, E> | undefined
  let stuck: Stuck | undefined
  let use: Use | undefined
  try {
    // The program begins in a task, like everything else.
    driver.post(
      driver.main,
      () => {
        arm(driver, plan)
        // house: the root of the run, in a context of its own
        const root = Effect.runForkWith(world.contextOf(driver.main))(program)
        root.addObserver((ended) => {
          exit = ended
        })
      },
      0
    )
    stuck = driver.drive(() => exit !== undefined) ?? driver.settle()
  } finally {
    driver.end()
    use = unseal()
    forgetBatches(driver.fibers.living())
  }
  // What the fibers wait for is only seen by watching them, so the same run is made again.
  if (stuck === "Deadlock" && use === undefined && waits === undefined) {
    return simulate(program, { ...options, choices: driver.finish() }, { plan, waits: new Waits() })
  }
  return resultOf<A, E>(driver, world, verdict(driver, { exit, stuck, use, waits }), trace)
}
