/** The operations of a broadcast to executors: one source of their numbers, and the servers of its scenarios. */
import { Backoff, type FanOut, Retry } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import { Clock, Effect } from "effect"
import { now } from "./time.ts"

// ----------------------------------------------------------------------------
// Numbers
// ----------------------------------------------------------------------------

/** A plan to try a target `retries` times more, after a time-out and after nothing else. */
const operation = (attemptTimeout: `${number} seconds`, retries: number, sleep: `${number} seconds`) =>
  Retry.policy({
    attempts: retries + 1,
    attemptTimeout,
    backoff: Backoff.constant(sleep),
    while: Retry.isAttemptTimeout
  })

export const ping = { retry: operation("5 seconds", 0, "0 seconds"), deadline: "30 seconds" } as const
export const push = { retry: operation("8 seconds", 2, "1 seconds"), deadline: "30 seconds" } as const
export const check = { retry: operation("8 seconds", 1, "1 seconds"), deadline: "30 seconds" } as const
export const list = { retry: operation("10 seconds", 1, "1 seconds"), deadline: "45 seconds" } as const
export const historical = { retry: operation("10 seconds", 10, "3 seconds"), deadline: undefined } as const

// ----------------------------------------------------------------------------
// What happens
// ----------------------------------------------------------------------------

/** Seconds since the run began. */
export const seconds: Effect.Effect<number> = Effect.map(now, (nanos) => nanos / 1e9)

/** Something that comes to an answer after a while. */
export const after = (millis: number): Effect.Effect<number> => Effect.as(Effect.sleep(millis), millis)

/** Two values are the same, to the last digit. */
export const same = (guarantee: string, actual: unknown, expected: unknown): Effect.Effect<void> =>
  Check.always(
    guarantee,
    JSON.stringify(actual) === JSON.stringify(expected),
    () => `${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`
  )

/** What callbacks were told, each line with its time in seconds. */
export interface Minutes<T> {
  readonly results: Array<readonly [at: number, target: T]>
  readonly timeOuts: Array<readonly [at: number, target: T]>
  readonly notStarted: Array<readonly [at: number, target: T]>
  readonly ticks: Array<number>
  readonly lines: Array<string>
  /** Whether all of it was told on the calling fiber. */
  isOnCaller: boolean
}

/** `N/total (Xs / Ds)`, which never shows more than the deadline. */
const progressLine = (
  { elapsedMillis, pending, total }: FanOut.Progress<unknown, unknown, unknown>,
  deadlineSeconds: number
): string =>
  `${total - pending}/${total} (${Math.min(Math.floor(elapsedMillis / 1000), deadlineSeconds)}s / ${deadlineSeconds}s)`

/** Callbacks that write down what they are told; of the running fiber. */
export const taken = <T>(deadlineSeconds = 30) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const caller = yield* Effect.fiberId
    const minutes: Minutes<T> = {
      results: [],
      timeOuts: [],
      notStarted: [],
      ticks: [],
      lines: [],
      isOnCaller: true
    }
    const at = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e9
    const onCaller = (write: () => void) =>
      Effect.map(Effect.fiberId, (fiber) => {
        write()
        if (fiber !== caller) minutes.isOnCaller = false
      })
    const callbacks: FanOut.Callbacks<T, unknown, unknown> = {
      onOutcome: (outcome) =>
        onCaller(() => {
          if (outcome._tag === "TimedOut") minutes.timeOuts.push([at(), outcome.target])
          else if (outcome._tag === "NotStarted") minutes.notStarted.push([at(), outcome.target])
          else minutes.results.push([at(), outcome.target])
        }),
      onTick: (progress) =>
        onCaller(() => {
          minutes.ticks.push(at())
          minutes.lines.push(progressLine(progress, deadlineSeconds))
        })
    }
    return { minutes, callbacks }
  })
