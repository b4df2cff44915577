/** Runs a batch, watches it, and judges it: what most suites of `FanOut` do. */
import * as Check from "@holdfast/sim/Check"
import { Cause, Clock, Effect, Exit, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  around,
  type Callbacks,
  describeBatch,
  type Event,
  type Manner,
  type Report,
  runBatch,
  streamOf
} from "./fanOutBatch.ts"
import { Log } from "./fanOutCalls.ts"
import {
  areLosersInterrupted,
  type Finding,
  gist,
  isEnded,
  judge,
  type Observed,
  type Told
} from "./fanOutJudge.ts"
import { type Batch, endOf } from "./fanOutModel.ts"
import { day, sleep, sleepUntil, toDuration } from "./time.ts"

export interface Workload {
  readonly batch: Batch
  readonly manner: Manner
  /** What callbacks do, which is over at once; `undefined` for none. */
  readonly callback: "returns" | "dies" | "throws" | "gives up" | undefined
  /** When it begins. */
  readonly sinceNanos: number
}

export const describe = ({ batch, callback, manner, sinceNanos }: Workload): string =>
  [
    `${manner.via}${callback === undefined ? "" : `, whose callback ${callback}`}`,
    ...(sinceNanos === 0 ? [] : [`at ${sinceNanos} ns`]),
    describeBatch(batch)
  ].join("; ")

export const callbackArbitrary = fc.constantFrom<Workload["callback"]>(
  undefined,
  "returns",
  "returns",
  "dies",
  "throws",
  "gives up"
)

/** Also long after the beginning, where fractions of a millisecond need all digits of a number. */
export const sinceArbitrary = fc.constantFrom(0, 0, 0, 1, 1_234_567_891, 10 * day + 1)

/** Waits until nothing is left of any call, unless one is left that never ends. */
export const outlive = (log: Log): Effect.Effect<void> =>
  Effect.suspend(() => {
    const endNanos = log.lastEndNanos()
    return Effect.andThen(endNanos === Infinity ? Effect.void : sleepUntil(endNanos), TestClock.adjust(0))
  })

// ----------------------------------------------------------------------------
// What is told
// ----------------------------------------------------------------------------

/** What is logged. */
export class Lines {
  private readonly counts = new Map<string, number>()

  private readonly logger = Logger.make<unknown, void>(({ message }) => {
    const line = String(Array.isArray(message) ? message[0] : message)
    this.counts.set(line, (this.counts.get(line) ?? 0) + 1)
  })

  /** Of an effect, instead of all other loggers. */
  readonly of = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, Logger.CurrentLoggers, new Set([this.logger]))

  /** How many lines have something in them. */
  withText(text: string): number {
    let sum = 0
    for (const [line, count] of this.counts) if (line.includes(text)) sum += count
    return sum
  }
}

/** Calls and callbacks that died were logged, each once. */
export const areDeathsLogged = (
  { log, report }: Pick<Observed, "log" | "report">,
  callbacks: number,
  lines: Lines
): Finding | undefined => {
  const calls = report.failed.filter(({ cause }) => Cause.hasDies(cause)).length + log.thrown
  const loggedCalls = lines.withText("a call died")
  const loggedCallbacks = lines.withText("a callback died")
  if (calls === loggedCalls && callbacks === loggedCallbacks) return undefined
  return {
    guarantee: "FO-6",
    problem: `${calls} calls and ${callbacks} callbacks died; ${loggedCalls} and ${loggedCallbacks} were logged`
  }
}

/** Hears what a batch tells, as it is told. */
class Ear {
  readonly told: Array<Told> = []
  readonly events: Array<Event> = []
  readonly lines = new Lines()
  hasReturned = false
  /** What was told wrongly. */
  finding: Finding | undefined = undefined
  readonly startNanos: number
  private readonly log: Log

  constructor(log: Log) {
    this.log = log
    this.startNanos = log.nowNanos()
  }

  hear(outcome: Told["outcome"], isCaller: boolean): void {
    this.told.push({ outcome, atNanos: this.log.nowNanos() - this.startNanos })
    if (this.hasReturned) this.complain("an outcome was told after the return")
    if (!isCaller) this.complain("an outcome was told on another fiber than the calling one")
  }

  complain(problem: string): void {
    this.finding ??= { guarantee: "FO-4", problem }
  }
}

/** Made once: what an error costs is its stack. */
const thrown = new Error("thrown by a callback")

const act = (callback: Workload["callback"]): Effect.Effect<void> => {
  switch (callback) {
    case "dies":
      return Effect.die("a bug of a callback")
    case "throws":
      throw thrown
    case "gives up":
      return Effect.interrupt
    case "returns":
    case undefined:
      return Effect.void
  }
}

const callbacksOf = ({ callback }: Workload, ear: Ear, caller: number): Callbacks => ({
  onOutcome: (outcome) =>
    Effect.withFiber((fiber) => {
      ear.hear(outcome, fiber.id === caller)
      return act(callback)
    })
})

// ----------------------------------------------------------------------------
// A run
// ----------------------------------------------------------------------------

const perform = (workload: Workload, log: Log, ear: Ear): Effect.Effect<Report | undefined> => {
  const { batch, callback, manner } = workload
  if (manner.via !== "stream") {
    return Effect.withFiber((fiber) =>
      runBatch(batch, manner, log, callback === undefined ? {} : callbacksOf(workload, ear, fiber.id))
    )
  }
  const hear = (event: Event) =>
    Effect.sync(() => {
      ear.events.push(event)
      if (event._tag === "Settled") ear.hear(event.outcome, true)
    })
  return Effect.map(Stream.runForEach(streamOf(batch, manner, log), hear), () => {
    const last = ear.events.at(-1)
    return last?._tag === "Ended" ? last.report : undefined
  })
}

/** A report is kept back for a tenth of a deadline around the batch, which is nothing of nearly nothing. */
const leastAmbientNanos = 10

/** Runs the batch; its report is undefined when the deadline around it came first, as it may when that is too near. */
const ask = (workload: Workload, log: Log, ear: Ear): Effect.Effect<Report | undefined> =>
  Effect.gen(function* () {
    const { batch } = workload
    const { endNanos, isInherited } = endOf(batch)
    const running = ear.lines.of(Effect.exit(around(batch, perform(workload, log, ear))))
    const exit = yield* endNanos === Infinity
      ? running
      : Check.endsWithin(isInherited ? "FO-11" : "FO-1", toDuration(Math.max(0, endNanos)), running)
    ear.hasReturned = true
    if (Exit.isSuccess(exit)) {
      if (exit.value === undefined) yield* Check.judged(["FO-4", "FO-7"], isEnded(ear.events))
      return exit.value
    }
    const isTooNear = batch.ambientNanos < leastAmbientNanos && Cause.hasFails(exit.cause)
    yield* Check.always(Cause.hasFails(exit.cause) ? "FO-11" : "FO-6", isTooNear, () =>
      Cause.pretty(exit.cause)
    )
    return undefined
  })

/** What has ended stays as it was, whatever abandoned work still does. */
const isLasting = (observed: Observed, ear: Ear, before: string | undefined): Finding | undefined => {
  if (gist(observed.report) !== before)
    return { guarantee: "FO-3", problem: "the report changed after the return" }
  return ear.finding
}

/** Runs the batch of a workload and all its oracles, and waits until nothing of it is left. */
export const observe = (workload: Workload): Effect.Effect<Observed | undefined> =>
  Effect.gen(function* () {
    const { batch, callback, manner, sinceNanos } = workload
    if (sinceNanos > 0) yield* sleep(sinceNanos)
    const log = new Log(yield* Clock.Clock)
    const ear = new Ear(log)
    const { startNanos } = ear
    const { isInherited } = endOf(batch)
    const report = yield* ask(workload, log, ear)
    const returnedNanos = log.nowNanos() - startNanos
    const before = report && gist(report)
    let observed: Observed | undefined
    if (report !== undefined) {
      const isTold = manner.via === "stream" || callback !== undefined
      observed = { batch, report, returnedNanos, told: isTold ? ear.told : undefined, log, startNanos }
      const dies = manner.via !== "stream" && (callback === "dies" || callback === "throws")
      yield* Check.judged(
        [isInherited ? "FO-11" : "FO-1", "FO-2", "FO-3", "FO-4", "FO-6", "FO-7"],
        ear.finding ?? judge(observed) ?? areDeathsLogged(observed, dies ? ear.told.length : 0, ear.lines)
      )
    }
    // Whatever else happens at this instant.
    yield* TestClock.adjust(0)
    const calls = log.entries.length
    yield* Check.judged(["FO-8"], observed && areLosersInterrupted(observed))
    yield* outlive(log)
    yield* Check.judged(["FO-3", "FO-4"], observed && isLasting(observed, ear, before))
    yield* Check.always("FO-7", log.entries.length === calls, "a call was made after the return")
    return observed
  })
