/** Reads the options of a `FanOut`: checks them, and makes of them what the engine runs. */
import { Duration, Effect } from "effect"
import type * as FanOut from "../FanOut.ts"
import { InvalidOptions } from "../InvalidOptions.ts"
import * as Retry from "../Retry.ts"
import type { Plan } from "./batch.ts"
import { decode } from "./duration.ts"
import { toNanos } from "./limit.ts"
import * as internalRetry from "./retry.ts"

const defaultConcurrency = 8
const defaultLabel = "fan-out"

export const readConcurrency = (concurrency: number = defaultConcurrency): number => {
  if (!Number.isNaN(concurrency)) return Math.max(1, Math.floor(concurrency))
  throw new InvalidOptions({
    module: "FanOut",
    option: "concurrency",
    problem: "must be a number, but is NaN"
  })
}

export const readDeadline = (deadline: Duration.Input | undefined): Duration.Duration =>
  deadline === undefined ? Duration.infinity : decode("FanOut", "deadline", deadline)

const readTickInterval = (tickInterval: Duration.Input = "1 second"): Duration.Duration => {
  const interval = decode("FanOut", "tickInterval", tickInterval)
  if (Duration.isGreaterThan(interval, Duration.zero)) return interval
  throw new InvalidOptions({ module: "FanOut", option: "tickInterval", problem: "must be longer than zero" })
}

const readUntil = <T, A, E>(until: FanOut.Until<T, A, E> = "all"): FanOut.Until<T, A, E> => {
  if (typeof until !== "object" || (Number.isInteger(until.quorum) && until.quorum >= 0)) return until
  throw new InvalidOptions({
    module: "FanOut",
    option: "until.quorum",
    problem: `must be an integer of at least 0, but is ${until.quorum}`
  })
}

/** What configuration may have decided. */
interface CheckedOptions {
  readonly label?: string | undefined
  readonly concurrency?: number | undefined
  readonly deadline?: Duration.Input | undefined
  readonly tickInterval?: Duration.Input | undefined
}

/** Which events somebody wants. */
export interface Wants {
  readonly started: boolean
  readonly settled: boolean
  readonly ticks: boolean
}

export const wantsAll: Wants = { started: true, settled: true, ticks: true }

export const wantsOf = (callbacks: FanOut.Callbacks<never, never, never, unknown>): Wants => ({
  started: false,
  settled: callbacks.onOutcome !== undefined,
  ticks: callbacks.onTick !== undefined
})

/** Throws `InvalidOptions` for options without a meaning. */
export const checkOptions = <T, A, E>(
  options: CheckedOptions & { readonly until?: FanOut.Until<T, A, E> | undefined }
) => ({
  label: options.label ?? defaultLabel,
  concurrency: readConcurrency(options.concurrency),
  deadlineNanos: toNanos(readDeadline(options.deadline)),
  tickNanos: Duration.toMillis(readTickInterval(options.tickInterval)) * 1e6,
  until: readUntil(options.until)
})

export const makePlan = <T, A, E, R, D extends Duration.Duration | undefined>(
  call: (target: T) => Effect.Effect<A, E, R>,
  options: FanOut.StreamOptions<T, A, E, D>,
  wants: Wants
): Plan<T, A, E | Retry.Timeout<D>, R> => {
  const { retry } = options
  const checked = checkOptions(options)
  return {
    ...checked,
    tickNanos: wants.ticks && Number.isFinite(checked.tickNanos) ? checked.tickNanos : undefined,
    wants,
    notesAttempts: retry !== undefined,
    call:
      retry === undefined
        ? call
        : (target, attempts) =>
            internalRetry.call<A, E, R, Retry.Timeout<D>>(
              Effect.suspend(() => call(target)),
              typeof retry === "function" ? retry(target) : retry,
              { label: checked.label, onAttempt: (attempt) => attempts?.push(attempt) }
            )
  }
}

/** What a batch must know to tell whether a target may be late. */
export interface LateOptions<T> {
  readonly label?: string | undefined
  readonly deadline?: Duration.Input | undefined
  readonly retry?: Retry.Policy<never> | ((target: T) => Retry.Policy<never>) | undefined
}

/**
 * Warns when one target may take longer than the whole batch. A policy for each target may throw; that is for the
 * call to report.
 */
export const warnOfLateTargets = <T>(
  options: LateOptions<T>,
  targets: ReadonlyArray<T>
): Effect.Effect<void> => {
  const { label = defaultLabel, retry } = options
  const deadline = readDeadline(options.deadline)
  if (retry === undefined || !Duration.isFinite(deadline)) return Effect.void
  return Effect.suspend(() => {
    const policies = typeof retry === "function" ? targets.map((target) => retry(target)) : [retry]
    const worst = policies.map(Retry.worstCase).filter(Duration.isFinite).reduce(Duration.max, Duration.zero)
    if (Duration.isLessThanOrEqualTo(worst, deadline)) return Effect.void
    return Effect.logWarning(
      `fan-out "${label}": one target may take ${Duration.format(worst)}, longer than the deadline of ${Duration.format(deadline)}`
    )
  }).pipe(Effect.catchDefect(() => Effect.void))
}
