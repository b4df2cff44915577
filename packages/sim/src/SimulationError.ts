/**
 * Why a simulated run could not go on, or does not count.
 *
 * They come out of `Simulation.run` in the exit's error channel, next to the errors of the program itself.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * A fiber that waits for something that cannot come.
 *
 * @since 0.1.0
 * @category models
 */
export const Blocked = Schema.Struct({
  /** Its number in the order in which fibers started, and the function or span that it is in. */
  fiber: Schema.String,
  host: Schema.String,
  /** Such as `a Deferred`, or `a permit of a Semaphore`. */
  waitsFor: Schema.String
})

/**
 * No fiber is ready and no timer is set, but the program has not ended.
 *
 * @since 0.1.0
 * @category errors
 */
export class Deadlock extends Schema.TaggedError<Deadlock>("@holdfast/sim/SimulationError/Deadlock")(
  "Deadlock",
  {
    atMillis: Schema.Number,
    blocked: Schema.Array(Blocked)
  }
) {
  override get message(): string {
    const blocked = this.blocked.map(
      ({ fiber, host, waitsFor }) => `\n  ${fiber} on ${host} waits for ${waitsFor}`
    )
    return (
      `deadlock at ${this.atMillis} ms: no fiber is ready and no timer is set.${blocked.join("")}\n` +
      "Something was forgotten that ends one of these waits; a native promise (await, fetch) never ends in a synchronous run."
    )
  }
}

/**
 * Fibers keep each other busy and time does not move on.
 *
 * @since 0.1.0
 * @category errors
 */
export class Livelock extends Schema.TaggedError<Livelock>("@holdfast/sim/SimulationError/Livelock")(
  "Livelock",
  {
    atMillis: Schema.Number,
    steps: Schema.Number,
    /** The fibers that have not ended, at most ten. */
    fibers: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    return (
      `livelock: time stands at ${this.atMillis} ms after ${this.steps} steps at this instant. Not ended: ` +
      `${this.fibers.join(", ")}. Let a loop sleep, or wait for an event; raise maxStepsPerInstant if so many steps are meant.`
    )
  }
}

/**
 * A run went on for longer than its limit.
 *
 * @since 0.1.0
 * @category errors
 */
export class LimitExceeded extends Schema.TaggedError<LimitExceeded>(
  "@holdfast/sim/SimulationError/LimitExceeded"
)("LimitExceeded", {
  /** The option that holds the limit. */
  limit: Schema.Literals(["maxSteps", "maxTime", "maxRealTime"]),
  atMillis: Schema.Number,
  steps: Schema.Number
}) {
  override get message(): string {
    return (
      `the program had not ended at ${this.atMillis} ms, after ${this.steps} steps: over its ${this.limit}. ` +
      "End its loops with the program, or raise the limit."
    )
  }
}

/**
 * Something ambient was used during a run: the machine's clock, chance, timers, or a native promise.
 *
 * **Details**
 *
 * A run that used it would not be the same again, so it fails whatever the program made of the error.
 *
 * @since 0.1.0
 * @category errors
 */
export class AmbientUse extends Schema.TaggedError<AmbientUse>("@holdfast/sim/SimulationError/AmbientUse")(
  "AmbientUse",
  {
    /** Such as `Date.now`. */
    what: Schema.String,
    /** The fiber that used it, and its host. */
    by: Schema.String,
    /** Where it was used first: frames of the program, as far as the stack has any. */
    origin: Schema.String
  }
) {
  private get advice(): string {
    if (/^(new )?(Http\w+\.|Request|Response|ReadableStream|fetch)/.test(this.what)) {
      return "The web's requests, responses and streams are made of native promises, which run under Simulation.runPromise; SimHttp, with bodies of text, bytes or a Stream, does without."
    }
    return this.what === "a native promise" ||
      this.what === "queueMicrotask" ||
      this.what === "process.nextTick"
      ? "Native promises, and what is built on them (Effect.promise, async functions, fetch, web streams), run under Simulation.runPromise. A suite runs without: put a simulated service in their place (Network, SimHttp, Disk, FlakyServer)."
      : "Take time from Clock, chance from Random, and wait with Effect.sleep; real time only passes under Simulation.runPromise."
  }

  override get message(): string {
    return `${this.what} was used in a simulation, by ${this.by}. ${this.advice}\n${this.origin}`
  }
}

/**
 * A promise did not hold: an oracle of `Check` said so.
 *
 * **Details**
 *
 * It ends the run at once, and is the run's error whatever the program would have made of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class Violation extends Schema.TaggedError<Violation>("@holdfast/sim/SimulationError/Violation")(
  "Violation",
  {
    /** The promise, such as `FO-2`. */
    guarantee: Schema.String,
    problem: Schema.String
  }
) {
  override get message(): string {
    return `${this.guarantee} does not hold: ${this.problem}`
  }
}

/**
 * What cannot run under the simulator, because the platform only offers it with native promises.
 *
 * **Details**
 *
 * It is a defect of the fiber that asked for it: the code is right, and runs live.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unsupported extends Schema.TaggedError<Unsupported>("@holdfast/sim/SimulationError/Unsupported")(
  "Unsupported",
  {
    /** Such as `a FormData body`. */
    what: Schema.String,
    instead: Schema.String
  }
) {
  override get message(): string {
    return `${this.what} cannot run in a simulation: ${this.instead}`
  }
}

/**
 * An operation of the simulated world was used outside of a run.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotSimulated extends Schema.TaggedError<NotSimulated>(
  "@holdfast/sim/SimulationError/NotSimulated"
)("NotSimulated", {
  operation: Schema.String
}) {
  override get message(): string {
    return `${this.operation} only exists in a simulation: run the program with Simulation.run`
  }
}

/**
 * What a run adds to the errors of its program.
 *
 * @since 0.1.0
 * @category models
 */
export type SimulationError = Deadlock | Livelock | LimitExceeded | AmbientUse | Violation
