/** A call with a deadline, retries and a time-out for each attempt, when it succeeds at once. */
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { ConstantBackoff, handleAll, retry, TimeoutStrategy, timeout, wrap } from "cockatiel"
import { Effect, Schedule } from "effect"
import CircuitBreaker from "opossum"
import pRetry from "p-retry"
import type { Bench } from "../Bench.ts"
import type { Group, Subject } from "../harness.ts"
import { inOneFiber, inPromises } from "../loops.ts"

const attempts = 3
const attemptTimeoutMillis = 1_000
const delayMillis = 100
const deadlineMillis = 10_000

const target = 0.5
const peer = "cockatiel, retry and time-out"

/** The policies of everybody, for one kind of work. */
const subjects = (work: () => Promise<unknown>): ReadonlyArray<Subject> => [
  { name: "bare call", run: inPromises(work) },
  ...ours(work),
  ...cockatiel(work),
  ...others(work)
]

const ours = (work: () => Promise<unknown>): ReadonlyArray<Subject> => {
  const effect = Effect.promise(work)
  const policy = Retry.policy({
    attempts,
    attemptTimeout: attemptTimeoutMillis,
    backoff: Backoff.constant(delayMillis)
  })
  const call = () => Deadline.within(Retry.run(effect, policy), deadlineMillis)
  return [
    {
      name: "Holdfast, in a running fiber",
      run: inOneFiber(call),
      target,
      note: "deadline, retry, attempt time-out"
    },
    {
      name: "Holdfast, Effect.runPromise for each call",
      run: inPromises(() => Effect.runPromise(call())),
      target,
      note: "deadline, retry, attempt time-out"
    },
    {
      name: "Holdfast without a deadline, in a running fiber",
      run: inOneFiber(() => Retry.run(effect, policy)),
      note: "as cockatiel: no deadline"
    },
    { name: "Effect.promise, in a running fiber", run: inOneFiber(() => effect), note: "no policy" },
    {
      name: "Effect.runPromise for each call",
      run: inPromises(() => Effect.runPromise(effect)),
      note: "no policy"
    },
    {
      name: "Effect.timeout, retry, timeout, in a running fiber",
      run: inOneFiber(() =>
        effect.pipe(
          Effect.timeout(attemptTimeoutMillis),
          Effect.retry({ times: attempts - 1, schedule: Schedule.spaced(delayMillis) }),
          Effect.timeout(deadlineMillis)
        )
      ),
      note: "waits for work that cannot be interrupted"
    }
  ]
}

const cockatiel = (work: () => Promise<unknown>): ReadonlyArray<Subject> => {
  // Its `maxAttempts` counts the retries alone.
  const retries = retry(handleAll, { maxAttempts: attempts - 1, backoff: new ConstantBackoff(delayMillis) })
  const timed = (strategy: TimeoutStrategy) => wrap(retries, timeout(attemptTimeoutMillis, strategy))
  const returning = timed(TimeoutStrategy.Aggressive)
  const asking = timed(TimeoutStrategy.Cooperative)
  const whole = wrap(timeout(deadlineMillis, TimeoutStrategy.Aggressive), returning)
  return [
    { name: peer, run: inPromises(() => returning.execute(work)), note: "no deadline" },
    {
      name: "cockatiel, time-out, retry and time-out",
      run: inPromises(() => whole.execute(work)),
      note: "nothing is clipped to the outer time-out"
    },
    {
      name: "cockatiel, retry and cooperative time-out",
      run: inPromises(() => asking.execute(work)),
      note: "no deadline; does not return in time unless the work obeys"
    }
  ]
}

const others = (work: () => Promise<unknown>): ReadonlyArray<Subject> => {
  const breaker = new CircuitBreaker(work, { timeout: attemptTimeoutMillis })
  const options = { retries: attempts - 1, minTimeout: delayMillis, factor: 1 }
  return [
    {
      name: "opossum, fire with a time-out",
      run: inPromises(() => breaker.fire()),
      note: "no retry, no deadline; a circuit breaker besides"
    },
    { name: "p-retry", run: inPromises(() => pRetry(work, options)), note: "no time-out, no deadline" }
  ]
}

const group = (name: string, title: string, work: () => Promise<unknown>): Group => ({
  name,
  title,
  peer,
  by: "added",
  subjects: subjects(work)
})

export const call: Bench = {
  name: "call",
  summary: "deadline, retry and attempt time-out beside cockatiel, opossum and p-retry",
  groups: [
    group("promise", "a promise that is settled already", async () => 1),
    group(
      "turn",
      "a promise that settles in the next turn of the event loop",
      () => new Promise((resolve) => setImmediate(resolve))
    )
  ],
  memory: []
}
