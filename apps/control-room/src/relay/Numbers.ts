/** How long everything may take: short, so that a person can watch. In earnest it is seconds instead of tenths. */
import { Backoff } from "@holdfast/core"
import { Duration } from "effect"

export const Numbers = {
  /** In earnest 1, 2, 4 … 32 s, with jitter. */
  backoff: Backoff.exponential({ base: "100 millis", cap: "800 millis", jitter: "none" }),
  /** How long a node must have stayed for the next loss to be met without a delay. */
  stableAfter: Duration.seconds(5),
  /** A node that accepts and does not answer has failed after this: longer than a busy machine takes. */
  attemptTimeout: Duration.millis(600),
  releaseTimeout: Duration.seconds(1),
  /** How long a node that may be gone is waited for when it is told goodbye. */
  goodbyeTimeout: Duration.millis(100),
  probe: { interval: Duration.millis(250), timeout: Duration.millis(500) },
  /** In earnest 1 s. */
  downloadCheck: Duration.millis(100),
  /** How long a node is to hold a long-poll for which it has nothing. */
  poll: Duration.millis(500),
  /** After a long-poll that came back too early with nothing. In earnest the same. */
  pollBackoff: Backoff.exponential({ base: "100 millis", cap: "1 second", jitter: "none" })
} as const

export const seconds = (duration: Duration.Duration): number => Duration.toSeconds(duration)
