/** How long each operation may take. Every other number of the broadcast is computed from these. */
import { Backoff, Retry } from "@holdfast/core"
import { Duration } from "effect"

/** One operation: its attempts, the pause between them, and the wall-clock limit of a whole batch. */
export interface Budget {
  readonly attempts: number
  readonly attemptTimeout: Duration.Duration
  readonly backoff: Backoff.Backoff
  readonly deadline: Duration.Duration
}

export const Numbers = {
  /** A person waits: no second attempt, and the deadline that is shown is enforced. */
  ping: {
    attempts: 1,
    attemptTimeout: Duration.seconds(5),
    backoff: Backoff.none,
    deadline: Duration.seconds(30)
  },
  /** A transaction must survive a hiccup. */
  push: {
    attempts: 3,
    attemptTimeout: Duration.seconds(8),
    backoff: Backoff.constant("1 second"),
    deadline: Duration.seconds(30)
  },
  check: {
    attempts: 2,
    attemptTimeout: Duration.seconds(8),
    backoff: Backoff.constant("1 second"),
    deadline: Duration.seconds(30)
  },
  list: {
    attempts: 2,
    attemptTimeout: Duration.seconds(10),
    backoff: Backoff.constant("1 second"),
    deadline: Duration.seconds(45)
  },
  /** What every call used to get, one server after the other. Kept to say what has been gained. */
  historical: {
    attempts: 11,
    attemptTimeout: Duration.seconds(10),
    backoff: Backoff.constant("3 seconds"),
    deadline: Duration.infinity
  }
} as const satisfies Record<string, Budget>

/** How many servers are contacted at the same time. */
export const concurrency = 8

/** How often a batch that waits says that it is alive. */
export const tickInterval = Duration.seconds(1)

/** Only a time-out is worth another attempt: any other answer would be the same the next time. */
const policyOf = ({ attempts, attemptTimeout, backoff }: Budget) =>
  Retry.policy({ attempts, attemptTimeout, backoff, while: Retry.isAttemptTimeout })

/** One operation as the options of a fan-out. */
export const optionsOf = (budget: Budget) => ({
  retry: policyOf(budget),
  deadline: budget.deadline,
  concurrency,
  tickInterval
})

/** The longest that one server can take. */
export const worstCaseSeconds = (budget: Budget): number =>
  Duration.toSeconds(Retry.worstCase(policyOf(budget)))
