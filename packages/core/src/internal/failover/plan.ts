/** What the options of a pool mean, with every default filled in. */
import { Duration, Effect, Schedule } from "effect"
import * as Backoff from "../../Backoff.ts"
import type { Options } from "../../Failover.ts"
import { InvalidOptions } from "../../InvalidOptions.ts"
import { decode, ending, finite, nonNegative, positive, positiveInteger } from "../duration.ts"
import { toNanos } from "../limit.ts"
import type { HedgeRule } from "./execute.ts"
import { type Defaults, timeoutNanos } from "./execution.ts"
import { hedgeRule } from "./hedging.ts"
import type { MonitorPlan } from "./monitor.ts"
import type { Pool, PoolOptions } from "./pool.ts"

const defaultAttemptTimeout = "3.5 seconds"

const defaultBackoff = Backoff.exponential({ base: "100 millis" })

const time = (option: string, input: Duration.Input) => positive("Failover", option, input)

const length = (option: string, input: Duration.Input) => nonNegative("Failover", option, input)

/** As good as for ever, and can be compared: 292 years. */
const foreverNanos = 2n ** 63n

const nanosOf = (duration: Duration.Duration): bigint => toNanos(duration) ?? foreverNanos

const shareOf = (option: string, value: number): number =>
  finite("Failover", option, value, { minimum: 0, maximum: 1 })

export const poolOptionsOf = <Client, RE, RP>(
  options: Options<Client, RE, RP>
): Omit<PoolOptions, "clock" | "context"> => {
  const { ejection, failback, hysteresis } = options
  const consecutive = positiveInteger("Failover", "hysteresis.consecutive", hysteresis?.consecutive ?? 3)
  return {
    label: options.label ?? "failover",
    releaseTimeout: ending("Failover", "releaseTimeout", options.releaseTimeout ?? "5 seconds"),
    rules: { thresholdNanos: nanosOf(length("threshold", options.threshold ?? "500 millis")), consecutive },
    route: {
      marginNanos: nanosOf(length("hysteresis.margin", hysteresis?.margin ?? "50 millis")),
      dwellNanos: nanosOf(length("hysteresis.dwell", hysteresis?.dwell ?? "10 seconds")),
      consecutive,
      failbackNanos: failback === "never" ? undefined : toNanos(length("failback", failback ?? "1 minute")),
      prefersFastest: options.select === "fastest"
    },
    select: options.select ?? "active",
    ejection: {
      consecutive: positiveInteger("Failover", "ejection.consecutive", ejection?.consecutive ?? 5),
      maxEjected: shareOf("ejection.maxEjected", ejection?.maxEjected ?? 0.5),
      panicBelow: shareOf("ejection.panicBelow", ejection?.panicBelow ?? 0),
      baseNanos: nanosOf(ending("Failover", "ejection.base", ejection?.base ?? "30 seconds"))
    },
    heedsCalls: options.feed !== "probes"
  }
}

/** A time that is one, and has an end. */
const endingTime = (option: string, input: Duration.Input): Duration.Duration => {
  time(option, input)
  return ending("Failover", option, input)
}

export const monitorPlanOf = <Client, RE, RP>(
  options: Options<Client, RE, RP>
): Omit<MonitorPlan<Client, RE, RP>, "context"> => ({
  probe: options.probe,
  gaps: Backoff.constant(endingTime("interval", options.interval ?? "2 seconds"), {
    jitter: options.jitter ?? "equal"
  }),
  probeTimeout: endingTime("probeTimeout", options.probeTimeout ?? "1 second"),
  buildTimeout: Duration.nanos(timeoutNanos(options.attemptTimeout ?? defaultAttemptTimeout)),
  threshold: length("threshold", options.threshold ?? "500 millis")
})

const attemptsOf = (options: Bounds): Pick<Defaults, "attempts" | "attemptTimeoutNanos" | "backoff"> => ({
  attemptTimeoutNanos: timeoutNanos(options.attemptTimeout ?? defaultAttemptTimeout),
  attempts:
    options.attempts === undefined
      ? undefined
      : positiveInteger("Failover", "attempts", options.attempts, { allowInfinity: true }),
  backoff: options.backoff ?? defaultBackoff
})

export const defaultsOf = <Client, RE, RP>(options: Options<Client, RE, RP>): Omit<Defaults, "hedge"> => ({
  ...attemptsOf(options),
  classify: options.classify,
  budget: options.budget
})

export const hedgeOf = (options: Options<unknown>["hedge"]) => {
  const percentile = shareOf("hedge.percentile", options?.percentile ?? 0.95)
  const ratio = shareOf("hedge.budget", options?.budget ?? 0.1)
  return <Client>(pool: Pool<Client>): Effect.Effect<HedgeRule | undefined> =>
    options === undefined ? Effect.undefined : hedgeRule(pool.calls, percentile, ratio)
}

export const checkIds = (ids: ReadonlyArray<string>): void => {
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice === undefined) return
  throw new InvalidOptions({
    module: "Failover",
    option: "endpoints",
    problem: `must have ids that differ, but two are "${twice}"`
  })
}

type Bounds = Pick<Options<never>, "attempts" | "attemptTimeout" | "backoff"> & {
  readonly deadline?: Duration.Input | undefined
}

const trying = (endpoints: number, options: Bounds): Duration.Duration => {
  const { attempts, attemptTimeoutNanos, backoff } = attemptsOf(options)
  const tries = attempts ?? endpoints
  const timeouts = Duration.times(Duration.nanos(attemptTimeoutNanos), tries)
  const delays = Math.ceil(tries / endpoints) - 1
  if (delays === 0) return timeouts
  return Schedule.isSchedule(backoff) || !Number.isFinite(tries)
    ? Duration.infinity
    : Duration.sum(timeouts, Backoff.total(backoff, delays))
}

export const worstCase = (endpoints: number, options: Bounds): Duration.Duration => {
  const count = positiveInteger("Failover", "endpoints", endpoints)
  const deadline = decode("Failover", "deadline", options.deadline ?? Duration.infinity)
  return Duration.min(trying(count, options), Duration.max(deadline, Duration.zero))
}
